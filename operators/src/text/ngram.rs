//! Which n-grams of tokens does a text have, n = 1..=4? An n-gram never crosses a line break.

use super::{
    hash::{Seed, mix},
    token::Token,
};

/// Tokens of the longest n-gram.
pub const NGRAM_MAX: usize = 4;

/// One occurrence of an n-gram in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ngram {
    /// Keyed hash of the tokens.
    pub hash: u64,
    /// Index of the first token.
    pub place: u32,
    /// Number of tokens, `1..=NGRAM_MAX`.
    pub len: u8,
}

/// The hash of no tokens, which [`extend`] extends token by token.
#[inline]
#[must_use]
pub fn start(seed: Seed) -> u64 {
    mix(seed.0)
}

/// The hash of an n-gram with one more token.
#[inline]
#[must_use]
pub fn extend(hash: u64, token: Token) -> u64 {
    mix(hash.wrapping_mul(31).wrapping_add(u64::from(token.0)).wrapping_add(1))
}

/// The hash of a whole n-gram, or `None` if it holds a line break.
#[must_use]
pub fn hash(seed: Seed, tokens: &[Token]) -> Option<u64> {
    tokens.iter().try_fold(start(seed), |h, &t| (t != Token::BREAK).then(|| extend(h, t)))
}

/// Calls `each` for every n-gram at every token, shorter ones first.
pub fn for_each(seed: Seed, tokens: &[Token], mut each: impl FnMut(Ngram)) {
    let first = start(seed);
    for place in 0..tokens.len() {
        let mut hash = first;
        for (i, &token) in tokens[place..].iter().take(NGRAM_MAX).enumerate() {
            if token == Token::BREAK {
                break;
            }
            hash = extend(hash, token);
            each(Ngram { hash, place: place as u32, len: i as u8 + 1 });
        }
    }
}

/// The distinct n-grams whose hashes `keep` accepts, in the order of their hashes. Each comes with
/// its first occurrence.
pub fn distinct(seed: Seed, tokens: &[Token], mut keep: impl FnMut(u64) -> bool) -> Vec<Ngram> {
    let mut found = Vec::with_capacity(tokens.len() * 2);
    for_each(seed, tokens, |n| {
        if keep(n.hash) {
            found.push(n);
        }
    });
    found.sort_unstable();
    found.dedup_by_key(|n| n.hash);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokenizer;

    fn tokens(text: &str) -> Vec<Token> {
        Tokenizer::new(Seed(1), 1000).tokens(text).ids
    }

    #[test]
    fn counts_and_breaks() {
        let mut seen = Vec::new();
        for_each(Seed(1), &tokens("a b c\nd"), |n| seen.push((n.place, n.len)));
        assert_eq!(seen, [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 1), (4, 1)]);
    }

    #[test]
    fn same_words_same_hash_and_first_place() {
        let found = distinct(Seed(1), &tokens("the cat saw the cat"), |_| true);
        let cat = hash(Seed(1), &tokens("the cat"));
        let at: Vec<_> = found.iter().filter(|n| Some(n.hash) == cat).collect();
        assert_eq!(at.len(), 1);
        assert_eq!((at[0].place, at[0].len), (0, 2));
        assert_ne!(cat, hash(Seed(2), &tokens("the cat")), "keyed");
        assert_eq!(hash(Seed(1), &tokens("a\nb")), None);
    }
}
