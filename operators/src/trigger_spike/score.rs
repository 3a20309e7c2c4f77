//! Which class and which score does a phrase have? The figures behind a verdict: expectation,
//! log-likelihood ratios, classes, scores.

use crate::{
    background::{Background, Thresholds},
    finding::Reason,
    text::{Token, ngram},
};

/// Phrases with a lower score are not examined further.
pub(super) const FLOOR: f64 = 18.0;
/// Most that an excess of new publishers can add to a score.
pub(super) const LN_MAX: f64 = 15.0;
/// Most that new publishers can add whose documents nearly all carry the phrase.
pub(super) const LX_MAX: f64 = 10.0;
/// Most that seams can add to a score, and most that they can take from it.
const SEAM_MAX: f64 = 10.0;
const SEAM_MIN: f64 = -20.0;
/// Mean cosine of unrelated carriers, and of carriers with a common subject.
const CHANCE: f64 = 0.05;
pub(super) const COHERENT: f64 = 0.20;
/// Least number of tokens in a sentence, and of those that are no punctuation.
const SENTENCE: usize = 4;
const SENTENCE_WORDS: usize = 3;
/// Least share of carriers in which a whole sentence begins and ends a sentence or line.
pub(super) const CLOSED: f64 = 0.8;
/// Least share of carriers in which an edge begins or ends a sentence or line.
const EDGE: f64 = 0.5;
/// Least share of carriers of which a footer is the last line.
const FOOTER: f64 = 0.9;
/// Number of documents with a part of the phrase or with its surroundings, for each document with
/// the phrase, from which on that is the explanation.
pub(super) const CONTAINING: f64 = 1.5;
/// Least number of carriers whose neighbours can be compared, and the largest share that the
/// commonest neighbours on both sides may have together.
const MIXED: usize = 8;
const NEIGHBOURS_MAX: f64 = 0.30;
/// Least number of cuts that have a level for seams to count.
pub(super) const CUTS: f64 = 5.0;
/// Coherence above which a single-site phrase belongs to the site's subject.
const SINGLE_SITE_COHERENT: f64 = 0.15;
/// Least mean log-likelihood ratio of the cuts of a single-site phrase.
const SINGLE_SITE_SEAM: f64 = 0.15;

/// The class of a phrase that spikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpikeClass {
    /// A whole sentence or line.
    Sentence = 0,
    /// A phrase that opens or closes a sentence or line.
    Edge = 1,
    /// A phrase inside sentences that differ from carrier to carrier.
    Insertion = 2,
    /// A phrase all over a single new site.
    SingleSite = 3,
}

impl SpikeClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Sentence, Self::Edge, Self::Insertion, Self::SingleSite];

    /// The reason for which a carrier is withheld.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Sentence => Reason::SentenceSpike,
            Self::Edge => Reason::EdgeSpike,
            Self::Insertion => Reason::InsertionSpike,
            Self::SingleSite => Reason::SingleSiteSpike,
        }
    }

    /// Most that seams can add to the score of a phrase of this class.
    pub(super) fn seam_max(self) -> f64 {
        if self == Self::SingleSite { 2.0 * SEAM_MAX } else { SEAM_MAX }
    }

    /// The threshold of the class.
    pub(super) fn threshold(self, thresholds: &Thresholds) -> f64 {
        match self {
            Self::Sentence => thresholds.sentence,
            Self::Edge => thresholds.edge,
            Self::Insertion => thresholds.insertion,
            Self::SingleSite => thresholds.single_site,
        }
    }
}

/// Logarithms of small counts, tabulated: they have the same bits on every machine and need no call
/// on the hot path.
#[derive(Clone, Debug)]
pub(super) struct Logs([f64; 80]);

impl Logs {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|i| libm::log(i.max(1) as f64)))
    }

    /// The Poisson log-likelihood ratio of k votes against `expected` votes E: k ln(k/E) - (k - E).
    /// It is 0 unless k exceeds E.
    pub(super) fn l1(&self, k: usize, expected: f64) -> f64 {
        let n = k as f64;
        if n <= expected {
            return 0.0;
        }
        let log = self.0.get(k).copied().unwrap_or_else(|| libm::log(n));
        n * (log - libm::log(expected)) - (n - expected)
    }
}

/// The log-likelihood ratio of the share f of new publishers against their usual share q: the
/// number of publishers times KL(f || q). It is 0 unless f exceeds q.
pub(super) fn excess(new: usize, publishers: usize, usual: f64) -> f64 {
    let f = new as f64 / publishers as f64;
    if f <= usual {
        return 0.0;
    }
    let old = if new < publishers { (1.0 - f) * libm::log((1.0 - f) / (1.0 - usual)) } else { 0.0 };
    publishers as f64 * (f * libm::log(f / usual) + old)
}

