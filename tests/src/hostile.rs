//! What may no bytes do? One function a parser: it reads the bytes as hostile input and panics where a promise is broken.
//! The fuzz targets (`tests/fuzz`) and the plain tests (`tests/it/hostile.rs`) call the same functions.
//!
//! Promised of everything: no panic, an end, memory within the limits. Of archives: the same records when read again,
//! in other batches, or from the middle on. Of pages: text, ids and URLs within their limits. Of saved state: what loads is
//! what was saved, byte for byte.

mod archives;
mod pages;
mod saved;

/// A parser under attack.
pub type Target = fn(&[u8]);

/// All of them, by the names of their fuzz targets.
pub const TARGETS: [(&str, Target); 13] = [
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
];

/// The target of a name.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    TARGETS.iter().find(|t| t.0 == name).unwrap_or_else(|| panic!("no target is called {name}")).1
}
