//! Who carries each phrase that was seen at least twice? An exact, bounded table, on
//! `slots`, grown by doubling.
//!
//! The newest 64 carriers of a phrase are listed; its count of live carriers goes on. When the
//! table is full, new phrases are not taken in until [`CandidateTable::make_room`] has dropped the
//! weakest and oldest. A snapshot holds the slot of each phrase, so the home of a phrase and the
//! order in which phrases move to a larger table are part of its format.
//!
//! **Cost** of a search: one cache line for an absent phrase, two or three for one that is held.
//! **State** 24 bytes a slot at a load of .37 to .75, and the size of an item for each listed carrier,
//! in size classes.

use super::{
    cache_line::CacheLine,
    pool::{LIST_MAX, ListItem, ListPlace, Pool},
    slots::{Load, Slots},
};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::hash::reduce,
};

/// What is known of one phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Documents that carry the phrase and still vote, those that are no longer listed included.
    /// Stops at 65,535.
    pub live: u16,
    /// `live` at the last epoch boundary before `touched`.
    pub before: u16,
    /// Sequence number of the newest carrier.
    pub touched: u32,
    /// The value of `live` from which on the phrase is tested again.
    pub next_test: u16,
    listed: u8,
    class: u8,
    /// Index of the list in the pool, if a carrier is listed.
    list: u32,
}

/// A bounded map from phrase to [`Candidate`].
#[derive(Debug)]
pub struct CandidateTable<T> {
    slots: Slots<u64, Candidate>,
    pool: Pool<T>,
    len_max: usize,
}

const SLOTS_MIN: usize = 64;
const LOAD_MAX: Load = Load { keys: 3, slots: 4 };

/// Clones as a derived implementation would, but `clone_from` uses the memory of the old copy
/// again: see `copies`.
impl<T: ListItem> Clone for CandidateTable<T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), pool: self.pool.clone(), len_max: self.len_max }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { slots, pool, len_max } = source;
        self.slots.clone_from(slots);
        self.pool.clone_from(pool);
        self.len_max = *len_max;
    }
}

/// By the bits below the top four, which are the same throughout a key shard.
#[inline]
fn home(key: u64, slots: usize) -> usize {
    reduce(key << 4, slots)
}

