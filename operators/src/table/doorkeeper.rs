//! Has this key been seen before, lately? The doorkeeper of `TinyLFU` (Einziger, Friedman, Manes
//! 2017): it lets a key into the exact table only when the key is seen again, which keeps out the
//! 84% of phrases that occur once.
//!
//! It is two generations of a blocked Bloom filter, side by side in each cache line. A key is
//! written to the younger generation and looked up in both. When the younger one is full, the older
//! one is forgotten and takes its place. A key is therefore remembered for one to two generations'
//! worth of keys, and memory is fixed. About 2.8% of new keys (at 8 bits a key) seem to have been
//! seen, which costs an early entry in the exact table. Cost: one cache line.

use super::cache_line::CacheLine;
use crate::codec::{Corrupt, Decoder, Encoder};

/// Keys that a generation takes for each of its 256-bit halves of a line: 8 bits a key.
const KEYS_A_LINE: usize = 32;

/// A filter of the keys seen lately.
#[derive(Debug, PartialEq, Eq)]
pub struct Doorkeeper {
    lines: Vec<CacheLine>,
    /// Which half of each line is the younger generation: 0 or 4 (words).
    young: usize,
    /// Keys written to the younger generation.
    keys: u64,
}

/// Clones as a derived implementation would, but `clone_from` uses the memory of the old copy
/// again: see `copies`.
impl Clone for Doorkeeper {
    fn clone(&self) -> Self {
        Self { lines: self.lines.clone(), young: self.young, keys: self.keys }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { lines, young, keys } = source;
        self.lines.clone_from(lines);
        self.young = *young;
        self.keys = *keys;
    }
}

impl Doorkeeper {
    /// A filter of about `bytes` bytes, but at least one cache line.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { lines: CacheLine::empty(bytes), young: 0, keys: 0 }
    }

    /// Reads the place of the key, so that the place is in cache when the key is looked up. The
    /// result only has to be used somehow, so that the compiler keeps the read.
    #[inline]
    #[must_use]
    pub fn touch(&self, key: u64) -> u64 {
        self.lines[CacheLine::index(key << 4, &self.lines)].0[0]
    }

    /// Admits a key that was seen before, and remembers one that was not. The key's top four bits
    /// are not used: they are the same throughout a key shard.
    #[inline]
    pub fn admit(&mut self, key: u64) -> bool {
        let at = CacheLine::index(key << 4, &self.lines);
        let line = &mut self.lines[at].0;
        let bits = [0, 8, 16, 24].map(|shift| (key >> shift) as usize & 255);
        let seen = |half: usize| bits.iter().all(|&b| line[half + (b >> 6)] >> (b & 63) & 1 == 1);
        if seen(0) || seen(4) {
            return true;
        }
        for b in bits {
            line[self.young + (b >> 6)] |= 1 << (b & 63);
        }
        self.keys += 1;
        false
    }

    /// Forgets the older generation if the younger one is full.
    pub fn rotate_if_full(&mut self) {
        if self.keys >= (self.lines.len() * KEYS_A_LINE) as u64 {
            self.young ^= 4;
            self.keys = 0;
            for line in &mut self.lines {
                line.0[self.young..self.young + 4].fill(0);
            }
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.len() * CacheLine::BYTES
    }

    /// Writes the filter.
    pub fn save(&self, out: &mut Encoder) {
        CacheLine::save_all(&self.lines, out);
        out.u8(self.young as u8);
        out.u64(self.keys);
    }

    /// Reads a filter.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes.
    pub fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let lines = CacheLine::load_all(from)?;
        let young = usize::from(from.u8()?);
        if young != 0 && young != 4 {
            return Err(from.corrupt("a half of a line"));
        }
        Ok(Self { lines, young, keys: from.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hash::mix;

    #[test]
    fn a_second_occurrence_is_admitted() {
        let mut doorkeeper = Doorkeeper::new(64 * 1024);
        let n = 20_000;
        let early = (0..n).filter(|&i| doorkeeper.admit(mix(i))).count();
        assert!(early < 400, "{early} admitted at the first occurrence");
        assert!((0..n).all(|i| doorkeeper.admit(mix(i))));
    }

    #[test]
    fn remembers_at_least_one_generation() {
        let mut doorkeeper = Doorkeeper::new(64 * 100);
        let generation = 100 * KEYS_A_LINE as u64;
        // A key that is admitted at once is not written, so it may be forgotten earlier; it is a candidate then.
        let mut early = Vec::new();
        for i in 0..3 * generation {
            early.push(doorkeeper.admit(mix(i)));
            doorkeeper.rotate_if_full();
            if i >= generation {
                let back = i - generation + 1;
                assert!(early[back as usize] || doorkeeper.clone().admit(mix(back)), "{i}");
            }
        }
        let forgotten = (0..generation / 2).filter(|&i| !doorkeeper.admit(mix(i))).count();
        assert!(forgotten > 1000, "old keys are forgotten: {forgotten}");
    }

    #[test]
    fn restores() {
        let mut doorkeeper = Doorkeeper::new(64);
        doorkeeper.admit(9);
        let mut out = Encoder::default();
        doorkeeper.save(&mut out);
        assert_eq!(Doorkeeper::load(&mut Decoder::new(&out.bytes)), Ok(doorkeeper));
        let at = out.bytes.len() - 9;
        out.bytes[at] = 3;
        assert!(Doorkeeper::load(&mut Decoder::new(&out.bytes)).is_err());
    }
}
