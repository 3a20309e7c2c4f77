use connectors::{
    position::Position,
    source::{Payload, Record},
};

use super::*;

mod archives;
mod hostile;
mod lines;

fn record(payload: Payload) -> Record {
    Record::new(Position { partition: 0, offset: 0 }, 0, payload)
}

fn line(json: &[u8], options: &Options) -> Decoded {
    decode(&record(Payload::Line(json.to_vec())), "crawl.jsonl", options)
}

fn warc(header: &str, block: &[u8]) -> Decoded {
    let header = connectors::framing::warc::header(format!("WARC/1.0\r\n{header}").into_bytes());
    decode(&record(Payload::Warc { header, block: block.to_vec() }), "crawl.warc.gz", &Options::default())
}

#[track_caller]
fn page(decoded: Decoded) -> Page {
    match decoded {
        Decoded::Page(page) => page,
        other => panic!("expected a page, got {other:?}"),
    }
}

#[track_caller]
fn without_text(decoded: Decoded) -> WithoutText {
    match decoded {
        Decoded::WithoutText(without) => without,
        other => panic!("expected a record without text, got {other:?}"),
    }
}

#[track_caller]
fn reject(decoded: Decoded) -> Reject {
    match decoded {
        Decoded::Reject(reject) => reject,
        other => panic!("expected a reject, got {other:?}"),
    }
}

#[test]
fn a_bad_stretch_keeps_its_code() {
    let bad = connectors::source::BadRecord {
        code: "warc_bad_length",
        message: "got x".to_owned(),
        bytes: vec![1],
        length: 9,
        packed: None,
    };
    let want = Reject { code: "warc_bad_length", message: "got x".to_owned() };
    assert_eq!(reject(decode(&record(Payload::Bad(bad)), "a", &Options::default())), want);
}
