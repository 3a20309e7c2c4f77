//! What does the record of an archive state about itself, whether it has text or not?

use connectors::source::{ArchiveHeader, Payload, Record};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha1::{Digest, Sha1};

use super::{archive::bare, http::archived_body, page::fact};

/// Header fields and measures of a record. Values are cut to 256 bytes, except for the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// `warc` or `arc`.
    pub format: &'static str,
    /// `WARC-Type`, or what it would be for an ARC record.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub record_type: Option<String>,
    /// `WARC-Record-ID`, without angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `WARC-Target-URI`, without angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `WARC-Date`, as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// `WARC-Refers-To`: the record from which a conversion was made, or which a revisit found
    /// again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<String>,
    /// `WARC-Record-ID` of the conversion that is joined to the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wet_record_id: Option<String>,
    /// `WARC-Refers-To-Target-URI` of a revisit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to_url: Option<String>,
    /// `WARC-Refers-To-Date` of a revisit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to_date: Option<String>,
    /// `WARC-Truncated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// `WARC-Block-Digest`, as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_digest: Option<String>,
    /// `WARC-Payload-Digest`, as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_digest: Option<String>,
    /// Length of the block.
    pub block_bytes: usize,
    /// SHA-1 of the block, in hexadecimal digits.
    pub block_sha1: String,
    /// Length of the body as it was sent, if the block is an HTTP response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<usize>,
    /// SHA-1 of the body as it was sent, in hexadecimal digits, if the block is an HTTP response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_sha1: Option<String>,
}

/// Describes a record of an archive; `None` if it is something else.
#[must_use]
pub fn describe(record: &Record) -> Option<Description> {
    match &record.payload {
        Payload::Warc { header, block } => Some(of_header("warc", header, block)),
        Payload::Joined { header, block, conversion } => {
            let id = conversion.header.get("WARC-Record-ID").map(bare).and_then(fact);
            Some(Description { wet_record_id: id, ..of_header("warc", header, block) })
        }
        Payload::Arc { header, block } => Some(of_header("arc", header, block)),
        Payload::Line(_) | Payload::Row(_) | Payload::Html(_) | Payload::Bad(_) => None,
    }
}

/// Describes a record by its header and its block.
fn of_header(format: &'static str, header: &ArchiveHeader, block: &[u8]) -> Description {
    let stated = |name: &str| header.get(name).map(bare).and_then(fact);
    let body = archived_body(block);
    Description {
        format,
        record_type: stated("WARC-Type"),
        id: stated("WARC-Record-ID"),
        url: header.get("WARC-Target-URI").map(bare).map(str::to_owned),
        date: stated("WARC-Date"),
        refers_to: stated("WARC-Refers-To"),
        wet_record_id: None,
        refers_to_url: stated("WARC-Refers-To-Target-URI"),
        refers_to_date: stated("WARC-Refers-To-Date"),
        truncated: stated("WARC-Truncated"),
        block_digest: stated("WARC-Block-Digest"),
        payload_digest: stated("WARC-Payload-Digest"),
        block_bytes: block.len(),
        block_sha1: HEXLOWER.encode(&Sha1::digest(block)),
        payload_bytes: body.map(<[u8]>::len),
        payload_sha1: body.map(|body| HEXLOWER.encode(&Sha1::digest(body))),
    }
}
