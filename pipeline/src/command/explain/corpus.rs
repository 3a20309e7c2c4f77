//! Where is the text of a decided document? In the corpus files, at the place that its decision stands for; its bytes are
//! decoded again as they were when it was decided.
//!
//! **Cost** streams the files of one series up to the document. **State** one record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use connectors::{
    position::Position,
    source::{Payload, Record},
};

use super::{
    find::{Found, Series},
    records::LineFile,
};
use crate::{
    assemble::decode_options,
    config::Config,
    decode::{Decoded, Fields, Options, Page, decode},
    layout::OutputFolder,
};

/// JSON writes a byte of text as six at most.
const ESCAPE_BYTES_MAX: usize = 6;
/// What a record holds beside its text.
const BESIDE_BYTES: usize = 1 << 20;

/// The text of a document, or why it cannot be shown.
pub(super) fn text(output: &OutputFolder, config: &Config, found: &Found) -> Result<String, String> {
    let record_bytes_max = config
        .input
        .text_bytes_max
        .saturating_mul(ESCAPE_BYTES_MAX)
        .saturating_add(BESIDE_BYTES)
        .max(config.input.record_bytes_max);
    let (folder, stem) = found.series.files();
    let published = output.root().join(folder);
    let staged = output.private().join("staged").join(Series::arrival(&found.decision.route).files().0);
    // Before the last pass everything lies where it was staged, by its route at arrival.
    let (folder, stem, rank) = if published.is_dir() || !staged.is_dir() {
        (published, stem, found.rank)
    } else {
        (staged, "part", found.rank_at_arrival)
    };
    let line = nth_line(&folder, stem, rank, record_bytes_max).map_err(|error| format!("{error:#}"))?;
    let Some(line) = line else {
        return Err(format!(
            "{} does not hold it: the run wrote no corpus (--annotate-only), is not finished, or the files were moved",
            folder.display()
        ));
    };
    let page = page(line?, config, found)?;
    check_same(&page, found)?;
    Ok(page.text)
}

/// Line number `rank` of all files of a series.
fn nth_line(folder: &Path, stem: &str, rank: u64, record_bytes_max: usize) -> Result<Option<Result<Vec<u8>, String>>> {
    let mut left = rank;
    for path in parts(folder, stem)? {
        let mut file = LineFile::open(&path, record_bytes_max)?;
        while let Some(line) = file.next_line()? {
            if left == 0 {
                return Ok(Some(line));
            }
            left -= 1;
        }
    }
    Ok(None)
}

/// The files of a series, in the order of their numbers.
fn parts(folder: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let failed = || format!("read {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(failed),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.split_once(".jsonl"));
        if let Some(number) = number.and_then(|(digits, _)| digits.parse::<u64>().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn page(line: Vec<u8>, config: &Config, found: &Found) -> Result<Page, String> {
    let mut options: Options = decode_options(config);
    if matches!(found.decision.provenance.schema.as_str(), "warc" | "wet") {
        // A page of an archive has been given a line of weir's own.
        options.fields = Fields::default();
    }
    let record = Record::new(Position { partition: 0, offset: 0 }, 0, Payload::Line(line));
    match decode(&record, "", &options) {
        Decoded::Page(page) => Ok(page),
        Decoded::WithoutText(without) => Err(format!("its record has no text under this configuration: {}", without.why)),
        Decoded::Reject(reject) => Err(format!(
            "its record cannot be read under this configuration ({}): {}; give the run's own --config",
            reject.code, reject.message
        )),
    }
}

/// The place is right only if the corpus is as it was written.
fn check_same(page: &Page, found: &Found) -> Result<(), String> {
    let decision = &found.decision;
    let id = page.id.as_ref().unwrap_or(&decision.position);
    if *id == decision.id && page.url == decision.url {
        return Ok(());
    }
    Err(format!(
        "the corpus holds {} in its place: files were changed since, or --config is not the run's",
        super::escape::escaped(id)
    ))
}
