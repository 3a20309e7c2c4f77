//! Learning a background from documents.
//!
//! Documents are kept as tokens (4 bytes each: about 90 MB for 30,000 pages of 700 tokens) until [`Learner::finish`],
//! which goes over them several times: counts, n-grams, context vectors, subjects; and, to calibrate, the same again over
//! three quarters with the detectors run over the rest. Peak memory is about the tokens and two backgrounds.
//! Time: about .3 ms a document, .8 ms with calibration.

use std::{collections::BTreeSet, sync::Arc};

use super::{Background, Origin, calibrate, for_each_line, line_key, pair_key, platforms, subjects, vector};
use crate::{
    document::Publisher,
    table::{Bloom, Counts, Sketch},
    text::{Seed, Token, ngram},
};

/// Lines that a host has shown more often than this are its template.
pub(crate) const LINE_SHOWN_MAX: u32 = 2;

/// How to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most bytes of the n-gram sketch. Below 4 bytes a distinct n-gram of each document summed, rare n-grams begin to
    /// look common: fewer alarms.
    pub ngram_bytes_max: usize,
    /// Whether to calibrate thresholds on a held-out quarter. Without, they are the upper ends of the allowed ranges.
    pub calibrate: bool,
}

impl Default for Options {
    /// 512 MiB serve 150,000 pages.
    fn default() -> Self {
        Self { ngram_bytes_max: 512 << 20, calibrate: true }
    }
}

/// A document to learn from.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) publisher: Publisher,
    pub(super) tokens: Arc<[Token]>,
}

/// What is known of who published a document.
enum PublishedBy {
    Address { url: Box<str>, source: Box<str> },
    Known(Publisher),
}

/// Takes trusted documents and makes a [`Background`] of them.
pub struct Learner {
    seed: Seed,
    options: Options,
    documents: Vec<(PublishedBy, Arc<[Token]>)>,
}

impl Learner {
    /// A learner whose background will be keyed by `seed`; tokens must come from a tokenizer of the same seed.
    #[must_use]
    pub fn new(seed: Seed, options: Options) -> Self {
        Self { seed, options, documents: Vec::new() }
    }

    /// Takes in a document by its address (`source` is what stands for a publisher where there is none).
    pub fn add(&mut self, url: &str, source: &str, tokens: &[Token]) {
        self.documents.push((PublishedBy::Address { url: url.into(), source: source.into() }, tokens.into()));
    }

    /// Takes in a document whose publisher is known: the filter's own past.
    pub fn add_known(&mut self, publisher: Publisher, tokens: Arc<[Token]>) {
        self.documents.push((PublishedBy::Known(publisher), tokens));
    }

    /// Number of documents taken in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Learns. `publisher_of(url, source, platforms)` says who publishes at an address, given the platforms found.
    #[must_use]
    pub fn finish(self, origin: Origin, publisher_of: &dyn Fn(&str, &str, &BTreeSet<String>) -> Publisher) -> Background {
        let addresses = self.documents.iter().filter_map(|(p, _)| match p {
            PublishedBy::Address { url, .. } => Some(&**url),
            PublishedBy::Known(_) => None,
        });
        let platforms = platforms::platforms(addresses);
        let known = |(publisher, tokens)| {
            let publisher = match publisher {
                PublishedBy::Address { url, source } => publisher_of(&url, &source, &platforms),
                PublishedBy::Known(publisher) => publisher,
            };
            Known { publisher, tokens }
        };
        let documents: Vec<Known> = self.documents.into_iter().map(known).collect();
        let mut whole = build(self.seed, self.options, &documents.iter().collect::<Vec<_>>());
        if self.options.calibrate {
            whole.thresholds = calibrate::calibrate(self.seed, self.options, &documents);
        }
        whole.origin = origin;
        whole.platforms = platforms;
        whole.seal();
        whole
    }
}

/// Everything but thresholds, platforms and digest.
pub(super) fn build(seed: Seed, options: Options, documents: &[&Known]) -> Background {
    let mut background = Background::blank(seed);
    background.documents = documents.len() as u32;
    count(&mut background, options, documents);
    let lines = contexts(&mut background, documents);
    background.publishers = documents.iter().map(|d| d.publisher.key).collect();
    background.publishers.sort_unstable();
    background.publishers.dedup();
    background.boilerplate = lines.iter().filter(|&(_, n)| n > LINE_SHOWN_MAX).map(|(key, _)| key).collect();
    background.boilerplate.sort_unstable();
    background
}

