//! The carriers of each phrase seen at least twice: an exact, bounded table.
//!
//! 32 bytes a slot at 37 to 75% load, plus 8 bytes a listed carrier in size classes. Of a phrase the newest 64 carriers are
//! listed; `live` goes on counting. When the table is full, new phrases are not taken in until [`Candidates::make_room`]
//! has dropped the weakest and oldest. Cost of a look-up: one cache line where the phrase is absent, two or three where not.

use super::pool::{LIST_MAX, Place, Pool, spare};
use crate::codec::{Corrupt, Decoder, Encoder};

/// What is known of one phrase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Documents that carry it and still vote, with those that are no longer listed. Stops at 65,535.
    pub live: u16,
    /// `live` at the last epoch boundary before `touched`.
    pub before: u16,
    /// Sequence number of the newest carrier.
    pub touched: u32,
    /// `live` from which it is tested again; only rises.
    pub next_test: u16,
    listed: u8,
    class: u8,
    /// The carrier if one is listed, the place in the pool if more are.
    carriers: u64,
}

/// A bounded map from phrase to [`Candidate`].
#[derive(Debug)]
pub struct Candidates {
    keys: Vec<u64>,
    entries: Vec<Candidate>,
    pool: Pool,
    len: usize,
    len_max: usize,
}

const EMPTY: u64 = 0;
const SLOTS_MIN: usize = 64;

/// As derived, but for `clone_from`, which keeps the memory: see `copies`.
impl Clone for Candidates {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            entries: self.entries.clone(),
            pool: self.pool.clone(),
            len: self.len,
            len_max: self.len_max,
        }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { keys, entries, pool, len, len_max } = source;
        self.keys.clone_from(keys);
        self.entries.clone_from(entries);
        self.pool.clone_from(pool);
        self.len = *len;
        self.len_max = *len_max;
    }
}