impl<T: ListItem> CandidateTable<T> {
    /// A table that takes up to `len_max` phrases.
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        Self { slots: Slots::new(SLOTS_MIN), pool: Pool::default(), len_max: len_max.max(16) }
    }

    /// The slot that holds the key, or the empty one where it belongs.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        self.slots.find(home(key, self.slots.len()), |_, held| *held == key)
    }

    /// Reads the home of the key, so that it is in cache when the key is searched for. The result
    /// only has to be used somehow, so that the compiler keeps the read.
    #[inline]
    #[must_use]
    pub fn touch(&self, key: u64) -> u64 {
        *self.slots.key(home(key, self.slots.len()))
    }

    /// Reads each cache line of the listed carriers of a phrase that is held, for the same purpose. What
    /// it is called for should have been touched before.
    #[inline]
    pub fn touch_carriers(&self, key: u64) {
        let listed = self.find(key).map_or(&[][..], |slot| self.carriers(slot));
        for carrier in listed.iter().step_by((CacheLine::BYTES / T::BYTES).max(1)) {
            std::hint::black_box(*carrier);
        }
    }

    /// The slot of a phrase that is held.
    #[inline]
    #[must_use]
    pub fn find(&self, key: u64) -> Option<usize> {
        let at = self.slot(key.max(1));
        (!self.slots.is_free(at)).then_some(at)
    }

    /// What is known of the phrase in a slot.
    #[must_use]
    pub fn get(&self, slot: usize) -> &Candidate {
        self.slots.value(slot)
    }

    /// What is known of the phrase in a slot, to be changed.
    pub fn get_mut(&mut self, slot: usize) -> &mut Candidate {
        self.slots.value_mut(slot)
    }

    /// Changes what is known of each phrase, in no particular order.
    pub fn for_each_mut(&mut self, change: impl Fn(&mut Candidate)) {
        self.slots.values_mut().for_each(change);
    }

    /// Listed carriers of the phrase in a slot, oldest first.
    #[must_use]
    pub fn carriers(&self, slot: usize) -> &[T] {
        let c = self.slots.value(slot);
        if c.listed == 0 { &[] } else { &self.pool.list(place(c))[..usize::from(c.listed)] }
    }

    /// Takes a phrase in at its second occurrence: the carrier is listed, the one before it is only
    /// counted. `None` if the table is full.
    pub fn insert(&mut self, key: u64, carrier: T, seqno: u32, next_test: u16) -> Option<usize> {
        if self.len() >= self.len_max {
            return None;
        }
        if self.slots.is_full(LOAD_MAX) {
            self.slots.rebuild(self.slots.len() * 2, 0, home, |_| true);
        }
        let key = key.max(1);
        let at = self.slot(key);
        let ListPlace { class, index } = self.pool.allocate(&[carrier]);
        let candidate = Candidate { live: 2, before: 0, touched: seqno, next_test, listed: 1, class, list: index };
        self.slots.put(at, key, candidate);
        Some(at)
    }

    /// Lists one more carrier. Where 64 are listed, the oldest makes room.
    pub fn push(&mut self, slot: usize, carrier: T) {
        let c = self.slots.value_mut(slot);
        let n = usize::from(c.listed);
        if n == 0 {
            let at = self.pool.allocate(&[carrier]);
            (c.class, c.list) = (at.class, at.index);
        } else {
            let at = place(c);
            let list = self.pool.list_mut(at);
            if n == LIST_MAX {
                list.copy_within(1.., 0);
                list[LIST_MAX - 1] = carrier;
                return;
            }
            if n < list.len() {
                list[n] = carrier;
            } else {
                let mut items = [T::default(); LIST_MAX];
                items[..n].copy_from_slice(list);
                items[n] = carrier;
                self.pool.release(at);
                let at = self.pool.allocate(&items[..=n]);
                (c.class, c.list) = (at.class, at.index);
            }
        }
        c.listed += 1;
    }

    /// Takes back the listed carriers for which `gone` holds; `live` falls by as many.
    pub fn withdraw(&mut self, slot: usize, gone: impl Fn(T) -> bool) {
        let mut kept = [T::default(); LIST_MAX];
        let mut n = 0;
        for &carrier in self.carriers(slot).iter().filter(|&&x| !gone(x)) {
            kept[n] = carrier;
            n += 1;
        }
        let c = self.slots.value_mut(slot);
        let lost = usize::from(c.listed) - n;
        if lost == 0 {
            return;
        }
        self.pool.release(place(c));
        c.live = c.live.saturating_sub(lost as u16);
        c.listed = n as u8;
        if n > 0 {
            let at = self.pool.allocate(&kept[..n]);
            (c.class, c.list) = (at.class, at.index);
        }
    }

    /// If more than seven eighths full, drops the weakest phrases down to six eighths: those with
    /// the least `live` first, of equals the oldest first. Phrases that are alike in both go
    /// together.
    pub fn make_room(&mut self) {
        let most = self.len_max / 8 * 7;
        if self.len() <= most {
            return;
        }
        let strength = |c: &Candidate| (c.live, c.touched);
        let mut strengths: Vec<(u16, u32)> = self.slots.iter().map(|(_, _, c)| strength(c)).collect();
        let drop = (self.len() - self.len_max / 8 * 6).min(strengths.len() - 1);
        let (_, &mut last, _) = strengths.select_nth_unstable(drop);
        self.slots.retain(home, |c| {
            let stays = strength(c) > last;
            if !stays && c.listed > 0 {
                self.pool.release(place(c));
            }
            stays
        });
    }

    /// Reserves memory for what the table will soon grow by, so that a later copy into this one
    /// needs no fresh memory.
    pub fn reserve(&mut self) {
        self.pool.reserve();
        let slots = self.slots.len();
        if self.len() * 8 > slots * 5 && self.len_max * 4 > slots * 3 {
            self.slots.reserve_double();
        }
    }

    /// Number of phrases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.used()
    }

    /// Whether no phrase is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.bytes() + self.pool.bytes()
    }

    /// Writes the table as it lies, slot by slot.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.slots.len() as u64);
        out.u64(self.len() as u64);
        for (slot, &key, c) in self.slots.iter() {
            out.u32(slot as u32);
            out.u64(key);
            out.u16(c.live);
            out.u16(c.before);
            out.u32(c.touched);
            out.u16(c.next_test);
            out.u8(c.listed);
            self.carriers(slot).iter().for_each(|x| x.save(out));
        }
    }

    /// Reads a table that takes up to `len_max` phrases.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes.
    pub fn load(from: &mut Decoder<'_>, len_max: usize) -> Result<Self, Corrupt> {
        let slots = from.u64()?;
        let len = from.len(23)?;
        let fits = slots.is_power_of_two() && slots >= SLOTS_MIN as u64 && slots <= 4 * (len_max as u64).max(SLOTS_MIN as u64);
        if !fits || len as u64 * 4 > slots * 3 {
            return Err(from.corrupt("a table size"));
        }
        let mut table = Self { slots: Slots::new(slots as usize), ..Self::new(len_max) };
        for _ in 0..len {
            let (slot, key) = (from.u32()? as usize, from.u64()?);
            if key == 0 || !table.slots.is_free(slot) {
                return Err(from.corrupt("an empty slot"));
            }
            let (live, before, touched, next_test) = (from.u16()?, from.u16()?, from.u32()?, from.u16()?);
            let listed = from.u8()?;
            if usize::from(listed) > LIST_MAX {
                return Err(from.corrupt("at most 64 carriers"));
            }
            let mut items = [T::default(); LIST_MAX];
            for item in &mut items[..usize::from(listed)] {
                *item = T::load(from)?;
            }
            let mut candidate = Candidate { live, before, touched, next_test, listed, class: 0, list: 0 };
            if listed > 0 {
                let at = table.pool.allocate(&items[..usize::from(listed)]);
                (candidate.class, candidate.list) = (at.class, at.index);
            }
            table.slots.put(slot, key, candidate);
        }
        Ok(table)
    }
}

