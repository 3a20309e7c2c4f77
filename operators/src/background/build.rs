//! How does a background follow from documents? By several passes over their tokens: counts,
//! n-grams, boilerplate lines, and a sample.
//!
//! **Cost** about .2 ms a document. **State** the background.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    model::{Background, BackgroundOrigin, LINE_SHOWN_MAX, pair_key},
    word_order::WordOrder,
};
use crate::{
    document::Publisher,
    table::{Bloom, Counts, LogSketch},
    text::{
        Language, NGRAM_MAX, Seed, Token,
        hash::mix,
        line::{for_each_line, line_key},
        ngram,
    },
    usage::Sample,
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
    pub(crate) fn completed(self, origin: BackgroundOrigin, platforms: BTreeSet<String>, word_order: WordOrder) -> Self {
        Self { origin, word_order, platforms, ..self }.sealed()
    }
}

/// Learns everything but the order of words, platforms and digest. `ngram_bytes_max` bounds the
/// n-gram sketch.
pub(crate) fn build(seed: Seed, ngram_bytes_max: usize, documents: &[&ReferenceDocument]) -> Background {
    let mut background = Background::blank(seed);
    background.documents = documents.len() as u32;
    for d in documents {
        *background.languages.entry(d.language).or_default() += 1;
    }
    count(&mut background, documents);
    count_ngrams(&mut background, ngram_bytes_max, documents);
    background.sample = sample(seed, documents);
    let lines = lines(seed, documents);
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
    background.ngrams = LogSketch::new((BYTES_EACH * ngrams_of(background.seed, documents)).min(ngram_bytes_max));
    for (number, d) in documents.iter().enumerate() {
        add_ngrams(background, number as u64, &d.tokens);
    }
}

/// Counts the distinct n-grams of two or more tokens of a document, but for those with a part that
/// no earlier document held: they are new, and most stay single.
fn add_ngrams(background: &mut Background, number: u64, tokens: &[Token]) {
    let seed = background.seed;
    let mut hashes = vec![ngram::start(seed); tokens.len()];
    // Whether the n-gram of the length before is known, by its first token.
    let mut known = vec![true; tokens.len() + 1];
    let mut found = Vec::with_capacity(tokens.len() * 2);
    for len in 1..=NGRAM_MAX {
        for at in 0..tokens.len() {
            let parts = known[at] && (len == 1 || known[at + 1]);
            known[at] = false;
            let Some(&token) = tokens.get(at + len - 1).filter(|_| parts) else { continue };
            if token == Token::BREAK {
                continue;
            }
            hashes[at] = ngram::extend(hashes[at], token);
            if len == 1 {
                // All tokens of this document are counted already.
                known[at] = background.words.get(token).0 > 1;
            } else {
                found.push(hashes[at]);
                known[at] = len < NGRAM_MAX && background.ngrams.get(hashes[at]) > 0;
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    let lot = mix(seed.0 ^ number);
    for hash in found {
        background.ngrams.add(hash, lot);
    }
}

/// Bytes of the sketch for each n-gram of each document.
const BYTES_EACH: usize = 4;

/// The sum of the numbers of distinct n-grams of each document, estimated from every 16th document.
fn ngrams_of(seed: Seed, documents: &[&ReferenceDocument]) -> usize {
    let step = if documents.len() < 1024 { 1 } else { 16 };
    let sample = documents.iter().step_by(step).map(|d| ngram::distinct(seed, &d.tokens, |_| true).len());
    sample.sum::<usize>() * step
}

/// Counts all lines by host.
fn lines(seed: Seed, documents: &[&ReferenceDocument]) -> Counts {
    let mut lines = Counts::new(1 << 30);
    for d in documents {
        for_each_line(&d.tokens, |_, line| {
            lines.add(line_key(seed, d.publisher.host, line), 1);
        });
    }
    lines
}

/// Documents of one publisher that are drawn as readily as any other's.
const PUBLISHER_DOCUMENTS: u64 = 8;

/// Draws a sample by lot. The later ones of a publisher's many documents are drawn less readily: the
/// n-th with n/8 of the chance, so that no publisher makes up much of the sample.
fn sample(seed: Seed, documents: &[&ReferenceDocument]) -> Sample {
    let mut of = Counts::new(1 << 30);
    let lot = |(i, d): (usize, &&ReferenceDocument)| {
        let number = u64::from(of.add(d.publisher.key, 1));
        (u128::from(mix(seed.0 ^ mix(i as u64))) * u128::from((number / PUBLISHER_DOCUMENTS).max(1)), i)
    };
    let mut lots: Vec<(u128, usize)> = documents.iter().enumerate().map(lot).collect();
    lots.sort_unstable();
    Sample::draw(lots.iter().map(|&(_, i)| (documents[i].language, &documents[i].tokens)))
}
