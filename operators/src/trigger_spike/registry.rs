//! Which alarms are documents searched for? All that fired, until there are too many; then the
//! alarm that no document has carried for longest is given up.
//!
//! Documents are still searched for an alarm that was given up until `judge` may know of it: at the
//! epoch boundary after next, like everything else that `settle` decides. From then on its phrase
//! is as new as any other, and has to spike again.
//!
//! **Cost** one look-up for each n-gram of a document, however many alarms there are. **State**
//! `max` alarms, and those that were given up since the last but one epoch boundary.

use std::{collections::HashMap, mem};

use super::{alarm::Alarm, probe::PhraseProbe};
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
};

/// The alarms, by id and by anchor.
#[derive(Debug, Default)]
pub(super) struct AlarmRegistry {
    /// The alarms in the order of their ids, which is the order in which they fired.
    alarms: Vec<Alarm>,
    /// The ids of alarms by their anchor. The map is never iterated, so its order does not matter.
    by_anchor: HashMap<u64, Vec<u32>>,
    /// Number of alarms ever raised, which is the next id.
    raised: u32,
    /// How many alarms were given up and are still searched for.
    retiring: usize,
    /// The alarms, with their members, that were dropped when the last document was settled.
    gone: Vec<Alarm>,
}

impl AlarmRegistry {
    /// All alarms, oldest first.
    pub(super) fn all(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Number of alarms ever raised, which is the id of the next one.
    pub(super) fn raised(&self) -> u32 {
        self.raised
    }

    /// Takes the alarms that were dropped when the last document was settled.
    pub(super) fn take_gone(&mut self) -> Vec<Alarm> {
        mem::take(&mut self.gone)
    }

    /// The ids, in ascending order, of alarms that a document carries and that `is_asked` accepts.
    pub(super) fn carried(&self, document: &Document, probe: &PhraseProbe, is_asked: impl Fn(&Alarm) -> bool) -> Vec<u32> {
        if self.alarms.is_empty() {
            return Vec::new();
        }
        let ids = probe.ngrams.iter().filter_map(|n| self.by_anchor.get(&n.hash)).flatten().copied();
        let publisher = document.publisher.key;
        let is_carried = |&id: &u32| {
            self.get(id).is_some_and(|a| is_asked(a) && !a.is_exempt(publisher) && a.place_in(document.ids()).is_some())
        };
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

    /// Notes that document `seqno` carries the alarm, and returns the alarm.
    pub(super) fn meet(&mut self, id: u32, seqno: SeqNo, members_max: usize) -> Option<&Alarm> {
        let at = self.place(id)?;
        let alarm = &mut self.alarms[at];
        alarm.met = seqno;
        if alarm.members.len() < members_max {
            alarm.members.push(seqno);
        }
        Some(alarm)
    }

    /// Whether another alarm may fire at document `seqno`. There may be `max` of them, so the one
    /// that was met longest ago is given up for it, unless this very document raised all of them.
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

    /// Adds a new alarm, whose id has to be [`Self::raised`].
    pub(super) fn add(&mut self, alarm: Alarm) {
        self.raised += 1;
        self.by_anchor.entry(alarm.anchor).or_default().push(alarm.id);
        self.alarms.push(alarm);
    }

    /// Drops the alarms that documents whose latest epoch boundary is `epoch` are not searched for
    /// any more.
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
        // A list of one id, its entry in the map and the map's spare room.
        let index = self.by_anchor.len() * 64;
        self.alarms.iter().map(Alarm::bytes).sum::<usize>() + index
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u32(self.raised);
        out.u64(self.alarms.len() as u64);
        self.alarms.iter().for_each(|a| a.save(out));
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let mut registry = Self { raised: from.u32()?, ..Self::default() };
        for _ in 0..from.len(1)? {
            registry.alarms.push(Alarm::load(from)?);
        }
        let in_order = registry.alarms.is_sorted_by(|a, b| a.id < b.id && a.fired <= b.fired);
        if !in_order || registry.alarms.last().is_some_and(|a| a.id >= registry.raised) {
            return Err(from.corrupt("alarms in order"));
        }
        registry.index();
        Ok(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::alarm::tests::alarm, *};

    fn fired(registry: &mut AlarmRegistry, at: SeqNo) {
        let fired = Alarm { id: registry.raised(), fired: at, met: at, ..alarm(&[at, 2, 3], 0, 1) };
        registry.add(fired);
    }

    #[test]
    fn the_one_met_longest_ago_goes_at_the_epoch_after_next() {
        let mut registry = AlarmRegistry::default();
        for at in [10, 11, 12] {
            assert!(registry.make_room(at, 3));
            fired(&mut registry, at);
        }
        registry.meet(0, 20, 100);
        assert!(registry.make_room(30, 3));
        fired(&mut registry, 30);
        let retired = |registry: &AlarmRegistry| registry.all().iter().map(|a| a.retired).collect::<Vec<_>>();
        assert_eq!(retired(&registry), [None, Some(30), None, None], "11 was met last by what raised it");
        for (epoch, left, gone) in [(32, 4, 0), (40, 4, 0), (48, 3, 1), (56, 3, 0)] {
            registry.let_go(epoch, 16);
            assert_eq!((registry.all().len(), registry.take_gone().len()), (left, gone), "epoch {epoch}");
        }
        assert!(registry.meet(1, 60, 100).is_none());
        assert_eq!(registry.raised(), 4);
        let mut out = Encoder::default();
        registry.save(&mut out);
        let again = AlarmRegistry::load(&mut Decoder::new(&out.bytes)).expect("what was saved");
        assert_eq!((again.all(), again.raised(), &again.by_anchor), (registry.all(), 4, &registry.by_anchor));
    }

    #[test]
    fn one_document_does_not_push_out_its_own() {
        let mut registry = AlarmRegistry::default();
        assert!(registry.make_room(5, 1));
        fired(&mut registry, 5);
        assert!(!registry.make_room(5, 1));
        assert!(registry.make_room(6, 1));
        assert!(!AlarmRegistry::default().make_room(5, 0), "none is wanted");
    }
}
