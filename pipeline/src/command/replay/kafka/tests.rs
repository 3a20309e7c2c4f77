use connectors::{
    framing::{
        Format, Framer,
        joined::JoinedRecords,
        warc::{self, WarcRecords},
    },
    limits::Limits,
    position::{Position, Positions},
};

use super::*;

fn record(payload: Payload) -> Record {
    Record::new(Position { partition: 1, offset: 7 }, 0, payload)
}

fn line(text: &str) -> Record {
    record(Payload::Line(text.into()))
}

fn key_of(record: &Record) -> String {
    key(record, &decode::Options::default(), &["a".to_owned(), "b".to_owned()])
}

#[test]
fn places_come_back() {
    for place in [PublicationPlace::default(), PublicationPlace { file: 3, record: u64::MAX, read: 9 }] {
        assert_eq!(PublicationPlace::parse(&place.to_string()).expect("parsed"), place);
    }
    for text in [
        "",
        "weir-publish1",
        "weir-publish1 file=1 record=2",
        "weir-publish2 file=1 record=2 read=3",
        "weir-publish1 file=-1 record=2 read=3",
    ] {
        assert!(PublicationPlace::parse(text).is_err(), "{text}");
    }
    assert_eq!(PublicationPlace { file: 2, record: 5, read: 9 }.positions(), Positions(vec![0, 0, 5]));
    let after = PublicationPlace { file: 0, record: 4, read: 4 }.after(&[line("{}"), line("{}")]);
    assert_eq!(after, PublicationPlace { file: 1, record: 8, read: 6 });
}

#[test]
fn keys_are_hosts_then_ids_then_places() {
    let warc = |header: &str| record(Payload::Warc { header: warc::header(header.into()), block: Vec::new() });
    for (record, expected) in [
        (line(r#"{"text":"x","url":"https://User@EXAMPLE.org:443/a","id":"i"}"#), "example.org"),
        (line(r#"{"text":"x","url":"none","id":"i"}"#), "i"),
        (line(r#"{"text":"x","id":5}"#), "5"),
        (line(r#"{"text":"x"}"#), "b#7"),
        (line("no json"), "b#7"),
        (warc("WARC/1.0\r\nWARC-Target-URI: <http://a.example/>\r\nWARC-Record-ID: <urn:1>\r\n"), "a.example"),
        (warc("WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:1>\r\n"), "urn:1"),
        (warc("WARC/1.0\r\n"), "b#7"),
    ] {
        assert_eq!(key_of(&record), expected);
    }
}

/// What is published of an archive is framed again as what was read from it.
#[test]
fn warc_values_hold_the_record_they_were_made_of() {
    for archive in ["WARC/1.0\r\nWARC-Type: x\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n", "WARC/1.1\nContent-Length: 0\n\n\n\n"] {
        let first = |bytes: &[u8]| {
            let mut framer = Framer::new(Format::Warc, bytes, Limits::default());
            let frame = framer.next_frame().expect("in memory").expect("a record");
            assert_eq!(framer.next_frame().expect("in memory"), None, "one record");
            frame.payload
        };
        let read = first(archive.as_bytes());
        assert!(matches!(read, Payload::Warc { .. }), "{read:?}");
        let published = record(read.clone());
        let (value, kind) = message(&published).expect("a value");
        assert_eq!((first(&value), kind), (read, "application/warc"));
    }
    let of = |kind: &str, field: &str| {
        format!("WARC/1.0\r\nWARC-Type: {kind}\r\n{field}: <x:1>\r\nContent-Length: 1\r\n\r\nx\r\n\r\n")
    };
    let both = of("response", "WARC-Record-ID") + &of("conversion", "WARC-Refers-To");
    let mut records = JoinedRecords::new(WarcRecords::new(both.as_bytes(), Limits::default()), None);
    let joined = record(records.next_frame().expect("in memory").expect("a record").frame.payload);
    assert!(matches!(joined.payload, Payload::Joined { .. }), "{joined:?}");
    let (value, kind) = message(&joined).expect("a value");
    assert_eq!((&value[..], kind), (both.as_bytes(), "application/warc"));
    let record = line("{ }\r");
    let (value, kind) = message(&record).expect("a value");
    assert_eq!((&value[..], kind), (&b"{ }\r"[..], "application/json"));
}
