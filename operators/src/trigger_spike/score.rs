//! The figures behind a verdict: expectation, log-likelihood ratios, classes, scores.

use crate::{
    background::{Background, Thresholds},
    finding::Reason,
    text::{Token, ngram},
};

/// Scores below this are not looked into.
pub(super) const FLOOR: f64 = 18.0;
/// Most that new publishers in excess can add.
pub(super) const LN_MAX: f64 = 15.0;
/// Most that new publishers full of the phrase can add.
pub(super) const LX_MAX: f64 = 10.0;
/// Most that scars can add, and take.
const SCAR_MAX: f64 = 10.0;
const SCAR_MIN: f64 = -20.0;
/// Mean cosine of unrelated carriers; of carriers with a common subject.
const CHANCE: f64 = 0.05;
pub(super) const COHERENT: f64 = 0.20;
/// Least tokens of a sentence, and how many of them are no punctuation.
const SENTENCE: usize = 4;
const SENTENCE_WORDS: usize = 3;
/// Share of carriers where a sentence begins and ends a sentence or line.
pub(super) const CLOSED: f64 = 0.8;
/// Share of carriers where an edge begins or ends one.
const EDGE: f64 = 0.5;
/// Share of carriers whose last line, whole, makes a footer.
const FOOTER: f64 = 0.9;
/// Documents with a part of a phrase, for each one with the phrase, that make it a phrase in use.
pub(super) const WIDER: f64 = 1.5;
/// Least carriers to compare neighbours; most that the two commonest neighbours may hold together.
const MIXED: usize = 8;
const COMPANY: f64 = 0.30;
/// Least cuts that can be judged.
pub(super) const CUTS: f64 = 5.0;
/// Coherence above which a solo is the site's subject.
const SOLO_COHERENT: f64 = 0.15;
/// Mean log-ratio of a cut that a solo needs.
const SOLO_SCAR: f64 = 0.15;

/// What kind of phrase spikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A whole sentence or line.
    Sentence = 0,
    /// It opens or closes a sentence or line.
    Edge = 1,
    /// It stands inside ever different sentences.
    Insertion = 2,
    /// It stands all over one new site.
    Solo = 3,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sentence, Self::Edge, Self::Insertion, Self::Solo];

    /// Why a carrier is withheld.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Sentence => Reason::SentenceSpike,
            Self::Edge => Reason::EdgeSpike,
            Self::Insertion => Reason::InsertionSpike,
            Self::Solo => Reason::SingleSiteSpike,
        }
    }

    /// Most that scars can add to its score.
    pub(super) fn scar_max(self) -> f64 {
        if self == Self::Solo { 2.0 * SCAR_MAX } else { SCAR_MAX }
    }

    /// Its threshold.
    pub(super) fn threshold(self, thresholds: &Thresholds) -> f64 {
        match self {
            Self::Sentence => thresholds.sentence,
            Self::Edge => thresholds.edge,
            Self::Insertion => thresholds.insertion,
            Self::Solo => thresholds.solo,
        }
    }
}

/// Logarithms of small counts: the same bits on every machine, and no call on the hot path.
#[derive(Clone, Debug)]
pub(super) struct Logs([f64; 80]);

impl Logs {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|i| libm::log(i.max(1) as f64)))
    }

    /// Poisson log-likelihood ratio of k where `expected` are: k ln(k/E) - (k - E), 0 unless k is above.
    pub(super) fn l1(&self, k: usize, expected: f64) -> f64 {
        let n = k as f64;
        if n <= expected {
            return 0.0;
        }
        let log = self.0.get(k).copied().unwrap_or_else(|| libm::log(n));
        n * (log - libm::log(expected)) - (n - expected)
    }
}

/// D KL(f || q): new publishers in excess of their usual share q, 0 if there is none.
pub(super) fn excess(new: usize, publishers: usize, usual: f64) -> f64 {
    let f = new as f64 / publishers as f64;
    if f <= usual {
        return 0.0;
    }
    let old = if new < publishers { (1.0 - f) * libm::log((1.0 - f) / (1.0 - usual)) } else { 0.0 };
    publishers as f64 * (f * libm::log(f / usual) + old)
}

/// Documents of the background where the parts of an n-gram meet by chance: the least over its splits ab of
/// max(df(a) tf(b), tf(a) df(b)) / tokens. Of parts of several tokens documents stand in for occurrences.
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

/// What the carriers of a phrase say together, before their texts are looked at.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// Index of the n-gram in the probe.
    pub(super) ngram: usize,
    pub(super) place: usize,
    pub(super) len: usize,
    /// Documents that carry it.
    pub(super) live: f64,
    /// Votes that count (a solo: documents of the publisher).
    pub(super) votes: f64,
    pub(super) publishers: usize,
    pub(super) expected: f64,
    /// L1 + Ln + Lx.
    pub(super) base: f64,
    /// Mean cosine of the carriers' contexts.
    pub(super) coherence: f64,
    pub(super) solo: bool,
}

