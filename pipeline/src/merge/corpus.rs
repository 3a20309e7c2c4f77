//! The corpus files of all shards in one folder, numbered on through the shards; copies across shards go to `duplicates/`.
//!
//! Where its records go is known of each file before it is touched, so what is done is done again with the same bytes.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use connectors::{
    committer::Channel,
    compression::Compression,
    file::{FinalFormatWriter, publish_part},
    limits::Limits,
};
use operators::{
    document::SeqNo,
    lookup::{Fate, Ledger as _},
};

use super::{copies::Copies, part::Part};
use crate::{layout::OutputFolder, state::ledger::Arrival};

/// Files of one name in one folder of every shard, of which each part of its channel has at most one.
struct Series {
    channel: Channel,
    folder: &'static str,
    stem: &'static str,
    /// Where copies across shards go from here, and the fate of the documents that lie here.
    copies: Option<(&'static str, Fate)>,
}

const SERIES: [Series; 6] = [
    Series { channel: Channel::Clean, folder: "clean", stem: "part", copies: Some(("copied", Fate::Clean)) },
    Series { channel: Channel::Clean, folder: "quarantine", stem: "recalled", copies: None },
    Series { channel: Channel::Duplicate, folder: "duplicates", stem: "part", copies: None },
    Series { channel: Channel::Duplicate, folder: "clean", stem: "restored", copies: Some(("copied-restored", Fate::Clean)) },
    Series { channel: Channel::Duplicate, folder: "quarantine", stem: "recalled-duplicates", copies: None },
    Series { channel: Channel::Quarantine, folder: "quarantine", stem: "part", copies: None },
];

/// Refuses corpora of anything but JSON lines: tables, archives and attributes are not joined.
pub(super) fn check(parts: &[Part]) -> Result<()> {
    for part in parts {
        for folder in ["clean", "quarantine", "duplicates", "attributes"] {
            let folder = part.output.file(folder);
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
                let is_lines = path.file_name().is_some_and(|name| name.to_string_lossy().contains(".jsonl"));
                if !is_lines || folder.ends_with("attributes") {
                    bail!("got {}, expected shards that write JSON lines and no attributes", path.display());
                }
            }
        }
    }
    Ok(())
}

/// Joins the corpora.
pub(super) fn join(parts: &[Part], output: &OutputFolder, copies: &Copies) -> Result<()> {
    for folder in ["clean", "quarantine", "duplicates"] {
        fs::create_dir_all(output.file(folder)).with_context(|| format!("make {}", output.file(folder).display()))?;
    }
    for series in &SERIES {
        let mut before = 0;
        for (number, part) in parts.iter().enumerate() {
            let records = part.mark.records(series.channel);
            let files = records.div_ceil(part.mark.options.part_records);
            match series.copies {
                None => (0..files).try_for_each(|index| link_over(part, output, series, (index, before + index)))?,
                Some(_) => split(number, part, output, copies, series, before)?,
            }
            before += files;
        }
    }
    Ok(())
}

fn name(stem: &str, number: u64, compression: Compression) -> String {
    format!("{stem}-{number:05}.jsonl{}", compression.suffix())
}

/// A file that goes over as it is, if the shard has it.
fn link_over(part: &Part, output: &OutputFolder, series: &Series, (from, to): (u64, u64)) -> Result<()> {
    let compression = part.mark.options.compression;
    let source = part.file(series.folder, &name(series.stem, from, compression));
    let target = output.file(series.folder).join(name(series.stem, to, compression));
    if source.exists() { link(&source, &target) } else { Ok(()) }
}

/// Files from which copies go elsewhere.
fn split(number: usize, part: &Part, output: &OutputFolder, copies: &Copies, series: &Series, before: u64) -> Result<()> {
    let Some((stem, here)) = series.copies else { return Ok(()) };
    let (compression, part_records) = (part.mark.options.compression, part.mark.options.part_records as usize);
    let arrived = if series.channel == Channel::Clean { Arrival::Clean } else { Arrival::Duplicate };
    let mut seqnos = part.seqnos().filter(|&o| part.ledger.arrival(o) == arrived).peekable();
    let mut index = 0;
    while seqnos.peek().is_some() {
        let lying: Vec<SeqNo> = seqnos.by_ref().take(part_records).filter(|&o| part.ledger.fate(o) == here).collect();
        let source = part.file(series.folder, &name(series.stem, index, compression));
        let to = before + index;
        index += 1;
        if lying.is_empty() && !source.exists() {
            continue;
        }
        let staged = output.private().join("staged").join(name(series.stem, to, compression));
        link(&source, &staged)?;
        let target = |folder: &str, stem| output.file(folder).join(name(stem, to, compression));
        let targets = [target(series.folder, series.stem), target("duplicates", stem)];
        let mut seen = 0;
        let mut leaving = FinalFormatWriter::new(compression, &[], Limits::default(), None);
        publish_part(&staged, &targets, &mut leaving, &mut |record, _| {
            seen = record + 1;
            usize::from(lying.get(record as usize).is_some_and(|&seqno| copies.is_copy(number, seqno)))
        })?;
        if seen != lying.len() as u64 {
            bail!(
                "{} holds {seen} documents, expected {}: it was changed since its run was finished",
                source.display(),
                lying.len()
            );
        }
    }
    Ok(())
}

/// The same bytes under another name: a link where that is possible, else a copy.
fn link(source: &Path, target: &Path) -> Result<()> {
    let done = || {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::remove_file(target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Nobody writes into these files: whatever changes one writes another and renames it.
        fs::hard_link(source, target).or_else(|_| fs::copy(source, target).map(drop))
    };
    done().with_context(|| format!("take {} over to {}", source.display(), target.display()))
}
