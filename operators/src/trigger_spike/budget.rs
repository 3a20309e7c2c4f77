//! Which score is worth an alarm? One that innocent phrases of this stream should exceed no more
//! often than the budget of wrong alarms allows.
//!
//! The best scores so far are nearly all of innocent phrases, each counted once. Extremes of scores
//! fall off exponentially (Gumbel's law for the largest of many), so from the 21st and the 200th best
//! the score follows that is exceeded by chance `rate` times a document: with
//! `beta = (s21 - s200) / ln(200/21)`, it is `s21 + beta ln(21 / (d rate))` after d documents.
//!
//! Whoever plants decoys raises the threshold, so it has a ceiling on paths where innocent scores
//! never came near it.

use std::collections::BTreeMap;

use crate::codec::{Corrupt, Decoder, Encoder};

/// Best scores that are kept.
const KEPT: usize = 256;
/// Least decay of scores.
const BETA_MIN: f64 = 0.4;

/// How a path sets its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// Ranks of the two scores that the tail is drawn through, from 0.
    pub(super) ranks: (usize, usize),
    /// Least threshold.
    pub(super) floor: f64,
    /// The threshold until there are enough scores; `None`: no alarm until then.
    pub(super) start: Option<f64>,
    /// Largest threshold.
    pub(super) ceiling: f64,
    /// A threshold above which the path raises no alarm at all: what it measures says nothing in
    /// this stream.
    pub(super) silent_above: f64,
    /// Share of the budget.
    pub(super) share: f64,
}

/// The best scores of a path, and the threshold that follows.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    policy: Policy,
    /// The best score of each phrase, by the hash of its span.
    best: BTreeMap<u64, f64>,
    threshold: f64,
    /// The least score that could still change the threshold.
    notable: f64,
}

impl Budget {
    pub(super) fn new(policy: Policy) -> Self {
        let threshold = policy.start.unwrap_or(f64::INFINITY);
        Self { policy, best: BTreeMap::new(), threshold, notable: f64::NEG_INFINITY }
    }

    /// The score from which on a phrase is worth an alarm.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The least score that is worth working out in full.
    pub(super) fn notable(&self) -> f64 {
        self.notable.min(self.threshold)
    }

    /// Takes in the score of a phrase.
    pub(super) fn add(&mut self, span: u64, score: f64) {
        let best = self.best.entry(span).or_insert(score);
        *best = best.max(score);
    }

    /// Works the threshold out after `documents` documents, with `rate` wrong alarms a document to
    /// spend on all paths together.
    pub(super) fn refresh(&mut self, documents: f64, rate: f64) {
        let mut scores: Vec<f64> = self.best.values().copied().collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let (high, low) = self.policy.ranks;
        if let Some((&upper, &lower)) = scores.get(high).zip(scores.get(low)) {
            let ranks = [high, low].map(|r| r as f64 + 1.0);
            let beta = ((upper - lower) / libm::log(ranks[1] / ranks[0])).max(BETA_MIN);
            let expected = (documents * rate * self.policy.share).max(1e-9);
            let threshold = (upper + beta * libm::log(ranks[0] / expected)).max(self.policy.floor);
            self.threshold =
                if threshold > self.policy.silent_above { f64::INFINITY } else { threshold.min(self.policy.ceiling) };
            self.notable = lower;
        }
        if let Some(&least) = scores.get(KEPT) {
            self.best.retain(|_, score| *score > least);
        }
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.f64(self.threshold);
        out.f64(self.notable);
        out.u64(self.best.len() as u64);
        for (&span, &score) in &self.best {
            out.u64(span);
            out.f64(score);
        }
    }

    pub(super) fn load(from: &mut Decoder<'_>, policy: Policy) -> Result<Self, Corrupt> {
        let mut budget = Self::new(policy);
        (budget.threshold, budget.notable) = (from.f64()?, from.f64()?);
        for _ in 0..from.len(16)? {
            budget.best.insert(from.u64()?, from.f64()?);
        }
        Ok(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hash::mix;

    const POLICY: Policy = Policy { ranks: (20, 199), floor: 2.0, start: None, ceiling: 100.0, silent_above: 50.0, share: 0.5 };

    #[test]
    fn innocent_scores_exceed_the_threshold_as_rarely_as_asked() {
        // Exponential scores with mean 1: the threshold that 1 in 10,000 exceeds is ln 10,000.
        let mut budget = Budget::new(POLICY);
        assert!(budget.threshold().is_infinite());
        let uniform = |i: u64| (mix(i) >> 11) as f64 / (1u64 << 53) as f64;
        (0..100_000).for_each(|i| budget.add(i, -uniform(i).ln()));
        // 10,000 documents with ten phrases each; 2 of a thousand documents may raise an alarm by this half.
        budget.refresh(10_000.0, 0.002);
        assert!((budget.threshold() - 10_000f64.ln()).abs() < 1.5, "{}", budget.threshold());
        assert!(budget.best.len() <= KEPT);
        let mut out = Encoder::default();
        budget.save(&mut out);
        let back = Budget::load(&mut Decoder::new(&out.bytes), POLICY).expect("what save wrote");
        assert_eq!((back.threshold().to_bits(), back.best), (budget.threshold().to_bits(), budget.best));
    }

    #[test]
    fn decoys_reach_the_ceiling_and_drift_silences() {
        let mut budget = Budget::new(Policy { ceiling: 12.0, silent_above: f64::INFINITY, ..POLICY });
        (0..300).for_each(|i| budget.add(i, 30.0 + i as f64 / 100.0));
        budget.refresh(1e4, 1e-5);
        assert!((budget.threshold() - 12.0).abs() < 1e-12);
        let mut budget = Budget::new(POLICY);
        (0..300).for_each(|i| budget.add(i, 60.0 + i as f64 / 100.0));
        budget.refresh(1e4, 1e-5);
        assert!(budget.threshold().is_infinite());
    }
}
