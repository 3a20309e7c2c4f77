//! In which language is a text?
//!
//! A record of a public corpus often says so ([`Language::parse`]). Else the text tells
//! ([`Language::of`]): its script, where only one language is commonly written in it (Thai, Greek,
//! Hangul), and a detector of letter trigrams where there are many (Latin, Cyrillic, Arabic,
//! Devanagari, Hebrew). What the detector is not sure of is no language, but still of a script.
//!
//! | file | question |
//! |---|---|
//! | `label` | What is a language, and by which labels is it known? |
//! | `detect` | In which language is a text written? |
//! | `table` | Which languages are told apart? |

mod detect;
mod label;
mod table;

pub use label::Language;
