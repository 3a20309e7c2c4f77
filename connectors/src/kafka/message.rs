//! Which record is a message?
//!
//! | value | payload |
//! |---|---|
//! | null | none: a tombstone is counted and passed over |
//! | longer than [`Limits::record_bytes_max`] | `Bad`, `record_too_large`: the first 4 KiB, and the BLAKE3 of the whole in the message |
//! | JSON | [`Payload::Line`], with its line breaks |
//! | a frame of a schema registry (a zero byte, the schema's number in four bytes) | of the JSON behind it, [`Payload::Line`]; of anything else `Bad`, `registry_frame_not_json` |
//! | HTML | [`Payload::Html`] |
//! | WARC | [`Payload::Warc`], framed as in a file, or [`Payload::Joined`] if the text made of it follows; `Bad` if it is no sound record, `warc_not_one` if it is none or several others |
//!
//! Headers are kept in their order, except for `weir-*`: whoever fills the input must not speak for
//! the stage. The client panics on header names that are not UTF-8, so such a header is left out
//! and counted.
//!
//! **Cost** one copy of the value; two for WARC.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::{
    Message, Timestamp,
    message::{BorrowedMessage, Headers},
};

use super::config::ValueFormat;
use crate::{
    framing::{SNIPPET_BYTES_MAX, joined::JoinedRecords, warc},
    limits::Limits,
    source::{BadRecord, Envelope, EnvelopeHeader, Payload},
};

/// The prefix of headers that only the stage writes.
const OWN_PREFIX: &[u8] = b"weir-";
/// What the frames of a schema registry begin with.
const REGISTRY_MAGIC: u8 = 0;

/// A message that was copied from the client.
pub(super) enum TakenMessage {
    /// It had a null value.
    Tombstone,
    /// It had a value.
    Record {
        payload: Payload,
        envelope: Envelope,
        /// Number of headers left out because their names are not UTF-8.
        headers_lost: u64,
    },
}

/// Copies a message from the client, and frames its value.
pub(super) fn take(message: &BorrowedMessage<'_>, format: ValueFormat, limits: &Limits) -> TakenMessage {
    let Some(value) = message.payload() else { return TakenMessage::Tombstone };
    let (headers, headers_lost) = headers(message);
    let declared = headers.iter().rev().find(|header| header.name.eq_ignore_ascii_case("content-type"));
    let declared = declared.and_then(|header| ValueFormat::of_content_type(header.value.as_deref()?));
    let (payload, framed) = frame(value, declared.unwrap_or(format), limits);
    let time_ms = match message.timestamp() {
        Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) if ms >= 0 => Some(ms),
        _ => None,
    };
    let value = if framed { value.to_vec() } else { Vec::new() };
    let envelope = Envelope { key: message.key().map(<[u8]>::to_vec), headers, time_ms, value };
    TakenMessage::Record { payload, envelope, headers_lost }
}

fn headers(message: &BorrowedMessage<'_>) -> (Vec<EnvelopeHeader>, u64) {
    let (mut headers, lost) = all_headers(message);
    headers.retain(|header| !is_own(&header.name));
    (headers, lost)
}

/// Returns all headers of a message, ours too, and how many were left out because their names are
/// not UTF-8.
pub(super) fn all_headers(message: &BorrowedMessage<'_>) -> (Vec<EnvelopeHeader>, u64) {
    let Some(given) = message.headers() else { return (Vec::new(), 0) };
    let mut lost = 0;
    let mut headers = Vec::with_capacity(given.count());
    for i in 0..given.count() {
        // The client panics on a name that is not UTF-8. Nothing is shared with it that a panic could leave half done.
        match catch_unwind(AssertUnwindSafe(|| given.try_get(i))) {
            Ok(Some(header)) => {
                headers.push(EnvelopeHeader { name: header.key.to_owned(), value: header.value.map(<[u8]>::to_vec) });
            }
            Ok(None) => {}
            Err(_) => lost += 1,
        }
    }
    (headers, lost)
}

fn is_own(name: &str) -> bool {
    name.as_bytes().get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX))
}

/// Returns the payload of a value, and whether it was framed out of it.
fn frame(value: &[u8], format: ValueFormat, limits: &Limits) -> (Payload, bool) {
    if value.len() > limits.record_bytes_max {
        let hash = blake3::hash(value).to_hex();
        let message = format!("value of {} bytes, expected at most {}; BLAKE3 {hash}", value.len(), limits.record_bytes_max);
        return (bad("record_too_large", message, value), false);
    }
    match format {
        ValueFormat::Json => match value {
            [REGISTRY_MAGIC, _, _, _, _, json @ ..] => (frame_registry(json, value), true),
            _ => (Payload::Line(value.to_vec()), false),
        },
        ValueFormat::Html => (Payload::Html(value.to_vec()), false),
        ValueFormat::Warc => (frame_warc(value, limits), true),
    }
}