impl Candidates {
    /// A table that takes up to `len_max` phrases.
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        Self {
            keys: vec![EMPTY; SLOTS_MIN],
            entries: vec![Candidate::default(); SLOTS_MIN],
            pool: Pool::default(),
            len: 0,
            len_max: len_max.max(16),
        }
    }

    /// First slot of a key: bits below its top four, which are the same throughout a shard.
    fn home(&self, key: u64) -> usize {
        (key << 4 >> (64 - self.keys.len().trailing_zeros())) as usize
    }

    /// The slot that holds the key, or the empty one where it belongs.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        let mask = self.keys.len() - 1;
        let mut at = self.home(key);
        while self.keys[at] != EMPTY && self.keys[at] != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// Reads where the key would be, so that it is in cache when it is asked for. Any use of the result will do.
    #[inline]
    #[must_use]
    pub fn touch(&self, key: u64) -> u64 {
        self.keys[self.home(key)]
    }

    /// The slot of a phrase that is held.
    #[inline]
    #[must_use]
    pub fn find(&self, key: u64) -> Option<usize> {
        let at = self.slot(key.max(1));
        (self.keys[at] != EMPTY).then_some(at)
    }

    /// What is known of the phrase in a slot.
    #[must_use]
    pub fn get(&self, slot: usize) -> &Candidate {
        &self.entries[slot]
    }

    /// What is known of the phrase in a slot, to change.
    pub fn get_mut(&mut self, slot: usize) -> &mut Candidate {
        &mut self.entries[slot]
    }

    /// Listed carriers of the phrase in a slot, oldest first.
    #[must_use]
    pub fn carriers(&self, slot: usize) -> &[u64] {
        let c = &self.entries[slot];
        if c.listed <= 1 {
            &std::slice::from_ref(&c.carriers)[..usize::from(c.listed)]
        } else {
            &self.pool.list(place(c))[..usize::from(c.listed)]
        }
    }

    /// Takes a phrase in at its second sight: one carrier is listed, the one before is only counted. `None` if full.
    pub fn insert(&mut self, key: u64, carrier: u64, seqno: u32, next_test: u16) -> Option<usize> {
        if self.len >= self.len_max {
            return None;
        }
        if (self.len + 1) * 4 > self.keys.len() * 3 {
            self.grow();
        }
        let key = key.max(1);
        let at = self.slot(key);
        if self.keys[at] == EMPTY {
            self.keys[at] = key;
            self.len += 1;
        }
        self.entries[at] = Candidate { live: 2, before: 0, touched: seqno, next_test, listed: 1, class: 0, carriers: carrier };
        Some(at)
    }

    /// Lists one more carrier; the oldest goes where 64 are listed.
    pub fn push(&mut self, slot: usize, carrier: u64) {
        let c = &mut self.entries[slot];
        let n = usize::from(c.listed);
        if n == 0 {
            c.carriers = carrier;
        } else if n == 1 {
            let at = self.pool.allocate(&[c.carriers, carrier]);
            (c.class, c.carriers) = (at.class, u64::from(at.index));
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
                let mut items = [0; LIST_MAX];
                items[..n].copy_from_slice(list);
                items[n] = carrier;
                self.pool.release(at);
                let at = self.pool.allocate(&items[..=n]);
                (c.class, c.carriers) = (at.class, u64::from(at.index));
            }
        }
        c.listed += 1;
    }

    /// Takes listed carriers back for which `gone` holds; `live` falls by as many.
    pub fn withdraw(&mut self, slot: usize, gone: impl Fn(u64) -> bool) {
        let mut kept = [0; LIST_MAX];
        let mut n = 0;
        for &carrier in self.carriers(slot).iter().filter(|&&x| !gone(x)) {
            kept[n] = carrier;
            n += 1;
        }
        let c = &mut self.entries[slot];
        let lost = usize::from(c.listed) - n;
        if lost == 0 {
            return;
        }
        if c.listed > 1 {
            self.pool.release(place(c));
        }
        c.live = c.live.saturating_sub(lost as u16);
        c.listed = n as u8;
        if n > 1 {
            let at = self.pool.allocate(&kept[..n]);
            (c.class, c.carriers) = (at.class, u64::from(at.index));
        } else {
            (c.class, c.carriers) = (0, kept[0]);
        }
    }

    /// Moves to a table of twice as many slots.
    fn grow(&mut self) {
        let slots = self.keys.len() * 2;
        let keys = std::mem::replace(&mut self.keys, vec![EMPTY; slots]);
        let entries = std::mem::replace(&mut self.entries, vec![Candidate::default(); slots]);
        for (key, entry) in keys.into_iter().zip(entries).filter(|(key, _)| *key != EMPTY) {
            let at = self.slot(key);
            (self.keys[at], self.entries[at]) = (key, entry);
        }
    }

    /// Drops phrases where they lie. From behind an empty slot on, each key moves up to the first free one of its way, over
    /// slots that are settled already.
    fn retain(&mut self, keep: impl Fn(&Candidate) -> bool) {
        let mask = self.keys.len() - 1;
        let start = self.keys.iter().position(|&key| key == EMPTY).unwrap_or(mask);
        for at in (start..=start + mask).map(|at| at & mask) {
            let (key, entry) = (self.keys[at], self.entries[at]);
            if key == EMPTY {
                continue;
            }
            self.keys[at] = EMPTY;
            if keep(&entry) {
                let at = self.slot(key);
                (self.keys[at], self.entries[at]) = (key, entry);
                continue;
            }
            self.len -= 1;
            if entry.listed > 1 {
                self.pool.release(place(&entry));
            }
        }
    }

    /// If more than seven eighths full, drops the weakest down to six eighths: least `live` first, oldest first among
    /// equals. Phrases touched at the same sequence number go together.
    pub fn make_room(&mut self) {
        let most = self.len_max / 8 * 7;
        if self.len <= most {
            return;
        }
        let mut drop = self.len - self.len_max / 8 * 6;
        let mut strengths: Vec<(u16, u32)> = self.held().map(|(_, c)| (c.live, c.touched)).collect();
        drop = drop.min(strengths.len() - 1);
        let (_, &mut last, _) = strengths.select_nth_unstable(drop);
        self.retain(|c| (c.live, c.touched) > last);
    }

    /// Takes memory for what the table grows by before long: a copy of it, made later into this one, then needs no fresh memory.
    pub fn spare(&mut self) {
        self.pool.spare();
        let slots = self.keys.len();
        if self.len * 8 > slots * 5 && self.len_max * 4 > slots * 3 {
            spare(&mut self.keys, slots, slots);
            spare(&mut self.entries, slots, slots);
        }
    }

    fn held(&self) -> impl Iterator<Item = (u64, &Candidate)> {
        self.keys.iter().zip(&self.entries).filter(|(k, _)| **k != EMPTY).map(|(&k, c)| (k, c))
    }

    /// Number of phrases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no phrase is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.keys.len() * (8 + size_of::<Candidate>()) + self.pool.bytes()
    }

    /// Writes the table as it stands, slot by slot.
    pub fn save(&self, out: &mut Encoder) {
        out.u64(self.keys.len() as u64);
        out.u64(self.len as u64);
        for slot in (0..self.keys.len()).filter(|&s| self.keys[s] != EMPTY) {
            let c = &self.entries[slot];
            out.u32(slot as u32);
            out.u64(self.keys[slot]);
            out.u16(c.live);
            out.u16(c.before);
            out.u32(c.touched);
            out.u16(c.next_test);
            out.u8(c.listed);
            self.carriers(slot).iter().for_each(|&x| out.u64(x));
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
        let mut table = Self::new(len_max);
        (table.keys, table.len) = (vec![EMPTY; slots as usize], len);
        table.entries = vec![Candidate::default(); slots as usize];
        for _ in 0..len {
            let slot = from.u32()? as usize;
            let key = from.u64()?;
            if key == EMPTY || table.keys.get(slot) != Some(&EMPTY) {
                return Err(from.corrupt("an empty slot"));
            }
            let (live, before, touched, next_test) = (from.u16()?, from.u16()?, from.u32()?, from.u16()?);
            let listed = from.u8()?;
            if usize::from(listed) > LIST_MAX {
                return Err(from.corrupt("at most 64 carriers"));
            }
            let mut items = [0; LIST_MAX];
            for item in &mut items[..usize::from(listed)] {
                *item = from.u64()?;
            }
            let mut entry = Candidate { live, before, touched, next_test, listed, class: 0, carriers: items[0] };
            if listed > 1 {
                let at = table.pool.allocate(&items[..usize::from(listed)]);
                (entry.class, entry.carriers) = (at.class, u64::from(at.index));
            }
            (table.keys[slot], table.entries[slot]) = (key, entry);
        }
        Ok(table)
    }
}

