//! What is the text of a decided document?
//!
//! The text is in the corpus files, at the place that follows from the decisions. Its bytes are
//! decoded again as they were when the document was decided.
//!
//! **Cost** one pass over the files of one series, up to the document. **State** one record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use connectors::{
    file::{FileSource, walk},
    limits::Limits,
    source::{Columns, Limit, Payload, Record, Source},
};
use decode::{Decoded, Fields, Options, Page, columns, decode};

use super::{
    escape::escaped,
    find::{CorpusSeries, FoundDocument},
};
use crate::{
    config::{Config, OutputFormat},
    layout::OutputFolder,
    run::decode_options,
};

/// JSON writes a byte of text as six bytes at most.
const ESCAPE_BYTES_MAX: usize = 6;
/// How much is read at once on the way to the document.
const BATCH: Limit = Limit { records: 256, bytes: 8 << 20 };
/// How many bytes a record may hold beside its text.
const BESIDE_BYTES: usize = 1 << 20;

/// Returns the text of a document, or why it cannot be shown.
pub(super) fn text(output: &OutputFolder, config: &Config, found: &FoundDocument) -> Result<String, String> {
    let record_bytes_max = config
        .input
        .text_bytes_max
        .saturating_mul(ESCAPE_BYTES_MAX)
        .saturating_add(BESIDE_BYTES)
        .max(config.input.record_bytes_max);
    let (folder, stem) = found.series.files();
    let published = output.root().join(folder);
    let staged = output.private().join("staged").join(CorpusSeries::arrival(&found.decision.route).files().0);
    // Before the last pass, every document is in the staging folder of its route at arrival.
    let (folder, stem, rank) = if published.is_dir() || !staged.is_dir() {
        (published, stem, found.rank)
    } else {
        (staged, "part", found.rank_at_arrival)
    };
    let files = parts(&folder, stem).map_err(|error| format!("{error:#}"))?;
    let record = nth_record(&files, rank, record_bytes_max, config).map_err(|error| format!("{error:#}"))?;
    let Some(record) = record else {
        return Err(format!(
            "{} does not hold it: the run wrote no corpus (--annotate-only), is not finished, or the files were moved",
            folder.display()
        ));
    };
    let page = page(&record, config, found)?;
    check_same(&page, found)?;
    Ok(page.text)
}

/// Reads the record number `rank`, from 0, of all files of a series.
fn nth_record(files: &[PathBuf], rank: u64, record_bytes_max: usize, config: &Config) -> Result<Option<Record>> {
    // These are outputs of weir: repeated pages may pack better than an input is allowed to.
    let limits = Limits { record_bytes_max, ratio_max: u64::MAX, ..Limits::default() };
    let columns = Columns::Named { names: columns(&decode_options(config)), check_others: false };
    let source = FileSource::new(walk(files)?.files, limits).with_columns(columns);
    // Archives hold both records of a joined document.
    let mut source = source.joining(config.input.join_wet);
    let mut left = rank;
    loop {
        let records = source.read(BATCH)?;
        match usize::try_from(left).ok().filter(|left| *left < records.len()) {
            Some(at) => return Ok(records.into_iter().nth(at)),
            None if records.is_empty() => return Ok(None),
            None => left -= records.len() as u64,
        }
    }
}

/// Lists the files of a series, in the order of their numbers.
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
        if let Some(number) = name.strip_prefix(stem).and_then(|rest| number(rest.strip_prefix('-')?)) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Returns the part that a file belongs to, and its number within the part: `00003.jsonl.gz`,
/// `00003.1.parquet`.
fn number(name: &str) -> Option<(u64, u64)> {
    let (part, rest) = name.split_once('.')?;
    let file = rest.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let is_corpus = [".jsonl", ".parquet", ".warc"].iter().any(|ending| name.contains(ending)) && !name.contains(".tmp");
    is_corpus.then_some((part.parse().ok()?, file))
}

fn page(record: &Record, config: &Config, found: &FoundDocument) -> Result<Page, String> {
    let mut options: Options = decode_options(config);
    let of_table = matches!(record.payload, Payload::Row(_)) && config.output.format == Some(OutputFormat::Parquet);
    if of_table && !matches!(decode(record, "", &options), Decoded::Page(_))
        || matches!(found.decision.provenance.schema.as_str(), "warc" | "wet")
    {
        // A page of an archive has been given a line of weir's own, and a line may have been given
        // a row.
        options.fields = Fields::default();
    }
    match decode(record, "", &options) {
        Decoded::Page(page) => Ok(page),
        Decoded::WithoutText(without) => Err(format!("its record has no text under this configuration: {}", without.why)),
        Decoded::Reject(reject) if matches!(&record.payload, Payload::Line(line) if line.starts_with(&[1]) || line.starts_with(&[2])) => {
            Err(format!("it is staged for the last pass, and cannot be read before ({})", reject.code))
        }
        Decoded::Reject(reject) => Err(format!(
            "its record cannot be read under this configuration ({}): {}; give the run's own --config",
            reject.code, reject.message
        )),
    }
}

/// Checks that the record is the one that was decided. It is not if the corpus was changed since.
fn check_same(page: &Page, found: &FoundDocument) -> Result<(), String> {
    let decision = &found.decision;
    let id = page.id.as_ref().unwrap_or(&decision.position);
    if *id == decision.id && page.url == decision.url {
        return Ok(());
    }
    Err(format!("the corpus holds {} in its place: files were changed since, or --config is not the run's", escaped(id)))
}
