//! `judge`: are the phrases of one document that are due worth an alarm? Cheap tests first; texts of carriers are asked
//! for only if the score could still reach a threshold, scars and company last.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Answer, Probe, Shard, TriggerSpike,
    facts::DocumentFacts,
    inspect,
    score::{CLOSED, Class, Evidence, Surroundings, WIDER},
    shard::{Carrier, Due, LISTED_MAX},
    span::{self, SPANS_MAX, Span},
};
use crate::{
    background::RARE,
    document::Document,
    lookup::Horizon,
    operator::{Scene, Tick},
    text::{Token, hash::mix},
};

/// Share of the commonest neighbour from which a solo is a fixed expression.
const SOLO_MODE: f64 = 0.5;
/// Texts at hand at once: those of four phrases.
const TEXTS_MAX: usize = 4 * LISTED_MAX;

/// A carrier and what is remembered of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) carrier: Carrier,
    pub(super) facts: DocumentFacts,
}

/// An alarm that settle should raise if nothing else explains the document.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) class: Class,
    pub(super) score: f64,
    /// Index of the anchor n-gram in the probe.
    pub(super) ngram: usize,
    /// First token of the span in this document.
    pub(super) first: usize,
    /// Tokens from there to the anchor.
    pub(super) left: usize,
    pub(super) span: Vec<Token>,
    pub(super) evidence: Evidence,
}

/// Everything at hand while one document is judged.
pub(super) struct Bench<'a> {
    pub(super) operator: &'a TriggerSpike,
    pub(super) document: &'a Document,
    pub(super) probe: &'a Probe,
    pub(super) tick: Tick,
    pub(super) shards: &'a [Shard],
    horizon: &'a dyn Horizon,
    /// Documents that carry each n-gram of the probe, where several do.
    pub(super) live: Vec<u16>,
    /// Documents of the stream for each one of the background.
    pub(super) growth: f64,
    pub(super) scarcity: Vec<f64>,
    pub(super) new_shares: Vec<f64>,
    texts: BTreeMap<u32, Option<Arc<[Token]>>>,
    pub(super) spans: Vec<Span>,
}

pub(super) struct Judged {
    score: f64,
    class: Class,
    pub(super) evidence: Evidence,
    surroundings: Surroundings,
    pub(super) members: Vec<Member>,
    first: usize,
    /// Tokens of the span, and what is known of it.
    pub(super) span: Vec<Token>,
    pub(super) known: span::Index,
}

/// The alarms that a document would raise, best first.
pub(super) fn judge(
    operator: &TriggerSpike,
    document: &Document,
    probe: &Probe,
    answers: &[Answer],
    scene: &Scene<'_, TriggerSpike>,
) -> Vec<Raised> {
    if answers.iter().all(|a| a.due.is_empty()) {
        return Vec::new();
    }
    let mut live = vec![0; probe.ngrams.len()];
    for &(i, n) in answers.iter().flat_map(|a| &a.live) {
        live[i as usize] = n;
    }
    let mut bench = Bench {
        operator,
        document,
        probe,
        tick: scene.tick,
        shards: scene.shards,
        horizon: scene.horizon,
        live,
        growth: f64::from(scene.tick.seqno + 1) / f64::from(operator.background.documents()),
        scarcity: operator.frozen.scarcity(&operator.background),
        new_shares: operator.frozen.new_shares(&operator.background),
        texts: BTreeMap::new(),
        spans: Vec::new(),
    };
    let mut due: Vec<(&Due, &[u64])> =
        answers.iter().flat_map(|a| a.due.iter().map(|d| (d, &a.carriers[d.from as usize..d.to as usize]))).collect();
    if due.len() > SPANS_MAX {
        let lot = mix(operator.background.seed().0 ^ u64::from(scene.tick.seqno));
        due.sort_unstable_by_key(|(d, _)| mix(probe.ngrams[d.ngram as usize].hash ^ lot));
    }
    let mut judged: Vec<Judged> = due.into_iter().filter_map(|(due, carriers)| bench.examine(due, carriers)).collect();
    judged.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then(a.evidence.place.cmp(&b.evidence.place)).then(a.evidence.ngram.cmp(&b.evidence.ngram))
    });
    bench.accept(&judged)
}

