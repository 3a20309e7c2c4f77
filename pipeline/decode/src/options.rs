//! How are records read? The options of decoding, and the paths of fields in JSON lines.

use serde::{Deserialize, Serialize};

use super::html::Keep;

/// The options of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the fields of JSON lines are, if they are in none of the known schemas.
    pub fields: Fields,
    /// Longest text of a page, in bytes. Default 4 MiB, which is a book: anything longer is a dump,
    /// and no document for a trainer.
    pub text_bytes_max: usize,
    /// Longest HTTP body after its content encodings are undone, in bytes. Default 16 MiB, as for a
    /// record on disk.
    pub body_bytes_max: usize,
    /// Whether the bytes of an archive are compared with the digests that it states.
    pub check_digests: bool,
    /// Which lines of an HTML page become its text.
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

/// `[input.fields]`: paths of fields in JSON lines, such as `data.content.text`; each one given
/// wins over what the schema says.
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
    /// In which language the page is: a code of ISO 639, or a tag that begins with one. *(verdict)*
    pub language: Option<String>,
    /// Who contributed the page: its publisher, whatever its address. *(verdict)*
    pub contributor: Option<String>,
}
