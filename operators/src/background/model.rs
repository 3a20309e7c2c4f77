//! What is known of ordinary text? The background: an immutable table of frequencies.
//!
//! Everything in it is keyed by its [`Seed`], so nobody who reads a page can tell how its words are
//! counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use super::word_order::WordOrder;
use crate::{
    table::{Bloom, LogSketch},
    text::{Language, Seed, Token, hash::mix},
    usage::{Sample, UsageModels, Words},
};

/// Lines that a host has shown more often than this are its template.
pub(crate) const LINE_SHOWN_MAX: u32 = 2;

/// What a background was learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackgroundOrigin {
    /// Documents that the user trusts.
    Trusted,
    /// The filter's own past, because there is no trusted reference.
    Own,
}

/// See the [module documentation](super).
#[derive(Clone, Debug)]
pub struct Background {
    pub(super) seed: Seed,
    pub(super) origin: BackgroundOrigin,
    pub(super) documents: u32,
    /// Documents of each language.
    pub(super) languages: BTreeMap<Language, u32>,
    pub(super) words: Words,
    /// Document frequencies of n-grams.
    pub(super) ngrams: LogSketch,
    /// Pairs of neighbouring words.
    pub(super) pairs: Bloom,
    /// How much of the order of words in each language the pairs cover.
    pub(super) word_order: WordOrder,
    /// Some of its documents, from which models of the usage of words are learned.
    pub(super) sample: Sample,
    /// The models that follow from the sample, once they were asked for.
    pub(super) usage: OnceLock<Arc<UsageModels>>,
    /// Keys of publishers, sorted.
    pub(super) publishers: Vec<u64>,
    /// Keys of boilerplate lines, sorted.
    pub(super) boilerplate: Vec<u64>,
    pub(super) platforms: BTreeSet<String>,
    pub(super) digest: [u8; 32],
}

impl Background {
    /// A background of no documents, without a digest.
    pub(super) fn blank(seed: Seed) -> Self {
        Self {
            seed,
            origin: BackgroundOrigin::Own,
            documents: 0,
            languages: BTreeMap::new(),
            words: Words::default(),
            ngrams: LogSketch::new(0),
            pairs: Bloom::new(0),
            word_order: WordOrder::default(),
            sample: Sample::default(),
            usage: OnceLock::new(),
            publishers: Vec::new(),
            boilerplate: Vec::new(),
            platforms: BTreeSet::new(),
            digest: [0; 32],
        }
    }

    /// The seed that keys all hashes.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// What it was learned from.
    #[must_use]
    pub fn origin(&self) -> BackgroundOrigin {
        self.origin
    }

    /// Number of documents that it was learned from.
    #[must_use]
    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// Number of its documents in each language that it has.
    #[must_use]
    pub fn languages(&self) -> &BTreeMap<Language, u32> {
        &self.languages
    }

    /// Number of its documents of a language.
    #[must_use]
    pub fn documents_of(&self, language: Language) -> u32 {
        self.languages.get(&language).copied().unwrap_or_default()
    }

    /// The frequencies of tokens.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The number of documents that hold an n-gram whose parts occur more often: see [`LogSketch`]
    /// for its error.
    #[inline]
    #[must_use]
    pub fn ngram_documents(&self, ngram: u64) -> u32 {
        self.ngrams.get(ngram)
    }

    /// Reads what [`Self::ngram_documents`] will read, so that it is in cache by then.
    #[inline]
    #[must_use]
    pub fn touch_ngram(&self, ngram: u64) -> u64 {
        self.ngrams.touch(ngram)
    }

    /// Whether one word follows the other in its documents, or seems to.
    #[inline]
    #[must_use]
    pub fn knows_pair(&self, left: Token, right: Token) -> bool {
        self.pairs.contains(pair_key(self.seed, left, right))
    }

    /// How much of the order of words in each language it knows.
    #[must_use]
    pub fn word_order(&self) -> &WordOrder {
        &self.word_order
    }

    /// Whether it has documents of the publisher.
    #[must_use]
    pub fn knows_publisher(&self, key: u64) -> bool {
        self.publishers.binary_search(&key).is_ok()
    }

    /// Number of publishers that it has documents of.
    #[must_use]
    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    /// Whether a line is boilerplate on its host; `line` is a
    /// [`line_key`](crate::text::line::line_key).
    #[must_use]
    pub fn is_boilerplate(&self, line: u64) -> bool {
        self.boilerplate.binary_search(&line).is_ok()
    }

    /// Hosts on which the first path segment is an account.
    #[must_use]
    pub fn platforms(&self) -> &BTreeSet<String> {
        &self.platforms
    }

    /// Some of its documents.
    #[must_use]
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Models of the usage of words, from the sample. The first call learns them, which takes about a
    /// second for a full sample.
    #[must_use]
    pub fn usage(&self) -> Arc<UsageModels> {
        Arc::clone(self.usage.get_or_init(|| Arc::new(UsageModels::learn(self.seed, &[&self.sample]))))
    }

    /// The blake3 digest of the saved bytes, by which every decision names this background.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.bytes()
            + self.ngrams.bytes()
            + self.pairs.bytes()
            + (self.publishers.len() + self.boilerplate.len()) * 8
            + self.sample.bytes()
    }
}

const PAIR: u64 = 0x7061_6972;

/// Keyed hash of two neighbouring words.
pub(super) fn pair_key(seed: Seed, left: Token, right: Token) -> u64 {
    mix(seed.0 ^ PAIR ^ mix(u64::from(left.0) << 32 | u64::from(right.0)))
}
