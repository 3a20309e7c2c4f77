//! Writes a mirror of WET files of any size, for runs over gigabytes.
//!
//! The documents are those of the sample crawl. With them come the mirror's paths file and the
//! reference of the same sample, to learn a background from.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use sample::{SampleDocument, Size, timestamp};

/// Bytes of an average record: header and text of a sample document. The number of pages must be
/// known before they are written.
const PAGE_BYTES: u64 = 1_900;
const SEED: u64 = 5;

/// Writes `files` WET files of about the same size below `folder`, their list `wet.paths.gz`, and
/// `reference.jsonl.gz`, trusted documents to learn from. Together the records have at least
/// `bytes` bytes before they are packed. Returns how many bytes they have. The same arguments give
/// the same text.
///
/// # Errors
/// If a file cannot be written, or the sample ends before.
pub fn write(folder: &Path, bytes: u64, files: u64) -> io::Result<u64> {
    let pages = u32::try_from(bytes / PAGE_BYTES * 5 / 4).map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    let size = Size { pages, ..Size::default() };
    sample::reference(&folder.join("reference.jsonl.gz"), size, SEED)?;
    let mut documents = sample::crawl(size, SEED);
    let (mut paths, mut written) = (String::new(), 0);
    for number in 0..files {
        let name = format!("crawl-data/SAMPLE/wet/sample-{number:05}.warc.wet.gz");
        let path = folder.join(&name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut out = BufWriter::new(File::create(&path)?);
        while written < bytes * (number + 1) / files {
            let document =
                documents.next().ok_or_else(|| io::Error::other("the sample crawl has ended before there was enough of it"))?;
            let record = record(&document);
            let mut member = GzEncoder::new(&mut out, Compression::fast());
            member.write_all(&record)?;
            member.finish()?;
            written += record.len() as u64;
        }
        out.flush()?;
        paths.push_str(&name);
        paths.push('\n');
    }
    let mut out = GzEncoder::new(File::create(folder.join("wet.paths.gz"))?, Compression::default());
    out.write_all(paths.as_bytes())?;
    out.finish()?;
    Ok(written)
}

fn record(document: &SampleDocument) -> Vec<u8> {
    let SampleDocument { id, url, text, time, .. } = document;
    let (date, length) = (timestamp(*time), text.len());
    format!(
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\nWARC-Record-ID: <{id}>\r\n\
         Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
    )
    .into_bytes()
}
