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

/// Items in the order of their hashes; those of equal hashes stay in the order in which they were.
///
/// Hashes are spread evenly, so items are laid into buckets by the upper bits, and each of the small
/// buckets is sorted.
#[must_use]
pub fn in_order<T: Copy>(items: &[T], hash: impl Fn(&T) -> u64) -> Vec<T> {
    let Some(&first) = items.first() else { return Vec::new() };
    let bits = (items.len() / BUCKET).max(2).ilog2().clamp(1, 16);
    let bucket = |item: &T| (hash(item) >> (64 - bits)) as usize;
    let mut ends = vec![0; (1 << bits) + 1];
    for item in items {
        ends[bucket(item) + 1] += 1;
    }
    for i in 1..ends.len() {
        ends[i] += ends[i - 1];
    }
    let mut sorted = vec![first; items.len()];
    for item in items {
        let end = &mut ends[bucket(item)];
        sorted[*end] = *item;
        *end += 1;
    }
    // Each bucket now ends where the next one began.
    let mut from = 0;
    for &end in &ends[..1 << bits] {
        sorted[from..end].sort_by_key(&hash);
        from = end;
    }
    sorted
}

/// Items of a bucket, about.
const BUCKET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_hashes_and_stable() {
        for n in [0, 1, 2, 3, 7, 100, 5000] {
            let items: Vec<(u64, usize)> = (0..n).map(|i| (mix((i % (n / 2 + 1)) as u64), i)).collect();
            let mut want = items.clone();
            want.sort_by_key(|item| item.0);
            assert_eq!(in_order(&items, |item| item.0), want);
        }
    }
}
