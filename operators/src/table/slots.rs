//! In which slot does a key lie? Open addressing with linear probing, on which every hash table of
//! this crate is built.
//!
//! A key has a *home*: the slot that its hash names. The key lies in the first slot from there on
//! that was free when the key came; behind the last slot comes the first one. A search therefore
//! walks from the home until it meets the key or an empty slot. There are no tombstones:
//! [`Slots::retain`] and [`Slots::rebuild`] leave no gaps in the walks.
//!
//! Keys and values lie in two vectors. Most searches find nothing, and those read keys alone: a
//! cache line holds eight keys of 8 bytes. A table whose keys are whole records has the value `()`,
//! which takes no memory.
//!
//! Each table decides for itself where the home of a key is, how full it gets and by how much it
//! grows. That is also why the tables are not `hashbrown::HashTable`s: a snapshot holds the slot of
//! each key of a bounded table, so that the same stream gives the same bytes, and the tables of
//! documents grow by an eighth, which keeps them within a tenth of their stated size. `hashbrown`
//! hides its slots and doubles.
//!
//! **Cost** one cache line for a search that ends near its home, which at a load of .75 most do.
//! **State** the slots.

use super::copies::reserve_touched;

/// What lies in a slot. The default value marks an empty slot.
pub(crate) trait Slot: Copy + Default {
    /// Whether it marks an empty slot.
    fn is_empty(&self) -> bool;
}

/// A key that lies by itself; 0 marks an empty slot.
impl Slot for u64 {
    #[inline]
    fn is_empty(&self) -> bool {
        *self == 0
    }
}

/// The share of its slots that a table fills before it grows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// So many keys are held ...
    pub(crate) keys: usize,
    /// ... in so many slots.
    pub(crate) slots: usize,
}

/// Slots of the smallest table that grows by eighths.
pub(crate) const SLOTS_LEAST: usize = 64;

/// The slots of one hash table.
#[derive(Debug)]
pub(crate) struct Slots<K, V = ()> {
    keys: Vec<K>,
    values: Vec<V>,
    used: usize,
}

impl<K, V> Default for Slots<K, V> {
    /// No slots at all: nothing may be searched or put into it.
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new(), used: 0 }
    }
}

/// Clones as a derived implementation would, but `clone_from` uses the memory of the old copy
/// again: see `copies`.
impl<K: Clone, V: Clone> Clone for Slots<K, V> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), values: self.values.clone(), used: self.used }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { keys, values, used } = source;
        self.keys.clone_from(keys);
        self.values.clone_from(values);
        self.used = *used;
    }
}

