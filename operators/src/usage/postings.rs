//! Which classes stand beside the n-grams that several documents of a sample hold?
//!
//! Only a share of all n-grams is looked at, chosen by hash, so that about [`WANTED`] of them are
//! found whatever the size of the sample.

use super::{
    classes::{Class, Classes},
    sample::SampledDocument,
};
use crate::text::{NGRAM_MAX, Seed, Token, hash, ngram};

/// Fewest documents that hold an n-gram, and most whose neighbours are taken.
const DOCUMENTS_MIN: usize = 8;
const DOCUMENTS_MAX: usize = 32;
/// N-grams that are enough to learn from.
const WANTED: usize = 8_000;
/// Largest share of all documents that hold an n-gram.
const SHARE_MAX: f64 = 0.02;

/// The classes beside one n-gram, one pair for each of up to 32 documents.
pub(super) type Neighbours = Vec<(Class, Class)>;

/// An n-gram that several documents hold.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) sides: Neighbours,
    /// Whether a trusted document is among them.
    pub(super) is_trusted: bool,
}

/// The n-grams that at least eight documents hold, of which the first `trusted` ones are trusted, in the
/// order of their hashes.
pub(super) fn examples(seed: Seed, classes: &Classes, documents: &[&SampledDocument], trusted: usize) -> Vec<Example> {
    let tokens: usize = documents.iter().map(|d| d.tokens.len()).sum();
    // Of four million occurrences of tokens, one n-gram in sixteen is looked at.
    let looked_at = Multiples::of((tokens / (WANTED * 32)).max(1) as u64);
    let most = (SHARE_MAX * documents.len() as f64).max(DOCUMENTS_MAX as f64) as usize;
    // Most n-grams occur too rarely, so occurrences are counted first, those of several n-grams together.
    let mut counts = vec![0u8; tokens.next_power_of_two()];
    let counter = |hash: u64| hash as usize & (tokens.next_power_of_two() - 1);
    for document in documents {
        each(seed, looked_at, &document.tokens, |hash, _, _| {
            let count = &mut counts[counter(hash)];
            *count = count.saturating_add(1);
        });
    }
    let mut seen: Vec<(u64, u32, Class, Class)> = Vec::new();
    for (number, document) in (0u32..).zip(documents) {
        let class = |at: Option<usize>| at.and_then(|at| document.tokens.get(at)).map_or(0, |&t| classes.of(t));
        each(seed, looked_at, &document.tokens, |hash, place, len| {
            if usize::from(counts[counter(hash)]) >= DOCUMENTS_MIN {
                seen.push((hash, number, class(place.checked_sub(1)), class(Some(place + len))));
            }
        });
    }
    // A stable order: documents stay in theirs, and of each the first occurrence is kept.
    let mut seen = hash::in_order(&seen, |x| x.0);
    seen.dedup_by_key(|&mut (hash, number, _, _)| (hash, number));
    let held = seen.chunk_by(|a, b| a.0 == b.0);
    let held = held.filter(|run| (DOCUMENTS_MIN..=most).contains(&run.len()));
    let sides = |run: &[(u64, u32, Class, Class)]| run.iter().take(DOCUMENTS_MAX).map(|x| (x.2, x.3)).collect();
    let example = |run: &[(u64, u32, Class, Class)]| Example { sides: sides(run), is_trusted: (run[0].1 as usize) < trusted };
    held.take(WANTED).map(example).collect()
}

/// Tells multiples of a number without dividing: those times the inverse of its odd part, turned by
/// its power of two, do not exceed the largest quotient (Granlund, Montgomery 1994).
#[derive(Clone, Copy)]
struct Multiples {
    inverse: u64,
    twos: u32,
    largest: u64,
}

impl Multiples {
    fn of(number: u64) -> Self {
        let twos = number.trailing_zeros();
        let odd = number >> twos;
        // Newton's method: each round doubles the number of correct bits, of which three are there at first.
        let inverse = (0..5).fold(odd, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))));
        Self { inverse, twos, largest: u64::MAX / number }
    }

    #[inline]
    fn contain(self, x: u64) -> bool {
        x.wrapping_mul(self.inverse).rotate_right(self.twos) <= self.largest
    }
}

/// Calls `f` with hash, place and length of each n-gram that is looked at, in the order of places.
fn each(seed: Seed, looked_at: Multiples, tokens: &[Token], mut f: impl FnMut(u64, usize, usize)) {
    for place in 0..tokens.len() {
        let mut hash = ngram::start(seed);
        for len in 1..=NGRAM_MAX.min(tokens.len() - place) {
            let token = tokens[place + len - 1];
            if token == Token::BREAK {
                break;
            }
            hash = ngram::extend(hash, token);
            if looked_at.contain(hash >> 24) {
                f(hash, place, len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text::{Language, TokenKind, hash::mix};

    fn word(i: u64) -> Token {
        Token::new(TokenKind::Word, mix(i + 1))
    }

    /// Documents of 40 words drawn by lot, each of which about 16 documents hold, and one word more in
    /// twelve of the last 60.
    fn documents() -> Vec<SampledDocument> {
        let tokens = |i: u64| -> Arc<[Token]> {
            let planted = (60..72).contains(&i).then(|| word(999));
            (0..40).map(|j| word(mix(i * 100 + j) % 300)).chain(planted).collect()
        };
        (0..120).map(|i| SampledDocument { language: Language::UNKNOWN, tokens: tokens(i) }).collect()
    }

    #[test]
    fn multiples_are_told() {
        for number in [1, 2, 3, 7, 8, 15, 16, 24, 1000, 1 << 20] {
            let multiples = Multiples::of(number);
            let near = (0..2000).map(|i| i * number / 2 + i % 3).chain((0..2000).map(|i| mix(i) >> 24));
            assert!(near.into_iter().all(|x: u64| multiples.contain(x) == x.is_multiple_of(number)), "{number}");
        }
    }

    #[test]
    fn what_no_trusted_document_holds_is_no_example_of_syntax() {
        let documents = documents();
        let documents: Vec<&SampledDocument> = documents.iter().collect();
        let classes = Classes::new(&[]);
        let found =
            |trusted: usize| examples(Seed(3), &classes, &documents, trusted).iter().filter(|example| example.is_trusted).count();
        assert!(found(120) > 250, "{}", found(120));
        // Of the other words each stands in one of the first 60 documents too.
        let words_of = |documents: &[&SampledDocument]| -> std::collections::BTreeSet<Token> {
            documents.iter().flat_map(|d| d.tokens.iter().copied()).collect()
        };
        let missing = words_of(&documents).difference(&words_of(&documents[..60])).count();
        assert_eq!(found(60), found(120) - missing, "without the planted word");
        assert!(missing >= 1);
    }
}
