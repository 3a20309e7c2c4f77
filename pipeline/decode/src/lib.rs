//! A record becomes a page, or the reason why it is none.
//!
//! Pure: no I/O, no clock, no state between records; every record is decoded alone, so any number of threads may do it.
//! What cannot be read is data, not an error: a [`Reject`] with a stable code goes to the dead letters and reading goes on.
//!
//! **Reads** JSON lines (`json`) in the schemas crawl archives are published in, and WARC and WET records (`archive`),
//! whose HTML becomes the text a trainer would see (`html`), and both of a page as one. **Does not** judge, clean or normalise text.
//!
//! **Cost** one copy of the line and one SIMD pass for JSON; two of a tokenizer for HTML.
//! **Limits** [`Options`] and the constants beside each decoder: text, body, id, URL, nesting, values and open elements.

mod archive;
mod base64;
mod body;
mod charset;
mod conversation;
mod describe;
mod digest;
mod header;
mod html;
mod http;
mod json;
mod message;
mod page;
mod schema;
pub mod table;
mod time;

use connectors::{
    framing::arc,
    source::{Payload, Record},
};
use serde::{Deserialize, Serialize};

pub use schema::columns;

pub use describe::{Description, describe};
pub use digest::DigestMismatch;
pub use html::Keep;
pub use page::{Apart, Form, Page, Provenance, clean_json};

/// Longest id, in bytes. Ids are kept in memory for every document, so they must be short.
pub const ID_BYTES_MAX: usize = 1 << 10;

/// Longest URL, in bytes: what servers and crawlers accept at most.
pub const URL_BYTES_MAX: usize = 8 << 10;

/// How to read records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the fields of JSON lines are, if they are in none of the known schemas.
    pub fields: Fields,
    /// Longest text of a page, in bytes. Default 4 MiB: a book; more is a dump, and no trainer's document.
    pub text_bytes_max: usize,
    /// Longest HTTP body after its content encodings are undone, in bytes. Default 16 MiB, as for a record on disk.
    pub body_bytes_max: usize,
    /// Whether an archive's bytes are compared with the digests it states.
    pub check_digests: bool,
    /// Which lines of an HTML page make its text.
    pub html: Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            text_bytes_max: 4 << 20,
            body_bytes_max: 16 << 20,
            check_digests: true,
            html: Keep::default(),
        }
    }
}

/// `[input.fields]`: paths of fields in JSON lines, such as `data.content.text`; each one given wins over what the schema says.
///
/// A key that is the whole path is looked for first, so keys that contain dots can be named too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The page's text. *(verdict)*
    pub text: Option<String>,
    /// The page's id: a string or an integer.
    pub id: Option<String>,
    /// Where the page was fetched. *(verdict)*
    pub url: Option<String>,
    /// When the page was fetched. *(verdict)*
    pub time: Option<String>,
    /// A class or source the page is marked with.
    pub label: Option<String>,
    /// Who contributed the page: its publisher, whatever its address. *(verdict)*
    pub contributor: Option<String>,
}

/// What a record turned out to be.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly every record is a page; a box would cost an allocation each
pub enum Decoded {
    /// A document with text.
    Page(Page),
    /// A sound record that has no text by its nature.
    WithoutText(WithoutText),
    /// A record that cannot be read.
    Reject(Reject),
}

/// A sound record that has no text by its nature: counted, and no decision is made about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutText {
    /// Where it was fetched, if stated.
    pub url: Option<String>,
    /// Stable reason, such as `revisit` or `non_html`: a metric label.
    pub why: &'static str,
}

/// A record that cannot be read: it goes to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Stable code, such as `json_invalid`: a metric label.
    pub code: &'static str,
    /// What was got and what was expected.
    pub message: String,
}

impl Reject {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Reject> for Decoded {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// Decodes one record of the partition (file or topic) of this name.
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

/// What a record is called, as far as that can be had without reading its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Where it was fetched.
    pub url: Option<String>,
    /// The id its source gave it.
    pub id: Option<String>,
}

/// What a record is called; nothing if it cannot be read.
pub fn name_of(record: &Record, options: &Options) -> Name {
    match &record.payload {
        Payload::Line(line) | Payload::Row(line) => match json::decode(line, options) {
            Decoded::Page(page) => Name { url: page.url, id: page.id },
            Decoded::WithoutText(without) => Name { url: without.url, id: None },
            Decoded::Reject(_) => Name::default(),
        },
        Payload::Warc { header, .. } | Payload::Joined { header, .. } => archive::name(header),
        Payload::Arc { header, block } => archive::name(&arc::as_warc(header, block.len())),
        Payload::Html(_) | Payload::Bad(_) => Name::default(),
    }
}

/// The URL, or why it cannot be one.
fn checked_url(url: Option<&str>) -> Result<Option<String>, Reject> {
    match url.map(str::trim).filter(|url| !url.is_empty()) {
        Some(url) if url.len() > URL_BYTES_MAX => {
            Err(Reject::new("url_too_long", format!("got a url of {} bytes, expected at most {URL_BYTES_MAX}", url.len())))
        }
        url => Ok(url.map(str::to_owned)),
    }
}

/// The id, or why it cannot be one.
fn checked_id(id: Option<String>) -> Result<Option<String>, Reject> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.len() > ID_BYTES_MAX => {
            Err(Reject::new("id_too_long", format!("got an id of {} bytes, expected at most {ID_BYTES_MAX}", id.len())))
        }
        id => Ok(id),
    }
}

/// Whether a text of this many bytes may become a page.
fn check_text_len(bytes: usize, options: &Options) -> Result<(), Reject> {
    if bytes > options.text_bytes_max {
        let limit = options.text_bytes_max;
        return Err(Reject::new("text_too_large", format!("got a text of {bytes} bytes, expected at most {limit}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
