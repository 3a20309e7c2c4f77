//! Has this key been seen before, lately? Two generations of a blocked Bloom filter, side by side in each cache line.
//!
//! 84% of all phrases occur once; a gate in front of the exact table keeps them out of it. A key is written to the younger
//! generation and looked up in both; when the younger one is full, the older one is forgotten. So a key is remembered for
//! between one and two generations' worth of keys, and memory is fixed. A false "seen" (about 2.8% at 8 bits a key) costs
//! one early table entry. Cost: one cache line.

use super::{Line, line_of, load_lines, save_lines};
use crate::codec::{Corrupt, Decoder, Encoder};

/// Keys of a generation for each of its 256-bit halves: 8 bits a key.
const KEYS_A_LINE: usize = 32;

/// A Bloom filter that forgets.
#[derive(Debug, PartialEq, Eq)]
pub struct Gate {
    lines: Vec<Line>,
    /// Which half of each line is the younger generation: 0 or 4 (words).
    young: usize,
    /// Keys written to the younger generation.
    keys: u64,
}

/// As derived, but for `clone_from`, which keeps the memory: see `copies`.
impl Clone for Gate {
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

impl Gate {
    /// A gate of about `bytes` bytes, at least one cache line.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { lines: vec![Line::default(); (bytes / Line::BYTES).max(1)], young: 0, keys: 0 }
    }

    /// Reads where the key would be, so that it is in cache when it is asked for. Any use of the result will do.
    #[inline]
    #[must_use]
    pub fn touch(&self, key: u64) -> u64 {
        self.lines[line_of(key << 4, self.lines.len())].0[0]
    }

    /// Lets the key through if it was seen before; remembers it if not. `key`'s top four bits are the shard: not used.
    #[inline]
    pub fn pass(&mut self, key: u64) -> bool {
        let n = self.lines.len();
        let line = &mut self.lines[line_of(key << 4, n)].0;
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
        self.lines.len() * Line::BYTES
    }

    /// Writes the gate.
    pub fn save(&self, out: &mut Encoder) {
        save_lines(&self.lines, out);
        out.u8(self.young as u8);
        out.u64(self.keys);
    }

    /// Reads a gate.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes.
    pub fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let lines = load_lines(from)?;
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
    fn second_sight_passes() {
        let mut gate = Gate::new(64 * 1024);
        let n = 20_000;
        let early = (0..n).filter(|&i| gate.pass(mix(i))).count();
        assert!(early < 400, "{early} passed at first sight");
        assert!((0..n).all(|i| gate.pass(mix(i))));
    }

    #[test]
    fn remembers_at_least_one_generation() {
        let mut gate = Gate::new(64 * 100);
        let generation = 100 * KEYS_A_LINE as u64;
        // A key that is let through at first sight is not written, so it may be forgotten earlier: it is a candidate then.
        let mut early = Vec::new();
        for i in 0..3 * generation {
            early.push(gate.pass(mix(i)));
            gate.rotate_if_full();
            if i >= generation {
                let back = i - generation + 1;
                assert!(early[back as usize] || gate.clone().pass(mix(back)), "{i}");
            }
        }
        let forgotten = (0..generation / 2).filter(|&i| !gate.pass(mix(i))).count();
        assert!(forgotten > 1000, "old keys are forgotten: {forgotten}");
    }

    #[test]
    fn restores() {
        let mut gate = Gate::new(64);
        gate.pass(9);
        let mut out = Encoder::default();
        gate.save(&mut out);
        assert_eq!(Gate::load(&mut Decoder::new(&out.bytes)), Ok(gate));
        let at = out.bytes.len() - 9;
        out.bytes[at] = 3;
        assert!(Gate::load(&mut Decoder::new(&out.bytes)).is_err());
    }
}