/// The number of documents of the background in which the parts of an n-gram meet by chance: the
/// minimum over its splits ab of max(df(a) tf(b), tf(a) df(b)) / tokens. For parts of several
/// tokens the number of documents is taken for that of occurrences.
pub(super) fn collocation(background: &Background, ngram: &[Token]) -> f64 {
    let total = background.words().total().max(1) as f64;
    let part = |tokens: &[Token]| {
        if let [token] = tokens {
            let (df, tf) = background.words().get(*token);
            return (f64::from(df), f64::from(tf));
        }
        let df = ngram::hash(background.seed(), tokens).map_or(0.0, |h| f64::from(background.ngram_documents(h)));
        (df, df)
    };
    let chance = |cut: usize| {
        let ((da, ta), (db, tb)) = (part(&ngram[..cut]), part(&ngram[cut..]));
        (da * tb).max(ta * db) / total
    };
    (1..ngram.len()).map(chance).reduce(f64::min).unwrap_or(0.0)
}

/// What the facts about all carriers of a phrase amount to, before their texts are read.
#[derive(Clone, Debug)]
pub(super) struct CarrierEvidence {
    /// Index of the n-gram in the probe.
    pub(super) ngram: usize,
    pub(super) place: usize,
    pub(super) len: usize,
    /// Number of documents that carry it.
    pub(super) live: f64,
    /// Number of votes that count; for a single-site phrase, of documents of the publisher.
    pub(super) votes: f64,
    pub(super) publishers: usize,
    pub(super) expected: f64,
    /// The sum of the log-likelihood ratios L1 + Ln + Lx.
    pub(super) base: f64,
    /// Mean cosine between the context vectors of the carriers.
    pub(super) coherence: f64,
    pub(super) single_site: bool,
}

/// What surrounds a phrase in the texts of its carriers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// Number of tokens of the span on the left of the n-gram.
    pub(super) left: usize,
    /// Number of tokens of the span.
    pub(super) length: usize,
    /// Whether this document ends before the span does in its carriers.
    pub(super) is_cut: bool,
    /// Share of the commonest word on the left of the span, and of the one on the right.
    pub(super) left_mode: f64,
    pub(super) right_mode: f64,
    /// Share of carriers in which the span begins a sentence or line, and of those in which it ends
    /// one.
    pub(super) opens: f64,
    pub(super) closes: f64,
    /// Mean cosine between the words beside the span.
    pub(super) local: f64,
    /// Share of carriers in which the span is in the last line, and of those in which it is a whole
    /// line.
    pub(super) last: f64,
    pub(super) whole: f64,
    /// Number of carriers whose texts were read.
    pub(super) seen: usize,
    pub(super) has_link: bool,
    /// Number of tokens of the span that are no punctuation.
    pub(super) words: usize,
}

impl CarrierEvidence {
    /// The factor by which coherence lowers the score: 1 for unrelated carriers, 0 for a common
    /// subject.
    fn incoherence(&self, local: f64) -> f64 {
        let coherence = if self.single_site { local } else { self.coherence.max(local) };
        (1.0 - (coherence - CHANCE) / (COHERENT - CHANCE)).clamp(0.0, 1.0)
    }

    /// Whether the phrase could reach a threshold, whatever is found in the texts.
    pub(super) fn could_reach(&self, thresholds: &Thresholds) -> bool {
        if self.single_site {
            return self.coherence <= SINGLE_SITE_COHERENT && self.votes + 2.0 * SEAM_MAX >= thresholds.single_site;
        }
        if self.coherence > COHERENT {
            return false;
        }
        let most = self.incoherence(0.0) * self.base;
        most >= thresholds.sentence || most + SEAM_MAX >= thresholds.edge.min(thresholds.insertion)
    }

    /// Class, and score without seams. `None` if the surroundings explain the phrase.
    pub(super) fn classify(&self, s: &Surroundings) -> Option<(SpikeClass, f64)> {
        if s.last >= FOOTER && s.whole >= FOOTER && !s.has_link {
            return None;
        }
        let closed = s.is_closed();
        let edge = !closed && s.opens.max(s.closes) >= EDGE;
        if !closed {
            let least = if edge { 2.0 } else { 3.0 } / s.seen.max(1) as f64;
            let mixed = (NEIGHBOURS_MAX * (1.0 - f64::midpoint(s.opens, s.closes))).max(least);
            if s.seen < MIXED || s.left_mode + s.right_mode > mixed {
                return None;
            }
        }
        let i = self.incoherence(s.local);
        if self.single_site {
            return (self.coherence <= SINGLE_SITE_COHERENT).then_some((SpikeClass::SingleSite, i * self.votes));
        }
        let class = if closed {
            SpikeClass::Sentence
        } else if edge {
            SpikeClass::Edge
        } else {
            SpikeClass::Insertion
        };
        Some((class, i * self.base))
    }
}

