//! `weir text FILE...`: which text does weir extract from a page of HTML?

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use connectors::{
    position::Position,
    source::{Payload, Record},
};
use decode::{Decoded, Options, Page, Provenance, decode};
use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::terminal::{print, say};
use crate::{config::Config, run::decode_options};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Pages of HTML, plain or gzipped; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a page, with the text that is left out and the facts that the page states.
    #[arg(long)]
    json: bool,
}

/// A page, as `--json` prints it.
#[derive(Serialize)]
struct PageJson<'a> {
    file: String,
    text: &'a str,
    #[serde(rename = "around")]
    boilerplate: &'a str,
    #[serde(rename = "hidden")]
    not_rendered: &'a str,
    #[serde(rename = "disguised")]
    visually_hidden: &'a str,
    provenance: &'a Provenance,
}

/// Runs the command, and names files without text on standard error.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let options = decode_options(config);
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let bytes = read(file, &options).with_context(|| format!("read {}", file.display()))?;
        let record = Record::new(Position { partition: 0, offset: 0 }, 0, Payload::Html(bytes));
        let why = match decode(&record, &file.display().to_string(), &options) {
            Decoded::Page(page) => {
                show(file, &page, arguments.json)?;
                continue;
            }
            Decoded::WithoutText(without) => without.why.to_owned(),
            Decoded::Reject(reject) => format!("{}: {}", reject.code, reject.message),
        };
        say(&format!("weir: {}: no text: {why}", file.display()));
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

/// Prints a page.
fn show(file: &Path, page: &Page, json: bool) -> Result<()> {
    if !json {
        print(&page.text);
        return Ok(());
    }
    let omitted = &page.provenance.omitted;
    let line = PageJson {
        file: file.display().to_string(),
        text: &page.text,
        boilerplate: &omitted.boilerplate,
        not_rendered: &omitted.not_rendered,
        visually_hidden: &omitted.visually_hidden,
        provenance: &page.provenance,
    };
    print(&serde_json::to_string(&line)?);
    Ok(())
}

/// Reads and unpacks the bytes of a page, up to one more than a body may have. So a body that is
/// too long is rejected and not cut.
fn read(file: &Path, options: &Options) -> io::Result<Vec<u8>> {
    let reader: Box<dyn Read> = if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    let most = options.body_bytes_max as u64 + 1;
    let mut bytes = Vec::new();
    reader.take(most).read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&*bytes).take(most).read_to_end(&mut unpacked)?;
        return Ok(unpacked);
    }
    Ok(bytes)
}
