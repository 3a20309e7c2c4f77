//! Which threshold does each channel need? What ordinary text reaches at most, with room for a
//! longer stream.
//!
//! A quarter of the documents is held out: 18% at random, and whole publishers, so that there are
//! sites that the rest has never seen. The detectors run over them with a background of the rest.
//! The best score that the held-out text reaches is multiplied by the root of the growth in
//! exposure, from the held-out part to a stream of 5/3 documents for each one of the reference: the
//! score of a phrase whose true rate exceeds its estimate grows about with that root. The product
//! is cut to a range in which the detector is known to work. With a reference of mixed subjects the
//! ends of the ranges decide most often.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    background::{Background, ReferenceDocument, Thresholds, build},
    gibberish,
    table::Counts,
    text::{Seed, hash::mix},
    trigger_spike::{self, SpikeClass},
};

/// Documents of a stream for each document of the reference.
const STREAM: f64 = 5.0 / 3.0;
/// Percentage of documents that are held out at random, and of publishers that are held out whole.
const DOCUMENTS_HELD: u64 = 18;
const PUBLISHERS_HELD: u64 = 12;
/// Publishers with a greater share of all documents are never held out whole.
const PUBLISHER_SHARE_MAX: f64 = 0.02;
/// Share of held-out documents that may be taken for gibberish.
const GIBBERISH_RATE: f64 = 0.0001;

/// The range in which the detector is known to work.
fn range(class: SpikeClass) -> RangeInclusive<f64> {
    match class {
        SpikeClass::Sentence => 30.0..=45.0,
        SpikeClass::Edge | SpikeClass::Insertion => 38.0..=42.0,
        SpikeClass::SingleSite => 12.0..=24.0,
    }
}

/// Finds the thresholds. Without enough documents they are the upper ends of the ranges.
pub(super) fn calibrate(seed: Seed, ngram_bytes_max: usize, documents: &[ReferenceDocument]) -> Thresholds {
    let (held, rest) = split(seed, documents);
    if held.is_empty() || rest.is_empty() {
        return Thresholds::default();
    }
    let growth = (STREAM * rest.len() as f64 / held.len() as f64).sqrt();
    let part = Arc::new(build(seed, ngram_bytes_max, &rest));
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
        gibberish: gibberish_threshold(&part, &held),
    }
}

/// The held-out documents and the rest, both in the order of all documents.
fn split(seed: Seed, documents: &[ReferenceDocument]) -> (Vec<&ReferenceDocument>, Vec<&ReferenceDocument>) {
    let mut sizes = Counts::new(documents.len());
    for d in documents {
        sizes.add(d.publisher.key, 1);
    }
    let most = PUBLISHER_SHARE_MAX * documents.len() as f64;
    let held = |(i, d): (usize, &ReferenceDocument)| {
        let whole = f64::from(sizes.get(d.publisher.key)) < most && mix(seed.0 ^ d.publisher.key) % 100 < PUBLISHERS_HELD;
        whole || mix(seed.0 ^ mix(i as u64)) % 100 < DOCUMENTS_HELD
    };
    let mut parts = (Vec::new(), Vec::new());
    for (i, d) in documents.iter().enumerate() {
        if held((i, d)) { parts.0.push(d) } else { parts.1.push(d) }
    }
    parts
}

fn gibberish_threshold(part: &Background, held: &[&ReferenceDocument]) -> f64 {
    let mut scores: Vec<f64> = held.iter().map(|d| gibberish::score(part, &d.tokens)).collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    scores.get((GIBBERISH_RATE * held.len() as f64) as usize).map_or(0.96, |s| s.clamp(0.80, 0.96))
}