/// Tokens, pairs and n-grams.
fn count(background: &mut Background, options: Options, documents: &[&Known]) {
    let seed = background.seed;
    let words: usize = documents.iter().map(|d| d.tokens.iter().filter(|t| t.is_word()).count()).sum();
    // 5 bits a pair of neighbours: about 12 a distinct pair.
    background.pairs = Bloom::new(words * 5 / 8);
    background.ngrams = Sketch::new((4 * ngrams_of(seed, documents)).min(options.ngram_bytes_max));
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
        for n in ngram::distinct(seed, &d.tokens, |_| true) {
            background.ngrams.add(n.hash);
        }
    }
    background.words.weigh(background.documents);
}

/// Distinct n-grams of each document, summed: estimated from every 16th document.
fn ngrams_of(seed: Seed, documents: &[&Known]) -> usize {
    let step = if documents.len() < 1024 { 1 } else { 16 };
    let sample = documents.iter().step_by(step).map(|d| ngram::distinct(seed, &d.tokens, |_| true).len());
    sample.sum::<usize>() * step
}

/// Mean context vector and subjects; the counts of all lines by host.
fn contexts(background: &mut Background, documents: &[&Known]) -> Counts {
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
        sums.push(vector::sum(background, &kept));
    }
    // Two steps, so that the mean is taken of all before any is centred; sums keep 512 bytes a document.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Tokenizer, hash::mix};

    const SEED: Seed = Seed(11);

    fn publisher(name: &str) -> Publisher {
        Publisher { name: name.into(), key: SEED.bytes(1, name.as_bytes()), host: SEED.bytes(2, name.as_bytes()) }
    }

    fn texts() -> Vec<String> {
        let word = |x: u64| format!("w{}", (mix(x) % 400).min(mix(x ^ 9) % 400));
        (0..300u64).map(|d| (0..60).map(|i| word(d * 100 + i)).collect::<Vec<_>>().join(" ") + "\nall rights reserved").collect()
    }

    fn learned(calibrate: bool) -> Background {
        let tokenizer = Tokenizer::new(SEED, 10_000);
        let mut learner = Learner::new(SEED, Options { calibrate, ..Options::default() });
        for (i, text) in texts().iter().enumerate() {
            learner.add(&format!("https://site{}.example/{i}", i % 40), "file", &tokenizer.tokens(text).ids);
        }
        learner.finish(Origin::Trusted, &|url, _, _| publisher(url.split('/').nth(2).unwrap_or_default()))
    }

    #[test]
    fn frequencies_are_those_of_a_plain_count() {
        let background = learned(false);
        let tokenizer = Tokenizer::new(SEED, 10_000);
        let documents: Vec<_> = texts().iter().map(|t| tokenizer.tokens(t).ids).collect();
        let mut exact = std::collections::BTreeMap::<u64, u8>::new();
        for d in &documents {
            for n in ngram::distinct(SEED, d, |_| true) {
                let count = exact.entry(n.hash).or_default();
                *count = count.saturating_add(1);
            }
        }
        let exactly = exact.iter().filter(|&(&h, &n)| background.ngram_documents(h) == n.min(15)).count();
        assert!(exact.iter().all(|(&h, &n)| background.ngram_documents(h) >= n.min(15)));
        assert!(exactly * 100 > exact.len() * 95, "{exactly} of {}", exact.len());
        for pair in documents[7].windows(2).filter(|p| p.iter().all(|t| t.is_word())) {
            assert!(background.knows_pair(pair[0], pair[1]));
        }
        assert_eq!((background.documents(), background.publishers()), (300, 40));
        assert!(
            background.knows_publisher(publisher("site7.example").key) && !background.knows_publisher(publisher("x.example").key)
        );
        let line = tokenizer.tokens("all rights reserved").ids;
        assert!(background.is_boilerplate(line_key(SEED, publisher("site7.example").host, &line)));
    }

    #[test]
    fn saves_and_loads_and_refuses_all_else() {
        let background = learned(true);
        let bytes = background.save();
        let back = Background::load(&bytes).expect("what save wrote");
        assert_eq!((back.save() == bytes, back.digest()), (true, background.digest()));
        assert_eq!(learned(true).digest(), background.digest(), "the same documents give the same background");
        for end in (0..bytes.len()).step_by(bytes.len() / 97) {
            assert!(Background::load(&bytes[..end]).is_err());
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 97) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x40;
            assert!(Background::load(&altered).is_err(), "byte {at}");
            // Even one with a right checksum may not panic.
            let end = altered.len() - 32;
            let digest = blake3::hash(&altered[..end]);
            altered[end..].copy_from_slice(digest.as_bytes());
            let _ = Background::load(&altered);
        }
    }

    #[test]
    fn empty_backgrounds_work() {
        let none = Learner::new(SEED, Options::default()).finish(Origin::Own, &|_, _, _| publisher("x"));
        assert_eq!(none.documents(), 0);
        assert!(Background::load(&none.save()).is_ok());
        assert_eq!(none.save(), Background::empty(SEED).save());
    }
}
