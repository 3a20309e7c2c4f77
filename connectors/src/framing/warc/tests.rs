use std::io::{BufReader, Write};

use proptest::prelude::*;

use super::*;
use crate::{
    framing::{Format, Frame, Framer, SNIPPET_BYTES_MAX},
    limits::Limits,
    source::BadRecord,
};

const LIMITS: Limits = Limits { record_bytes_max: 1000, ratio_max: 1000, header_bytes_max: 200 };

fn frames(bytes: &[u8], chunk: usize) -> Vec<Frame> {
    frames_within(LIMITS, bytes, chunk)
}

fn frames_within(limits: Limits, bytes: &[u8], chunk: usize) -> Vec<Frame> {
    let mut records = WarcRecords::new(BufReader::with_capacity(chunk, bytes), limits);
    let mut frames = Vec::new();
    while let Some(frame) = records.next_frame().expect("in memory") {
        frames.push(frame);
    }
    assert_eq!(records.next_frame().expect("in memory"), None);
    frames
}

fn record(block: &str) -> String {
    format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n", block.len())
}

/// A record's block, or the code and length of a bad stretch.
type Outline = Result<String, (&'static str, u64)>;

fn outline(frames: &[Frame]) -> Vec<Outline> {
    let outline = |frame: &Frame| match &frame.payload {
        Payload::Warc { block, .. } => Ok(String::from_utf8_lossy(block).into_owned()),
        Payload::Bad(BadRecord { code, length, .. }) => Err((*code, *length)),
        Payload::Line(_) | Payload::Row(_) | Payload::Arc { .. } | Payload::Joined { .. } | Payload::Html(_) => {
            panic!("only records in WARC")
        }
    };
    frames.iter().map(outline).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "an outline is compared")]
fn ok(block: &str) -> Outline {
    Ok(block.to_owned())
}

