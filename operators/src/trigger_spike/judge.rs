//! Is one of the phrases that are due in a document worth an alarm? Cheap tests come first. The
//! texts of carriers are fetched only if the score could still reach a threshold; seams and
//! collocates come last.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    PhraseAnswer, PhraseProbe, PhraseShard, TriggerSpike,
    facts::DocumentFacts,
    score::{CLOSED, CONTAINING, CarrierEvidence, SpikeClass, Surroundings},
    shard::{Carrier, Due, LISTED_MAX},
    span::{self, JudgedSpan, SPANS_MAX},
    surroundings,
};
use crate::{
    background::RARE,
    document::Document,
    lookup::Horizon,
    operator::{Scene, Tick},
    text::{Token, hash::mix},
};

/// Share of the commonest neighbour from which on a single-site phrase is a fixed expression.
const SINGLE_SITE_MODE: f64 = 0.5;
/// Most texts held at once: those of four phrases.
const TEXTS_MAX: usize = 4 * LISTED_MAX;

/// A carrier, and the facts that are remembered of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownCarrier {
    pub(super) carrier: Carrier,
    pub(super) facts: DocumentFacts,
}

/// An alarm that `settle` should raise, unless the document carries a known one.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) class: SpikeClass,
    pub(super) score: f64,
    /// Index of the anchor in the n-grams of the probe.
    pub(super) ngram: usize,
    /// Index of the span's first token in this document.
    pub(super) first: usize,
    /// Number of tokens from there to the anchor.
    pub(super) left: usize,
    pub(super) span: Vec<Token>,
    pub(super) evidence: CarrierEvidence,
}

/// Everything that is needed while one document is judged.
pub(super) struct JudgingContext<'a> {
    pub(super) operator: &'a TriggerSpike,
    pub(super) document: &'a Document,
    pub(super) probe: &'a PhraseProbe,
    pub(super) tick: Tick,
    pub(super) shards: &'a [PhraseShard],
    horizon: &'a dyn Horizon,
    /// Number of documents that carry each n-gram of the probe, or 0 if there are few.
    pub(super) live: Vec<u16>,
    /// Number of documents of the stream for each document of the background.
    pub(super) growth: f64,
    pub(super) scarcity: Vec<f64>,
    pub(super) new_shares: Vec<f64>,
    texts: BTreeMap<u32, Option<Arc<[Token]>>>,
    pub(super) spans: Vec<JudgedSpan>,
}

/// A phrase whose score was worked out.
pub(super) struct Judged {
    score: f64,
    class: SpikeClass,
    pub(super) evidence: CarrierEvidence,
    surroundings: Surroundings,
    pub(super) members: Vec<KnownCarrier>,
    first: usize,
    /// The tokens of the span.
    pub(super) span: Vec<Token>,
    /// Index of what was found out about the span.
    pub(super) known: span::Index,
}

/// The alarms that a document would raise, the best first.
pub(super) fn judge(
    operator: &TriggerSpike,
    document: &Document,
    probe: &PhraseProbe,
    answers: &[PhraseAnswer],
    scene: &Scene<'_, TriggerSpike>,
) -> Vec<Raised> {
    if answers.iter().all(|a| a.due.is_empty()) {
        return Vec::new();
    }
    let mut live = vec![0; probe.ngrams.len()];
    for &(i, n) in answers.iter().flat_map(|a| &a.live) {
        live[i as usize] = n;
    }
    let mut judging = JudgingContext {
        operator,
        document,
        probe,
        tick: scene.tick,
        shards: scene.shards,
        horizon: scene.horizon,
        live,
        growth: f64::from(scene.tick.seqno + 1) / f64::from(operator.background.documents()),
        scarcity: operator.epoch_view.scarcity(&operator.background),
        new_shares: operator.epoch_view.new_shares(&operator.background),
        texts: BTreeMap::new(),
        spans: Vec::new(),
    };
    let mut due: Vec<(&Due, &[u64])> =
        answers.iter().flat_map(|a| a.due.iter().map(|d| (d, &a.carriers[d.from as usize..d.to as usize]))).collect();
    if due.len() > SPANS_MAX {
        let lot = mix(operator.background.seed().0 ^ u64::from(scene.tick.seqno));
        due.sort_unstable_by_key(|(d, _)| mix(probe.ngrams[d.ngram as usize].hash ^ lot));
    }
    let mut judged: Vec<Judged> = due.into_iter().filter_map(|(due, carriers)| judging.examine(due, carriers)).collect();
    judged.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then(a.evidence.place.cmp(&b.evidence.place)).then(a.evidence.ngram.cmp(&b.evidence.ngram))
    });
    judging.accept(&judged)
}

