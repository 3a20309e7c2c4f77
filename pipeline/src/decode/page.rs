//! What a page is once it is decoded, and its JSON line where the input had none.
//!
//! A page from a JSON line leaves as the very bytes it came in; only a page from an archive needs a line of its own.

use serde::Serialize;

use super::time;

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
    /// Which schema it was read by: `fineweb`, `dolma`, `redpajama`, `scrapy_cluster`, `plain`, `fields`, `warc` or `wet`.
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
    /// Why the archive holds only a part of the page: `WARC-Truncated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// Payload digest as stated; never checked, never trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
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
