//! Files: whatever lies in them, reading ends, and gives the same records however it is done.

use std::fs;

use connectors::{
    file::{FileSource, walk},
    limits::Limits,
    position::Positions,
    source::{Limit, Payload, Record, Source},
};
use pipeline::decode::{self, Options};
use tempfile::TempDir;

use super::pages::check;

/// Small, so that small inputs reach them.
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

pub(super) fn jsonl(bytes: &[u8]) {
    file("input.jsonl", bytes);
}

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

fn file(name: &str, bytes: &[u8]) {
    let path = FOLDER.with(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("written");
    let Ok(found) = walk(&[path]) else { return };
    let open = || FileSource::new(found.files.clone(), LIMITS);
    let whole = read(&mut open(), 1000);
    for record in &whole {
        check_frame(record);
        check(record, name);
    }
    assert!(whole.windows(2).all(|pair| pair[0].position < pair[1].position), "positions rise");
    assert_eq!(read(&mut open(), 1), whole, "one at a time");
    let Some(middle) = whole.get(whole.len() / 2) else { return };
    let mut positions = Positions::default();
    for record in &whole[..whole.len() / 2] {
        positions.advance(record.position);
    }
    let mut source = open();
    source.seek(&positions).expect("a place that was there");
    assert_eq!(read(&mut source, 7), whole[whole.len() / 2..], "from {middle:?} on");
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
        assert!(record.payload.len() <= LIMITS.record_bytes_max + LIMITS.header_bytes_max, "{} bytes", record.payload.len());
        return;
    };
    assert!(bad.bytes.len() <= connectors::framing::SNIPPET_BYTES_MAX, "{} bytes of a lost stretch", bad.bytes.len());
    assert!(!bad.code.is_empty() && !bad.message.is_empty());
    let again = decode::decode(record, "again", &Options::default());
    assert!(matches!(again, decode::Decoded::Reject(_)), "a lost stretch is a page: {again:?}");
}
