//! What does it cost to move bytes: decompressing, framing, reading files, writing outputs?
//!
//! Inputs are the sample crawl's files and lines of three sizes. The number of records is compared
//! with what was written before anything is timed, and in every run. Files lie in the system's
//! folder for temporary files, so what is measured is the page cache and not the disk, but for the
//! `checkpoint` of the committer, which waits for it.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    compress::Reader,
    compression::Compression,
    file::{FileCommitter, FileOptions, FileSource, walk},
    framing::{Format, Framer},
    limits::Limits,
    position::Positions,
    source::{Limit, Payload, Source},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sample::{DocumentKind, Sample, Size};
use tempfile::TempDir;

const SAMPLE_SEED: u64 = 11;
const SIZE: Size = Size { pages: 2_000, reference: 1_000 };
/// Record sizes: a stub, an ordinary page, a long article.
const SIZES: [(&str, usize); 3] = [("1KB", 1 << 10), ("8KB", 8 << 10), ("64KB", 64 << 10)];
/// Bytes of the records of one size.
const SET_BYTES: usize = 2 << 20;
/// Records of a micro-batch.
const BATCH: Limit = Limit { records: 1024, bytes: 64 << 20 };
/// Records in the archive beside its pages: warcinfo, twelve revisits, a missing page and a damaged
/// record.
const ODD_RECORDS: usize = 15;

/// The sample's files, and their decompressed bytes.
struct Files {
    _folder: TempDir,
    sample: Sample,
    lines: Vec<u8>,
    archive: Vec<u8>,
}

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = sample::generate(folder.path(), SIZE, SAMPLE_SEED).expect("a sample");
        let (lines, archive) = (unpacked(&sample.reference), unpacked(&sample.crawl));
        Files { _folder: folder, sample, lines, archive }
    })
}

fn reader(path: &Path) -> Reader {
    let file = File::open(path).expect("the file is there");
    Reader::new(Box::new(file), &Limits::default()).expect("the file can be read")
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader(path).read_to_end(&mut bytes).expect("sound data");
    bytes
}

/// Decompresses a file and returns the number of its bytes.
fn length(path: &Path) -> u64 {
    std::io::copy(&mut reader(path), &mut std::io::sink()).expect("sound data")
}

fn inflate(criterion: &mut Criterion) {
    let files = files();
    let mut group = criterion.benchmark_group("gunzip");
    let inputs =
        [("one member", &files.sample.reference, &files.lines), ("a member a record", &files.sample.crawl, &files.archive)];
    for (name, path, bytes) in inputs {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| assert_eq!(length(path), bytes.len() as u64)));
    }
    group.finish();
}

/// Counts sound records and lost stretches in `bytes`.
fn frames(format: Format, bytes: &[u8]) -> (usize, usize) {
    let mut framer = Framer::new(format, Cursor::new(bytes), Limits::default());
    let (mut sound, mut lost) = (0, 0);
    while let Some(frame) = framer.next_frame().expect("memory can be read") {
        if matches!(black_box(frame).payload, Payload::Bad(_)) {
            lost += 1;
        } else {
            sound += 1;
        }
    }
    (sound, lost)
}

fn framing(criterion: &mut Criterion) {
    let archive = &files().archive;
    let want = (SIZE.pages as usize + ODD_RECORDS - 1, 1);
    assert_eq!(frames(Format::Warc, archive), want, "every record, and the damaged one");
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::ElementsAndBytes { elements: SIZE.pages.into(), bytes: archive.len() as u64 });
    group.bench_function("warc", |b| b.iter(|| assert_eq!(frames(Format::Warc, archive), want)));
    for (size, bytes) in SIZES {
        let line = [&vec![b'a'; bytes - 1][..], b"\n"].concat();
        let lines = line.repeat(SET_BYTES / bytes);
        let want = (SET_BYTES / bytes, 0);
        group.throughput(Throughput::ElementsAndBytes { elements: want.0 as u64, bytes: lines.len() as u64 });
        group.bench_function(format!("jsonl/{size}"), |b| b.iter(|| assert_eq!(frames(Format::Jsonl, &lines), want)));
    }
    group.finish();
}

/// Reads a file as a replay does, and returns the number of records.
fn read_all(path: &Path) -> usize {
    let found = walk(&[path.to_owned()]).expect("the file is there");
    let mut source = FileSource::new(found.files, Limits::default());
    let mut records = 0;
    loop {
        let batch = source.read(BATCH).expect("sound data");
        if batch.is_empty() {
            return records;
        }
        records += black_box(batch).len();
    }
}

fn sources(criterion: &mut Criterion) {
    let files = files();
    let mut group = criterion.benchmark_group("file source");
    let inputs = [
        ("jsonl.gz", &files.sample.reference, SIZE.reference as usize, &files.lines),
        ("warc.gz", &files.sample.crawl, SIZE.pages as usize + ODD_RECORDS, &files.archive),
    ];
    for (name, path, want, bytes) in inputs {
        group.throughput(Throughput::ElementsAndBytes { elements: want as u64, bytes: bytes.len() as u64 });
        group.bench_function(name, |b| b.iter(|| assert_eq!(read_all(path), want)));
    }
    group.finish();
}

/// Writes the lines as one batch and makes them durable.
fn write_all(folder: &Path, compression: Compression, lines: &[&[u8]]) {
    let mut committer = FileCommitter::new(folder, FileOptions { compression, ..FileOptions::default() });
    committer.recover(None).expect("an empty folder");
    committer.begin().expect("recovered");
    for line in lines {
        committer.write(&Outgoing::plain(Channel::Clean, line)).expect("begun");
    }
    committer.commit(&Positions::default(), &[]).expect("begun");
    committer.checkpoint().expect("the disk takes it");
}

/// Returns the decompressed bytes of the only part that was written.
fn written(folder: &Path) -> Vec<u8> {
    let part = parts(folder).pop().expect("a part");
    unpacked(&part)
}

/// Lists the files that hold corpus records, wherever they are staged.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(parts(&entry));
        } else if entry.to_string_lossy().contains("clean") {
            found.push(entry);
        }
    }
    found
}

fn committers(criterion: &mut Criterion) {
    let lines: Vec<&[u8]> = files().lines.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    let (count, bytes) = (lines.len() as u64, files().lines.len() as u64);
    let mut group = criterion.benchmark_group("file committer");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::ElementsAndBytes { elements: count, bytes });
    for (name, compression) in [("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let folder = tempfile::tempdir().expect("a folder");
        write_all(folder.path(), compression, &lines);
        assert_eq!(written(folder.path()), files().lines, "the lines as they came");
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || tempfile::tempdir().expect("a folder"),
                |folder| write_all(folder.path(), compression, &lines),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Checks that the sample holds what the counts above assume.
fn input(_: &mut Criterion) {
    let files = files();
    assert_eq!(files.lines.split_inclusive(|&b| b == b'\n').count(), SIZE.reference as usize);
    assert_eq!(files.sample.pages.values().sum::<u32>(), SIZE.pages);
    assert!(files.sample.pages[&DocumentKind::Ordinary] > 0);
}

criterion_group!(benches, input, inflate, framing, sources, committers);
criterion_main!(benches);