impl Bench<'_> {
    /// Tokens of a carrier's text, this document's own included.
    pub(super) fn text(&mut self, seqno: u32) -> Option<Arc<[Token]>> {
        let (own, horizon, document) = (self.tick.seqno, self.horizon, self.document);
        let ask = || if seqno == own { Some(Arc::from(document.ids())) } else { horizon.tokens(seqno) };
        if self.texts.len() >= TEXTS_MAX {
            self.texts.clear();
        }
        self.texts.entry(seqno).or_insert_with(ask).clone()
    }

    /// Tokens `first..first + len` of this document, cut at its end.
    pub(super) fn span(&self, first: usize, len: usize) -> &[Token] {
        let ids = self.document.ids();
        &ids[first.min(ids.len())..(first + len).min(ids.len())]
    }

    fn examine(&mut self, due: &Due, carriers: &[u64]) -> Option<Judged> {
        // Newest first. Carriers beyond the ring carry no evidence.
        let carriers = carriers.iter().rev().map(|&x| Carrier::unpack(x));
        let members: Vec<Member> =
            carriers.filter_map(|carrier| Some(Member { carrier, facts: *self.operator.ring.get(carrier.seqno)? })).collect();
        let evidence = self.weigh(due, &members)?;
        let thresholds = &self.operator.thresholds;
        if !evidence.could_reach(thresholds) {
            return None;
        }
        let place = self.place_of(&evidence, &members)?;
        if evidence.solo {
            let (left, right) = inspect::neighbour_modes(&inspect::sights(self, &evidence, &members), evidence.len);
            if left >= SOLO_MODE || right >= SOLO_MODE {
                return None;
            }
        }
        let known = self.look_at(place, &evidence, &members);
        let surroundings = self.spans[known].surroundings(&evidence);
        let (class, score) = evidence.classify(&surroundings)?;
        let bonus = if surroundings.is_closed() { 0.0 } else { class.scar_max() };
        if score + bonus < class.threshold(thresholds) {
            return None;
        }
        let first = evidence.place.checked_sub(surroundings.left)?;
        let span = self.span(first, surroundings.length).to_vec();
        if surroundings.is_closed() && self.wider_use(known, &span) > WIDER * evidence.live {
            return None;
        }
        let (g, cuts) = if surroundings.is_closed() { (0.0, 0.0) } else { self.scars(known, &evidence, &members) };
        let score = surroundings.with_scars(class, score, g, cuts)?;
        Some(Judged { score, class, evidence, surroundings, members, first, span, known })
    }

    /// Takes the best phrases over their thresholds that nothing explains and that do not overlap better ones.
    fn accept(&mut self, judged: &[Judged]) -> Vec<Raised> {
        let thresholds = self.operator.thresholds;
        let over = |j: &Judged| j.score >= j.class.threshold(&thresholds);
        let mut raised: Vec<Raised> = Vec::new();
        for j in judged.iter().filter(|j| over(j)) {
            if raised.iter().any(|r| r.first < j.first + j.span.len() && j.first < r.first + r.span.len()) {
                continue;
            }
            // A part of the span that more documents carry (the rest varies): the alarm goes to that.
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

    fn is_explained(&mut self, j: &Judged) -> bool {
        if j.class == Class::Solo {
            let rare_word = |t: &Token| self.operator.background.words().get(*t).0 <= u32::from(RARE);
            // A habit of the site's style.
            if j.surroundings.opens < CLOSED && !j.span.iter().any(rare_word) {
                return true;
            }
        } else if self.is_template(j) {
            return true;
        }
        self.is_wider(j)
    }
}
