//! Of which languages does a background say nothing? What it knows of one language is no evidence
//! about another, so documents of such a language are judged by the stream alone.

use std::fmt;

use super::Background;
use crate::text::Language;

/// Documents of a language from which on it can be judged by.
pub const LANGUAGE_DOCUMENTS_MIN: u32 = 40;

/// Why a background says nothing about documents of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It has no document of the language.
    Absent,
    /// It has fewer than [`LANGUAGE_DOCUMENTS_MIN`].
    Thin,
}

impl Silence {
    /// The name of this case in decisions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "language not in background",
            Self::Thin => "language thin in background",
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Background {
    /// Why it says nothing about documents of a language, if it does not. Of text whose language is
    /// not known nothing can be said.
    #[must_use]
    pub fn silence(&self, language: Language) -> Option<Silence> {
        match self.documents_of(language) {
            _ if !language.is_known() => None,
            0 => Some(Silence::Absent),
            n if n < LANGUAGE_DOCUMENTS_MIN => Some(Silence::Thin),
            _ => None,
        }
    }
}
