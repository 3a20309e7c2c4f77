//! What is a text about? A vector of 128 numbers: the sum of random signs of its words of middling
//! frequency, weighted by their inverse document frequencies. It is a signed random projection of
//! the tf-idf vector without tf (Achlioptas 2003), so the cosine of two such vectors estimates how
//! much subject the texts share.
//!
//! Sums are integers and every rounding has a fixed place, so the numbers are the same on every
//! machine.

use crate::text::{Seed, Token, hash::mix};

/// Number of components.
pub const DIMENSIONS: usize = 128;
/// A component of 1.0 of a context vector, as an integer. Components above .496 are cut off; they
/// are .09 on average.
pub const QUANTUM: f64 = 256.0;
/// A weight of 1.0, as an integer.
pub(super) const WEIGHT_UNIT: f64 = 256.0;

/// A context vector, each component times [`QUANTUM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextVector(pub [i8; DIMENSIONS]);

impl Default for ContextVector {
    fn default() -> Self {
        Self([0; DIMENSIONS])
    }
}

/// The cosine of two context vectors, times [`QUANTUM`] squared.
#[inline]
#[must_use]
pub fn dot(a: &ContextVector, b: &ContextVector) -> i32 {
    a.0.iter().zip(&b.0).map(|(&x, &y)| i32::from(i16::from(x) * i16::from(y))).sum()
}

/// The bits of each byte as masks: 0 or -1.
const MASKS: [[i32; 8]; 256] = {
    let mut masks = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            masks[byte][bit] = -((byte >> bit & 1) as i32);
            bit += 1;
        }
        byte += 1;
    }
    masks
};

const SIGNS: u64 = 0x7369_676e;

/// Adds up words with random signs, each with its weight in units of 1/256, and scales the sum to
/// length 1, or 0 if no word has a weight.
pub(super) fn direction(seed: Seed, words: impl Iterator<Item = (Token, i32)>) -> [f64; DIMENSIONS] {
    let mut total = [0i32; DIMENSIONS];
    for (word, weight) in words.filter(|&(_, weight)| weight != 0) {
        let low = mix(seed.0 ^ SIGNS ^ u64::from(word.0));
        let bytes = (u128::from(mix(low)) << 64 | u128::from(low)).to_le_bytes();
        let (parts, _) = total.as_chunks_mut::<8>();
        for (part, byte) in parts.iter_mut().zip(bytes) {
            for (x, mask) in part.iter_mut().zip(&MASKS[usize::from(byte)]) {
                *x += (weight ^ mask) - mask;
            }
        }
    }
    unit(&total.map(f64::from))
}

/// The direction of a text without what all texts of its kind share.
pub(super) fn centred(direction: &[f64; DIMENSIONS], mean: &[f64; DIMENSIONS]) -> ContextVector {
    if direction.iter().all(|&x| x == 0.0) {
        return ContextVector::default();
    }
    let mut v = *direction;
    v.iter_mut().zip(mean).for_each(|(x, m)| *x -= m);
    ContextVector(unit(&v).map(|x| libm::rint(x * QUANTUM).clamp(-127.0, 127.0) as i8))
}

fn unit(v: &[f64; DIMENSIONS]) -> [f64; DIMENSIONS] {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 { v.map(|x| x / length) } else { [0.0; DIMENSIONS] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_words_same_direction_and_others_none() {
        let context =
            |words: std::ops::Range<u32>| centred(&direction(Seed(3), words.map(|w| (Token(w), 1000))), &[0.0; DIMENSIONS]);
        let cosine = |x: &ContextVector, y: &ContextVector| f64::from(dot(x, y)) / (QUANTUM * QUANTUM);
        let (left, right) = (context(100..125), context(125..150));
        assert!((cosine(&left, &left) - 1.0).abs() < 0.02);
        assert!(cosine(&left, &right).abs() < 0.35);
        assert!(cosine(&left, &context(105..130)) > 0.6);
        assert_eq!(context(7..7), ContextVector::default(), "no words say nothing");
    }
}
