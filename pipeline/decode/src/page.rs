//! What is a page once it is decoded, and how is it written where the input had no line for it?
//!
//! A page from a JSON line leaves as the bytes in which it came. Only a page from an archive needs
//! a JSON line of its own.

use serde::Serialize;

use super::{digest::DigestMismatch, time};

/// Longest value in [`Provenance`], in bytes. These facts are for people, and are no payload.
const FACT_BYTES_MAX: usize = 256;

/// A document with text.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The id that its source gave it.
    pub id: Option<String>,
    /// Where it was fetched.
    pub url: Option<String>,
    /// Its text, as a trainer would see it.
    pub text: String,
    /// When it was fetched, in seconds since 1970 (UTC).
    pub time: Option<i64>,
    /// The class or source with which it is labelled.
    pub label: Option<String>,
    /// Who contributed it, if its source says so. The contributor is its publisher.
    pub contributor: Option<String>,
    /// The facts that its source states.
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

/// Where a page comes from, as its source states it. Empty facts are left out, and long ones are
/// cut to 256 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The schema by which it was read: `fineweb`, `dolma`, `redpajama`, `scrapy_cluster`, `plain`,
    /// `fields`, `html`, `warc`, `wet` or `arc`.
    pub schema: &'static str,
    /// The archive file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The charset in which its bytes were read, by its WHATWG name.
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
    /// `WARC-Refers-To`: the id by which a WET record is joined with its WARC record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<String>,
    /// `WARC-Record-ID` of the WET record that was joined to it, from which the text comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wet_record_id: Option<String>,
    /// Why the archive holds only a part of the page: `WARC-Truncated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// The digest of the payload as stated, or else that of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The stated digest that the bytes of the record do not have: `block` or `payload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_differs: Option<DigestMismatch>,
    /// The dump or data set in which it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The language as stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The time of fetching as stated, whether or not it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<String>,
    /// Bytes of text that a browser would not show. They are no part of the text, and are evidence.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden_bytes: usize,
    /// Bytes of boilerplate, which is no part of the text.
    #[serde(rename = "around_bytes", skip_serializing_if = "is_zero")]
    pub boilerplate_bytes: usize,
    /// What robots may do with the page: `X-Robots-Tag` and `<meta name=robots>`, at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub robots: Vec<String>,
    /// Licences that it names or links to, at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<String>,
    /// The program that made the page: `<meta name=generator>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// Ids of analytics and advertising accounts in its source, at most 8. Pages that share one
    /// have the same owner, or claim to have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub analytics: Vec<String>,
    /// Who fetched it: a user agent, or the id of the record that names it (`WARC-Warcinfo-ID`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawler: Option<String>,
    /// Text of the page that is no part of its text.
    #[serde(skip)]
    pub omitted: OmittedText,
}

/// Text of a page that is no part of its text. Operators look at it, and it is never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OmittedText {
    /// The text that is not rendered.
    pub not_rendered: String,
    /// The text that is visually hidden: it is rendered so that nobody sees it.
    pub visually_hidden: String,
    /// The boilerplate: text that is shown and is no main content.
    pub boilerplate: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands over references
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Returns a fact for [`Provenance`]: trimmed and cut to its limit; `None` if it is empty.
pub(super) fn fact(value: &str) -> Option<String> {
    let value = value.trim();
    let end = (0..=value.len().min(FACT_BYTES_MAX)).rev().find(|&end| value.is_char_boundary(end))?;
    (end > 0).then(|| value[..end].to_owned())
}

/// The line of [`clean_json`].
#[derive(Serialize)]
struct CleanLine<'a> {
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

/// Returns a page with this text as a JSON line, without its line break. The clean corpus holds
/// pages of archives in this form.
///
/// # Panics
/// Never, since strings and integers always serialise.
pub fn clean_json(page: &Page, text: &str) -> Vec<u8> {
    let line = CleanLine {
        v: 1,
        id: page.id.as_deref(),
        url: page.url.as_deref(),
        fetched_at: page.time.map(time::format),
        text,
        provenance: &page.provenance,
    };
    serde_json::to_vec(&line).expect("strings and integers always serialise")
}
