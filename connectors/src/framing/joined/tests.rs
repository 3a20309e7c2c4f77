use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::{recent_ids::IDS_MAX, *};
use crate::{limits::Limits, source::BadRecord};

const LIMITS: Limits = Limits { record_bytes_max: 2 << 20, ratio_max: 1000, header_bytes_max: 1000 };

fn record(fields: &str, block: &str) -> String {
    format!("WARC/1.0\r\n{fields}Content-Length: {}\r\n\r\n{block}\r\n\r\n", block.len())
}

fn response(n: usize) -> String {
    record(&format!("WARC-Type: response\r\nWARC-Record-ID: <urn:x:{n}>\r\n"), &format!("r{n}"))
}

fn text(n: usize) -> String {
    record(
        &format!("WARC-Type: Conversion\r\nWARC-Record-ID: <urn:t:{n}>\r\nWARC-Refers-To:  <urn:x:{n}> \r\n"),
        &format!("t{n}"),
    )
}

fn other(kind: &str) -> String {
    record(&format!("WARC-Type: {kind}\r\nWARC-Record-ID: <urn:o:1>\r\n"), kind)
}

fn all(numbers: impl IntoIterator<Item = usize>, one: impl Fn(usize) -> String) -> String {
    numbers.into_iter().map(one).collect()
}

/// What comes out: a record's block, those of a joined one with `+`, a bad stretch's code and
/// length; with `~`: of the texts' file.
fn outline(archive: &str, texts: Option<&str>) -> Vec<String> {
    let records = |bytes| WarcRecords::new(bytes, LIMITS);
    let mut joined =
        JoinedRecords::new(records(archive.as_bytes()), texts.map(|texts| (records(texts.as_bytes()), Arc::from("wet"))));
    let mut outline = Vec::new();
    while let Some(JoinedFrame { frame, file }) = joined.next_frame().expect("in memory") {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let shown = match frame.payload {
            Payload::Warc { block, .. } => text(block),
            Payload::Joined { block, conversion, .. } => {
                assert_eq!(
                    (file, conversion.file.as_deref()),
                    (JoinedFile::Archive, texts.map(|_| "wet").filter(|_| !archive.contains("Conversion")))
                );
                format!("{}+{}", text(block), text(conversion.block))
            }
            Payload::Bad(BadRecord { code, length, .. }) => format!("{code} {length}"),
            payload => panic!("{payload:?}"),
        };
        let source = if file == JoinedFile::Texts { texts.expect("texts") } else { archive };
        assert!(source[frame.byte_offset as usize..].starts_with("WARC/") || shown.contains(' '), "{shown}");
        outline.push(if file == JoinedFile::Texts { format!("~{shown}") } else { shown });
    }
    assert_eq!(joined.next_frame().expect("in memory"), None, "at the end and ever after");
    outline
}

#[test]
fn each_page_comes_once_and_everything_else_in_its_place() {
    let page = |n| other("request") + &response(n) + &other("metadata");
    let archive = other("warcinfo") + &all([1, 2, 4, 5], page);
    let texts = other("warcinfo") + &all([1, 3, 4, 6], text);
    let want = [
        "~warcinfo",
        "warcinfo",
        "request",
        "r1+t1",
        "metadata",
        "request",
        "r2",
        "metadata",
        "request",
        "~t3",
        "r4+t4",
        "metadata",
        "request",
        "r5",
        "metadata",
        "~t6",
    ];
    assert_eq!(outline(&archive, Some(&texts)), want);
    assert_eq!(outline("", Some(&all([1, 2], text))), ["~t1", "~t2"]);
    assert_eq!(outline(&all([1, 2], response), Some("")), ["r1", "r2"]);
    assert_eq!(outline("", Some("")), [""; 0]);
}

