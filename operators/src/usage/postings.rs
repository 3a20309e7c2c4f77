//! Which classes stand beside the n-grams that several documents of a sample hold?
//!
//! Only a share of all n-grams is looked at, chosen by hash, so that about [`WANTED`] of them are
//! found whatever the size of the sample.

use super::{
    classes::{Class, Classes},
    sample::SampledDocument,
};
use crate::text::{NGRAM_MAX, Seed, Token, ngram};

/// Fewest documents that hold an n-gram, and most whose neighbours are taken.
const DOCUMENTS_MIN: usize = 8;
const DOCUMENTS_MAX: usize = 32;
/// N-grams that are enough to learn from.
const WANTED: usize = 8_000;
/// Largest share of all documents that hold an n-gram.
const SHARE_MAX: f64 = 0.02;

/// The classes beside one n-gram, one pair for each of up to 32 documents.
pub(super) type Neighbours = Vec<(Class, Class)>;

/// The neighbours of n-grams that at least eight documents hold, in the order of their hashes.
pub(super) fn neighbours(seed: Seed, classes: &Classes, documents: &[&SampledDocument]) -> Vec<Neighbours> {
    let tokens: usize = documents.iter().map(|d| d.tokens.len()).sum();
    // One n-gram in `step` is looked at: of four million occurrences of tokens, one in sixteen.
    let step = (tokens / (WANTED * 32)).max(1) as u64;
    let most = (SHARE_MAX * documents.len() as f64).max(DOCUMENTS_MAX as f64) as usize;
    // Most n-grams occur too rarely, so occurrences are counted first, those of several n-grams together.
    let mut counts = vec![0u8; tokens.next_power_of_two()];
    let counter = |hash: u64| hash as usize & (tokens.next_power_of_two() - 1);
    for document in documents {
        each(seed, step, &document.tokens, |hash, _, _| {
            let count = &mut counts[counter(hash)];
            *count = count.saturating_add(1);
        });
    }
    let mut seen: Vec<(u64, u32, Class, Class)> = Vec::new();
    for (number, document) in (0u32..).zip(documents) {
        let class = |at: Option<usize>| at.and_then(|at| document.tokens.get(at)).map_or(0, |&t| classes.of(t));
        each(seed, step, &document.tokens, |hash, place, len| {
            if usize::from(counts[counter(hash)]) >= DOCUMENTS_MIN {
                seen.push((hash, number, class(place.checked_sub(1)), class(Some(place + len))));
            }
        });
    }
    // A stable order that keeps the first occurrence in each document.
    seen.sort_by_key(|&(hash, number, _, _)| (hash, number));
    seen.dedup_by_key(|&mut (hash, number, _, _)| (hash, number));
    let held = seen.chunk_by(|a, b| a.0 == b.0).filter(|run| (DOCUMENTS_MIN..=most).contains(&run.len()));
    let sides = |run: &[(u64, u32, Class, Class)]| run.iter().take(DOCUMENTS_MAX).map(|x| (x.2, x.3)).collect();
    held.take(WANTED).map(sides).collect()
}

/// Calls `f` with hash, place and length of each n-gram that is looked at, in the order of places.
fn each(seed: Seed, step: u64, tokens: &[Token], mut f: impl FnMut(u64, usize, usize)) {
    for place in 0..tokens.len() {
        let mut hash = ngram::start(seed);
        for len in 1..=NGRAM_MAX.min(tokens.len() - place) {
            let token = tokens[place + len - 1];
            if token == Token::BREAK {
                break;
            }
            hash = ngram::extend(hash, token);
            if (hash >> 24).is_multiple_of(step) {
                f(hash, place, len);
            }
        }
    }
}
