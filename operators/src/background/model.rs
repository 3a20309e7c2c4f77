//! What is known of ordinary text? The background: an immutable table of frequencies.
//!
//! Everything in it is keyed by its [`Seed`], so nobody who reads a page can tell how its words are
//! counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    subjects,
    vector::{self, ContextVector, DIMENSIONS},
    word_order::WordOrder,
    words::Words,
};
use crate::{
    table::{Bloom, Sketch},
    text::{Language, Seed, Token, hash::mix},
};

/// The number of documents of the background up to which an n-gram is rare. Others are never
/// candidates for a spike.
pub const RARE: u8 = 12;

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

/// The score from which on each channel withholds a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A whole sentence or line.
    pub sentence: f64,
    /// A phrase that opens or closes a sentence or line.
    pub edge: f64,
    /// A phrase inside sentences that differ from document to document.
    pub insertion: f64,
    /// A phrase all over a single new site.
    pub single_site: f64,
}

impl Default for Thresholds {
    /// The upper ends of what calibration allows.
    fn default() -> Self {
        Self { sentence: 45.0, edge: 42.0, insertion: 42.0, single_site: 24.0 }
    }
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
    pub(super) ngrams: Sketch,
    /// Pairs of neighbouring words.
    pub(super) pairs: Bloom,
    /// How much of the order of words in each language the pairs cover.
    pub(super) word_order: WordOrder,
    /// Mean of the unit vectors of all documents.
    pub(super) mean: Vec<f32>,
    /// Unit vectors of the subjects, quantised as context vectors are.
    pub(super) centres: Vec<ContextVector>,
    /// The share of the documents in each subject, at least .002.
    pub(super) shares: Vec<f64>,
    /// Keys of publishers, sorted.
    pub(super) publishers: Vec<u64>,
    /// Keys of boilerplate lines, sorted.
    pub(super) boilerplate: Vec<u64>,
    pub(super) platforms: BTreeSet<String>,
    pub(super) thresholds: Thresholds,
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
            ngrams: Sketch::new(0),
            pairs: Bloom::new(0),
            word_order: WordOrder::default(),
            mean: vec![0.0; DIMENSIONS],
            centres: vec![ContextVector::default()],
            shares: vec![1.0],
            publishers: Vec::new(),
            boilerplate: Vec::new(),
            platforms: BTreeSet::new(),
            thresholds: Thresholds::default(),
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

    /// The frequencies of tokens.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The number of documents that hold an n-gram, up to 15. It is never too low, and rarely too
    /// high.
    #[inline]
    #[must_use]
    pub fn ngram_documents(&self, ngram: u64) -> u8 {
        self.ngrams.get(ngram)
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

    /// The thresholds that calibration found.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The share of each subject in its documents.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The blake3 digest of the saved bytes, by which every decision names this background.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What a text is about: the direction of its distinct words of middling frequency, without
    /// what all texts share. `words` are distinct tokens, sorted.
    #[must_use]
    pub fn context(&self, words: &[Token]) -> ContextVector {
        vector::centred(&vector::sum(self.seed, &self.words, words), &self.mean).quantised()
    }

    /// The same for the few words beside a phrase: neither centred nor quantised, of length 1 or 0.
    #[must_use]
    pub fn nearby(&self, words: &[Token]) -> [f64; DIMENSIONS] {
        vector::sum(self.seed, &self.words, words).unit()
    }

    /// The subject that is nearest to a context vector; of equals the first.
    #[must_use]
    pub fn subject(&self, context: &ContextVector) -> u8 {
        subjects::nearest(&self.centres, context) as u8
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words.bytes()
            + self.ngrams.bytes()
            + self.pairs.bytes()
            + (self.publishers.len() + self.boilerplate.len()) * 8
            + self.centres.len() * (DIMENSIONS + 8)
    }
}

const PAIR: u64 = 0x7061_6972;

/// Keyed hash of two neighbouring words.
pub(super) fn pair_key(seed: Seed, left: Token, right: Token) -> u64 {
    mix(seed.0 ^ PAIR ^ mix(u64::from(left.0) << 32 | u64::from(right.0)))
}