impl JudgingContext<'_> {
    /// The tokens of a carrier's text. The carrier may be this document itself.
    pub(super) fn text(&mut self, seqno: u32) -> Option<Arc<[Token]>> {
        let (own, horizon, document) = (self.tick.seqno, self.horizon, self.document);
        let ask = || if seqno == own { Some(Arc::from(document.ids())) } else { horizon.tokens(seqno) };
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        self.texts.entry(seqno).or_insert_with(ask).clone()
    }

    /// The tokens `first..first + len` of this document, or those up to its end.
    pub(super) fn span(&self, first: usize, len: usize) -> &[Token] {
        let ids = self.document.ids();
        &ids[first.min(ids.len())..(first + len).min(ids.len())]
    }

    /// Scores one phrase that is due. `None` if it cannot reach a threshold or is explained.
    fn examine(&mut self, due: &Due, carriers: &[u64]) -> Option<Judged> {
        // The newest first. Carriers that are no longer remembered are no evidence.
        let carriers = carriers.iter().rev().map(|&x| Carrier::unpack(x));
        let members: Vec<KnownCarrier> = carriers
            .filter_map(|carrier| Some(KnownCarrier { carrier, facts: *self.operator.ring.get(carrier.seqno)? }))
            .collect();
        let evidence = self.weigh(due, &members)?;
        let thresholds = &self.operator.thresholds;
        if !evidence.could_reach(thresholds) {
            return None;
        }
        let place = self.place_of(&evidence, &members)?;
        if evidence.single_site {
            let (left, right) =
                surroundings::neighbour_modes(&surroundings::occurrences(self, &evidence, &members), evidence.len);
            if left >= SINGLE_SITE_MODE || right >= SINGLE_SITE_MODE {
                return None;
            }
        }
        let known = self.look_at(place, &evidence, &members);
        let surroundings = self.spans[known].surroundings(&evidence);
        let (class, score) = evidence.classify(&surroundings)?;
        let bonus = if surroundings.is_closed() { 0.0 } else { class.seam_max() };
        if score + bonus < class.threshold(thresholds) {
            return None;
        }
        let first = evidence.place.checked_sub(surroundings.left)?;
        let span = self.span(first, surroundings.length).to_vec();
        if surroundings.is_closed() && self.use_of_parts(known, &span) > CONTAINING * evidence.live {
            return None;
        }
        let (g, cuts) = if surroundings.is_closed() { (0.0, 0.0) } else { self.seams(known, &evidence, &members) };
        let score = surroundings.with_seams(class, score, g, cuts)?;
        Some(Judged { score, class, evidence, surroundings, members, first, span, known })
    }

    /// Chooses the best phrases that reach their thresholds, that nothing explains and that do not
    /// overlap better ones.
    fn accept(&mut self, judged: &[Judged]) -> Vec<Raised> {
        let thresholds = self.operator.thresholds;
        let over = |j: &Judged| j.score >= j.class.threshold(&thresholds);
        let mut raised: Vec<Raised> = Vec::new();
        for j in judged.iter().filter(|j| over(j)) {
            if raised.iter().any(|r| r.first < j.first + j.span.len() && j.first < r.first + r.span.len()) {
                continue;
            }
            // If more documents carry a part of the span, because the rest varies, the alarm is raised for that part.
            let end = j.first + j.span.len();
            let inside = |x: &&Judged| {
                over(x)
                    && x.evidence.live > j.evidence.live
                    && j.first <= x.evidence.place
                    && x.evidence.place + x.evidence.len <= end
            };
            let j = judged.iter().filter(inside).max_by(|a, b| a.evidence.live.total_cmp(&b.evidence.live)).unwrap_or(j);
            if self.operator.watching || !self.is_explained(j) {
                raised.push(Raised {
                    class: j.class,
                    score: j.score,
                    ngram: j.evidence.ngram,
                    first: j.first,
                    left: j.surroundings.left,
                    span: j.span.clone(),
                    evidence: j.evidence.clone(),
                });
            }
        }
        raised
    }

    /// Whether there is an ordinary explanation for the phrase.
    fn is_explained(&mut self, j: &Judged) -> bool {
        if j.class == SpikeClass::SingleSite {
            let rare_word = |t: &Token| self.operator.background.words().get(*t).0 <= u32::from(RARE);
            // A phrase of common words that does not open a sentence is a habit of the site's style.
            if j.surroundings.opens < CLOSED && !j.span.iter().any(rare_word) {
                return true;
            }
        } else if self.is_template(j) {
            return true;
        }
        self.is_contained(j)
    }
}
