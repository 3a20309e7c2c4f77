//! Which threshold does each channel need? What ordinary text reaches at most, with room for a
//! longer stream.
//!
//! The detectors run over [documents that were held out](super::held_out) with a background of the
//! rest. The best score that the held-out text reaches is multiplied by the root of the growth in
//! exposure, from the held-out part to a stream of 5/3 documents for each one of the reference: the
//! score of a phrase whose true rate exceeds its estimate grows about with that root. The product
//! is cut to a range in which the detector is known to work. With a reference of mixed subjects the
//! ends of the ranges decide most often.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    background::{ReferenceDocument, Thresholds, build},
    text::Seed,
    trigger_spike::{self, SpikeClass},
};

/// Documents of a stream for each document of the reference.
const STREAM: f64 = 5.0 / 3.0;

/// The range in which the detector is known to work.
fn range(class: SpikeClass) -> RangeInclusive<f64> {
    match class {
        SpikeClass::Sentence => 30.0..=45.0,
        SpikeClass::Edge | SpikeClass::Insertion => 38.0..=42.0,
        SpikeClass::SingleSite => 12.0..=24.0,
    }
}

/// Finds the thresholds. Without enough documents they are the upper ends of the ranges.
pub(super) fn calibrate(
    seed: Seed,
    ngram_bytes_max: usize,
    held: &[&ReferenceDocument],
    rest: &[&ReferenceDocument],
) -> Thresholds {
    if held.is_empty() || rest.is_empty() {
        return Thresholds::default();
    }
    let growth = (STREAM * rest.len() as f64 / held.len() as f64).sqrt();
    let part = Arc::new(build(seed, ngram_bytes_max, rest));
    let best = trigger_spike::best_scores(&part, held.iter().map(|d| (&d.publisher, &d.tokens)));
    let threshold = |class: SpikeClass| {
        let range = range(class);
        (best[class as usize] * growth).clamp(*range.start(), *range.end())
    };
    Thresholds {
        sentence: threshold(SpikeClass::Sentence),
        edge: threshold(SpikeClass::Edge),
        insertion: threshold(SpikeClass::Insertion),
        single_site: threshold(SpikeClass::SingleSite),
    }
}