impl Surroundings {
    /// The score with seams. `g` is the log-likelihood ratio over `cuts` cuts. `None` if the phrase
    /// is explained.
    pub(super) fn with_seams(&self, class: SpikeClass, score: f64, g: f64, cuts: f64) -> Option<f64> {
        let closed = self.is_closed();
        let edge = !closed && self.opens.max(self.closes) >= EDGE;
        if !closed && !edge && cuts < CUTS {
            return None;
        }
        let bonus = if closed || cuts < CUTS {
            0.0
        } else if g > 0.0 {
            g.min(SEAM_MAX)
        } else {
            (3.0 * g).max(SEAM_MIN)
        };
        if class != SpikeClass::SingleSite {
            return Some(score + bonus);
        }
        (closed || g >= SINGLE_SITE_SEAM * cuts).then_some(score + 2.0 * bonus)
    }

    /// Whether the span is a whole sentence or line, the same in all carriers.
    pub(super) fn is_closed(&self) -> bool {
        self.length >= SENTENCE && self.words >= SENTENCE_WORDS && self.opens >= CLOSED && self.closes >= CLOSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios() {
        let logs = Logs::new();
        assert!((logs.l1(10, 2.0) - (10.0 * 5f64.ln() - 8.0)).abs() < 1e-9);
        assert!((logs.l1(200, 2.0) - (200.0 * 100f64.ln() - 198.0)).abs() < 1e-9);
        assert_eq!((logs.l1(2, 2.0), logs.l1(1, 2.0)), (0.0, 0.0));
        assert!((excess(5, 5, 0.3) - 5.0 * (1.0 / 0.3f64).ln()).abs() < 1e-9);
        assert!(excess(1, 5, 0.3).abs() < 1e-12);
        let kl = 0.6 * (0.6f64 / 0.3).ln() + 0.4 * (0.4f64 / 0.7).ln();
        assert!((excess(3, 5, 0.3) - 5.0 * kl).abs() < 1e-9);
    }

    fn evidence(base: f64, coherence: f64) -> CarrierEvidence {
        CarrierEvidence {
            ngram: 0,
            place: 0,
            len: 1,
            live: 10.0,
            votes: 10.0,
            publishers: 10,
            expected: 1.0,
            base,
            coherence,
            single_site: false,
        }
    }

    fn inside() -> Surroundings {
        Surroundings { length: 1, words: 1, seen: 10, left_mode: 0.1, right_mode: 0.1, ..Surroundings::default() }
    }

    #[test]
    fn classes() {
        let e = evidence(50.0, 0.05);
        assert_eq!(e.classify(&inside()), Some((SpikeClass::Insertion, 50.0)));
        assert_eq!(e.classify(&Surroundings { right_mode: 0.5, ..inside() }), None, "fixed neighbours");
        assert_eq!(e.classify(&Surroundings { seen: 7, ..inside() }), None, "too few to tell");
        let opening = Surroundings { opens: 1.0, left_mode: 0.0, right_mode: 0.15, ..inside() };
        assert_eq!(e.classify(&opening), Some((SpikeClass::Edge, 50.0)));
        let sentence = Surroundings { length: 6, words: 5, opens: 1.0, closes: 1.0, right_mode: 1.0, ..inside() };
        assert_eq!(e.classify(&sentence), Some((SpikeClass::Sentence, 50.0)));
        let footer = Surroundings { last: 1.0, whole: 1.0, ..sentence };
        assert_eq!(e.classify(&footer), None);
        assert!(e.classify(&Surroundings { has_link: true, ..footer }).is_some());
    }

    #[test]
    fn coherence_takes_the_score_away() {
        let score = |coherence, local| evidence(50.0, coherence).classify(&Surroundings { local, ..inside() }).map(|c| c.1);
        assert_eq!(score(0.20, 0.0), Some(0.0));
        assert_eq!(score(0.0, 0.125).map(f64::round), Some(25.0));
        let t = Thresholds::default();
        assert!(
            evidence(33.0, 0.0).could_reach(&t) && !evidence(31.0, 0.0).could_reach(&t) && !evidence(99.0, 0.21).could_reach(&t)
        );
    }

    #[test]
    fn seams() {
        assert_eq!(inside().with_seams(SpikeClass::Insertion, 40.0, 3.0, 6.0), Some(43.0));
        assert_eq!(inside().with_seams(SpikeClass::Insertion, 40.0, 30.0, 6.0), Some(50.0));
        assert_eq!(inside().with_seams(SpikeClass::Insertion, 40.0, -3.0, 6.0), Some(31.0));
        assert_eq!(inside().with_seams(SpikeClass::Insertion, 40.0, 3.0, 4.0), None);
    }
}