/// Returns the payload of what a serialiser of Confluent's kind has put behind the number of a
/// schema. No JSON begins with a zero byte.
fn frame_registry(json: &[u8], value: &[u8]) -> Payload {
    if json.trim_ascii_start().first() == Some(&b'{') {
        return Payload::Line(json.to_vec());
    }
    let schema = value[1..5].iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
    let message = format!(
        "a frame of a schema registry, schema {schema}, expected an object of JSON behind it: Avro and Protobuf are not read"
    );
    bad("registry_frame_not_json", message, value)
}

fn frame_warc(value: &[u8], limits: &Limits) -> Payload {
    let mut records = JoinedRecords::new(warc::WarcRecords::new(value, *limits), None);
    // Reading a slice cannot fail.
    let mut next = || records.next_frame().ok().flatten().map(|placed| placed.frame.payload);
    match (next(), next()) {
        (Some(one), None) => one,
        (None, _) => bad("warc_not_one", "no WARC record in the value, expected one".to_owned(), value),
        (Some(_), Some(_)) => bad("warc_not_one", "more than one WARC record in the value, expected one".to_owned(), value),
    }
}

fn bad(code: &'static str, message: String, value: &[u8]) -> Payload {
    let bytes = value[..value.len().min(SNIPPET_BYTES_MAX)].to_vec();
    Payload::Bad(BadRecord { code, message, bytes, length: value.len() as u64, packed: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARC: &[u8] = b"WARC/1.0\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n";

    fn framed(value: &[u8], format: ValueFormat) -> (Payload, bool) {
        frame(value, format, &Limits { record_bytes_max: 10_000, ..Limits::default() })
    }

    fn code(value: &[u8]) -> &'static str {
        match framed(value, ValueFormat::Warc) {
            (Payload::Bad(bad), true) => bad.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_taken_as_they_are() {
        assert_eq!(framed(b"{\n}", ValueFormat::Json), (Payload::Line(b"{\n}".to_vec()), false));
        assert_eq!(framed(b"<p>", ValueFormat::Html), (Payload::Html(b"<p>".to_vec()), false));
        assert_eq!(framed(b"", ValueFormat::Json), (Payload::Line(Vec::new()), false));
        let warc = Payload::Warc { header: warc::header(b"WARC/1.0\r\nContent-Length: 3\r\n".to_vec()), block: b"abc".to_vec() };
        assert_eq!(framed(WARC, ValueFormat::Warc), (warc, true));
    }

    #[test]
    fn json_behind_the_number_of_a_schema_is_read() {
        for json in [&b"{\"text\":\"a\"}"[..], b" {}"] {
            let value = [&[0, 0, 0, 1, 2], json].concat();
            assert_eq!(framed(&value, ValueFormat::Json), (Payload::Line(json.to_vec()), true));
        }
        let (Payload::Bad(bad), true) = framed(b"\0\0\0\x01\x02\x06abc", ValueFormat::Json) else { panic!("not bad") };
        assert_eq!((bad.code, bad.length), ("registry_frame_not_json", 9));
        assert!(bad.message.contains("schema 258"), "{}", bad.message);
        assert_eq!(framed(b"\0\0\0\0", ValueFormat::Json), (Payload::Line(vec![0; 4]), false));
    }

    #[test]
    fn a_record_and_its_text_are_one() {
        let record = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <x:1>\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n";
        let text = b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Refers-To: <x:1>\r\nContent-Length: 1\r\n\r\nt\r\n\r\n";
        let value = [&record[..], text].concat();
        let (Payload::Joined { block, conversion, .. }, true) = framed(&value, ValueFormat::Warc) else { panic!("not joined") };
        assert_eq!((&block[..], &conversion.block[..], conversion.file), (&b"abc"[..], &b"t"[..], None));
        assert_eq!(code(&[&value[..], text].concat()), "warc_not_one");
        assert_eq!(code(&[&text[..], record].concat()), "warc_not_one");
    }

    #[test]
    fn a_value_holds_one_warc_record_or_is_bad() {
        assert_eq!(code(b""), "warc_not_one");
        assert_eq!(code(&[WARC, WARC].concat()), "warc_not_one");
        assert_eq!(code(b"hello"), "warc_bad_header");
        assert_eq!(code(&WARC[..31]), "warc_truncated");
    }

    #[test]
    fn a_value_too_long_keeps_its_beginning_and_a_hash() {
        let value = vec![b'x'; 10_001];
        let (Payload::Bad(bad), false) = framed(&value, ValueFormat::Json) else { panic!("not bad") };
        assert_eq!((bad.code, bad.bytes.len(), bad.length), ("record_too_large", SNIPPET_BYTES_MAX, 10_001));
        assert!(bad.message.contains(blake3::hash(&value).to_hex().as_str()), "{}", bad.message);
        assert!(matches!(framed(&value[1..], ValueFormat::Json), (Payload::Line(_), false)));
    }

    #[test]
    fn our_own_headers_are_known_in_any_case() {
        for (name, own) in
            [("weir-verdict", true), ("Weir-X", true), ("weir-", true), ("weir", false), ("ce_weir-", false), ("", false)]
        {
            assert_eq!(is_own(name), own, "{name}");
        }
    }
}
