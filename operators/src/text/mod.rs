//! What are a text's words, tokens, n-grams, lines and hashes?
//!
//! Everything here is a pure function of the text and of the hash seed. No author of a page knows
//! the seed that keys the hashes, so nobody can prepare texts that collide.

mod ascii;
pub mod character;
pub mod dictionary;
pub mod form;
pub mod hash;
pub mod language;
pub mod line;
pub mod lookalike;
pub mod ngram;
pub mod run;
pub mod seen;
pub mod token;
pub mod tokenizer;

pub use hash::Seed;
pub use language::Language;
pub use ngram::NGRAM_MAX;
pub use token::{Token, TokenKind, Tokens};
pub use tokenizer::Tokenizer;
