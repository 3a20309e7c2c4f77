//! How do the corpus files of all shards come into one folder? They are numbered on through the
//! shards, and copies of documents of earlier shards go to `duplicates/`.
//!
//! It is known of each file where its records go before the file is touched, so a killed join is
//! done again with the same bytes.

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

use super::{copies::ShardCopies, shard::FinishedShard};
use crate::{layout::OutputFolder, state::ledger::Arrival};

/// The files of one name in one folder of every shard. Each part of the channel has at most one.
struct Series {
    channel: Channel,
    folder: &'static str,
    stem: &'static str,
    /// Where copies go from here, and the fate of the documents that lie here; `None` if no copy
    /// can lie here.
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
pub(super) fn check(shards: &[FinishedShard]) -> Result<()> {
    for shard in shards {
        for folder in ["clean", "quarantine", "duplicates", "attributes"] {
            let folder = shard.output.file(folder);
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

/// Joins the corpora of all shards.
pub(super) fn join(shards: &[FinishedShard], output: &OutputFolder, copies: &ShardCopies) -> Result<()> {
    for folder in ["clean", "quarantine", "duplicates"] {
        fs::create_dir_all(output.file(folder)).with_context(|| format!("make {}", output.file(folder).display()))?;
    }
    for series in &SERIES {
        let mut before = 0;
        for (number, shard) in shards.iter().enumerate() {
            let records = shard.mark.records(series.channel);
            let files = records.div_ceil(shard.mark.options.part_records);
            match series.copies {
                None => (0..files).try_for_each(|index| link_over(shard, output, series, (index, before + index)))?,
                Some(_) => split(number, shard, output, copies, series, before)?,
            }
            before += files;
        }
    }
    Ok(())
}

fn name(stem: &str, number: u64, compression: Compression) -> String {
    format!("{stem}-{number:05}.jsonl{}", compression.suffix())
}

/// Takes a file over as it is, if the shard has it.
fn link_over(shard: &FinishedShard, output: &OutputFolder, series: &Series, (from, to): (u64, u64)) -> Result<()> {
    let compression = shard.mark.options.compression;
    let source = shard.file(series.folder, &name(series.stem, from, compression));
    let target = output.file(series.folder).join(name(series.stem, to, compression));
    if source.exists() { link(&source, &target) } else { Ok(()) }
}

/// Takes over files from which copies go elsewhere.
fn split(
    number: usize,
    shard: &FinishedShard,
    output: &OutputFolder,
    copies: &ShardCopies,
    series: &Series,
    before: u64,
) -> Result<()> {
    let Some((stem, here)) = series.copies else { return Ok(()) };
    let (compression, part_records) = (shard.mark.options.compression, shard.mark.options.part_records as usize);
    let arrived = if series.channel == Channel::Clean { Arrival::Clean } else { Arrival::Duplicate };
    let mut seqnos = shard.seqnos().filter(|&o| shard.ledger.arrival(o) == arrived).peekable();
    let mut index = 0;
    while seqnos.peek().is_some() {
        let lying: Vec<SeqNo> = seqnos.by_ref().take(part_records).filter(|&o| shard.ledger.fate(o) == here).collect();
        let source = shard.file(series.folder, &name(series.stem, index, compression));
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

/// Gives the same bytes another name: by a link where that is possible, else by a copy.
fn link(source: &Path, target: &Path) -> Result<()> {
    let done = || {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::remove_file(target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // These files are never written into: whatever changes one writes another file and renames
        // it.
        fs::hard_link(source, target).or_else(|_| fs::copy(source, target).map(drop))
    };
    done().with_context(|| format!("take {} over to {}", source.display(), target.display()))
}
