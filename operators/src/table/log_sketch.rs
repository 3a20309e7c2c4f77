//! In how many documents does a key occur, up to a quarter of a million? A count-min sketch
//! (Cormode, Muthukrishnan 2005) of 8-bit counters with conservative update (Estan, Varghese 2002).
//! The counters of one key lie in one cache line.
//!
//! Counters count exactly up to 64. Beyond, a counter of value c stands for 64 2^e (1 + i/16)
//! documents, where c = 64 + 16 e + i, and is raised by lot, one time in 4 2^e (approximate
//! counting, Morris 1978). The lot is a hash of key and document, so equal input gives equal counts.
//!
//! # Error
//! Sharing of counters makes counts too high, never too low: an absent key reads above zero with
//! probability E\[(1 - (63/64)^(2m))^2\], where m ~ Poisson(64/b) keys share its line at b counters a
//! distinct key. Lots make a count beyond 64 wrong by about 9% (one standard deviation).
//!
//! Cost: one cache line.

use super::cache_line::CacheLine;
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::hash::mix,
};

/// Counters of a key.
const ROWS: usize = 2;
const EXACT: u32 = 64;
/// Logarithm to the base 2 of the steps in which a count doubles.
const STEPS_LOG: u32 = 4;

/// A blocked count-min sketch with logarithmic counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSketch {
    lines: Vec<CacheLine>,
}

impl LogSketch {
    /// A sketch of about `bytes` counters of one byte, but at least one cache line.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { lines: CacheLine::empty(bytes) }
    }

    /// Reads the place of the key, so that it is in cache when the key is looked up. The result only
    /// has to be used somehow, so that the compiler keeps the read.
    #[inline]
    #[must_use]
    pub fn touch(&self, key: u64) -> u64 {
        self.lines[CacheLine::index(key, &self.lines)].0[0]
    }

    /// The number of documents that hold a key.
    #[inline]
    #[must_use]
    pub fn get(&self, key: u64) -> u32 {
        let line = &self.lines[CacheLine::index(key, &self.lines)].0;
        let [a, b] = counters(key).map(|i| (line[i >> 3] >> (8 * (i & 7))) & 255);
        value(a.min(b) as u32)
    }

    /// Adds a document that holds a key; `lot` is a random number of the document.
    pub fn add(&mut self, key: u64, lot: u64) {
        let at = CacheLine::index(key, &self.lines);
        let line = &mut self.lines[at].0;
        let counters = counters(key);
        let least = counters.iter().map(|&i| line[i >> 3] >> (8 * (i & 7)) & 255).min().unwrap_or(255);
        if least == 255 || !is_drawn(least as u32, mix(key ^ lot)) {
            return;
        }
        for i in counters {
            let shift = 8 * (i & 7);
            // Both positions may be the same counter, which is raised once.
            if line[i >> 3] >> shift & 255 == least {
                line[i >> 3] += 1 << shift;
            }
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.len() * CacheLine::BYTES
    }

    /// Writes the sketch.
    pub fn save(&self, out: &mut Encoder) {
        CacheLine::save_all(&self.lines, out);
    }

    /// Reads a sketch.
    ///
    /// # Errors
    /// If the bytes are not a whole number of cache lines.
    pub fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(Self { lines: CacheLine::load_all(from)? })
    }
}

/// The number of documents that a counter stands for.
fn value(counter: u32) -> u32 {
    if counter <= EXACT {
        return counter;
    }
    let (e, i) = ((counter - EXACT) >> STEPS_LOG, (counter - EXACT) & ((1 << STEPS_LOG) - 1));
    (EXACT << e) + i * (EXACT >> STEPS_LOG << e)
}

/// Whether a counter is raised for one more document.
fn is_drawn(counter: u32, lot: u64) -> bool {
    counter < EXACT || lot.is_multiple_of(u64::from(EXACT >> STEPS_LOG) << ((counter - EXACT) >> STEPS_LOG))
}

/// Two of 64 counters, from the lower bits of the key.
#[inline]
fn counters(key: u64) -> [usize; ROWS] {
    [0, 6].map(|shift| (key >> shift) as usize & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_exact_and_large_ones_near() {
        let mut sketch = LogSketch::new(64 << 10);
        for (key, n) in [(1u64, 3u32), (2, 64), (3, 1_000), (4, 60_000)] {
            (0..n).for_each(|d| sketch.add(mix(key), mix(u64::from(d))));
            let got = sketch.get(mix(key));
            assert!(if n <= 64 { got == n } else { got.abs_diff(n) * 4 < n }, "{got} for {n}");
        }
        assert_eq!(sketch.get(mix(9)), 0);
        let mut out = Encoder::default();
        sketch.save(&mut out);
        assert_eq!(LogSketch::load(&mut Decoder::new(&out.bytes)), Ok(sketch));
    }

    #[test]
    fn values_rise_to_a_quarter_of_a_million() {
        assert!((1..256).all(|c| value(c) > value(c - 1)));
        assert_eq!([0, 64, 65, 80, 255].map(value), [0, 64, 68, 128, 253_952]);
    }

    #[test]
    fn error_is_as_stated() {
        let n = 50_000u64;
        let mut sketch = LogSketch::new(n as usize * 8);
        (0..n).for_each(|i| sketch.add(mix(i), 0));
        let ghosts = (n..2 * n).filter(|&i| sketch.get(mix(i)) > 0).count() as f64 / n as f64;
        assert!((0.03..0.08).contains(&ghosts), "{ghosts}");
    }
}
