//! What does an operator report about a document? A finding: a reason, a score, and evidence for
//! people.

use std::{fmt, sync::Arc};

/// How sure an operator is that a document is bad, from 0 to 1. An operator's own threshold is at
/// 0.5.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(f32);

impl Score {
    /// Certainty.
    pub const ONE: Self = Self(1.0);

    /// Makes a score of a number, which is clamped to 0 to 1; NaN becomes 0.
    #[must_use]
    pub fn new(score: f64) -> Self {
        Self(if score.is_nan() { 0.0 } else { score.clamp(0.0, 1.0) as f32 })
    }

    /// The number, from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0)
    }
}

/// Why a document is withheld or held back. The list is closed, and the names are part of the
/// output contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The document has the same normalised text as an earlier clean one.
    ExactDuplicate,
    /// The document has nearly the same text as an earlier clean one.
    NearDuplicate,
    /// The document carries a whole sentence or line that spikes across publishers.
    SentenceSpike,
    /// The document carries a phrase at the edge of a sentence or line that spikes.
    EdgeSpike,
    /// The document carries a phrase that spikes inside sentences which are different on every
    /// page.
    InsertionSpike,
    /// The document carries a phrase that stands all over one site which the background does not
    /// know.
    SingleSiteSpike,
    /// The text holds characters of the Unicode tag block.
    TagCharacters,
    /// The text holds a run of invisible characters.
    InvisibleRun,
    /// The text holds an invisible character inside a word.
    ZeroWidthInWord,
    /// The text holds variation selectors where no glyph varies.
    VariationSelectors,
    /// The text holds bidirectional controls inside a word.
    BidiInWord,
    /// The text holds words that mix look-alike letters of several scripts.
    MixedScriptWords,
    /// The page renders prose in such a way that nobody sees it.
    DisguisedText,
    /// The page holds prose that it does not render.
    HiddenText,
    /// The words stand in an order that the background's language does not know.
    Gibberish,
    /// The publisher is on the user's deny list.
    DeniedPublisher,
    /// The publisher has a bad record.
    PoorReputation,
    /// The bytes of its record do not have the digest that the archive states.
    DigestMismatch,
    /// An operator failed on this document, so it is withheld to be safe.
    OperatorFailed,
}

impl Reason {
    /// All reasons, in the order of their definition.
    pub const ALL: [Self; 19] = [
        Self::ExactDuplicate,
        Self::NearDuplicate,
        Self::SentenceSpike,
        Self::EdgeSpike,
        Self::InsertionSpike,
        Self::SingleSiteSpike,
        Self::TagCharacters,
        Self::InvisibleRun,
        Self::ZeroWidthInWord,
        Self::VariationSelectors,
        Self::BidiInWord,
        Self::MixedScriptWords,
        Self::DisguisedText,
        Self::HiddenText,
        Self::Gibberish,
        Self::DeniedPublisher,
        Self::PoorReputation,
        Self::DigestMismatch,
        Self::OperatorFailed,
    ];

    /// The stable name, as written in decisions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExactDuplicate => "exact_duplicate",
            Self::NearDuplicate => "near_duplicate",
            Self::SentenceSpike => "sentence_spike",
            Self::EdgeSpike => "edge_spike",
            Self::InsertionSpike => "insertion_spike",
            Self::SingleSiteSpike => "single_site_spike",
            Self::TagCharacters => "tag_characters",
            Self::InvisibleRun => "invisible_run",
            Self::ZeroWidthInWord => "zero_width_in_word",
            Self::VariationSelectors => "variation_selectors",
            Self::BidiInWord => "bidi_in_word",
            Self::MixedScriptWords => "mixed_script_words",
            Self::DisguisedText => "disguised_text",
            Self::HiddenText => "hidden_text",
            Self::Gibberish => "gibberish",
            Self::DeniedPublisher => "denied_unit",
            Self::PoorReputation => "poor_reputation",
            Self::DigestMismatch => "digest_mismatch",
            Self::OperatorFailed => "operator_failed",
        }
    }

    /// Whether the reason says that the document is a copy, and not that it is suspicious.
    #[must_use]
    pub fn is_copy(self) -> bool {
        matches!(self, Self::ExactDuplicate | Self::NearDuplicate)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one operator reports about one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The operator's name, which is also its key in the configuration.
    pub operator: &'static str,
    /// What was found.
    pub reason: Reason,
    /// How sure the operator is.
    pub score: Score,
    /// What was seen, for people and for `weir explain`.
    pub evidence: Evidence,
}

impl Finding {
    /// Makes a finding without evidence.
    #[must_use]
    pub fn new(operator: &'static str, reason: Reason, score: Score) -> Self {
        Self { operator, reason, score, evidence: Evidence::default() }
    }
}

/// The evidence behind a finding. All of it is bounded, and empty fields are left out of the
/// output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The earlier document that this one is a copy of.
    pub matched: Option<crate::document::SeqNo>,
    /// The alarm this document is a carrier of.
    pub alarm: Option<u32>,
    /// The phrase in the form in which it is compared, at most 400 bytes.
    pub phrase: Option<String>,
    /// Where it stands in the document's text, in bytes; at most 16 ranges.
    pub spans: Vec<(u32, u32)>,
    /// What was counted or measured.
    pub observed: Option<f64>,
    /// What would be ordinary, counted or measured alike.
    pub expected: Option<f64>,
    /// The entry of a user's list that it stands on.
    pub rule: Option<Box<ListRule>>,
}

/// An entry of a user's list that decided something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRule {
    /// The file that has it.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
    /// The publisher, host or domain that it names.
    pub entry: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_listed_in_order() {
        let (_, after) = include_str!("finding.rs").split_once("pub enum Reason {").expect("the definition");
        let (definition, _) = after.split_once("\n}").expect("its end");
        let variants = definition.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','));
        let defined: Vec<&str> = variants.filter(|name| name.chars().all(char::is_alphanumeric)).collect();
        let listed: Vec<String> = Reason::ALL.iter().map(|reason| format!("{reason:?}")).collect();
        assert_eq!(listed, defined);
    }
}
