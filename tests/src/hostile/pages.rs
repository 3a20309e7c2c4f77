//! Records: whatever they hold, decoding gives a page within its limits, a record without text, or
//! a reject with a reason.

use connectors::{
    framing::warc,
    position::Position,
    source::{Envelope, EnvelopeHeader, Payload, Record},
};
use decode::{Decoded, ID_BYTES_MAX, Options, URL_BYTES_MAX};

/// Limits so small that small inputs reach them.
const TEXT_MAX: usize = 32 << 10;
const BODY_MAX: usize = 64 << 10;

/// Decodes a record, and compares the result with its limits.
pub(super) fn check(record: &Record, partition: &str) {
    let options = Options { text_bytes_max: TEXT_MAX, body_bytes_max: BODY_MAX, ..Options::default() };
    let decoded = decode::decode(record, partition, &options);
    match &decoded {
        Decoded::Page(page) => {
            assert!(page.text.len() <= TEXT_MAX, "a text of {} bytes", page.text.len());
            assert!(page.url.as_ref().is_none_or(|url| url.len() <= URL_BYTES_MAX));
            assert!(page.id.as_ref().is_none_or(|id| id.len() <= ID_BYTES_MAX));
            let line = decode::clean_json(page, &page.text);
            assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok(), "a clean line that is no JSON");
        }
        Decoded::WithoutText(_) => {}
        Decoded::Reject(reject) => assert!(!reject.code.is_empty() && reject.message.len() < 4 << 10, "{reject:?}"),
    }
    assert_eq!(decode::decode(record, partition, &options), decoded, "decoded twice");
    decode::name_of(record, &options);
}

fn record(payload: Payload) -> Record {
    Record::new(Position { partition: 0, offset: 0 }, 0, payload)
}

/// Decodes the block of a response: HTTP header and body.
pub(super) fn http(bytes: &[u8]) {
    let header = format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n\
         Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n",
        bytes.len()
    );
    check(&record(Payload::Warc { header: warc::header(header.into_bytes()), block: bytes.to_vec() }), "http");
}

/// Decodes a line of JSON.
pub(super) fn json(bytes: &[u8]) {
    check(&record(Payload::Line(bytes.to_vec())), "json");
}

/// Decodes a page. The first line of the bytes is its media type, as a server states it.
pub(super) fn html(bytes: &[u8]) {
    let line = bytes.iter().position(|&b| b == b'\n').unwrap_or(0);
    let (stated, page) = bytes.split_at(line);
    let headers = vec![EnvelopeHeader { name: "content-type".to_owned(), value: Some(stated.to_vec()) }];
    let envelope = Envelope { headers, ..Envelope::default() };
    let record = Record { envelope: Some(Box::new(envelope)), ..record(Payload::Html(page.to_vec())) };
    check(&record, "html");
}
