//! What an operator reports about a document.

use std::fmt;

/// A score in `[0, 1]`: how sure the operator is that the document is bad. 0.5 is an operator's own threshold.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Score(f32);

impl Score {
    /// Certain.
    pub const ONE: Self = Self(1.0);

    /// Clamps to `[0, 1]`; NaN becomes 0.
    #[must_use]
    pub fn new(score: f64) -> Self {
        Self(if score.is_nan() { 0.0 } else { score.clamp(0.0, 1.0) as f32 })
    }

    /// The number, in `[0, 1]`.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0)
    }
}

/// Stable, closed list of reasons; the string is part of the output contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Same normalised text as an earlier clean document.
    ExactDuplicate,
    /// Nearly the same text as an earlier clean document.
    NearDuplicate,
    /// Carries a whole sentence or line that spikes across publishers.
    SentenceSpike,
    /// Carries a phrase, at the edge of a sentence or line, that spikes.
    EdgeSpike,
    /// Carries a phrase, inside ever different sentences, that spikes.
    InsertionSpike,
    /// Carries a phrase that stands all over one unseen site.
    SingleSiteSpike,
    /// Characters of the Unicode tag block.
    TagCharacters,
    /// A run of invisible characters.
    InvisibleRun,
    /// An invisible character inside a word.
    ZeroWidthInWord,
    /// Variation selectors where no glyph varies.
    VariationSelectors,
    /// Bidirectional controls inside a word.
    BidiInWord,
    /// Words mixing look-alike letters of several scripts.
    MixedScriptWords,
    /// Prose that a page renders so that nobody sees it.
    DisguisedText,
    /// Prose that a page does not render.
    HiddenText,
    /// Words in no order that the background's language knows.
    Gibberish,
    /// The publisher is on the user's deny list.
    DeniedPublisher,
    /// The publisher has a bad record.
    PoorReputation,
    /// The bytes of its record do not have the digest that the archive states.
    DigestMismatch,
    /// An operator failed on this document; it is withheld to be safe.
    OperatorFailed,
}

impl Reason {
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

    /// Whether the finding says "this is a copy" and not "this is suspicious".
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

/// One operator's report on one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the operator, also its config key.
    pub operator: &'static str,
    /// What was found.
    pub reason: Reason,
    /// How sure.
    pub score: Score,
    /// What was seen, for people and for `weir explain`.
    pub evidence: Evidence,
}

impl Finding {
    /// A finding without further evidence.
    #[must_use]
    pub fn new(operator: &'static str, reason: Reason, score: Score) -> Self {
        Self { operator, reason, score, evidence: Evidence::default() }
    }
}

/// Evidence behind a finding. Everything is bounded; empty fields are left out of the output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The earlier document that this one copies.
    pub matched: Option<crate::document::SeqNo>,
    /// The alarm this document is a carrier of.
    pub alarm: Option<u32>,
    /// The phrase in matching form, at most 400 bytes.
    pub phrase: Option<String>,
    /// Byte ranges in the document's text, at most 16.
    pub spans: Vec<(u32, u32)>,
    /// What was counted or measured.
    pub observed: Option<f64>,
    /// What would be ordinary, in the same unit.
    pub expected: Option<f64>,
}
