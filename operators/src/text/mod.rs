//! Text features, computed once a document: matching tokens, n-gram hashes, shingles, context vectors.
//!
//! Everything is a pure function of the text and of the hash seed. Hashes are keyed with a seed that no author of a page
//! knows, so collisions cannot be prepared.

pub mod hash;
pub mod ngram;
pub mod token;

pub use hash::Seed;
pub use ngram::NGRAM_MAX;
pub use token::{Kind, Token, Tokenizer, Tokens};
