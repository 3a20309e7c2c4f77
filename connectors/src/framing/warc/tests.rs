use std::io::BufReader;

use proptest::prelude::*;

use super::*;
use crate::source::Bad;

const LIMITS: Limits = Limits { record_bytes_max: 1000, ratio_max: 1000, header_bytes_max: 200 };

fn frames(bytes: &[u8], chunk: usize) -> Vec<Frame> {
    frames_within(LIMITS, bytes, chunk)
}

fn frames_within(limits: Limits, bytes: &[u8], chunk: usize) -> Vec<Frame> {
    let mut records = Records::new(BufReader::with_capacity(chunk, bytes), limits);
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

/// A record's block, or the code and length of a lost stretch.
type Outline = Result<String, (&'static str, u64)>;

fn outline(frames: &[Frame]) -> Vec<Outline> {
    let outline = |frame: &Frame| match &frame.payload {
        Payload::Warc { block, .. } => Ok(String::from_utf8_lossy(block).into_owned()),
        Payload::Bad(Bad { code, length, .. }) => Err((*code, *length)),
        Payload::Line(_) | Payload::Row(_) | Payload::Html(_) => panic!("only records in WARC"),
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
        assert_eq!(header, b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 5\r\n");
        assert_eq!(frames[2].byte_offset as usize, text.len() - record("three").len());
    }
}

#[test]
fn line_breaks_and_gaps_are_lenient() {
    let unix = "WARC/1.1\nContent-Length: 3\n\nabc";
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
        let code = if end < VERSION_PREFIX.len() { "warc_bad_header" } else { "warc_truncated" };
        assert_eq!(got, [Err((code, end as u64))], "cut at {end}");
    }
}

proptest! {
    /// Any bytes: ends, stays within the limits, covers the file in order, and does not depend on the reader's chunks.
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
        // With room for every line, what is kept of a lost stretch is its beginning.
        for frame in frames_within(Limits::default(), &bytes, chunk) {
            if let Payload::Bad(bad) = frame.payload {
                let stretch = &bytes[frame.byte_offset as usize..][..bad.length as usize];
                prop_assert_eq!(&bad.bytes[..], &stretch[..stretch.len().min(SNIPPET_BYTES_MAX)]);
            }
        }
    }
}