fn place(c: &Candidate) -> Place {
    Place { class: c.class, index: c.carriers as u32 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::text::hash::mix;

    fn see(table: &mut Candidates, key: u64, seqno: u32) {
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

    fn bytes(table: &Candidates) -> Vec<u8> {
        let mut out = Encoder::default();
        table.save(&mut out);
        out.bytes
    }

    proptest! {
        /// Against a plain map of lists, with withdrawals, and through save and load.
        #[test]
        fn lists_like_a_map(script in proptest::collection::vec((0u64..40, 0u8..12), 0..1500)) {
            let mut table = Candidates::new(1000);
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
            let back = Candidates::load(&mut Decoder::new(&saved), 1000).expect("what save wrote");
            prop_assert_eq!(bytes(&back), saved);
        }
    }

    #[test]
    fn drops_the_weakest_then_the_oldest() {
        let mut table = Candidates::new(800);
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
        assert_eq!((held, table.held().count()), (table.len(), table.len()), "each is found where it was moved to");
    }

    #[test]
    fn torn_bytes_are_refused() {
        let mut table = Candidates::new(100);
        (0..3).for_each(|i| see(&mut table, 77, i));
        let saved = bytes(&table);
        for end in 0..saved.len() {
            assert!(Candidates::load(&mut Decoder::new(&saved[..end]), 100).is_err());
        }
    }
}
