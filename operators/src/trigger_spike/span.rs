//! What was found out about the spans of the document that is judged? Each answer is worked out
//! once: all n-grams of a sentence that is planted as a whole are due together, and lead to the
//! same span of the same texts.

use super::{
    explain,
    judge::{Judged, JudgingContext, KnownCarrier},
    score::{CONTAINING, CarrierEvidence, Surroundings},
    surroundings::{self, SPAN},
};
use crate::text::{Seed, Token, hash::mix};

/// Most spans of one document that are examined. If more phrases are due, a lot decides which are,
/// so that none can be hidden behind others. The others are due again with a later carrier.
pub(super) const SPANS_MAX: usize = 64;

/// Index of a span among those of its document.
pub(super) type Index = usize;

/// The span of an n-gram: one that is known, or a new one with the hash of its carriers.
#[derive(Clone, Copy, Debug)]
pub(super) enum SpanPlace {
    Known(Index),
    New(u64),
}

/// A span, what surrounds it, and the answers to later questions.
pub(super) struct JudgedSpan {
    carriers: u64,
    /// Index of its first token in this document, and the index behind its last one.
    first: usize,
    end: usize,
    /// Whether the texts ended it on both sides, and not a limit.
    is_whole: bool,
    surroundings: Surroundings,
    /// Log-likelihood ratio of the cuts, and their number.
    seams: Option<(f64, f64)>,
    use_of_parts: Option<f64>,
    is_template: Option<bool>,
    /// The count for which this was asked, and the answer.
    is_contained: Option<(f64, bool)>,
}

impl JudgedSpan {
    /// The span that an n-gram with these carriers leads to.
    fn new(carriers: u64, evidence: &CarrierEvidence, surroundings: Surroundings) -> Self {
        let left = surroundings.left;
        let (first, right) = (evidence.place.saturating_sub(left), surroundings.length.saturating_sub(left + evidence.len));
        Self {
            carriers,
            first,
            end: first + surroundings.length,
            is_whole: left <= evidence.place && left < SPAN && right < SPAN && !surroundings.is_cut,
            surroundings,
            seams: None,
            use_of_parts: None,
            is_template: None,
            is_contained: None,
        }
    }

    /// Whether another n-gram with these carriers leads to this span: it is a part of it, and no
    /// end is too far away.
    fn is_reached(&self, carriers: u64, evidence: &CarrierEvidence) -> bool {
        let end = evidence.place + evidence.len;
        self.is_whole
            && self.carriers == carriers
            && (self.first..=self.first + SPAN).contains(&evidence.place)
            && (end..=end + SPAN).contains(&self.end)
    }

    /// What surrounds the span, as seen from one of its n-grams.
    pub(super) fn surroundings(&self, evidence: &CarrierEvidence) -> Surroundings {
        Surroundings { left: evidence.place.saturating_sub(self.first), ..self.surroundings }
    }
}

/// A hash of the carriers of an n-gram and of its places in them, relative to its place in this
/// document. It is equal for two n-grams that stand beside each other in all of their carriers.
fn carriers(seed: Seed, evidence: &CarrierEvidence, members: &[KnownCarrier]) -> u64 {
    let shift = |m: &KnownCarrier| u32::from(m.carrier.place).wrapping_sub(evidence.place as u32);
    members.iter().fold(mix(seed.0), |hash, m| mix(hash ^ (u64::from(m.carrier.seqno) << 32 | u64::from(shift(m)))))
}

impl JudgingContext<'_> {
    /// The span that an n-gram leads to: a known one if another n-gram has led to it. `None` if it
    /// is new and [`SPANS_MAX`] were examined.
    pub(super) fn place_of(&self, evidence: &CarrierEvidence, members: &[KnownCarrier]) -> Option<SpanPlace> {
        let carriers = carriers(self.operator.background.seed(), evidence, members);
        match self.spans.iter().position(|span| span.is_reached(carriers, evidence)) {
            Some(known) => Some(SpanPlace::Known(known)),
            None => (self.spans.len() < SPANS_MAX).then_some(SpanPlace::New(carriers)),
        }
    }

    /// Examines what surrounds the n-gram, if its span is new.
    pub(super) fn look_at(&mut self, place: SpanPlace, evidence: &CarrierEvidence, members: &[KnownCarrier]) -> Index {
        let carriers = match place {
            SpanPlace::Known(known) => return known,
            SpanPlace::New(carriers) => carriers,
        };
        let occurrences = surroundings::occurrences(self, evidence, members);
        self.spans.push(JudgedSpan::new(carriers, evidence, surroundings::surroundings(self, evidence, &occurrences)));
        self.spans.len() - 1
    }

    pub(super) fn seams(&mut self, known: Index, evidence: &CarrierEvidence, members: &[KnownCarrier]) -> (f64, f64) {
        if let Some(seams) = self.spans[known].seams {
            return seams;
        }
        let occurrences = surroundings::occurrences(self, evidence, members);
        let seams = surroundings::seams(self, evidence, &self.spans[known].surroundings(evidence), &occurrences);
        *self.spans[known].seams.insert(seams)
    }

    pub(super) fn use_of_parts(&mut self, known: Index, span: &[Token]) -> f64 {
        let most = self.spans[known].use_of_parts.unwrap_or_else(|| explain::use_of_parts(self, span));
        *self.spans[known].use_of_parts.insert(most)
    }

    pub(super) fn is_template(&mut self, j: &Judged) -> bool {
        let is_template = self.spans[j.known].is_template.unwrap_or_else(|| explain::is_template(self, &j.members, &j.span));
        *self.spans[j.known].is_template.insert(is_template)
    }

    /// Whether the phrase is a part of a story, or of a site's subject.
    pub(super) fn is_contained(&mut self, j: &Judged) -> bool {
        let least = CONTAINING * j.evidence.live;
        let held = self.spans[j.known].is_contained.filter(|held| held.0.total_cmp(&least).is_eq());
        let held = held.unwrap_or_else(|| (least, explain::is_contained(self, &j.members, least)));
        self.spans[j.known].is_contained.insert(held).1
    }
}
