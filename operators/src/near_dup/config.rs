//! The options of `near_dup`, and what they promise.

use serde::{Deserialize, Serialize};

use super::minhash::SHINGLE;
use crate::{config::OperatorConfig, document::SeqNo, mode::Mode};

/// `[operators.near_dup]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Bands of the index: with more of them more is found, at the cost of memory. Default 14.
    pub bands: u32,
    /// Minima in a band: with more of them only more similar texts are found. `bands * rows` is at
    /// most 256. Default 8.
    pub rows: u32,
    /// Least Jaccard similarity of word 5-grams, .6 to 1. Default .75.
    pub similarity_min: f64,
    /// Texts of fewer words are never copies; at least 5. Default 16.
    pub words_min: u32,
    /// Documents remembered: between half as many and as many. Default 5,000,000 (0.9 GB at 14 x
    /// 8).
    pub documents_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            // What FineWeb and others use, so that results can be compared.
            bands: 14,
            rows: 8,
            // A reader takes texts that share half of their 5-grams for the same; the margin keeps pairs below that out.
            similarity_min: 0.75,
            // 12 shingles: one changed word leaves a similarity of .41, so shorter texts match by accident or not at all.
            words_min: 16,
            // What fits beside the other operators in a process of 3 GB.
            documents_max: 5_000_000,
        }
    }
}

/// Most minima that the bands may have in all.
pub const MINIMA_MAX: u32 = 256;
const DOCUMENTS_LEAST: u32 = 16;
const WORDS_LEAST: u32 = SHINGLE as u32;
const SIMILARITY_LEAST: f64 = 0.6;

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if self.bands == 0 || self.rows == 0 || self.bands.saturating_mul(self.rows) > MINIMA_MAX {
            let message = format!("got {} bands of {} rows, expected 1 to {MINIMA_MAX} minima in all", self.bands, self.rows);
            found.push(("bands", message));
        }
        if !(SIMILARITY_LEAST..=1.0).contains(&self.similarity_min) {
            found.push(("similarity_min", format!("got {}, expected {SIMILARITY_LEAST} to 1", self.similarity_min)));
        }
        if self.words_min < WORDS_LEAST {
            found.push(("words_min", format!("got {}, expected at least {WORDS_LEAST}", self.words_min)));
        }
        if self.documents_max < DOCUMENTS_LEAST {
            found.push(("documents_max", format!("got {}, expected at least {DOCUMENTS_LEAST}", self.documents_max)));
        }
        found
    }

    fn layout(&self) -> Vec<(&'static str, u64)> {
        vec![("bands", self.bands.into()), ("documents_max", self.documents_max.into()), ("rows", self.rows.into())]
    }

    fn reach(&self) -> SeqNo {
        self.documents_max
    }
}

impl Config {
    /// The nearest config without problems.
    pub(super) fn clamped(&self) -> Self {
        let bands = self.bands.clamp(1, MINIMA_MAX);
        let similarity_min = if self.similarity_min.is_nan() { 1.0 } else { self.similarity_min.clamp(SIMILARITY_LEAST, 1.0) };
        Self {
            mode: self.mode,
            bands,
            rows: self.rows.clamp(1, MINIMA_MAX / bands),
            similarity_min,
            words_min: self.words_min.max(WORDS_LEAST),
            documents_max: self.documents_max.max(DOCUMENTS_LEAST),
        }
    }

    /// Probability that two texts of Jaccard similarity `j` have a band in common.
    #[must_use]
    pub fn meeting_probability(&self, j: f64) -> f64 {
        1.0 - libm::pow(1.0 - libm::pow(j, f64::from(self.rows)), f64::from(self.bands))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in the documentation of [`super::super`], row by row.
    #[test]
    fn the_curve_is_the_documented_one() {
        for (bands, rows, want) in [
            (14, 8, [0.001, 0.009, 0.053, 0.211, 0.565, 0.772, 0.924, 0.988, 1.0, 1.0]),
            (16, 8, [0.001, 0.010, 0.061, 0.237, 0.613, 0.815, 0.947, 0.994, 1.0, 1.0]),
            (20, 5, [0.047, 0.186, 0.470, 0.802, 0.975, 0.996, 1.0, 1.0, 1.0, 1.0]),
            (32, 4, [0.229, 0.564, 0.873, 0.988, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ] {
            let config = Config { bands, rows, ..Config::default() };
            assert!(config.problems().is_empty());
            for (j, want) in [0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95].into_iter().zip(want) {
                let got = config.meeting_probability(j);
                assert!((got - want).abs() < 0.0051, "{bands} x {rows} at {j}: got {got}, the table says {want}");
            }
        }
    }

    #[test]
    fn says_all_problems_at_once() {
        let bad = Config { bands: 40, rows: 8, similarity_min: 0.2, words_min: 4, documents_max: 0, ..Config::default() };
        let keys: Vec<_> = bad.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["bands", "similarity_min", "words_min", "documents_max"]);
        assert!(bad.clamped().problems().is_empty());
        assert!(Config::default().problems().is_empty());
    }
}
