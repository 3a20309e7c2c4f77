//! What does ordinary text look like? An immutable table that is learned from trusted documents
//! without attacks.
//!
//! A [`Background`] holds document and term frequencies of tokens (exact), document frequencies of
//! n-grams (a sketch, up to 15), pairs of neighbouring words (a Bloom filter) and how much of each
//! language they cover ([`WordOrder`]), the mean context
//! vector and 64 subjects with their shares, the publishers seen, the platforms, the boilerplate
//! lines, and the threshold of each channel. It does not hold any text.
//!
//! [`crate::learn`] collects the documents and finds the thresholds.
//!
//! **State** for 30,000 pages of 700 tokens: 16 B a slot of the token table (about 20 MB), 4 B for
//! each distinct n-gram of each document (about 100 MB), 5 bits a word for pairs (about 8 MB), 8 B
//! for each publisher and each boilerplate line.

mod build;
mod codec;
mod model;
pub mod platforms;
mod subjects;
mod vector;
mod word_order;
mod words;

pub(crate) use build::{ReferenceDocument, build, count_pairs};
pub use codec::LoadError;
pub(crate) use model::LINE_SHOWN_MAX;
pub use model::{Background, BackgroundOrigin, RARE, Thresholds};
pub use vector::{ContextVector, DIMENSIONS, QUANTUM, dot};
pub use word_order::{LanguageOrder, WordOrder};
pub(crate) use word_order::{LanguageTally, PairTally, cell};
pub use words::Words;
