//! Which alarms are known? All that fired, until there are too many: then the one goes that no document met for longest.
//!
//! An alarm that goes is looked for until its going is visible to judge, at the epoch boundary after next as everything else that
//! settle decides. Its phrase is then as new as any other: it has to spike again.
//!
//! **Cost** one look-up an n-gram of a document, however many alarms are known. **State** `max` alarms, and those that went
//! within the last two epoch boundaries.

use std::{collections::HashMap, mem};

use super::{alarm::Alarm, probe::Probe};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
};

/// Alarms by id and by the n-gram that fired.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// In the order of their ids, which is that of firing.
    alarms: Vec<Alarm>,
    /// Ids by anchor. Never iterated.
    by_anchor: HashMap<u64, Vec<u32>>,
    /// Alarms ever raised: the next id.
    raised: u32,
    /// How many of them are retired and still seen.
    retiring: usize,
    /// Those that the last settled document found gone, with all their members.
    gone: Vec<Alarm>,
}

impl Known {
    /// All that are known, oldest first.
    pub(super) fn all(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Alarms ever raised: the id that the next one gets.
    pub(super) fn raised(&self) -> u32 {
        self.raised
    }

    /// Takes those that the last settled document found gone.
    pub(super) fn take_gone(&mut self) -> Vec<Alarm> {
        mem::take(&mut self.gone)
    }

    /// Ids of alarms that a document carries and `is_asked` for, in their order.
    pub(super) fn carried(&self, document: &Document, probe: &Probe, is_asked: impl Fn(&Alarm) -> bool) -> Vec<u32> {
        if self.alarms.is_empty() {
            return Vec::new();
        }
        let ids = probe.ngrams.iter().filter_map(|n| self.by_anchor.get(&n.hash)).flatten().copied();
        let is_carried = |&id: &u32| self.get(id).is_some_and(|a| is_asked(a) && a.place_in(document.ids()).is_some());
        let mut carried: Vec<u32> = ids.filter(is_carried).collect();
        carried.sort_unstable();
        carried
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.alarms.binary_search_by_key(&id, |a| a.id).ok()
    }

    fn get(&self, id: u32) -> Option<&Alarm> {
        self.place(id).map(|at| &self.alarms[at])
    }

    /// The alarm, now met by document `seqno`.
    pub(super) fn meet(&mut self, id: u32, seqno: SeqNo, members_max: usize) -> Option<&Alarm> {
        let at = self.place(id)?;
        let alarm = &mut self.alarms[at];
        alarm.met = seqno;
        if alarm.members.len() < members_max {
            alarm.members.push(seqno);
        }
        Some(alarm)
    }

    /// Whether another alarm may fire at document `seqno`: `max` are looked for at most, so the one met longest ago goes,
    /// unless this very document raised all of them.
    pub(super) fn make_room(&mut self, seqno: SeqNo, max: usize) -> bool {
        if self.raised == u32::MAX {
            return false;
        }
        let staying = self.alarms.iter_mut().filter(|a| a.retired.is_none());
        let (mut count, mut oldest): (usize, Option<&mut Alarm>) = (0, None);
        for alarm in staying {
            count += 1;
            if alarm.met < seqno && oldest.as_ref().is_none_or(|o| alarm.met < o.met) {
                oldest = Some(alarm);
            }
        }
        if count >= max {
            let Some(oldest) = oldest else { return false };
            oldest.retired = Some(seqno);
            self.retiring += 1;
        }
        true
    }

    /// Takes in a new alarm, whose id is [`Self::raised`].
    pub(super) fn add(&mut self, alarm: Alarm) {
        self.raised += 1;
        self.by_anchor.entry(alarm.anchor).or_default().push(alarm.id);
        self.alarms.push(alarm);
    }

    /// Drops those that nobody sees any more whose latest epoch boundary is `epoch`.
    pub(super) fn let_go(&mut self, epoch: SeqNo, window: u32) {
        self.gone.clear();
        if self.retiring == 0 || self.alarms.iter().all(|a| a.is_seen_from(epoch, window)) {
            return;
        }
        let (seen, gone) = mem::take(&mut self.alarms).into_iter().partition(|a| a.is_seen_from(epoch, window));
        (self.alarms, self.gone) = (seen, gone);
        self.index();
    }

    fn index(&mut self) {
        self.by_anchor.clear();
        for alarm in &self.alarms {
            self.by_anchor.entry(alarm.anchor).or_default().push(alarm.id);
        }
        self.retiring = self.alarms.iter().filter(|a| a.retired.is_some()).count();
    }

    pub(super) fn bytes(&self) -> usize {
        // A list of one id, its place in the map and the map's spare room.
        let index = self.by_anchor.len() * 64;
        self.alarms.iter().map(Alarm::bytes).sum::<usize>() + index
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u32(self.raised);
        out.u64(self.alarms.len() as u64);
        self.alarms.iter().for_each(|a| a.save(out));
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut known = Self { raised: from.u32()?, ..Self::default() };
        for _ in 0..from.len(1)? {
            known.alarms.push(Alarm::load(from)?);
        }
        let in_order = known.alarms.is_sorted_by(|a, b| a.id < b.id && a.fired <= b.fired);
        if !in_order || known.alarms.last().is_some_and(|a| a.id >= known.raised) {
            return Err(from.corrupt("alarms in order"));
        }
        known.index();
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::alarm::tests::alarm, *};

    fn fired(known: &mut Known, at: SeqNo) {
        let fired = Alarm { id: known.raised(), fired: at, met: at, ..alarm(&[at, 2, 3], 0, 1) };
        known.add(fired);
    }

    #[test]
    fn the_one_met_longest_ago_goes_at_the_epoch_after_next() {
        let mut known = Known::default();
        for at in [10, 11, 12] {
            assert!(known.make_room(at, 3));
            fired(&mut known, at);
        }
        known.meet(0, 20, 100);
        assert!(known.make_room(30, 3));
        fired(&mut known, 30);
        let retired = |known: &Known| known.all().iter().map(|a| a.retired).collect::<Vec<_>>();
        assert_eq!(retired(&known), [None, Some(30), None, None], "11 was met last by what raised it");
        for (epoch, left, gone) in [(32, 4, 0), (40, 4, 0), (48, 3, 1), (56, 3, 0)] {
            known.let_go(epoch, 16);
            assert_eq!((known.all().len(), known.take_gone().len()), (left, gone), "border {epoch}");
        }
        assert!(known.meet(1, 60, 100).is_none());
        assert_eq!(known.raised(), 4);
        let mut out = Encoder::default();
        known.save(&mut out);
        let again = Known::load(&mut Decoder::new(&out.bytes)).expect("what was saved");
        assert_eq!((again.all(), again.raised(), &again.by_anchor), (known.all(), 4, &known.by_anchor));
    }

    #[test]
    fn one_document_does_not_push_out_its_own() {
        let mut known = Known::default();
        assert!(known.make_room(5, 1));
        fired(&mut known, 5);
        assert!(!known.make_room(5, 1));
        assert!(known.make_room(6, 1));
        assert!(!Known::default().make_room(5, 0), "none is wanted");
    }
}