fn place(c: &Candidate) -> ListPlace {
    ListPlace { class: c.class, index: c.list }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::hash::mix;

    fn see(table: &mut CandidateTable<u64>, key: u64, seqno: u32) {
        let carrier = u64::from(seqno);
        match table.find(key) {
            Some(slot) => {
                table.push(slot, carrier);
                let c = table.get_mut(slot);
                c.live += 1;
                c.touched = seqno;
            }
            None => {
                table.insert(key, carrier, seqno, 4);
            }
        }
    }

    fn bytes(table: &CandidateTable<u64>) -> Vec<u8> {
        let mut out = Encoder::default();
        table.save(&mut out);
        out.bytes
    }

    proptest! {
        /// Against a plain map of lists, with withdrawals, and through save and load.
        #[test]
        fn lists_like_a_map(script in proptest::collection::vec((0u64..40, 0u8..12), 0..1500)) {
            let mut table = CandidateTable::<u64>::new(1000);
            let mut exact: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            for (seqno, &(key, what)) in script.iter().enumerate() {
                let key = mix(key) >> 4;
                if what == 0 {
                    if let Some(slot) = table.find(key) {
                        table.withdraw(slot, |x| x % 3 == 0);
                    }
                    exact.entry(key).and_modify(|l| {
                        let from = l.len().saturating_sub(64);
                        let kept: Vec<u64> = l[from..].iter().copied().filter(|x| x % 3 != 0).collect();
                        *l = kept;
                    });
                } else {
                    see(&mut table, key, seqno as u32);
                    exact.entry(key).or_default().push(seqno as u64);
                }
            }
            for (key, list) in &exact {
                let slot = table.find(*key);
                prop_assert_eq!(slot.is_some(), true);
                let got = slot.map(|s| table.carriers(s).to_vec()).unwrap_or_default();
                prop_assert_eq!(&got[..], &list[list.len().saturating_sub(64)..]);
            }
            let saved = bytes(&table);
            let back = CandidateTable::<u64>::load(&mut Decoder::new(&saved), 1000).expect("what save wrote");
            prop_assert_eq!(bytes(&back), saved);
        }
    }

    #[test]
    fn drops_the_weakest_then_the_oldest() {
        let mut table = CandidateTable::new(800);
        let key = |i: u64| mix(i) >> 4;
        for i in 0..800 {
            see(&mut table, key(i), i as u32);
        }
        (0..100).for_each(|i| see(&mut table, key(i), 1000));
        assert!(table.insert(key(5000), 1, 1, 4).is_none(), "full");
        table.make_room();
        assert!(table.len() <= 600 && table.len() > 560, "{}", table.len());
        assert!((0..100).all(|i| table.find(key(i)).is_some()), "stronger ones stay");
        assert!(table.find(key(100)).is_none() && table.find(key(799)).is_some(), "oldest go first");
        let held = (0..800).filter(|&i| table.find(key(i)).is_some()).count();
        assert_eq!((held, table.slots.iter().count()), (table.len(), table.len()), "each is found where it was moved to");
    }

    #[test]
    fn torn_bytes_are_refused() {
        let mut table = CandidateTable::new(100);
        (0..3).for_each(|i| see(&mut table, 77, i));
        let saved = bytes(&table);
        for end in 0..saved.len() {
            assert!(CandidateTable::<u64>::load(&mut Decoder::new(&saved[..end]), 100).is_err());
        }
    }
}
