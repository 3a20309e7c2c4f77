//! Files: whatever bytes they hold, reading them ends, and gives the same records however they are
//! read.

use std::fs;

use connectors::{
    file::{FileSource, walk},
    limits::Limits,
    position::Positions,
    source::{Limit, Payload, Record, Source},
};
use decode::Options;
use tempfile::TempDir;

use super::pages::check;

/// Limits so small that small inputs reach them.
const LIMITS: Limits = Limits { record_bytes_max: 4 << 10, ratio_max: 100, header_bytes_max: 512 };
/// More records than an input of the fuzzer's size can hold.
const RECORDS_MAX: usize = 1 << 20;

pub(super) fn warc(bytes: &[u8]) {
    file("input.warc", bytes);
}

pub(super) fn arc(bytes: &[u8]) {
    file("input.arc", bytes);
}

pub(super) fn gzip(bytes: &[u8]) {
    file("input.warc.gz", bytes);
}

pub(super) fn wacz(bytes: &[u8]) {
    file("input.wacz", bytes);
}

/// Stands between the two files of a pair.
const BETWEEN: &[u8] = b"\n=== WET ===\n";

/// Reads a WARC and its WET. Together they must give what each of them gives alone.
pub(super) fn pair(bytes: &[u8]) {
    let at = bytes.windows(BETWEEN.len()).position(|window| window == BETWEEN).unwrap_or(bytes.len());
    let names = ["input.warc", "input.warc.wet"];
    let contents = [&bytes[..at], bytes.get(at + BETWEEN.len()..).unwrap_or_default()];
    let paths = names.map(|name| FOLDER.with(|folder| folder.path().join(name)));
    for (path, content) in paths.iter().zip(contents) {
        fs::write(path, content).expect("written");
    }
    let Ok(found) = walk(&paths) else { return };
    let apart = read(&mut FileSource::new(found.files.clone(), LIMITS), 100);
    let files = found.joined().files;
    let together = reading(names[0], &|| FileSource::new(files.clone(), LIMITS).joining(true));
    let records = |record: &Record| if matches!(record.payload, Payload::Joined { .. }) { 2 } else { 1 };
    assert_eq!(together.iter().map(records).sum::<usize>(), apart.len(), "every record once");
    let bytes = |records: &[Record]| records.iter().map(|record| record.payload.len()).sum::<usize>();
    assert_eq!(bytes(&together), bytes(&apart), "every byte once");
}

pub(super) fn jsonl(bytes: &[u8]) {
    file("input.jsonl", bytes);
}

pub(super) fn parquet(bytes: &[u8]) {
    file("input.parquet", bytes);
}

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

fn file(name: &str, bytes: &[u8]) {
    let path = FOLDER.with(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("written");
    let Ok(found) = walk(&[path]) else { return };
    reading(name, &|| FileSource::new(found.files.clone(), LIMITS));
}

/// Reads a file in several ways, whose results must not differ, and returns its records.
fn reading(name: &str, open: &dyn Fn() -> FileSource) -> Vec<Record> {
    let whole = read(&mut open(), 1000);
    for record in &whole {
        check_frame(record);
        check(record, name);
    }
    assert!(whole.windows(2).all(|pair| pair[0].position < pair[1].position), "positions rise");
    assert_eq!(read(&mut open(), 1), whole, "one at a time");
    let Some(middle) = whole.get(whole.len() / 2) else { return whole };
    let mut positions = Positions::default();
    for record in &whole[..whole.len() / 2] {
        positions.advance(record.position);
    }
    let mut source = open();
    source.seek(&positions).expect("a place that was there");
    assert_eq!(read(&mut source, 7), whole[whole.len() / 2..], "from {middle:?} on");
    whole
}

fn read(source: &mut FileSource, at_once: usize) -> Vec<Record> {
    let mut records = Vec::new();
    loop {
        let some = source.read(Limit { records: at_once, bytes: 64 << 10 }).expect("a file that can be read");
        if some.is_empty() {
            return records;
        }
        records.extend(some);
        assert!(records.len() < RECORDS_MAX, "reading does not end");
    }
}

fn check_frame(record: &Record) {
    let Payload::Bad(bad) = &record.payload else {
        let records = if matches!(record.payload, Payload::Joined { .. }) { 2 } else { 1 };
        let most = records * (LIMITS.record_bytes_max + LIMITS.header_bytes_max);
        assert!(record.payload.len() <= most, "{} bytes", record.payload.len());
        return;
    };
    assert!(bad.bytes.len() <= connectors::framing::SNIPPET_BYTES_MAX, "{} bytes of a lost stretch", bad.bytes.len());
    assert!(!bad.code.is_empty() && !bad.message.is_empty());
    let again = decode::decode(record, "again", &Options::default());
    assert!(matches!(again, decode::Decoded::Reject(_)), "a lost stretch is a page: {again:?}");
}
