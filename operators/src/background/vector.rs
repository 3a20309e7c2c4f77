//! What is a text about? A vector of 128 numbers: the sum of random signs of its words of middling
//! frequency, weighted by their inverse document frequencies. It is a signed random projection of
//! the tf-idf vector without tf (Achlioptas 2003), so the cosine of two such vectors estimates how
//! much subject the texts share.
//!
//! Sums are integers and every rounding has a fixed place, so the numbers are the same on every
//! machine.

use super::words::Words;
use crate::text::{Seed, Token, hash::mix};

/// Number of components.
pub const DIMENSIONS: usize = 128;
/// A component of 1.0 of a context vector, as an integer. Components above .496 are cut off; they
/// are .09 on average.
pub const QUANTUM: f64 = 256.0;
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

/// A sum of weights with random signs.
pub(super) struct SignedSum([i32; DIMENSIONS]);

/// Adds up distinct words with the weights of `frequencies`.
pub(super) fn sum(seed: Seed, frequencies: &Words, words: &[Token]) -> SignedSum {
    let mut total = [0i32; DIMENSIONS];
    for &word in words {
        let weight = frequencies.weight(word);
        if weight == 0 {
            continue;
        }
        let low = mix(seed.0 ^ SIGNS ^ u64::from(word.0));
        let bytes = (u128::from(mix(low)) << 64 | u128::from(low)).to_le_bytes();
        let (parts, _) = total.as_chunks_mut::<8>();
        for (part, byte) in parts.iter_mut().zip(bytes) {
            for (x, mask) in part.iter_mut().zip(&MASKS[usize::from(byte)]) {
                *x += (weight ^ mask) - mask;
            }
        }
    }
    SignedSum(total)
}

impl SignedSum {
    /// Scaled to length 1, or zero.
    pub(super) fn unit(&self) -> [f64; DIMENSIONS] {
        unit(&self.0.map(f64::from))
    }
}

fn unit(v: &[f64; DIMENSIONS]) -> [f64; DIMENSIONS] {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 { v.map(|x| x / length) } else { [0.0; DIMENSIONS] }
}

/// A vector of length 1 or 0.
pub(super) struct UnitVector(pub(super) [f64; DIMENSIONS]);

/// The direction of the sum without the background's mean. It is zero if the sum is.
pub(super) fn centred(sum: &SignedSum, mean: &[f32]) -> UnitVector {
    let mut v = sum.unit();
    if v.iter().all(|&x| x == 0.0) {
        return UnitVector(v);
    }
    for (x, m) in v.iter_mut().zip(mean) {
        *x -= f64::from(*m);
    }
    UnitVector(unit(&v))
}

impl UnitVector {
    /// The vector with components of integers.
    pub(super) fn quantised(&self) -> ContextVector {
        ContextVector(self.0.map(|x| libm::rint(x * QUANTUM).clamp(-127.0, 127.0) as i8))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Background, *};

    fn background() -> Background {
        let mut b = Background::empty(Seed(3));
        for d in 0..1000u32 {
            b.words.add_document(&[Token(100 + d % 50)]);
        }
        b.words.weigh(1000);
        b
    }

    #[test]
    fn same_words_same_direction_and_others_none() {
        let b = background();
        let words: Vec<Token> = (100..150).map(Token).collect();
        let (left, right) = (b.context(&words[..25]), b.context(&words[25..]));
        let cosine = |x: &ContextVector, y: &ContextVector| f64::from(dot(x, y)) / (QUANTUM * QUANTUM);
        assert!((cosine(&left, &left) - 1.0).abs() < 0.02);
        assert!(cosine(&left, &right).abs() < 0.35);
        assert!(cosine(&left, &b.context(&words[5..30])) > 0.6);
        assert_eq!(b.context(&[Token(7)]), ContextVector::default(), "unknown words say nothing");
    }

    #[test]
    fn nearby_is_a_unit_vector_of_signs() {
        let v = background().nearby(&[Token(101)]);
        assert!(v.iter().all(|x| (x.abs() - 1.0 / 128f64.sqrt()).abs() < 1e-12));
    }
}