#[test]
fn texts_behind_their_records_are_joined_without_a_second_file() {
    let archive = [response(1), text(1), response(2), text(3), text(2), response(3), text(3), text(3), other("revisit")].concat();
    assert_eq!(outline(&archive, None), ["r1+t1", "r2", "t3", "t2", "r3+t3", "t3", "revisit"]);
    // A conversion is made of a record that says something, and of no other one.
    let unnamed = record("WARC-Type: response\r\n", "r") + &record("WARC-Type: conversion\r\n", "t");
    assert_eq!(outline(&unnamed, None), ["r", "t"]);
    let request = record("WARC-Type: request\r\nWARC-Record-ID: <urn:x:1>\r\n", "q") + &text(1);
    assert_eq!(outline(&request, None), ["q", "t1"]);
}

#[test]
fn damage_in_either_file_costs_what_it_hits() {
    let broken = record("WARC-Type: response\r\n", "abc").replace("Length: 3", "Length: 3k");
    let archive = all([1, 2], response) + &broken + &all([4, 5], response) + "junk";
    let texts = text(1) + &broken + &all([2, 3], text) + "garbage\r\n" + &text(4) + &text(5)[..60];
    let bad = format!("warc_bad_length {}", broken.len());
    let want = [
        "r1+t1",
        &format!("~{bad}"),
        "r2+t2",
        &bad,
        "~t3",
        "~warc_bad_header 9",
        "r4+t4",
        "~warc_truncated 60",
        "r5",
        "warc_bad_header 4",
    ];
    assert_eq!(outline(&archive, Some(&texts)), want);
}

/// Every response and every text comes once and in its order; how many pages come twice.
fn twice(archive: &[usize], texts: &[usize]) -> usize {
    let got = outline(&all(archive.iter().copied(), response), Some(&all(texts.iter().copied(), text)));
    let of = |mark: char| -> Vec<usize> {
        got.iter()
            .flat_map(|one| one.trim_start_matches('~').split('+'))
            .filter_map(|part| part.strip_prefix(mark)?.parse().ok())
            .collect()
    };
    assert_eq!((of('r'), of('t')), (archive.to_vec(), texts.to_vec()));
    let both: BTreeSet<&usize> = archive.iter().collect();
    texts.iter().filter(|n| both.contains(n)).count() - got.iter().filter(|one| one.contains('+')).count()
}

#[test]
fn files_that_lost_a_stretch_meet_again() {
    let whole: Vec<usize> = (0..6000).collect();
    let without = |lost: std::ops::Range<usize>| -> Vec<usize> { whole.iter().copied().filter(|n| !lost.contains(n)).collect() };
    for (lost, most) in [(0..255, 0), (500..755, 0), (500..757, 1024), (0..1000, 1024 + 1000), (1000..2500, 1024 + 1500)] {
        assert!(twice(&without(lost.clone()), &whole) <= most, "the archive lost {lost:?}");
    }
    for (lost, most) in [(0..1000, 0), (1000..2000, 0), (1000..2500, 512), (0..2900, 2900 - 768)] {
        assert!(twice(&whole, &without(lost.clone())) <= most, "the texts lost {lost:?}");
    }
    assert_eq!(twice(&without(1000..1200), &without(3000..4000)), 0, "one after the other");
    let sparse: Vec<usize> = (0..60).map(|n| n * 100).collect();
    assert_eq!(twice(&whole, &sparse), 0, "the texts of one page in a hundred");
}

#[test]
fn a_window_is_bounded() {
    let long = |n: usize| {
        text(n).replace("Content-Length: 2", "Content-Length: 1048576").replace(&format!("t{n}\r"), &("x".repeat(1 << 20) + "\r"))
    };
    let texts = all(1..80, |n| long(n % 9 + 1));
    let records = |bytes| WarcRecords::new(bytes, LIMITS);
    let archive = all(1000..4000, response);
    let mut joined = JoinedRecords::new(records(archive.as_bytes()), Some((records(texts.as_bytes()), Arc::from("wet"))));
    let (mut most, mut count) = ((0, 0), 0);
    while joined.next_frame().expect("in memory").is_some() {
        let texts = joined.texts.as_ref().expect("texts");
        let held = texts.window.iter().map(WindowRecord::bytes).sum::<usize>();
        assert_eq!(held, texts.bytes);
        most = (most.0.max(held), most.1.max(texts.window.len() + joined.out.len()));
        count += 1;
    }
    assert_eq!(count, 79 + 3000);
    assert!(most.0 > WINDOW_BYTES && most.0 < WINDOW_BYTES + (2 << 20), "{most:?}");
    let (mut many, texts) = (0, all(0..2000, text));
    let mut joined = JoinedRecords::new(records(archive.as_bytes()), Some((records(texts.as_bytes()), Arc::from("wet"))));
    while joined.next_frame().expect("in memory").is_some() {
        many = many.max(joined.waiting() + joined.out.len());
        assert!(joined.passed.order.len() <= IDS_MAX && joined.passed.ids.len() == joined.passed.order.len());
    }
    assert!(many <= WINDOW_RECORDS + 1, "{many}");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut remembered = RecentIds::default();
    (0..IDS_MAX + 10).for_each(|n| remembered.add(&n.to_string()));
    remembered.add("11");
    assert_eq!((remembered.ids.len(), remembered.order.len()), (IDS_MAX, IDS_MAX));
    assert!(!remembered.has("9") && remembered.has("10") && remembered.has("11"));
}

