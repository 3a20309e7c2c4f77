//! How is text hashed so that no author can make two texts collide? With keys that follow from a
//! seed.
//!
//! A background has a seed, which was drawn at random when it was learned. A state without a
//! background has one too, which follows from the fingerprints of its input: no author of a page
//! knows the whole input, and the same input gives the same seed.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The secret that keys every hash of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Hashes bytes for one purpose; `domain` keeps the purposes apart.
    #[must_use]
    pub fn bytes(self, domain: u64, bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, self.0 ^ mix(domain))
    }

    /// Hashes a number for one purpose.
    #[must_use]
    pub fn number(self, domain: u64, number: u64) -> u64 {
        mix(mix(self.0 ^ mix(domain)) ^ number)
    }
}

/// Mixes a number by the finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection on 64 bits
/// each of whose output bits depends on all input bits.
#[inline]
#[must_use]
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Maps a hash to one of `n` places evenly, by its upper bits and without a division (Lemire 2019).
#[inline]
#[must_use]
pub fn reduce(hash: u64, n: usize) -> usize {
    ((u128::from(hash) * n as u128) >> 64) as usize
}
