//! What can a record turn out to be, and what is it called?

use super::page::Page;

/// The result of decoding a record.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly every record is a page; a box would cost an allocation each
pub enum Decoded {
    /// A document with text.
    Page(Page),
    /// A sound record that has no text.
    WithoutText(WithoutText),
    /// A record that cannot be read.
    Reject(Reject),
}

/// A sound record that has no text by its nature. It is counted, and no decision is made about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutText {
    /// Where it was fetched, if stated.
    pub url: Option<String>,
    /// The stable reason, such as `revisit` or `non_html`: a metric label.
    pub why: &'static str,
}

/// A record that cannot be read. It becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Stable code, such as `json_invalid`: a metric label.
    pub code: &'static str,
    /// What was found and what was expected.
    pub message: String,
}

impl Reject {
    /// Makes a reject.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Reject> for Decoded {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// What a record is called, as far as that can be known without reading its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordName {
    /// Where it was fetched.
    pub url: Option<String>,
    /// The id that its source gave it.
    pub id: Option<String>,
}
