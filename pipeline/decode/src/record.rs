//! Which decoder reads a record, and what is the record called?

use connectors::source::{Payload, Record};

use super::{
    archive,
    decoded::{Decoded, RecordName, Reject},
    json, message,
    options::Options,
};

/// Decodes one record. `partition_name` is the file or topic in which it lies.
pub fn decode(record: &Record, partition_name: &str, options: &Options) -> Decoded {
    let file = record.file.as_deref().unwrap_or(partition_name);
    match &record.payload {
        Payload::Line(line) | Payload::Row(line) => json::decode(line, options),
        Payload::Warc { header, block } => archive::decode(header, block, file, options),
        Payload::Arc { header, block } => archive::decode_arc(header, block, file, options),
        Payload::Joined { header, block, conversion } => archive::decode_joined(header, block, conversion, file, options),
        Payload::Html(page) => message::decode(page, record.envelope.as_deref(), file, options),
        Payload::Bad(bad) => Reject::new(bad.code, bad.message.clone()).into(),
    }
}

/// Returns what a record is called; nothing if it cannot be read.
pub fn name_of(record: &Record, options: &Options) -> RecordName {
    match &record.payload {
        Payload::Line(line) | Payload::Row(line) => match json::decode(line, options) {
            Decoded::Page(page) => RecordName { url: page.url, id: page.id },
            Decoded::WithoutText(without) => RecordName { url: without.url, id: None },
            Decoded::Reject(_) => RecordName::default(),
        },
        Payload::Warc { header, .. } | Payload::Joined { header, .. } | Payload::Arc { header, .. } => archive::name(header),
        Payload::Html(_) | Payload::Bad(_) => RecordName::default(),
    }
}
