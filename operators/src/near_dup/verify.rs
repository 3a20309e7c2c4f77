//! Is a candidate really similar to the document? The answer is exact if the candidate's text is at
//! hand, and comes from the signature, with a margin, if it is not.
//!
//! The horizon keeps tokens with masked numbers, so shingles that hold a number are equal there too
//! often. That gives two bounds: a count of the shared shingles *without* numbers yields no more
//! than the true similarity, and a count of all of them no less. If the lower bound suffices, the
//! pair is verified for certain. If only the upper bound does, the numbers decide, and the
//! signature, which is made of unmasked words, must show the similarity. It errs by .06, so a pair
//! below .5 passes .75 once in 10^4; it must have a band in common and a masked similarity of .75
//! besides.
//!
//! **Cost** about 20 ns a word of both texts. **State** none.

use super::minhash::{MinHash, words};
use crate::{
    document::SeqNo,
    text::{Token, token::Tokens},
};

/// A verified candidate and its similarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similar {
    /// The earlier document.
    pub seqno: SeqNo,
    /// Jaccard similarity of word 5-grams: as exact as is known.
    pub similarity: f64,
}

/// What the signature must show beyond the least similarity if the text is beyond the horizon: 1.7
/// standard errors.
pub const BLIND_MARGIN: f64 = 0.1;
/// How far below the least similarity an estimate may lie for a candidate to be compared exactly.
pub const LOOK_MARGIN: f64 = 0.12;

/// The distinct shingles of a text with masked numbers, sorted. The lowest bit of each says whether
/// it holds a number.
pub struct Shingles(Vec<u64>);

impl Shingles {
    /// Collects the shingles of masked tokens.
    #[must_use]
    pub fn new(hash: &MinHash, ids: &[Token]) -> Self {
        let mut shingles = Vec::with_capacity(ids.len());
        let words = ids.iter().copied().filter(|t| t.is_alphanumeric());
        hash.for_each_shingle(words, |h, number| shingles.push(h & !1 | u64::from(number)));
        shingles.sort_unstable();
        shingles.dedup();
        Self(shingles)
    }

    /// The least and the greatest similarity that the unmasked texts can have.
    #[must_use]
    pub fn bounds(&self, other: &Self) -> (f64, f64) {
        let (mut a, mut b) = (self.0.as_slice(), other.0.as_slice());
        let (mut shared, mut numbers) = (0_usize, 0_usize);
        while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
            if x == y {
                shared += 1;
                numbers += (x & 1) as usize;
            }
            if x <= y {
                a = rest_a;
            }
            if y <= x {
                b = rest_b;
            }
        }
        let both = self.0.len() + other.0.len();
        let jaccard = |shared: usize| if both == 0 { 0.0 } else { shared as f64 / (both - shared) as f64 };
        (jaccard(shared - numbers), jaccard(shared))
    }
}

/// The similarity to report, if the pair is similar enough. `estimate` comes from the signatures,
/// `theirs` are the other text's tokens; `mine` is filled when it is first needed.
#[must_use]
pub fn verify(
    hash: &MinHash,
    tokens: &Tokens,
    mine: &mut Option<Shingles>,
    theirs: Option<&[Token]>,
    estimate: f64,
    similarity_min: f64,
) -> Option<f64> {
    if estimate < similarity_min - LOOK_MARGIN {
        return None;
    }
    let Some(theirs) = theirs else {
        return (estimate >= (similarity_min + BLIND_MARGIN).min(1.0)).then_some(estimate);
    };
    let mine = mine.get_or_insert_with(|| Shingles::new(hash, &tokens.ids));
    let (least, most) = mine.bounds(&Shingles::new(hash, theirs));
    if least >= similarity_min {
        return Some(least.max(estimate.min(most)));
    }
    (most >= similarity_min && estimate >= similarity_min).then(|| estimate.min(most))
}

/// Whether the text has at least `least` words.
#[must_use]
pub fn has_words(tokens: &Tokens, least: u32) -> bool {
    words(tokens).take(least as usize).count() == least as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance::document, text::Seed};

    #[track_caller]
    fn check(a: &str, b: &str, want: (f64, f64)) {
        let hash = MinHash::new(Seed(1), 14, 8);
        let shingles = |t: &str| Shingles::new(&hash, document("a.example", t).ids());
        let (least, most) = shingles(a).bounds(&shingles(b));
        assert!((least - want.0).abs() < 1e-9 && (most - want.1).abs() < 1e-9, "got {least} to {most}, expected {want:?}");
    }

    #[test]
    fn bounds_hold_numbers_apart() {
        check("a b c d e f", "a b c d e f", (1.0, 1.0));
        check("a b c d e f", "A b, c\nd e. g", (1.0 / 3.0, 1.0 / 3.0));
        check("a b c d e f 10", "a b c d e f 20", (2.0 / 4.0, 1.0));
        check("a b c d e", "v w x y z", (0.0, 0.0));
        check("", "", (0.0, 0.0));
    }

    #[test]
    fn numbers_need_the_signature_and_a_missing_text_a_margin() {
        let hash = MinHash::new(Seed(1), 14, 8);
        let rows = (0..40).map(|i| format!("row {i} holds 1{i} of the items")).collect::<Vec<_>>().join(" ");
        let (a, b) = (document("a.example", &rows), document("b.example", &rows.replace(" 1", " 2")));
        let verify = |theirs: Option<&[Token]>, estimate| verify(&hash, &a.tokens, &mut None, theirs, estimate, 0.75);
        assert_eq!(verify(Some(b.ids()), 0.7), None, "masked texts are equal, numbers are not");
        assert_eq!(verify(Some(b.ids()), 0.8), Some(0.8));
        assert_eq!(verify(None, 0.8), None);
        assert_eq!(verify(None, 0.86), Some(0.86));
        assert!(has_words(&a.tokens, 5) && !has_words(&a.tokens, 10_000));
    }
}