impl<K: Slot, V: Copy + Default> Slots<K, V> {
    /// `slots` empty slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self { keys: vec![K::default(); slots], values: vec![V::default(); slots], used: 0 }
    }

    /// Number of slots, empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Number of keys.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// The key in a slot.
    #[inline]
    pub(crate) fn key(&self, at: usize) -> &K {
        &self.keys[at]
    }

    /// The value in a slot.
    #[inline]
    pub(crate) fn value(&self, at: usize) -> &V {
        &self.values[at]
    }

    /// The value in a slot, to be changed.
    #[inline]
    pub(crate) fn value_mut(&mut self, at: usize) -> &mut V {
        &mut self.values[at]
    }

    /// The values of all slots, empty ones included, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    /// Whether a slot exists and is empty.
    pub(crate) fn is_free(&self, at: usize) -> bool {
        self.keys.get(at).is_some_and(Slot::is_empty)
    }

    /// Keys and values with their slots, in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &K, &V)> {
        self.keys
            .iter()
            .zip(&self.values)
            .enumerate()
            .filter(|(_, (key, _))| !key.is_empty())
            .map(|(at, (key, value))| (at, key, value))
    }

    /// The slot of the first key from `home` on that `is_sought` accepts, or else the empty slot
    /// where that key belongs.
    ///
    /// At least one slot has to be empty, which every [`Load`] below 1 ensures.
    #[inline]
    pub(crate) fn find(&self, home: usize, mut is_sought: impl FnMut(usize, &K) -> bool) -> usize {
        let mut at = home;
        while !self.keys[at].is_empty() && !is_sought(at, &self.keys[at]) {
            at += 1;
            if at == self.keys.len() {
                at = 0;
            }
        }
        at
    }

    /// Puts a key and its value into a slot, in place of what lay there.
    #[inline]
    pub(crate) fn put(&mut self, at: usize, key: K, value: V) {
        self.used += usize::from(self.keys[at].is_empty());
        (self.keys[at], self.values[at]) = (key, value);
    }

    /// Whether one key more would fill the table beyond `most`.
    #[inline]
    pub(crate) fn is_full(&self, most: Load) -> bool {
        (self.used + 1) * most.slots > self.keys.len() * most.keys
    }

    /// Number of slots of a table that is larger by an eighth. As it follows from the present
    /// number, the size of a table depends on nothing but how many keys it has been given.
    pub(crate) fn one_eighth_more(&self) -> usize {
        (self.keys.len() + self.keys.len() / 8).max(SLOTS_LEAST)
    }

    /// A slot from which on no walk is met in its middle: the first empty one.
    pub(crate) fn start_of_walks(&self) -> usize {
        self.keys.iter().position(Slot::is_empty).unwrap_or(0)
    }

    /// Moves the keys whose values `keep` accepts to a table of `slots` slots, one after another as
    /// they lie from `start` on. `home` gives the home of a key among that many slots.
    pub(crate) fn rebuild(&mut self, slots: usize, start: usize, home: impl Fn(K, usize) -> usize, keep: impl Fn(&V) -> bool) {
        let old = std::mem::replace(self, Self::new(slots));
        for at in (start..old.len()).chain(0..start) {
            let (key, value) = (old.keys[at], old.values[at]);
            if !key.is_empty() && keep(&value) {
                let to = self.find(home(key, slots), |_, _| false);
                self.put(to, key, value);
            }
        }
    }

    /// Drops the keys whose values `keep` rejects, in place. From behind an empty slot on, each key
    /// that stays moves up to the first free slot of its walk, over slots that are settled already.
    pub(crate) fn retain(&mut self, home: impl Fn(K, usize) -> usize, mut keep: impl FnMut(&V) -> bool) {
        let (slots, start) = (self.len(), self.start_of_walks());
        for at in (start..slots).chain(0..start) {
            let (key, value) = (self.keys[at], self.values[at]);
            if key.is_empty() {
                continue;
            }
            (self.keys[at], self.values[at]) = (K::default(), V::default());
            self.used -= 1;
            if keep(&value) {
                let to = self.find(home(key, slots), |_, _| false);
                self.put(to, key, value);
            }
        }
    }

    /// Reserves memory for a table of twice as many slots, if there is none yet.
    pub(crate) fn reserve_double(&mut self) {
        let slots = self.len();
        reserve_touched(&mut self.keys, slots, slots);
        reserve_touched(&mut self.values, slots, slots);
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * (size_of::<K>() + size_of::<V>())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Homes that crowd the last slots, so that walks go around the end.
    fn home(key: u64, slots: usize) -> usize {
        slots - 1 - (key as usize % 3)
    }

    fn value_of(slots: &Slots<u64, u8>, key: u64) -> Option<u8> {
        let at = slots.find(home(key, slots.len()), |_, k| *k == key);
        (!slots.is_free(at)).then(|| *slots.value(at))
    }

    proptest! {
        /// Against a map, with keys that are dropped in place and tables that grow.
        #[test]
        fn holds_what_a_map_holds(script in prop::collection::vec((1_u64..60, any::<u8>()), 0..200)) {
            let mut slots: Slots<u64, u8> = Slots::new(8);
            let mut exact = BTreeMap::new();
            for &(key, value) in &script {
                if value % 16 == 0 {
                    slots.retain(home, |v| v % 3 != 0);
                    exact.retain(|_, v| *v % 3 != 0);
                } else {
                    if slots.is_full(Load { keys: 3, slots: 4 }) {
                        slots.rebuild(slots.one_eighth_more(), slots.start_of_walks(), home, |_| true);
                    }
                    let at = slots.find(home(key, slots.len()), |_, k| *k == key);
                    slots.put(at, key, value);
                    exact.insert(key, value);
                }
                prop_assert_eq!(slots.used(), exact.len());
                prop_assert!((1..60).all(|key| value_of(&slots, key) == exact.get(&key).copied()));
            }
            prop_assert_eq!(slots.iter().map(|(_, &k, &v)| (k, v)).collect::<BTreeMap<_, _>>(), exact);
        }
    }

    #[test]
    fn a_walk_keeps_the_order_of_its_keys_when_the_table_grows() {
        let mut slots: Slots<u64> = Slots::new(8);
        for key in [3, 6, 9, 12] {
            let at = slots.find(home(key, 8), |_, _| false);
            slots.put(at, key, ());
        }
        slots.rebuild(16, slots.start_of_walks(), home, |()| true);
        let mut met = Vec::new();
        slots.find(home(3, 16), |_, &key| {
            met.push(key);
            false
        });
        assert_eq!(met, [3, 6, 9, 12]);
    }
}
