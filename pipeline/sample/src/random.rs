//! Where does the sample's chance come from? One seeded generator and one skewed choice, integers
//! only.
//!
//! Floating-point logarithms and powers differ in their last bit between CPUs, and one flipped
//! choice would change every byte after it; so weights are integer quotients and lengths come from
//! a table. Not for cryptography.

/// xoshiro256**, seeded through splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Rng([u64; 4]);

impl Rng {
    /// The generator of one purpose: `stream` and `number` keep the purposes of one seed apart.
    pub(super) fn new(seed: u64, stream: u64, number: u64) -> Self {
        let mut state = mix(mix(seed, stream), number);
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(state, 0)
        }))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        scale(self.next(), end as u64) as usize
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Fisher-Yates.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// Two numbers hashed to one (the finaliser of splitmix64 after a multiplication).
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `draw`, uniform over 64 bits, brought to `0..end`.
fn scale(draw: u64, end: u64) -> u64 {
    ((u128::from(draw) * u128::from(end)) >> 64) as u64
}

/// Zipf-Mandelbrot: rank `r` (from 0) has a weight of `1 / (r + shift)`.
#[derive(Debug)]
pub(super) struct Zipf(Vec<u64>);

impl Zipf {
    /// Over `ranks` ranks; a larger `shift` (at least 1) makes the head flatter.
    pub(super) fn new(ranks: usize, shift: u64) -> Self {
        let mut total = 0;
        Self(
            (0..ranks as u64)
                .map(|rank| {
                    total += (1 << 32) / (rank + shift);
                    total
                })
                .collect(),
        )
    }

    /// The rank that `draw` (64 uniform bits) falls on: the same draw, the same rank.
    pub(super) fn rank(&self, draw: u64) -> usize {
        let Some(&total) = self.0.last() else { return 0 };
        let target = scale(draw, total);
        self.0.partition_point(|&end| end <= target)
    }
}
