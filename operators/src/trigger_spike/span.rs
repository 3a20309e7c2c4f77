//! What was found out about the spans of the document under judgement, each thing once: all n-grams of a sentence that is
//! planted whole are due together, and lead to the same span of the same texts.

use super::{
    inspect::SPAN,
    judge::Member,
    score::{Evidence, Surroundings},
};
use crate::text::{Seed, hash::mix};

/// Where a span is kept among those of its document.
pub(super) type Index = usize;

/// A span, what surrounds it, and what was asked of it since.
pub(super) struct Span {
    carriers: u64,
    /// First token in this document, and the one after the last.
    first: usize,
    end: usize,
    /// Nothing but the texts ended it on either side.
    is_whole: bool,
    surroundings: Surroundings,
    /// Log-likelihood ratio of the cuts and their number.
    pub(super) scars: Option<(f64, f64)>,
    pub(super) wider_use: Option<f64>,
    pub(super) is_template: Option<bool>,
    /// For which count it was asked, and the answer.
    pub(super) is_wider: Option<(f64, bool)>,
}

impl Span {
    /// The span that an n-gram with these carriers leads to.
    pub(super) fn new(carriers: u64, evidence: &Evidence, surroundings: Surroundings) -> Self {
        let left = surroundings.left;
        let (first, right) = (evidence.place.saturating_sub(left), surroundings.length.saturating_sub(left + evidence.len));
        Self {
            carriers,
            first,
            end: first + surroundings.length,
            is_whole: left <= evidence.place && left < SPAN && right < SPAN && !surroundings.is_cut,
            surroundings,
            scars: None,
            wider_use: None,
            is_template: None,
            is_wider: None,
        }
    }

    /// Whether another n-gram with these carriers leads here: it is a part, and the walk to both ends is not too long.
    pub(super) fn is_reached(&self, carriers: u64, evidence: &Evidence) -> bool {
        let end = evidence.place + evidence.len;
        self.is_whole
            && self.carriers == carriers
            && (self.first..=self.first + SPAN).contains(&evidence.place)
            && (end..=end + SPAN).contains(&self.end)
    }

    /// What surrounds it, as seen from one of its n-grams.
    pub(super) fn surroundings(&self, evidence: &Evidence) -> Surroundings {
        Surroundings { left: evidence.place.saturating_sub(self.first), ..self.surroundings }
    }
}

/// Names the carriers of an n-gram and where it stands in them, from where it stands in this document: equal for two n-grams
/// that stand beside each other in each of their carriers.
pub(super) fn carriers(seed: Seed, evidence: &Evidence, members: &[Member]) -> u64 {
    let shift = |m: &Member| u32::from(m.carrier.place).wrapping_sub(evidence.place as u32);
    members.iter().fold(mix(seed.0), |hash, m| mix(hash ^ (u64::from(m.carrier.ordinal) << 32 | u64::from(shift(m)))))
}
