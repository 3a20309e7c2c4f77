//! Band keys -> earlier documents that have the same one.
//!
//! A slot is 8 bytes: 32 bits of the key and the sequence number. A key's place follows from those 32 bits, so the table can grow
//! without the rest of the key. Other keys that share the 32 bits give a false candidate once in a thousand look-ups at
//! five million documents; verification rejects it.
//!
//! A key lists at most the oldest four and the newest four documents: the oldest because the earliest clean one is named,
//! the newest because the oldest may all be bad.
//!
//! **Cost** about 50 ns a key. **State** 8 bytes a slot at a load of .75 to .84, so 10 bytes a key (+-6%).

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    operator::Persist,
};

/// Documents listed under one key.
pub const LISTED: usize = 8;
const OLDEST: usize = 4;
const SLOTS_LEAST: usize = 64;

#[derive(Clone, Debug, Default)]
struct Table {
    /// Upper half: bits of the key; lower half: sequence number plus one; 0 is an empty slot.
    slots: Vec<u64>,
    used: usize,
}

/// Where a key's documents are, oldest first, and the empty slot after them.
struct Found {
    at: [usize; LISTED],
    len: usize,
    empty: usize,
}

fn home(bits: u32, slots: usize) -> usize {
    ((u64::from(bits) * slots as u64) >> 32) as usize
}

fn bits_of(key: u64) -> u32 {
    // Below the four bits that chose the shard.
    (key >> UNUSED_BITS) as u32
}

/// Lowest bits of a key, which the index does not look at.
pub const UNUSED_BITS: u32 = 28;

impl Table {
    fn slots_for(used: usize) -> usize {
        let mut slots = SLOTS_LEAST;
        while used * 25 > slots * 21 {
            slots += slots / 8;
        }
        slots
    }

    fn find(&self, bits: u32) -> Found {
        let mut found = Found { at: [0; LISTED], len: 0, empty: home(bits, self.slots.len()) };
        while self.slots[found.empty] != 0 {
            if (self.slots[found.empty] >> 32) as u32 == bits && found.len < LISTED {
                found.at[found.len] = found.empty;
                found.len += 1;
            }
            found.empty = if found.empty + 1 == self.slots.len() { 0 } else { found.empty + 1 };
        }
        found
    }

    fn list(&self, bits: u32, out: &mut Vec<SeqNo>) {
        if !self.slots.is_empty() {
            let found = self.find(bits);
            out.extend(found.at[..found.len].iter().map(|&at| self.slots[at] as u32 - 1));
        }
    }

    fn insert(&mut self, bits: u32, seqno: SeqNo) {
        let slot = u64::from(bits) << 32 | u64::from(seqno + 1);
        if !self.slots.is_empty() {
            let found = self.find(bits);
            if found.len == LISTED {
                for pair in found.at[OLDEST..].windows(2) {
                    self.slots[pair[0]] = self.slots[pair[1]];
                }
                self.slots[found.at[LISTED - 1]] = slot;
                return;
            }
            // Only a document that takes a slot of its own makes the table grow: its size follows from how many are used.
            if Self::slots_for(self.used + 1) <= self.slots.len() {
                self.slots[found.empty] = slot;
                self.used += 1;
                return;
            }
        }
        self.make_room();
        let empty = self.find(bits).empty;
        self.slots[empty] = slot;
        self.used += 1;
    }

    /// Grows to what one document more needs.
    fn make_room(&mut self) {
        let slots = Self::slots_for(self.used + 1);
        let mut grown = Self { slots: vec![0; slots], used: self.used };
        // From after an empty slot, so that a run that goes around the end is walked in order: documents of a key keep theirs.
        let start = self.slots.iter().position(|&s| s == 0).unwrap_or(0);
        let (wrapped, rest) = self.slots.split_at(start);
        for &slot in rest.iter().chain(wrapped).filter(|&&s| s != 0) {
            let mut at = home((slot >> 32) as u32, slots);
            while grown.slots[at] != 0 {
                at = if at + 1 == slots { 0 } else { at + 1 };
            }
            grown.slots[at] = slot;
        }
        *self = grown;
    }
}

/// The keys of one shard: those of the current half of the documents, and those of the half before.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    current: Table,
    previous: Table,
}

impl Shard {
    /// Earlier documents with the key, appended oldest first.
    pub fn list(&self, key: u64, out: &mut Vec<SeqNo>) {
        self.previous.list(bits_of(key), out);
        self.current.list(bits_of(key), out);
    }

    /// Lists a document under the key.
    pub fn insert(&mut self, key: u64, seqno: SeqNo) {
        self.current.insert(bits_of(key), seqno);
    }

    /// Passes from one half of the documents to a later one: the half before is forgotten, the current one takes its place.
    pub fn turn(&mut self, from: u32, to: u32) {
        for _ in from..to.min(from.saturating_add(2)) {
            self.previous = std::mem::take(&mut self.current);
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.current.slots.capacity() + self.previous.slots.capacity()) * size_of::<u64>()
    }
}

/// Rebuilt from replay records.
impl Persist for Shard {
    fn save(&self, _: &mut Encoder) {}

    fn load(&mut self, _: &mut Decoder<'_>) -> Result<(), Corrupt> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::hash::mix;

    proptest! {
        /// Against a map of all documents, with keys that collide often and tables that wrap around.
        #[test]
        fn agrees_with_the_obvious(script in prop::collection::vec((0_u64..40, any::<bool>()), 1..400)) {
            let mut shard = Shard::default();
            let mut oracle: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            for (seqno, &(number, spread)) in script.iter().enumerate() {
                // Keys near the end of the table crowd its last slots.
                let key = if spread { mix(number) & (u64::MAX >> 4) } else { (u64::MAX >> 4) - (number << 28) };
                let (mut got, listed) = (Vec::new(), oracle.entry(bits_of(key).into()).or_default());
                shard.list(key, &mut got);
                prop_assert_eq!(&got, &*listed);
                shard.insert(key, seqno as u32);
                if listed.len() == LISTED {
                    listed.remove(OLDEST);
                }
                listed.push(seqno as u32);
            }
        }
    }

    #[test]
    fn bytes_a_key_are_as_documented() {
        for keys in [20_000_u64, 31_000, 50_000, 66_000] {
            let mut shard = Shard::default();
            (0..keys).for_each(|i| shard.insert(mix(i) >> 4, i as u32));
            let each = shard.bytes() as f64 / keys as f64;
            assert!((9.4..10.8).contains(&each), "{each} bytes a key");
        }
    }
}
