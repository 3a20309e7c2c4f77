use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};
use rawzip::ZipArchiveWriter;

use super::*;
use crate::{
    file::{FileSource, walk},
    position::Positions,
    source::{Limit, Payload, Record, Source},
};

const ALL: Limit = Limit { records: usize::MAX, bytes: usize::MAX };

fn warc(name: &str, records: usize) -> Vec<u8> {
    let record = |i: usize| {
        let block = format!("{name} {i}");
        let record = format!("WARC/1.0\r\nWARC-Type: resource\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n", block.len());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(record.as_bytes()).expect("in memory");
        encoder.finish().expect("in memory")
    };
    (0..records).flat_map(record).collect()
}

fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = ZipArchiveWriter::new(&mut bytes);
    for (name, content, deflated) in entries {
        let method = if *deflated { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        let (mut entry, config) = zip.new_file(name).compression_method(method).start().expect("in memory");
        let descriptor = if *deflated {
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, Compression::default());
            let mut writer = config.wrap(encoder);
            writer.write_all(content).expect("in memory");
            let (encoder, descriptor) = writer.finish().expect("in memory");
            encoder.finish().expect("in memory");
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).expect("in memory");
            writer.finish().expect("in memory").1
        };
        entry.finish(descriptor).expect("in memory");
    }
    zip.finish().expect("in memory");
    bytes
}

fn sample() -> Vec<u8> {
    let (one, two) = (warc("one", 3), warc("two", 2));
    zip(&[
        ("datapackage.json", b"{}", false),
        ("archive/one.warc.gz", &one, false),
        ("archive/two.warc.gz", &two, true),
        ("archive/notes.txt", b"no archive", false),
        ("indexes/index.warc.gz", &two, false),
    ])
}

fn open_source(folder: &Path) -> FileSource {
    FileSource::new(walk(&[folder.to_owned()]).expect("readable").files, Limits::default())
}

fn outline(records: &[Record]) -> Vec<String> {
    let outline = |record: &Record| match &record.payload {
        Payload::Warc { block, .. } => String::from_utf8_lossy(block).into_owned(),
        Payload::Bad(bad) => bad.code.to_owned(),
        other => panic!("{other:?}"),
    };
    records.iter().map(outline).collect()
}

#[test]
fn archives_are_files_of_their_own() {
    let folder = tempfile::tempdir().expect("temporary folder");
    fs::write(folder.path().join("a.wacz"), sample()).expect("written");
    let mut source = open_source(folder.path());
    assert_eq!(source.partitions(), ["a.wacz/archive/one.warc.gz", "a.wacz/archive/two.warc.gz"]);
    let records = source.read(ALL).expect("readable");
    assert_eq!(outline(&records), ["one 0", "one 1", "one 2", "two 0", "two 1"]);
    assert_eq!((records[4].position.partition, records[4].position.offset), (1, 1));
    // From every location on, the same records follow.
    for cut in 0..records.len() {
        let mut positions = Positions::default();
        records[..cut].iter().for_each(|record| positions.advance(record.position));
        let mut resumed = open_source(folder.path());
        resumed.seek(&positions).expect("reachable");
        assert_eq!(resumed.read(ALL).expect("readable"), records[cut..]);
    }
}

#[test]
fn without_a_directory_members_are_found() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let whole = sample();
    let second = whole.windows(11).position(|name| name == b"archive/two").expect("an entry");
    let (begin, end) = (second - 28, whole.len() - 30);
    let mut found = 0;
    for cut in (begin..end).step_by(7) {
        fs::write(folder.path().join("a.wacz"), &whole[..cut]).expect("written");
        let mut source = open_source(folder.path());
        assert_eq!(source.partitions(), ["a.wacz"], "cut at {cut}");
        let outline = outline(&source.read(ALL).expect("readable"));
        assert_eq!(outline[..4], ["gzip_garbage", "one 0", "one 1", "one 2"], "cut at {cut}: {outline:?}");
        found += 1;
    }
    assert!(found > 20);
}

#[test]
fn no_two_archives_lie_over_the_same_bytes() {
    let inner = |offset, length| ZipArchiveEntry {
        name: String::new(),
        location: ZipLocation { stretch: Stretch { offset, length }, deflated: false },
        format: Format::Warc,
    };
    assert!(separate(&[inner(10, 5), inner(0, 10), inner(15, 0)]));
    assert!(!separate(&[inner(10, 5), inner(0, 11)]));
    assert!(!separate(&[inner(1, 5), inner(1, 5)]));
    assert!(!separate(&[inner(0, u64::MAX), inner(1, 5)]));
}

#[test]
fn an_entry_that_is_no_deflate_is_damage() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let content = warc("one", 2000);
    let mut bytes = zip(&[("archive/one.warc.gz", &content, true), ("archive/two.warc.gz", &warc("two", 1), true)]);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 500].fill(0xff);
    fs::write(folder.path().join("a.wacz"), bytes).expect("written");
    let outline = outline(&open_source(folder.path()).read(ALL).expect("readable"));
    assert!(outline.iter().any(|code| code == "zip_corrupt" || code == "gzip_corrupt"), "{:?}", outline.last());
    assert_eq!(outline.last().map(String::as_str), Some("two 0"));
}

#[test]
fn any_change_of_a_zip_is_read_without_panic() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let whole = sample();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        if at % 3 == 0 {
            changed[at] = 0xff;
        }
        fs::write(folder.path().join("a.wacz"), &changed).expect("written");
        open_source(folder.path()).read(ALL).expect("readable");
    }
}
