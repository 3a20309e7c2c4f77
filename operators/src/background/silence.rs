//! Of which languages does a background say nothing? What it knows of one language is no evidence
//! about another, so documents of such a language are judged by the stream alone.

use super::Background;
use crate::{text::Language, usage::LANGUAGE_DOCUMENTS_MIN};

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

impl Background {
    /// Why it says nothing about documents of a language, if it does not. Of text whose language is
    /// not known nothing can be said.
    #[must_use]
    pub fn silence(&self, language: Language) -> Option<Silence> {
        match self.documents_of(language) {
            _ if !language.is_known() => None,
            0 => Some(Silence::Absent),
            n if (n as usize) < LANGUAGE_DOCUMENTS_MIN => Some(Silence::Thin),
            _ => None,
        }
    }
}
