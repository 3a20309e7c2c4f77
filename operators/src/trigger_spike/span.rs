//! What was found out about the spans of the document under judgement, each thing once: all n-grams of a sentence that is
//! planted whole are due together, and lead to the same span of the same texts.

use super::{
    company,
    inspect::{self, SPAN},
    judge::{Bench, Judged, Member},
    score::{Evidence, Surroundings, WIDER},
};
use crate::text::{Seed, Token, hash::mix};

/// Spans of one document that are looked at. Where more phrases are due it is by lot which lead to one, so that none can be
/// hidden behind others; those left out are due again with a later carrier.
pub(super) const SPANS_MAX: usize = 64;

/// Where a span is kept among those of its document.
pub(super) type Index = usize;

/// Where the span of an n-gram is, or what it will be found again by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Known(Index),
    New(u64),
}

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
    scars: Option<(f64, f64)>,
    wider_use: Option<f64>,
    is_template: Option<bool>,
    /// For which count it was asked, and the answer.
    is_wider: Option<(f64, bool)>,
}

impl Span {
    /// The span that an n-gram with these carriers leads to.
    fn new(carriers: u64, evidence: &Evidence, surroundings: Surroundings) -> Self {
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
    fn is_reached(&self, carriers: u64, evidence: &Evidence) -> bool {
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
fn carriers(seed: Seed, evidence: &Evidence, members: &[Member]) -> u64 {
    let shift = |m: &Member| u32::from(m.carrier.place).wrapping_sub(evidence.place as u32);
    members.iter().fold(mix(seed.0), |hash, m| mix(hash ^ (u64::from(m.carrier.seqno) << 32 | u64::from(shift(m)))))
}

impl Bench<'_> {
    /// The span that an n-gram leads to, if another one has led to it. `None` if it is new and enough have been looked at.
    pub(super) fn place_of(&self, evidence: &Evidence, members: &[Member]) -> Option<Place> {
        let carriers = carriers(self.operator.background.seed(), evidence, members);
        match self.spans.iter().position(|span| span.is_reached(carriers, evidence)) {
            Some(known) => Some(Place::Known(known)),
            None => (self.spans.len() < SPANS_MAX).then_some(Place::New(carriers)),
        }
    }

    /// Looks at what surrounds the n-gram if that is not known.
    pub(super) fn look_at(&mut self, place: Place, evidence: &Evidence, members: &[Member]) -> Index {
        let carriers = match place {
            Place::Known(known) => return known,
            Place::New(carriers) => carriers,
        };
        let sights = inspect::sights(self, evidence, members);
        self.spans.push(Span::new(carriers, evidence, inspect::surroundings(self, evidence, &sights)));
        self.spans.len() - 1
    }

    pub(super) fn scars(&mut self, known: Index, evidence: &Evidence, members: &[Member]) -> (f64, f64) {
        if let Some(scars) = self.spans[known].scars {
            return scars;
        }
        let sights = inspect::sights(self, evidence, members);
        let scars = inspect::scars(self, evidence, &self.spans[known].surroundings(evidence), &sights);
        *self.spans[known].scars.insert(scars)
    }

    pub(super) fn wider_use(&mut self, known: Index, span: &[Token]) -> f64 {
        let most = self.spans[known].wider_use.unwrap_or_else(|| company::wider_use(self, span));
        *self.spans[known].wider_use.insert(most)
    }

    pub(super) fn is_template(&mut self, j: &Judged) -> bool {
        let is_template = self.spans[j.known].is_template.unwrap_or_else(|| company::is_template(self, &j.members, &j.span));
        *self.spans[j.known].is_template.insert(is_template)
    }

    /// One part of a story, or of a site's subject.
    pub(super) fn is_wider(&mut self, j: &Judged) -> bool {
        let least = WIDER * j.evidence.live;
        let held = self.spans[j.known].is_wider.filter(|held| held.0.total_cmp(&least).is_eq());
        let held = held.unwrap_or_else(|| (least, company::is_wider(self, &j.members, least)));
        self.spans[j.known].is_wider.insert(held).1
    }
}