#[test]
fn records_keep_header_and_block() {
    let text = [record("one\r\n\r\nWARC/1.0 inside"), record(""), record("three")].concat();
    for chunk in [1, 2, 3, 7, 50, 4096] {
        let frames = frames(text.as_bytes(), chunk);
        assert_eq!(outline(&frames), [ok("one\r\n\r\nWARC/1.0 inside"), ok(""), ok("three")]);
        let Payload::Warc { header, .. } = &frames[2].payload else { panic!("a record") };
        assert_eq!(header.raw(), b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 5\r\n");
        assert_eq!(frames[2].byte_offset as usize, text.len() - record("three").len());
    }
}

#[test]
fn line_breaks_and_gaps_are_lenient() {
    let unix = "WARC/1.1\nContent-Length: 3\n\nabc";
    let odd = "warc/0.17\r\ncontent-length:\r\n 3\r\n\r\nabc";
    assert_eq!(outline(&frames(odd.as_bytes(), 5)), [ok("abc")], "another case, and a value on the next line");
    for gap in ["", "\n", "\r\n", "\r\n\r\n\r\n\n"] {
        let text = [gap, unix, gap, unix, gap].concat();
        assert_eq!(outline(&frames(text.as_bytes(), 5)), [ok("abc"), ok("abc")], "{gap:?}");
    }
}

#[test]
fn each_fault_loses_one_stretch_and_reading_goes_on() {
    let long_header = format!("WARC/1.0\r\nX: {}\r\nContent-Length: 1\r\n\r\nb\r\n\r\n", "x".repeat(300));
    let many_fields = format!("WARC/1.0\r\n{}\r\nb\r\n", "X: y\r\n".repeat(60));
    let cases = [
        ("warc_bad_header", "junk\r\nmore junk\r\n\r\n".to_owned()),
        ("warc_bad_header", "WARC/2.0\r\nContent-Length: 1\r\n\r\nb\r\n\r\n".to_owned()),
        ("warc_bad_header", "WARC/1.0\r\nContent-Length: 5\r\n".to_owned()),
        ("warc_bad_header", long_header),
        ("warc_bad_header", many_fields),
        ("warc_bad_length", "WARC/1.0\r\nWARC-Type: response\r\n\r\nblock\r\n\r\n".to_owned()),
        ("warc_bad_length", "WARC/1.0\r\nContent-Length: -1\r\n\r\nblock\r\n\r\n".to_owned()),
        ("warc_bad_length", "WARC/1.0\r\nContent-Length: +1\r\n\r\nb\r\n\r\n".to_owned()),
        ("warc_bad_length", "WARC/1.0\r\nContent-Length:\r\n\r\nb\r\n\r\n".to_owned()),
        ("warc_bad_length", format!("WARC/1.0\r\nContent-Length: {}\r\n\r\nb\r\n\r\n", "9".repeat(40))),
        ("warc_bad_length", "WARC/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nb\r\n\r\n".to_owned()),
    ];
    for (code, bad) in cases {
        let text = [record("a"), bad.clone(), record("z")].concat();
        for chunk in [1, 13, 4096] {
            let frames = frames(text.as_bytes(), chunk);
            assert_eq!(outline(&frames), [ok("a"), Err((code, bad.len() as u64)), ok("z")], "{bad:?}");
            assert_eq!(frames[1].byte_offset as usize, record("a").len());
        }
    }
}

#[test]
fn a_large_block_is_read_over_by_its_length() {
    // What looks like a record inside the block is none.
    let large = record(&format!("{}\r\n{}", "x".repeat(5000), record("inner")));
    let text = [large.clone(), record("z")].concat();
    let frames = frames(text.as_bytes(), 64);
    assert_eq!(outline(&frames), [Err(("record_too_large", large.len() as u64 - 4)), ok("z")]);
    let Payload::Bad(bad) = &frames[0].payload else { panic!("bad") };
    assert!(bad.bytes == large.as_bytes()[..SNIPPET_BYTES_MAX], "the beginning of the stretch");
}

#[test]
fn a_file_that_ends_early_is_truncated_once() {
    let text = record("a whole block");
    for end in 1..text.len() - 4 {
        let got = outline(&frames(&text.as_bytes()[..end], 9));
        let code = if end < "WARC/1.0".len() { "warc_bad_header" } else { "warc_truncated" };
        assert_eq!(got, [Err((code, end as u64))], "cut at {end}");
    }
}

fn gzip(bytes: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes.as_bytes()).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Of a file as it lies on disk.
fn outline_of_file(bytes: Vec<u8>) -> Vec<Outline> {
    let mut framer = Framer::of_bytes(bytes, Some(Format::Warc), LIMITS).expect("in memory");
    let mut frames = Vec::new();
    while let Some(frame) = framer.next_frame().expect("in memory") {
        frames.push(frame);
    }
    outline(&frames)
}

fn record_of_length(length: usize, block: &str) -> String {
    format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {length}\r\n\r\n{block}\r\n\r\n")
}

#[test]
fn a_length_that_swallows_records_is_noticed() {
    let rest = [record("b"), record("c")].concat();
    // Into the next record, up to its end, over the end of the file, and over any end.
    for length in [30, 60, 100, 137, 900, 5000, 1 << 40] {
        let bad = record_of_length(length, "block");
        let text = [record("a"), bad.clone(), rest.clone()].concat();
        let want = [ok("a"), Err(("warc_bad_length", bad.len() as u64)), ok("b"), ok("c")];
        assert_eq!(outline_of_file(text.clone().into_bytes()), want, "{length}");
        for chunk in [1, 60, 4096] {
            if length < 5000 {
                assert_eq!(outline(&frames(text.as_bytes(), chunk)), want, "{length} by {chunk}");
            }
        }
    }
    // One that is too short gives what it says, and the rest is garbage.
    let text = [record_of_length(3, "block"), record("b")].concat();
    assert_eq!(outline_of_file(text.into_bytes()), [ok("blo"), Err(("warc_bad_header", 6)), ok("b")]);
}

#[test]
fn content_is_no_record_where_the_length_is_right() {
    let inner = [record("x"), record("y")].concat();
    let text = [record(&inner), record("z")].concat();
    assert_eq!(outline_of_file(text.into_bytes()), [ok(&inner), ok("z")]);
    // Packed record by record, not even if the length is wrong: a member's beginning is the sign to go by.
    let lying = record_of_length(inner.len() + 50, &inner);
    let packed = [gzip(&lying), gzip(&record("z"))].concat();
    assert_eq!(outline_of_file(packed), [Err(("warc_bad_length", lying.len() as u64)), ok("z")]);
}

#[test]
fn a_damaged_member_loses_its_record_and_no_other() {
    let numbers: Vec<String> = (0..150_u32).map(|i| (i.wrapping_mul(2_654_435_761) % 9973).to_string()).collect();
    let noise = numbers.join(" ");
    let (one, two, three) = (gzip(&record("one")), gzip(&record(&noise)), gzip(&record("three")));
    for keep in (1..two.len()).step_by(11) {
        let packed = [&one[..], &two[..keep], &three].concat();
        let got = outline_of_file(packed);
        let bad = got.iter().filter(|one| one.is_err()).count();
        assert_eq!((&got[0], got.last(), bad, got.len()), (&ok("one"), Some(&ok("three")), 1, 3), "cut after {keep}: {got:?}");
    }
    let packed = [&one[..], b"garbage", &three].concat();
    assert_eq!(outline_of_file(packed), [ok("one"), Err(("gzip_garbage", 0)), ok("three")]);
}

#[test]
fn records_without_end_are_read_in_linear_time() {
    // Each says that it goes on to the end; each holds all others.
    let limits = Limits::default();
    let text = record_of_length(limits.record_bytes_max, "").repeat(100_000);
    let started = std::time::Instant::now();
    let frames = frames_within(limits, text.as_bytes(), 1 << 16);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    assert!(frames.iter().all(|frame| matches!(frame.payload, Payload::Bad(_))));
}

proptest! {
    /// Any bytes: ends, stays within the limits, covers the file in order, and does not depend on
    /// the reader's chunks.
    #[test]
    fn any_bytes(pieces in proptest::collection::vec(prop_oneof![
        Just(b"WARC/1.0\r\n".to_vec()), Just(b"Content-Length: 4\r\n".to_vec()), Just(b"\r\n".to_vec()),
        Just(record("fine").into_bytes()), proptest::collection::vec(any::<u8>(), 0..300),
    ], 0..12), chunk in 1_usize..64) {
        let bytes = pieces.concat();
        let got = frames(&bytes, chunk);
        prop_assert_eq!(&got, &frames(&bytes, 1 << 16));
        let mut end = 0;
        for frame in &got {
            prop_assert!(frame.byte_offset >= end);
            end = frame.byte_offset + match &frame.payload {
                Payload::Bad(bad) => { prop_assert!(bad.bytes.len() <= SNIPPET_BYTES_MAX); bad.length }
                payload => payload.len() as u64,
            };
            prop_assert!(frame.payload.len() <= LIMITS.header_bytes_max + LIMITS.record_bytes_max.max(SNIPPET_BYTES_MAX));
        }
        prop_assert!(end <= bytes.len() as u64);
        // With room for every line, what is kept of a bad stretch is its beginning.
        for frame in frames_within(Limits::default(), &bytes, chunk) {
            if let Payload::Bad(bad) = frame.payload {
                let stretch = &bytes[frame.byte_offset as usize..][..bad.length as usize];
                prop_assert_eq!(&bad.bytes[..], &stretch[..stretch.len().min(SNIPPET_BYTES_MAX)]);
            }
        }
    }
}
