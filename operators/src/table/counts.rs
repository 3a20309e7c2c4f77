//! An exact table from keyed hash to a number, bounded: open addressing with linear probing, grown by doubling.
//!
//! 12 bytes a slot, 17 to 34 bytes a key. When `len_max` keys are held, a new key is not taken in until
//! [`Counts::make_room`] has dropped the keys with the least counts. Cost: one cache line.

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::hash::mix,
};

/// A bounded map from `u64` to `u32`.
#[derive(Debug)]
pub struct Counts {
    keys: Vec<u64>,
    values: Vec<u32>,
    len: usize,
    len_max: usize,
}

/// Stands for an empty slot; the key 0 itself is stored as 1.
const EMPTY: u64 = 0;

/// As derived, but for `clone_from`, which keeps the memory: see `copies`.
impl Clone for Counts {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), values: self.values.clone(), len: self.len, len_max: self.len_max }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { keys, values, len, len_max } = source;
        self.keys.clone_from(keys);
        self.values.clone_from(values);
        self.len = *len;
        self.len_max = *len_max;
    }
}

impl Counts {
    /// A table that takes up to `len_max` keys (at least 16).
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        Self { keys: vec![EMPTY; 16], values: vec![0; 16], len: 0, len_max: len_max.max(16) }
    }

    fn slot(&self, key: u64) -> usize {
        let mask = self.keys.len() - 1;
        let mut at = mix(key) as usize & mask;
        while self.keys[at] != EMPTY && self.keys[at] != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// The number of a key; 0 if it is not held.
    #[must_use]
    pub fn get(&self, key: u64) -> u32 {
        self.values[self.slot(key.max(1))]
    }

    /// Adds `more` to the number of a key; its number afterwards (`more` itself if the table is full and the key new).
    pub fn add(&mut self, key: u64, more: u32) -> u32 {
        let key = key.max(1);
        let mut at = self.slot(key);
        if self.keys[at] == EMPTY {
            if self.len >= self.len_max {
                return more;
            }
            if (self.len + 1) * 10 > self.keys.len() * 7 {
                self.rebuild(self.keys.len() * 2, |_| true);
                at = self.slot(key);
            }
            self.keys[at] = key;
            self.len += 1;
        }
        self.values[at] = self.values[at].saturating_add(more);
        self.values[at]
    }

    fn rebuild(&mut self, slots: usize, keep: impl Fn(u32) -> bool) {
        let keys = std::mem::replace(&mut self.keys, vec![EMPTY; slots]);
        let values = std::mem::replace(&mut self.values, vec![0; slots]);
        self.len = 0;
        for (key, value) in keys.into_iter().zip(values) {
            if key != EMPTY && keep(value) {
                let at = self.slot(key);
                self.keys[at] = key;
                self.values[at] = value;
                self.len += 1;
            }
        }
    }

    /// If the table is full, drops the keys with the least numbers, at least an eighth of all.
    pub fn make_room(&mut self) {
        if self.len < self.len_max {
            return;
        }
        let mut held: Vec<u32> = self.iter().map(|(_, v)| v).collect();
        let (_, &mut least, _) = held.select_nth_unstable((self.len / 8).min(self.len - 1));
        self.rebuild(self.keys.len(), |v| v > least);
    }

    /// Keys and numbers, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.keys.iter().zip(&self.values).filter(|(k, _)| **k != EMPTY).map(|(&k, &v)| (k, v))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.keys.len() * 12
    }

    /// Writes the table as it stands, slot by slot.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.keys.len() as u64);
        out.u64(self.len as u64);
        for (at, &key) in self.keys.iter().enumerate().filter(|(_, k)| **k != EMPTY) {
            out.u32(at as u32);
            out.u64(key);
            out.u32(self.values[at]);
        }
    }

    /// Reads a table that takes up to `len_max` keys.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes.
    pub fn load(from: &mut Decoder<'_>, len_max: usize) -> Result<Self, Corrupt> {
        let slots = from.u64()?;
        let len = from.len(16)?;
        let fits = slots.is_power_of_two() && (16..=1 << 32).contains(&slots) && len as u64 * 10 <= slots * 7;
        // A table has at least a quarter of the keys it was grown for, unless it has dropped some.
        if !fits || slots > 16 * (len_max as u64).max(16) {
            return Err(from.corrupt("a table size"));
        }
        let mut table = Self::new(len_max);
        (table.keys, table.values, table.len) = (vec![EMPTY; slots as usize], vec![0; slots as usize], len);
        for _ in 0..len {
            let at = from.u32()? as usize;
            let key = from.u64()?;
            let value = from.u32()?;
            if key == EMPTY || table.keys.get(at) != Some(&EMPTY) {
                return Err(from.corrupt("an empty slot"));
            }
            (table.keys[at], table.values[at]) = (key, value);
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
