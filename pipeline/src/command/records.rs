//! `weir records PATH...`: which records do archives hold? It prints one JSON line a record, bad
//! stretches included.
//!
//! Each record is read and decoded as in a replay. So a line also says what would become of the
//! record: `document`, `without_text` with the reason, or `dead_letter` with its code. Nothing is
//! judged, and nothing is kept.

use std::{
    io::{self, BufWriter, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::Args;
use connectors::{
    file::{FileSource, walk},
    source::{Limit, Payload, Record, Source},
};
use decode::{Decoded, Description, DigestMismatch, describe};
use serde::Serialize;

use crate::{
    config::Config,
    output::lines::{SCHEMA, to_line},
    run::decode_options,
};

/// Records that are held at once.
const BATCH: Limit = Limit { records: 256, bytes: 16 << 20 };

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files or folders, as for `weir replay`; `-` is standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Ends after so many records.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// The line of one record.
#[derive(Serialize)]
struct RecordLine {
    v: u32,
    position: String,
    /// The file in which the record lies, if that is not the file of the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Where it begins in the unpacked file.
    byte_offset: u64,
    #[serde(flatten)]
    description: Option<Description>,
    outcome: &'static str,
    /// Why the record has no text, or the code of the dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_differs: Option<DigestMismatch>,
    /// The length of a bad stretch, unpacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_bytes: Option<u64>,
    /// Where a bad stretch that could not be unpacked lies in the packed file.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_length: Option<u64>,
}

/// Runs the command.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let join = config.input.join_wet;
    let found = walk(&arguments.paths)?;
    let found = if join { found.joined() } else { found };
    for why in &found.unclear {
        tracing::warn!("not joined: {why}");
    }
    for path in &found.skipped {
        tracing::warn!(path = %path.display(), "no input by its name, left out");
    }
    let mut source = FileSource::new(found.files, config.input.limits()).joining(join);
    let options = decode_options(config);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let records = source.read(Limit { records: BATCH.records.min(usize::try_from(left).unwrap_or(usize::MAX)), ..BATCH })?;
        if records.is_empty() {
            break;
        }
        left -= records.len() as u64;
        for record in &records {
            let line = line(record, source.partitions(), &options);
            match out.write_all(&to_line(&line)).and_then(|()| out.write_all(b"\n")) {
                // A reader that closes the pipe has read enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                written => written?,
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Reads and decodes one record.
fn line(record: &Record, files: &[String], options: &decode::Options) -> RecordLine {
    let file = files.get(record.position.partition as usize).map_or("?", String::as_str);
    let line = RecordLine {
        v: SCHEMA,
        position: format!("{file}#{}", record.position.offset),
        file: record.file.as_deref().map(str::to_owned),
        byte_offset: record.byte_offset,
        description: describe(record),
        outcome: "document",
        why: None,
        message: None,
        text_bytes: None,
        digest_differs: None,
        lost_bytes: None,
        packed_offset: None,
        packed_length: None,
    };
    match decode::decode(record, file, options) {
        Decoded::Page(page) => {
            RecordLine { text_bytes: Some(page.text.len()), digest_differs: page.provenance.digest_differs, ..line }
        }
        Decoded::WithoutText(nothing) => RecordLine { outcome: "without_text", why: Some(nothing.why), ..line },
        Decoded::Reject(reject) => {
            let bad = match &record.payload {
                Payload::Bad(bad) => Some(bad),
                _ => None,
            };
            let packed = bad.and_then(|bad| bad.packed);
            RecordLine {
                outcome: "dead_letter",
                why: Some(reject.code),
                message: Some(reject.message),
                lost_bytes: bad.map(|bad| bad.length),
                packed_offset: packed.map(|stretch| stretch.offset),
                packed_length: packed.map(|stretch| stretch.length),
                ..line
            }
        }
    }
}
