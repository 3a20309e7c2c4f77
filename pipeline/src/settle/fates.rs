//! Which sequence numbers are recalled or restored, and what is the settled watermark?
//!
//! A fate is kept until every partition has passed its sequence number. **Cost** of each call:
//! logarithmic in the fates that are kept.

use std::collections::BTreeMap;

/// The most fates that are kept: about a gigabyte. More are refused, because a settler that is so
/// far behind is missing its watermarks.
pub const FATES_MAX: usize = 16 << 20;

/// What became of a document after it had passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FateChange {
    /// It was recalled.
    Recall,
    /// It took the place of a recalled document.
    Restore,
}

/// The topic that a document is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentTopic {
    /// The topic of clean documents.
    Clean,
    /// The topic of copies.
    Duplicate,
}

/// The fates of documents that may still come.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// The last fate of each sequence number, and the offset in `recalls` of the first one.
    by_seqno: BTreeMap<u32, (FateChange, u64)>,
    /// Every document below this sequence number is settled.
    watermark: u32,
    /// The watermark before this one. It belongs to an earlier transaction, all of which is visible
    /// by now.
    before: u32,
}

impl Fates {
    /// Begins again at a watermark. The fates that matter are read again after it.
    pub(super) fn from_watermark(watermark: u32) -> Self {
        Self { watermark, ..Self::default() }
    }

    /// Notes a document's fate, which stood at `offset`. Returns whether a watermark had passed the
    /// document.
    pub(super) fn note(&mut self, seqno: u32, action: FateChange, offset: u64) -> bool {
        let fate = self.by_seqno.entry(seqno).or_insert((action, offset));
        fate.0 = action;
        seqno < self.watermark
    }

    /// Moves the watermark to `up_to`. It does not go back.
    pub(super) fn settle(&mut self, up_to: u32) {
        if up_to > self.watermark {
            (self.before, self.watermark) = (self.watermark, up_to);
        } else {
            // The same watermark has come again in a later transaction.
            self.before = self.before.max(up_to);
        }
    }

    /// Returns whether a document is forwarded; `None` if that is not known yet.
    pub(super) fn is_forwarded(&self, seqno: u32, topic: DocumentTopic) -> Option<bool> {
        let action = self.by_seqno.get(&seqno).map(|(action, _)| *action);
        (seqno < self.watermark).then(|| match topic {
            DocumentTopic::Clean => action != Some(FateChange::Recall),
            DocumentTopic::Duplicate => action == Some(FateChange::Restore),
        })
    }

    /// Forgets the fates below a sequence number.
    pub(super) fn forget_below(&mut self, seqno: u32) {
        self.by_seqno = self.by_seqno.split_off(&seqno);
    }

    /// Returns the offset in `recalls` of the oldest fate that is kept. Fates are few, and this is
    /// called once a commit.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.by_seqno.values().map(|(_, offset)| *offset).min()
    }

    /// Returns how many fates are kept.
    pub(super) fn len(&self) -> usize {
        self.by_seqno.len()
    }

    /// Returns the settled watermark.
    pub(super) fn watermark(&self) -> u32 {
        self.watermark
    }

    /// Returns a sequence number below which all documents are visible.
    pub(super) fn visible_below(&self) -> u32 {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_decided_before_its_watermark() {
        let mut fates = Fates::default();
        assert!(!fates.note(3, FateChange::Recall, 0) && !fates.note(5, FateChange::Restore, 1));
        assert_eq!(fates.is_forwarded(0, DocumentTopic::Clean), None);
        fates.settle(5);
        let clean: Vec<_> = (2..6).map(|seqno| fates.is_forwarded(seqno, DocumentTopic::Clean)).collect();
        assert_eq!(clean, [Some(true), Some(false), Some(true), None]);
        fates.settle(6);
        assert_eq!(fates.is_forwarded(5, DocumentTopic::Duplicate), Some(true));
        assert_eq!(fates.is_forwarded(4, DocumentTopic::Duplicate), Some(false));
        fates.settle(2);
        assert_eq!((fates.watermark(), fates.visible_below()), (6, 5), "a watermark does not go back");
    }

    #[test]
    fn the_last_word_counts_and_the_first_is_where_reading_begins_again() {
        let mut fates = Fates::from_watermark(4);
        fates.note(9, FateChange::Restore, 20);
        fates.note(7, FateChange::Recall, 30);
        fates.note(9, FateChange::Recall, 40);
        assert_eq!(fates.oldest(), Some(20));
        fates.settle(10);
        assert_eq!(fates.is_forwarded(9, DocumentTopic::Duplicate), Some(false));
        assert!(fates.note(9, FateChange::Restore, 50), "late");
        fates.forget_below(8);
        assert_eq!((fates.len(), fates.oldest()), (1, Some(20)));
        fates.forget_below(10);
        assert_eq!(fates.oldest(), None);
    }
}
