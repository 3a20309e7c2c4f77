//! How does a background follow from documents? By several passes over their tokens: counts,
//! n-grams, context vectors, subjects.
//!
//! **Cost** about .3 ms a document. **State** the background, and 512 bytes a document meanwhile.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    model::{Background, BackgroundOrigin, LINE_SHOWN_MAX, Thresholds, pair_key},
    subjects, vector,
    word_order::WordOrder,
};
use crate::{
    document::Publisher,
    table::{Bloom, Counts, Sketch},
    text::{
        Language, Seed, Token,
        line::{for_each_line, line_key},
        ngram,
    },
};

/// A document to learn from.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceDocument {
    pub(crate) publisher: Publisher,
    pub(crate) language: Language,
    pub(crate) tokens: Arc<[Token]>,
}

impl Background {
    /// A background that [`build`] has learned, with everything that it does not learn.
    pub(crate) fn completed(
        self,
        origin: BackgroundOrigin,
        platforms: BTreeSet<String>,
        word_order: WordOrder,
        thresholds: Option<Thresholds>,
    ) -> Self {
        let thresholds = thresholds.unwrap_or(self.thresholds);
        Self { origin, word_order, platforms, thresholds, ..self }.sealed()
    }
}

/// Learns everything but thresholds, the order of words, platforms and digest. `ngram_bytes_max` bounds the n-gram
/// sketch.
pub(crate) fn build(seed: Seed, ngram_bytes_max: usize, documents: &[&ReferenceDocument]) -> Background {
    let mut background = Background::blank(seed);
    background.documents = documents.len() as u32;
    for d in documents {
        *background.languages.entry(d.language).or_default() += 1;
    }
    count(&mut background, documents);
    count_ngrams(&mut background, ngram_bytes_max, documents);
    background.words.weigh(background.documents);
    let lines = contexts(&mut background, documents);
    background.publishers = documents.iter().map(|d| d.publisher.key).collect();
    background.publishers.sort_unstable();
    background.publishers.dedup();
    background.boilerplate = lines.iter().filter(|&(_, n)| n > LINE_SHOWN_MAX).map(|(key, _)| key).collect();
    background.boilerplate.sort_unstable();
    background
}

/// Learns tokens and pairs alone.
pub(crate) fn count_pairs(seed: Seed, documents: &[&ReferenceDocument]) -> Background {
    let mut background = Background::blank(seed);
    background.documents = documents.len() as u32;
    count(&mut background, documents);
    background
}

/// Counts tokens and pairs.
fn count(background: &mut Background, documents: &[&ReferenceDocument]) {
    let seed = background.seed;
    let words: usize = documents.iter().map(|d| d.tokens.iter().filter(|t| t.is_word()).count()).sum();
    // 5 bits for each pair of neighbours, which are about 12 for each distinct pair.
    background.pairs = Bloom::new(words * 5 / 8);
    let mut sorted = Vec::new();
    for d in documents {
        sorted.clear();
        sorted.extend_from_slice(&d.tokens);
        sorted.sort_unstable();
        background.words.add_document(&sorted);
        let mut before = None;
        for &word in d.tokens.iter().filter(|t| t.is_word()) {
            if let Some(before) = before.replace(word) {
                background.pairs.insert(pair_key(seed, before, word));
            }
        }
    }
}

/// Counts n-grams.
fn count_ngrams(background: &mut Background, ngram_bytes_max: usize, documents: &[&ReferenceDocument]) {
    let seed = background.seed;
    background.ngrams = Sketch::new((4 * ngrams_of(seed, documents)).min(ngram_bytes_max));
    for d in documents {
        for n in ngram::distinct(seed, &d.tokens, |_| true) {
            background.ngrams.add(n.hash);
        }
    }
}

/// The sum of the numbers of distinct n-grams of each document, estimated from every 16th document.
fn ngrams_of(seed: Seed, documents: &[&ReferenceDocument]) -> usize {
    let step = if documents.len() < 1024 { 1 } else { 16 };
    let sample = documents.iter().step_by(step).map(|d| ngram::distinct(seed, &d.tokens, |_| true).len());
    sample.sum::<usize>() * step
}

/// Finds the mean context vector and the subjects, and returns the counts of all lines by host.
fn contexts(background: &mut Background, documents: &[&ReferenceDocument]) -> Counts {
    let seed = background.seed;
    let mut lines = Counts::new(1 << 30);
    let mut sums = Vec::with_capacity(documents.len());
    let mut kept = Vec::new();
    for d in documents {
        kept.clear();
        for_each_line(&d.tokens, |_, line| {
            if lines.add(line_key(seed, d.publisher.host, line), 1) <= LINE_SHOWN_MAX {
                kept.extend_from_slice(line);
            }
        });
        kept.sort_unstable();
        kept.dedup();
        sums.push(vector::sum(seed, &background.words, &kept));
    }
    // In two steps, since the mean of all is needed before any is centred. The sums hold 512 bytes a document.
    let mut total = [0.0; vector::DIMENSIONS];
    for sum in &sums {
        total.iter_mut().zip(sum.unit()).for_each(|(t, x)| *t += x);
    }
    let n = documents.len().max(1) as f64;
    background.mean = total.iter().map(|t| (t / n) as f32).collect();
    let contexts: Vec<_> = sums.iter().map(|sum| vector::centred(sum, &background.mean).quantised()).collect();
    (background.centres, background.shares) = subjects::find(seed, &contexts);
    lines
}
