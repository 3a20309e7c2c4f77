//! A record becomes a page, or the reason why it is none.
//!
//! [`decode`] reads three kinds of records: JSON lines (`json`) in the schemas in which crawls are
//! published, WARC, ARC and WET records (`archive`), and pages of HTML that a broker delivers
//! (`message`). HTML becomes the text that a trainer would see (`html`). A WARC record and the WET
//! record of the same page become one page.
//!
//! Decoding is pure: no I/O, no clock, no state between records. Every record is decoded alone, so
//! any number of threads may do it. A record that cannot be read is data and no error: it becomes a
//! [`Reject`] with a stable code, which goes to the dead letters, and reading goes on. Decoding
//! does not judge, clean or normalise text.
//!
//! **Cost** one copy of a line and one SIMD pass for JSON; two passes of a tokenizer for HTML.
//! **Limits** [`Options`] and the constants of each decoder bound text, body, id, URL, nesting,
//! values and open elements.

mod archive;
mod base64;
mod body;
mod charset;
mod content_encoding;
mod conversation;
mod decoded;
mod describe;
mod digest;
mod html;
mod http;
mod http_header;
mod json;
mod json_object;
mod limits;
mod message;
mod options;
mod page;
mod record;
mod schema;
pub mod table;
mod time;

pub use self::{
    decoded::{Decoded, RecordName, Reject, WithoutText},
    describe::{Description, describe},
    digest::DigestMismatch,
    html::Keep,
    limits::{ID_BYTES_MAX, URL_BYTES_MAX},
    options::{Fields, Options},
    page::{Form, OmittedText, Page, Provenance, clean_json},
    record::{decode, name_of},
    schema::columns,
};

#[cfg(test)]
mod tests;
