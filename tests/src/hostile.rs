//! The promises of every parser, as functions that take hostile bytes and panic where a promise is
//! broken.
//!
//! The fuzz targets (`tests/fuzz`) and the plain tests (`tests/it/hostile.rs`) call the same
//! functions.
//!
//! Every parser promises not to panic, to end, and to stay within its memory limits. Archives
//! promise the same records when they are read again, in other batches, or from the middle on.
//! Pages promise texts, ids and addresses within their limits. Saved state promises that what loads
//! is what was saved, byte for byte. Tokens promise to lie in their text, in order.

mod archives;
mod pages;
mod saved;
mod texts;

/// A parser under attack.
pub type Target = fn(&[u8]);

/// All parsers, by the names of their fuzz targets.
pub const TARGETS: [(&str, Target); 14] = [
    ("warc", archives::warc),
    ("arc", archives::arc),
    ("gzip", archives::gzip),
    ("wacz", archives::wacz),
    ("pair", archives::pair),
    ("jsonl", archives::jsonl),
    ("parquet", archives::parquet),
    ("http", pages::http),
    ("json", pages::json),
    ("html", pages::html),
    ("config", saved::config),
    ("snapshot", saved::snapshot),
    ("background", saved::background),
    ("text", texts::text),
];

/// Returns the target of this name.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    TARGETS.iter().find(|t| t.0 == name).unwrap_or_else(|| panic!("no target is called {name}")).1
}