/// What surrounds the phrase in its carriers' texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// Tokens by which the span goes on to the left of the n-gram.
    pub(super) left: usize,
    /// Tokens of the span.
    pub(super) length: usize,
    /// This document ends before the span does in its carriers.
    pub(super) is_cut: bool,
    /// Share of the commonest word to the left of the span, and to the right.
    pub(super) left_mode: f64,
    pub(super) right_mode: f64,
    /// Share of carriers where the span begins and ends a sentence or line.
    pub(super) opens: f64,
    pub(super) closes: f64,
    /// Mean cosine of the words beside it.
    pub(super) local: f64,
    /// Share of carriers where it stands in the last line; where it is a whole line.
    pub(super) last: f64,
    pub(super) whole: f64,
    /// Carriers looked at.
    pub(super) seen: usize,
    pub(super) has_link: bool,
    /// Tokens of the span that are no punctuation.
    pub(super) words: usize,
}

impl Evidence {
    /// Share of the score that incoherence leaves.
    fn incoherence(&self, local: f64) -> f64 {
        let coherence = if self.solo { local } else { self.coherence.max(local) };
        (1.0 - (coherence - CHANCE) / (COHERENT - CHANCE)).clamp(0.0, 1.0)
    }

    /// Whether it could reach a threshold whatever its texts say.
    pub(super) fn could_reach(&self, thresholds: &Thresholds) -> bool {
        if self.solo {
            return self.coherence <= SOLO_COHERENT && self.votes + 2.0 * SCAR_MAX >= thresholds.solo;
        }
        if self.coherence > COHERENT {
            return false;
        }
        let most = self.incoherence(0.0) * self.base;
        most >= thresholds.sentence || most + SCAR_MAX >= thresholds.edge.min(thresholds.insertion)
    }

    /// Class and score without scars; `None` if the surroundings explain it. Whether scars still count.
    pub(super) fn classify(&self, s: &Surroundings) -> Option<(Class, f64)> {
        if s.last >= FOOTER && s.whole >= FOOTER && !s.has_link {
            return None;
        }
        let closed = s.is_closed();
        let edge = !closed && s.opens.max(s.closes) >= EDGE;
        if !closed {
            let least = if edge { 2.0 } else { 3.0 } / s.seen.max(1) as f64;
            let mixed = (COMPANY * (1.0 - f64::midpoint(s.opens, s.closes))).max(least);
            if s.seen < MIXED || s.left_mode + s.right_mode > mixed {
                return None;
            }
        }
        let i = self.incoherence(s.local);
        if self.solo {
            return (self.coherence <= SOLO_COHERENT).then_some((Class::Solo, i * self.votes));
        }
        let class = if closed {
            Class::Sentence
        } else if edge {
            Class::Edge
        } else {
            Class::Insertion
        };
        Some((class, i * self.base))
    }
}

impl Surroundings {
    /// The score with what scars say: `g` is the log-likelihood ratio over `cuts` cuts. `None` if it is explained.
    pub(super) fn with_scars(&self, class: Class, score: f64, g: f64, cuts: f64) -> Option<f64> {
        let closed = self.is_closed();
        let edge = !closed && self.opens.max(self.closes) >= EDGE;
        if !closed && !edge && cuts < CUTS {
            return None;
        }
        let bonus = if closed || cuts < CUTS {
            0.0
        } else if g > 0.0 {
            g.min(SCAR_MAX)
        } else {
            (3.0 * g).max(SCAR_MIN)
        };
        if class != Class::Solo {
            return Some(score + bonus);
        }
        (closed || g >= SOLO_SCAR * cuts).then_some(score + 2.0 * bonus)
    }

    /// A whole sentence or line, the same everywhere.
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

    fn evidence(base: f64, coherence: f64) -> Evidence {
        Evidence {
            ngram: 0,
            place: 0,
            len: 1,
            live: 10.0,
            votes: 10.0,
            publishers: 10,
            expected: 1.0,
            base,
            coherence,
            solo: false,
        }
    }

    fn inside() -> Surroundings {
        Surroundings { length: 1, words: 1, seen: 10, left_mode: 0.1, right_mode: 0.1, ..Surroundings::default() }
    }

    #[test]
    fn classes() {
        let e = evidence(50.0, 0.05);
        assert_eq!(e.classify(&inside()), Some((Class::Insertion, 50.0)));
        assert_eq!(e.classify(&Surroundings { right_mode: 0.5, ..inside() }), None, "fixed company");
        assert_eq!(e.classify(&Surroundings { seen: 7, ..inside() }), None, "too few to tell");
        let opening = Surroundings { opens: 1.0, left_mode: 0.0, right_mode: 0.15, ..inside() };
        assert_eq!(e.classify(&opening), Some((Class::Edge, 50.0)));
        let sentence = Surroundings { length: 6, words: 5, opens: 1.0, closes: 1.0, right_mode: 1.0, ..inside() };
        assert_eq!(e.classify(&sentence), Some((Class::Sentence, 50.0)));
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
    fn scars() {
        assert_eq!(inside().with_scars(Class::Insertion, 40.0, 3.0, 6.0), Some(43.0));
        assert_eq!(inside().with_scars(Class::Insertion, 40.0, 30.0, 6.0), Some(50.0));
        assert_eq!(inside().with_scars(Class::Insertion, 40.0, -3.0, 6.0), Some(31.0));
        assert_eq!(inside().with_scars(Class::Insertion, 40.0, 3.0, 4.0), None);
    }
}