/// The join as it would be with all texts in memory.
fn slow(archive: &[Option<usize>], texts: &[Option<usize>]) -> Vec<String> {
    let (mut out, mut next) = (Vec::new(), 0);
    let alone = |text: Option<usize>| text.map_or("~metadata".to_owned(), |n| format!("~t{n}"));
    for record in archive {
        while texts.get(next) == Some(&None) {
            out.push(alone(texts[next]));
            next += 1;
        }
        match record {
            None => out.push("request".to_owned()),
            Some(n) => match texts[next..].iter().position(|text| text.as_ref() == Some(n)) {
                Some(at) => {
                    out.extend(texts[next..next + at].iter().copied().map(alone));
                    out.push(format!("r{n}+t{n}"));
                    next += at + 1;
                }
                None => out.push(format!("r{n}")),
            },
        }
    }
    out.extend(texts[next..].iter().copied().map(alone));
    out
}

proptest! {
    /// Whatever the order, and however often one id is given: what fits into the window is joined
    /// as if all were in memory.
    #[test]
    fn as_if_all_texts_were_in_memory(
        archive in vec(proptest::option::weighted(0.9, 0_usize..40), 0..60),
        texts in vec(proptest::option::weighted(0.9, 0_usize..40), 0..60),
        sorted in any::<bool>(),
    ) {
        let (mut archive, mut texts) = (archive, texts);
        if sorted {
            archive.sort();
            texts.sort();
        }
        let one = |record: &Option<usize>, some: fn(usize) -> String, none: &str| record.map_or_else(|| other(none), some);
        let bytes: String = archive.iter().map(|record| one(record, response, "request")).collect();
        let of_texts: String = texts.iter().map(|record| one(record, text, "metadata")).collect();
        prop_assert_eq!(outline(&bytes, Some(&of_texts)), slow(&archive, &texts));
    }

    /// Any bytes: reading ends, and no record comes twice.
    #[test]
    fn any_damage_loses_nothing_else(
        cuts in vec((any::<bool>(), 0_usize..2000, 0_usize..120), 0..4),
    ) {
        let mut files = [all(0..20, response).into_bytes(), all(0..20, text).into_bytes()];
        for (which, at, length) in cuts {
            let file = &mut files[usize::from(which)];
            let at = at.min(file.len());
            file.drain(at..(at + length).min(file.len()));
        }
        let [archive, texts] = files.map(|file| String::from_utf8(file).expect("ASCII"));
        let apart = |file: &str| -> Vec<String> { outline(file, None) };
        let together = outline(&archive, Some(&texts));
        let of = |is_texts: bool| -> Vec<String> {
            let parts = together.iter().flat_map(|one| match (one.split_once('+'), one.strip_prefix('~')) {
                (Some((record, text)), _) => vec![(false, record), (true, text)],
                (None, Some(text)) => vec![(true, text)],
                (None, None) => vec![(false, one.as_str())],
            });
            parts.filter(|(texts, _)| *texts == is_texts).map(|(_, one)| one.to_owned()).collect()
        };
        prop_assert_eq!((of(false), of(true)), (apart(&archive), apart(&texts)));
    }
}
