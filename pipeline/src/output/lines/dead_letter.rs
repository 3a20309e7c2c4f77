//! What does `dead-letters` say about a record that is no document?

use connectors::source::{Payload, Record};
use data_encoding::HEXLOWER;
use decode::Reject;
use serde::Serialize;

use super::schema::{SCHEMA, to_line};

/// Most bytes of a bad record that its dead letter keeps.
const BYTES_KEPT: usize = 4096;

/// The line of a record that is no document.
#[derive(Clone, Debug, Serialize)]
struct DeadLetterLine<'a> {
    v: u32,
    position: String,
    /// The file that the record lies in, if it is another one than that of the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    byte_offset: u64,
    code: &'static str,
    message: &'a str,
    bytes: String,
    encoding: &'static str,
    length: u64,
    /// Where the damage begins in a packed file that could not be unpacked there, and how long it
    /// is.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_length: Option<u64>,
}

/// Writes the dead letter of a record, which stands at `position`.
pub fn dead_letter(record: &Record, position: String, reject: &Reject) -> Vec<u8> {
    let (bytes, length): (&[u8], u64) = match &record.payload {
        Payload::Line(line) | Payload::Row(line) | Payload::Html(line) => (line, line.len() as u64),
        Payload::Warc { header, .. } | Payload::Arc { header, .. } | Payload::Joined { header, .. } => {
            (header.raw(), record.payload.len() as u64)
        }
        Payload::Bad(bad) => (&bad.bytes, bad.length),
    };
    let bytes = &bytes[..bytes.len().min(BYTES_KEPT)];
    let (bytes, encoding) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(_) => (HEXLOWER.encode(bytes), "hex"),
    };
    let packed = match &record.payload {
        Payload::Bad(bad) => bad.packed,
        _ => None,
    };
    to_line(&DeadLetterLine {
        v: SCHEMA,
        position,
        file: record.file.as_deref(),
        byte_offset: record.byte_offset,
        code: reject.code,
        message: &reject.message,
        bytes,
        encoding,
        length,
        packed_offset: packed.map(|stretch| stretch.offset),
        packed_length: packed.map(|stretch| stretch.length),
    })
}
