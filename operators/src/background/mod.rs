//! What does ordinary text look like? An immutable table that is learned from trusted documents
//! without attacks.
//!
//! A [`Background`] holds document and term frequencies of tokens (exact), document frequencies of
//! n-grams (a sketch), pairs of neighbouring words (a Bloom filter) and how much of each language
//! they cover ([`WordOrder`]), a sample of documents as tokens, the publishers seen, the platforms
//! and the boilerplate lines. It does not hold any text.
//!
//! [`crate::learn`] collects the documents.
//!
//! **State** for 30,000 pages of 700 tokens: 16 B a slot of the token table (about 20 MB), 8 B for
//! each distinct n-gram of each document whose parts occur more often, 5 bits a word for pairs (about
//! 8 MB), 8 MB for the sample, 8 B for each publisher and each boilerplate line.

mod build;
mod codec;
mod model;
pub mod platforms;
mod silence;
mod word_order;

pub(crate) use build::{ReferenceDocument, build, count_pairs};
pub use codec::LoadError;
pub(crate) use model::LINE_SHOWN_MAX;
pub use model::{Background, BackgroundOrigin};
pub use silence::Silence;
pub use word_order::{LanguageOrder, WordOrder};
pub(crate) use word_order::{LanguageTally, PairTally, cell};
