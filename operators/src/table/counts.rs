//! How often has this key been added? An exact table from keyed hash to a number, bounded, on
//! `slots`, grown by doubling.
//!
//! When `len_max` keys are held, a new key is not taken in until [`Counts::make_room`] has dropped
//! the keys with the least counts. A snapshot holds the slot of each key, so the home of a key and
//! the order in which keys move to a larger table are part of its format.
//!
//! **Cost** one cache line. **State** 12 bytes a slot, 17 to 34 bytes a key.

use super::slots::{Load, Slots};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::hash::mix,
};

/// A bounded map from `u64` to `u32`. The key 0 is counted as the key 1, since 0 marks an empty
/// slot.
#[derive(Debug)]
pub struct Counts {
    slots: Slots<u64, u32>,
    len_max: usize,
}

const SLOTS_MIN: usize = 16;
const LOAD_MAX: Load = Load { keys: 7, slots: 10 };

/// Clones as a derived implementation would, but `clone_from` uses the memory of the old copy
/// again: see `copies`.
impl Clone for Counts {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), len_max: self.len_max }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { slots, len_max } = source;
        self.slots.clone_from(slots);
        self.len_max = *len_max;
    }
}

/// By the lower bits of a mixed key, since the number of slots is a power of two.
#[inline]
fn home(key: u64, slots: usize) -> usize {
    mix(key) as usize & (slots - 1)
}

impl Counts {
    /// A table that takes up to `len_max` keys (at least 16).
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        Self { slots: Slots::new(SLOTS_MIN), len_max: len_max.max(SLOTS_MIN) }
    }

    /// The slot that holds the key, or the empty one where it belongs.
    fn slot(&self, key: u64) -> usize {
        self.slots.find(home(key, self.slots.len()), |_, held| *held == key)
    }

    /// The number of a key; 0 if it is not held.
    #[must_use]
    pub fn get(&self, key: u64) -> u32 {
        *self.slots.value(self.slot(key.max(1)))
    }

    /// Adds `more` to the number of a key and returns the sum. If the table is full and the key
    /// new, it is not taken in, and `more` itself is returned.
    pub fn add(&mut self, key: u64, more: u32) -> u32 {
        let key = key.max(1);
        let mut at = self.slot(key);
        if self.slots.is_free(at) {
            if self.len() >= self.len_max {
                return more;
            }
            if self.slots.is_full(LOAD_MAX) {
                self.slots.rebuild(self.slots.len() * 2, 0, home, |_| true);
                at = self.slot(key);
            }
        }
        let sum = self.slots.value(at).saturating_add(more);
        self.slots.put(at, key, sum);
        sum
    }

    /// If the table is full, drops the keys with the least numbers, at least an eighth of all.
    pub fn make_room(&mut self) {
        if self.len() < self.len_max {
            return;
        }
        let mut held: Vec<u32> = self.iter().map(|(_, v)| v).collect();
        let (_, &mut least, _) = held.select_nth_unstable((self.len() / 8).min(self.len() - 1));
        self.slots.rebuild(self.slots.len(), 0, home, |v| *v > least);
    }

    /// Keys and numbers, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.slots.iter().map(|(_, &key, &number)| (key, number))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.used()
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
    }

    /// Writes the table as it lies, slot by slot.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.slots.len() as u64);
        out.u64(self.len() as u64);
        for (at, &key, &number) in self.slots.iter() {
            out.u32(at as u32);
            out.u64(key);
            out.u32(number);
        }
    }

    /// Reads a table that takes up to `len_max` keys.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes.
    pub fn load(from: &mut Decoder<'_>, len_max: usize) -> Result<Self, Corrupt> {
        let slots = from.u64()?;
        let len = from.len(16)?;
        let fits = slots.is_power_of_two() && (SLOTS_MIN as u64..=1 << 32).contains(&slots) && len as u64 * 10 <= slots * 7;
        // A table has at least a quarter of the keys it was grown for, unless it has dropped some.
        if !fits || slots > 16 * (len_max as u64).max(16) {
            return Err(from.corrupt("a table size"));
        }
        let mut table = Self { slots: Slots::new(slots as usize), ..Self::new(len_max) };
        for _ in 0..len {
            let (at, key, number) = (from.u32()? as usize, from.u64()?, from.u32()?);
            if key == 0 || !table.slots.is_free(at) {
                return Err(from.corrupt("an empty slot"));
            }
            table.slots.put(at, key, number);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_like_a_map(keys in proptest::collection::vec(0u64..200, 0..800)) {
            let mut table = Counts::new(1000);
            let mut exact = std::collections::BTreeMap::new();
            for &k in &keys {
                let n = exact.entry(k.max(1)).or_insert(0);
                *n += 1;
                prop_assert_eq!(table.add(k, 1), *n);
            }
            prop_assert_eq!(table.len(), exact.len());
            prop_assert!(exact.iter().all(|(&k, &n)| table.get(k) == n));
            let mut out = Encoder::default();
            table.save(&mut out);
            let back = Counts::load(&mut Decoder::new(&out.bytes), 1000).expect("what save wrote");
            prop_assert!(back.iter().eq(table.iter()));
        }
    }

    #[test]
    fn is_bounded_and_drops_the_least() {
        let mut table = Counts::new(100);
        (1..=100).for_each(|k| {
            table.add(k, k as u32);
        });
        assert_eq!((table.add(500, 3), table.get(500), table.len()), (3, 0, 100));
        table.make_room();
        assert_eq!((table.get(5), table.get(90)), (0, 90));
        assert!(table.len() <= 88);
    }

    #[test]
    fn torn_bytes_are_refused() {
        let mut table = Counts::new(100);
        table.add(3, 1);
        let mut out = Encoder::default();
        table.save(&mut out);
        for end in 0..out.bytes.len() {
            assert!(Counts::load(&mut Decoder::new(&out.bytes[..end]), 100).is_err());
        }
        out.bytes[0] = 255;
        assert!(Counts::load(&mut Decoder::new(&out.bytes), 100).is_err());
    }
}
