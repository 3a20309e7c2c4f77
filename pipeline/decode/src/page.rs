//! What a page is once it is decoded, and its JSON line where the input had none.
//!
//! A page from a JSON line leaves as the very bytes it came in; only a page from an archive needs a line of its own.

use serde::Serialize;

use super::{digest::DigestMismatch, time};

/// Longest value kept in [`Provenance`], in bytes: facts for people, not payload.
const FACT_BYTES_MAX: usize = 256;

/// A document with text.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The id its source gave it.
    pub id: Option<String>,
    /// Where it was fetched.
    pub url: Option<String>,
    /// Its text, as a trainer would see it.
    pub text: String,
    /// When it was fetched, in seconds since 1970 (UTC).
    pub time: Option<i64>,
    /// The class or source it is marked with.
    pub label: Option<String>,
    /// Who contributed it, if its source says so: its publisher.
    pub contributor: Option<String>,
    /// Where text, charset and the rest come from.
    pub provenance: Provenance,
    /// How it is written out.
    pub form: Form,
}

/// How a page is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the bytes of its input line.
    Verbatim,
    /// As the line of [`clean_json`].
    Archive,
}

/// Where a page comes from, as its source states it. Empty facts are left out; long ones are cut to 256 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Which schema it was read by: `fineweb`, `dolma`, `redpajama`, `scrapy_cluster`, `plain`, `fields`, `html`, `warc`, `wet` or `arc`.
    pub schema: &'static str,
    /// The archive file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The encoding its bytes were read in, by its WHATWG name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<&'static str>,
    /// Media type as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `WARC-Record-ID` without its angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warc_record_id: Option<String>,
    /// `WARC-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warc_type: Option<String>,
    /// `WARC-Refers-To`: what joins a WET record with its WARC record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<String>,
    /// `WARC-Record-ID` of the WET record that was joined to it: the text is of that record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wet_record_id: Option<String>,
    /// Why the archive holds only a part of the page: `WARC-Truncated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// Payload digest as stated, else that of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Which stated digest the record's bytes do not have: `block` or `payload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_differs: Option<DigestMismatch>,
    /// Dump or data set it was published in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Language as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Time of fetching as stated, whether or not it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<String>,
    /// Bytes of text a browser would not show: kept out of the text, and evidence.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden_bytes: usize,
    /// Bytes of text shown around the page's matter, and kept out of the text.
    #[serde(skip_serializing_if = "is_zero")]
    pub around_bytes: usize,
    /// What robots may do with it: `X-Robots-Tag` and `<meta name=robots>`, at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub robots: Vec<String>,
    /// Licences that it names or links to, at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<String>,
    /// What made it: `<meta name=generator>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// Ids of analytics and advertising accounts in its source, at most 8: pages that share one have the same owner, or say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub analytics: Vec<String>,
    /// Who fetched it, or the record that says so: a user agent, or `WARC-Warcinfo-ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawler: Option<String>,
    /// Text of the page that is not in its text.
    #[serde(skip)]
    pub apart: Apart,
}

/// Text of a page that is not in its text: operators look at it, and it is never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// What is not rendered.
    pub hidden: String,
    /// What is rendered so that nobody sees it.
    pub disguised: String,
    /// What is shown around the page's matter.
    pub around: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over references
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A fact for [`Provenance`]: trimmed, cut to its limit, `None` if empty.
pub(super) fn fact(value: &str) -> Option<String> {
    let value = value.trim();
    let end = (0..=value.len().min(FACT_BYTES_MAX)).rev().find(|&end| value.is_char_boundary(end))?;
    (end > 0).then(|| value[..end].to_owned())
}

/// The line of [`clean_json`].
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched_at: Option<String>,
    text: &'a str,
    provenance: &'a Provenance,
}

/// A page as a JSON line, without its line break: what the clean corpus holds of an archive's page.
///
/// # Panics
/// Never: strings and integers always serialise.
pub fn clean_json(page: &Page) -> Vec<u8> {
    let line = Line {
        v: 1,
        id: page.id.as_deref(),
        url: page.url.as_deref(),
        fetched_at: page.time.map(time::format),
        text: &page.text,
        provenance: &page.provenance,
    };
    serde_json::to_vec(&line).expect("strings and integers always serialise")
}
