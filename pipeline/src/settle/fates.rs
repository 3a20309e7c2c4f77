//! Which sequence numbers are recalled or restored, and up to where is everything settled?
//!
//! A fate is kept until every partition has passed its sequence number. **Cost** logarithmic in the fates kept.

use std::collections::BTreeMap;

/// Most fates kept: about a gigabyte. More are refused; a settler that far behind is missing its marks.
pub const FATES_MAX: usize = 16 << 20;

/// What became of a document after it had passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Withheld.
    Recall,
    /// Took the place of a recalled one.
    Restore,
}

/// Which topic a document is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `clean`.
    Clean,
    /// `duplicates`.
    Duplicate,
}

/// Fates of documents that may still come.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// The last word on each sequence number, and where in `recalls` the first one stood.
    told: BTreeMap<u32, (Action, u64)>,
    /// Everything below is settled.
    mark: u32,
    /// The mark before: of an earlier transaction, all of which is visible by now.
    before: u32,
}

impl Fates {
    /// Fates as they were when everything below `mark` was settled; those that matter are told again.
    pub(super) fn settled_to(mark: u32) -> Self {
        Self { mark, ..Self::default() }
    }

    /// A document's fate, said at `offset`. Whether a mark had passed it.
    pub(super) fn tell(&mut self, seqno: u32, action: Action, offset: u64) -> bool {
        let fate = self.told.entry(seqno).or_insert((action, offset));
        fate.0 = action;
        seqno < self.mark
    }

    /// Everything below `up_to` is settled. Marks do not go back.
    pub(super) fn settle(&mut self, up_to: u32) {
        if up_to > self.mark {
            (self.before, self.mark) = (self.mark, up_to);
        } else {
            // Said again in a later transaction.
            self.before = self.before.max(up_to);
        }
    }

    /// Whether a document is forwarded; `None`: nobody knows yet.
    pub(super) fn is_forwarded(&self, seqno: u32, kind: Kind) -> Option<bool> {
        let action = self.told.get(&seqno).map(|(action, _)| *action);
        (seqno < self.mark).then(|| match kind {
            Kind::Clean => action != Some(Action::Recall),
            Kind::Duplicate => action == Some(Action::Restore),
        })
    }

    /// Forgets fates that no document will ask for.
    pub(super) fn forget_below(&mut self, seqno: u32) {
        self.told = self.told.split_off(&seqno);
    }

    /// Where in `recalls` the oldest fate stood that is kept. Those are few, and this is asked once a commit.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.told.values().map(|(_, offset)| *offset).min()
    }

    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    pub(super) fn mark(&self) -> u32 {
        self.mark
    }

    /// Documents below it are all visible.
    pub(super) fn visible_below(&self) -> u32 {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_decided_before_its_mark() {
        let mut fates = Fates::default();
        assert!(!fates.tell(3, Action::Recall, 0) && !fates.tell(5, Action::Restore, 1));
        assert_eq!(fates.is_forwarded(0, Kind::Clean), None);
        fates.settle(5);
        let clean: Vec<_> = (2..6).map(|seqno| fates.is_forwarded(seqno, Kind::Clean)).collect();
        assert_eq!(clean, [Some(true), Some(false), Some(true), None]);
        fates.settle(6);
        assert_eq!(fates.is_forwarded(5, Kind::Duplicate), Some(true));
        assert_eq!(fates.is_forwarded(4, Kind::Duplicate), Some(false));
        fates.settle(2);
        assert_eq!((fates.mark(), fates.visible_below()), (6, 5), "marks do not go back");
    }

    #[test]
    fn the_last_word_counts_and_the_first_is_where_reading_begins_again() {
        let mut fates = Fates::settled_to(4);
        fates.tell(9, Action::Restore, 20);
        fates.tell(7, Action::Recall, 30);
        fates.tell(9, Action::Recall, 40);
        assert_eq!(fates.oldest(), Some(20));
        fates.settle(10);
        assert_eq!(fates.is_forwarded(9, Kind::Duplicate), Some(false));
        assert!(fates.tell(9, Action::Restore, 50), "late");
        fates.forget_below(8);
        assert_eq!((fates.len(), fates.oldest()), (1, Some(20)));
        fates.forget_below(10);
        assert_eq!(fates.oldest(), None);
    }
}
