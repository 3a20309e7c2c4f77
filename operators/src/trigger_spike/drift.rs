//! How unusual is a deviance among the phrases of this very stream? Where the stream's mixture of
//! subjects differs from the background's, ordinary phrases have large deviances too. Nearly all
//! phrases that look like insertions are innocent, so how often they reach a deviance is its null
//! distribution.
//!
//! For each number of votes, a histogram of ln(1 + deviance) with exponential forgetting gives the
//! survival function; beyond the 30 largest it goes on as an exponential tail. What is returned is
//! -ln of the survival: the surprise of a deviance, in nats, at most [`SURPRISE_MAX`].

use crate::codec::{Corrupt, Decoder, Encoder};

/// Vote counts from which on each histogram holds.
const VOTES: [usize; 9] = [8, 10, 12, 16, 20, 24, 32, 48, 64];
const BINS: usize = 400;
/// The largest ln(1 + deviance) that has a bin of its own.
const LOG_MAX: f64 = 6.0;
/// Observations after which one counts half.
const HALF_LIFE: f64 = 50_000.0;
/// Weight of the observations in the exponential tail.
const TAIL: f64 = 30.0;
/// Most that a deviance can surprise.
pub(super) const SURPRISE_MAX: f64 = 7.0;
/// Observations that are enough to tell.
const ENOUGH: f64 = 200.0;
/// Share by which a histogram grows before its survival function is worked out again.
const STALE: f64 = 0.125;

#[derive(Clone, Debug)]
struct Histogram {
    weights: Vec<f64>,
    /// -ln of the survival at each bin, as of the last time it was worked out.
    surprise: Vec<f64>,
    fresh: f64,
    /// Whether there were enough observations.
    is_known: bool,
}

/// The null distributions of one kind of phrase.
#[derive(Clone, Debug)]
pub(super) struct DriftNull {
    histograms: Vec<Histogram>,
}

impl DriftNull {
    pub(super) fn new() -> Self {
        let empty = Histogram { weights: vec![0.0; BINS], surprise: vec![0.0; BINS], fresh: 0.0, is_known: false };
        Self { histograms: vec![empty; VOTES.len()] }
    }

    /// The surprise of a deviance of a phrase with so many votes. While there are too few
    /// observations to tell, nothing is a surprise.
    pub(super) fn surprise(&self, votes: usize, deviance: f64) -> f64 {
        let histogram = &self.histograms[of(votes)];
        let surprise = if histogram.is_known { histogram.surprise[bin(deviance)] } else { 0.0 };
        surprise.min(SURPRISE_MAX)
    }

    /// Takes an observation in; it stands for `weight` phrases.
    pub(super) fn add(&mut self, votes: usize, deviance: f64, weight: f64) {
        let histogram = &mut self.histograms[of(votes)];
        histogram.weights[bin(deviance)] += weight;
        histogram.fresh += weight;
    }

    /// Works the survival functions out again where enough was added.
    pub(super) fn refresh(&mut self) {
        for histogram in &mut self.histograms {
            let total: f64 = histogram.weights.iter().sum();
            if histogram.fresh > 0.0 && histogram.fresh >= STALE * total.min(HALF_LIFE) {
                let keep = libm::exp(-histogram.fresh / HALF_LIFE * core::f64::consts::LN_2);
                histogram.is_known = total >= ENOUGH;
                histogram.surprise = surprise(&histogram.weights);
                histogram.weights.iter_mut().for_each(|w| *w *= keep);
                histogram.fresh = 0.0;
            }
        }
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        for histogram in &self.histograms {
            out.f64(histogram.fresh);
            out.u8(u8::from(histogram.is_known));
            histogram.weights.iter().chain(&histogram.surprise).for_each(|&x| out.f64(x));
        }
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut null = Self::new();
        for histogram in &mut null.histograms {
            histogram.fresh = from.f64()?;
            histogram.is_known = from.u8()? != 0;
            for x in histogram.weights.iter_mut().chain(&mut histogram.surprise) {
                *x = from.f64()?;
            }
        }
        Ok(null)
    }
}

fn of(votes: usize) -> usize {
    VOTES.partition_point(|&least| least <= votes).saturating_sub(1)
}

fn bin(deviance: f64) -> usize {
    ((libm::log1p(deviance.max(0.0)) / LOG_MAX * BINS as f64) as usize).min(BINS - 1)
}

fn surprise(weights: &[f64]) -> Vec<f64> {
    let mut above = vec![0.0; BINS];
    let mut sum = 0.0;
    for at in (0..BINS).rev() {
        sum += weights[at];
        above[at] = sum;
    }
    let Some(tail) = (0..BINS).rev().find(|&at| above[at] >= TAIL) else { return vec![0.0; BINS] };
    let excess: f64 = (tail..BINS).map(|at| weights[at] * ((at - tail) as f64 + 0.5)).sum();
    let scale = (excess / above[tail]).max(0.5);
    let survival = |at: usize| -libm::log((above[at.min(tail)] + 1.0) / (sum + 1.0));
    (0..BINS).map(|at| survival(at) + at.saturating_sub(tail) as f64 / scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_phrases_reach_is_no_surprise() {
        let mut null = DriftNull::new();
        (0..10_000).for_each(|i| null.add(12, f64::from(i % 100) / 10.0, 1.0));
        null.refresh();
        assert!(null.surprise(12, 0.05) < 0.05);
        // One in ten is at or above 9.
        assert!((null.surprise(13, 9.0) - 10f64.ln()).abs() < 0.15, "{}", null.surprise(13, 9.0));
        assert!(null.surprise(12, 60.0) > 6.0);
        assert!((null.surprise(12, 380.0) - SURPRISE_MAX).abs() < 1e-12);
        assert!(null.surprise(64, 8.0).abs() < 1e-12, "no phrase had so many votes");
        let mut out = Encoder::default();
        null.save(&mut out);
        let back = DriftNull::load(&mut Decoder::new(&out.bytes)).expect("what save wrote");
        assert_eq!(back.surprise(12, 9.0).to_bits(), null.surprise(12, 9.0).to_bits());
    }
}
