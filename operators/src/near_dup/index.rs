//! Which earlier documents have a band key in common with this one? An index from band key to
//! sequence numbers, on [`slots`](crate::table).
//!
//! A slot is 8 bytes: 32 bits of the key and the sequence number. A key's home follows from those
//! 32 bits, so the table can grow without the rest of the key. Keys that differ elsewhere give a
//! false candidate once in a thousand searches at five million documents; verification rejects it.
//!
//! A key lists at most the oldest four and the newest four documents: the oldest because the
//! earliest clean one is named, the newest because the oldest may all be bad. Documents of one key
//! lie in their order along the key's walk.
//!
//! **Cost** about 50 ns a key. **State** 8 bytes a slot at a load of .75 to .84, so 10 bytes a key
//! (+-6%).

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    operator::Persist,
    table::slots::{Load, Slots},
    text::hash::reduce,
};

/// Documents listed under one key.
pub const LISTED: usize = 8;
const OLDEST: usize = 4;
const LOAD_MAX: Load = Load { keys: 21, slots: 25 };

/// The documents of one half of those remembered.
#[derive(Clone, Debug, Default)]
struct BandTable {
    /// Upper half: bits of the key. Lower half: the sequence number plus one, so that 0 is no
    /// entry.
    slots: Slots<u64>,
}

/// Where the documents of a key lie, oldest first, and the empty slot behind them.
struct BandEntries {
    at: [usize; LISTED],
    len: usize,
    empty: usize,
}

/// Lowest bits of a key, which the index does not look at.
pub const UNUSED_BITS: u32 = 28;

/// The bits that the index looks at: those below the four that chose the key shard.
fn bits_of(key: u64) -> u32 {
    (key >> UNUSED_BITS) as u32
}

fn home(entry: u64, slots: usize) -> usize {
    reduce(entry >> 32 << 32, slots)
}

impl BandTable {
    /// Walks from the key's home to the first empty slot, and notes the entries of the key.
    fn find(&self, bits: u32) -> BandEntries {
        let (mut at, mut len) = ([0; LISTED], 0);
        let empty = self.slots.find(home(u64::from(bits) << 32, self.slots.len()), |slot, entry| {
            if (entry >> 32) as u32 == bits && len < LISTED {
                at[len] = slot;
                len += 1;
            }
            false
        });
        BandEntries { at, len, empty }
    }

    fn list(&self, bits: u32, out: &mut Vec<SeqNo>) {
        if self.slots.len() > 0 {
            let listed = self.find(bits);
            out.extend(listed.at[..listed.len].iter().map(|&at| *self.slots.key(at) as u32 - 1));
        }
    }

    fn insert(&mut self, bits: u32, seqno: SeqNo) {
        let entry = u64::from(bits) << 32 | u64::from(seqno + 1);
        if self.slots.len() > 0 {
            let listed = self.find(bits);
            if listed.len == LISTED {
                for pair in listed.at[OLDEST..].windows(2) {
                    self.slots.put(pair[0], *self.slots.key(pair[1]), ());
                }
                self.slots.put(listed.at[LISTED - 1], entry, ());
                return;
            }
            // Only a document that takes a slot of its own makes the table grow: its size follows from how many are used.
            if !self.slots.is_full(LOAD_MAX) {
                self.slots.put(listed.empty, entry, ());
                return;
            }
        }
        // From the start of a walk on, so that the documents of a key keep their order.
        self.slots.rebuild(self.slots.one_eighth_more(), self.slots.start_of_walks(), home, |()| true);
        self.slots.put(self.find(bits).empty, entry, ());
    }
}

/// The band keys of one key shard: those of the current half of the documents, and those of the
/// half before.
#[derive(Clone, Debug, Default)]
pub struct BandShard {
    current: BandTable,
    previous: BandTable,
}

impl BandShard {
    /// Appends the earlier documents with the key, oldest first.
    pub fn list(&self, key: u64, out: &mut Vec<SeqNo>) {
        self.previous.list(bits_of(key), out);
        self.current.list(bits_of(key), out);
    }

    /// Lists a document under the key.
    pub fn insert(&mut self, key: u64, seqno: SeqNo) {
        self.current.insert(bits_of(key), seqno);
    }

    /// Passes from one half of the documents to a later one: the half before is forgotten, and the
    /// current one takes its place.
    pub fn turn(&mut self, from: u32, to: u32) {
        for _ in from..to.min(from.saturating_add(2)) {
            self.previous = std::mem::take(&mut self.current);
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.current.slots.bytes() + self.previous.slots.bytes()
    }
}

/// Rebuilt from replay records.
impl Persist for BandShard {
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
        /// Against a map of all documents, with keys that collide often and tables that wrap
        /// around.
        #[test]
        fn agrees_with_the_obvious(script in prop::collection::vec((0_u64..40, any::<bool>()), 1..400)) {
            let mut shard = BandShard::default();
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
            let mut shard = BandShard::default();
            (0..keys).for_each(|i| shard.insert(mix(i) >> 4, i as u32));
            let each = shard.bytes() as f64 / keys as f64;
            assert!((9.4..10.8).contains(&each), "{each} bytes a key");
        }
    }
}
