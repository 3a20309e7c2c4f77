//! What ordinary text looks like: an immutable table learned from trusted, attack-free documents.
//!
//! Held: document and term frequencies of tokens (exact), document frequencies of n-grams (a sketch, up to 15), pairs of
//! neighbouring words (a Bloom filter), the mean context vector and 64 subjects with their shares, the publishers seen, the
//! platforms, the boilerplate lines, and the threshold of each channel. Not held: any text.
//!
//! Everything is keyed by the background's [`Seed`], so nobody who reads a page can tell how its words fall.
//!
//! State, for 30,000 pages of 700 tokens: 16 B a slot of the token table (about 20 MB), 4 B a distinct n-gram of each
//! document summed (about 100 MB), 5 bits a word for pairs (about 8 MB), 8 B a publisher and a boilerplate line.

mod calibrate;
mod codec;
mod learn;
pub mod platforms;
mod subjects;
mod vector;
mod words;

use std::collections::BTreeSet;

pub use codec::LoadError;
pub(crate) use learn::LINE_SHOWN_MAX;
pub use learn::{Learner, Options};
pub use vector::{Context, DIMENSIONS, QUANTUM, dot};
pub use words::Words;

use crate::{
    table::{Bloom, Sketch},
    text::{Seed, Token, hash::mix},
};

/// An n-gram that more documents of the background than this hold is not rare: never a candidate for a spike.
pub const RARE: u8 = 12;

/// Where a background comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Documents that the user trusts.
    Trusted,
    /// The filter's own past, for want of a trusted reference.
    Own,
}

/// Score at which each channel withholds a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A whole sentence or line.
    pub sentence: f64,
    /// A phrase that opens or closes a sentence or line.
    pub edge: f64,
    /// A phrase inside ever different sentences.
    pub insertion: f64,
    /// A phrase all over one new site.
    pub solo: f64,
    /// Words in no known order.
    pub gibberish: f64,
}

impl Default for Thresholds {
    /// The upper ends of what calibration allows.
    fn default() -> Self {
        Self { sentence: 45.0, edge: 42.0, insertion: 42.0, solo: 24.0, gibberish: 0.96 }
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Background {
    seed: Seed,
    origin: Origin,
    documents: u32,
    words: Words,
    ngrams: Sketch,
    pairs: Bloom,
    mean: Vec<f32>,
    /// Publisher vectors of the subjects, quantised as context vectors are.
    centres: Vec<Context>,
    /// Share of the documents in each subject, at least .002.
    shares: Vec<f64>,
    publishers: Vec<u64>,
    boilerplate: Vec<u64>,
    platforms: BTreeSet<String>,
    thresholds: Thresholds,
    digest: [u8; 32],
}

impl Background {
    /// A background that knows nothing: what a run without one starts from.
    #[must_use]
    pub fn empty(seed: Seed) -> Self {
        let mut empty = Self::blank(seed);
        empty.seal();
        empty
    }

    /// Empty and without a digest.
    fn blank(seed: Seed) -> Self {
        Self {
            seed,
            origin: Origin::Own,
            documents: 0,
            words: Words::default(),
            ngrams: Sketch::new(0),
            pairs: Bloom::new(0),
            mean: vec![0.0; DIMENSIONS],
            centres: vec![Context::default()],
            shares: vec![1.0],
            publishers: Vec::new(),
            boilerplate: Vec::new(),
            platforms: BTreeSet::new(),
            thresholds: Thresholds::default(),
            digest: [0; 32],
        }
    }

    /// The key of all hashes.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Number of documents it was learned from.
    #[must_use]
    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// Frequencies of tokens.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// In how many documents an n-gram is, up to 15; rarely too high, never too low.
    #[inline]
    #[must_use]
    pub fn ngram_documents(&self, ngram: u64) -> u8 {
        self.ngrams.get(ngram)
    }

    /// Whether it has seen one word follow the other, or seems to have.
    #[inline]
    #[must_use]
    pub fn knows_pair(&self, left: Token, right: Token) -> bool {
        self.pairs.contains(pair_key(self.seed, left, right))
    }

    /// Whether it has seen the publisher.
    #[must_use]
    pub fn knows_publisher(&self, key: u64) -> bool {
        self.publishers.binary_search(&key).is_ok()
    }

    /// Number of publishers it has seen.
    #[must_use]
    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    /// Whether a line of a host is boilerplate there; `line` from [`line_key`].
    #[must_use]
    pub fn is_boilerplate(&self, line: u64) -> bool {
        self.boilerplate.binary_search(&line).is_ok()
    }

    /// Hosts whose first path segment is an account.
    #[must_use]
    pub fn platforms(&self) -> &BTreeSet<String> {
        &self.platforms
    }

    /// Thresholds that calibration found.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Share of each subject among its documents.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// blake3 of the saved bytes: names this background in every decision.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What a text is about: the direction of its distinct words of middling frequency, without what all texts share.
    /// `words`: distinct tokens, sorted.
    #[must_use]
    pub fn context(&self, words: &[Token]) -> Context {
        vector::centred(&vector::sum(self, words), &self.mean).quantised()
    }

    /// The same for a few words beside a place: not centred, not quantised, length 1 or 0.
    #[must_use]
    pub fn nearby(&self, words: &[Token]) -> [f64; DIMENSIONS] {
        vector::sum(self, words).unit()
    }

    /// The subject nearest to a context vector; the first of equals.
    #[must_use]
    pub fn subject(&self, context: &Context) -> u8 {
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

fn pair_key(seed: Seed, left: Token, right: Token) -> u64 {
    mix(seed.0 ^ PAIR ^ mix(u64::from(left.0) << 32 | u64::from(right.0)))
}

/// Keyed hash of a line of tokens as one host shows it.
#[must_use]
pub fn line_key(seed: Seed, host: u64, line: &[Token]) -> u64 {
    line.iter().fold(mix(seed.0 ^ host), |h, t| mix(h ^ u64::from(t.0)))
}

/// Calls `each` with every line of a text that has tokens: its place and its tokens.
pub fn for_each_line(tokens: &[Token], mut each: impl FnMut(usize, &[Token])) {
    let mut start = 0;
    for line in tokens.split(|&t| t == Token::BREAK) {
        if !line.is_empty() {
            each(start, line);
        }
        start += line.len() + 1;
    }
}
