//! Which subjects has the stream had so far, and how many new publishers in each? The counts as of
//! the latest epoch boundary, which is all that `judge` may see.

use std::collections::VecDeque;

use crate::{
    background::Background,
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Documents in the background's own mixture of subjects that the stream is assumed to have had at
/// its start.
const PRIOR: f64 = 500.0;
/// Documents with the overall share of new publishers that each subject is assumed to have had at
/// the start.
const PRIOR_NEW: f64 = 20.0;
const NEW_SHARE: (f64, f64) = (0.05, 0.9);
/// Most subjects of a background.
const SUBJECTS: usize = 256;

/// The counts that `judge` may see, and the documents that wait for an epoch boundary.
#[derive(Clone, Debug)]
pub(super) struct EpochView {
    documents: u64,
    new: u64,
    /// Documents by subject, and how many of them are of new publishers.
    subjects: Vec<(u64, u64)>,
    /// Sequence number, subject, and whether the publisher is new.
    waiting: VecDeque<(SeqNo, u8, bool)>,
}

impl EpochView {
    pub(super) fn new() -> Self {
        Self { documents: 0, new: 0, subjects: vec![(0, 0); SUBJECTS], waiting: VecDeque::new() }
    }

    /// Forgets the counts, since another background has other subjects.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Adds a settled document, to be counted later.
    pub(super) fn add(&mut self, seqno: SeqNo, subject: u8, is_new: bool) {
        self.waiting.push_back((seqno, subject, is_new));
    }

    /// Counts the documents that were settled before `epoch - window`.
    pub(super) fn publish(&mut self, epoch: SeqNo, window: u32) {
        while let Some(&(seqno, subject, is_new)) = self.waiting.front() {
            if u64::from(seqno) + u64::from(window) >= u64::from(epoch) {
                break;
            }
            self.waiting.pop_front();
            let counts = &mut self.subjects[usize::from(subject)];
            counts.0 += 1;
            counts.1 += u64::from(is_new);
            self.documents += 1;
            self.new += u64::from(is_new);
        }
    }

    /// The share of documents that are of new publishers.
    pub(super) fn new_share(&self) -> f64 {
        (self.new as f64 / self.documents.max(1) as f64).clamp(NEW_SHARE.0, NEW_SHARE.1)
    }

    /// The factors by which the stream has less of each subject than the background.
    pub(super) fn scarcity(&self, background: &Background) -> Vec<f64> {
        let n = self.documents as f64 + PRIOR;
        let one = |(share, (documents, _)): (&f64, &(u64, u64))| share / ((*documents as f64 + PRIOR * share) / n);
        background.shares().iter().zip(&self.subjects).map(one).collect()
    }

    /// The share of documents of new publishers in each subject.
    pub(super) fn new_shares(&self, background: &Background) -> Vec<f64> {
        let usual = self.new_share();
        let one = |(documents, new): &(u64, u64)| (*new as f64 + PRIOR_NEW * usual) / (*documents as f64 + PRIOR_NEW);
        self.subjects.iter().take(background.shares().len()).map(one).collect()
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u64(self.documents);
        out.u64(self.new);
        for &(documents, new) in &self.subjects {
            out.u64(documents);
            out.u64(new);
        }
        out.u64(self.waiting.len() as u64);
        for &(seqno, subject, is_new) in &self.waiting {
            out.u32(seqno);
            out.u8(subject);
            out.u8(u8::from(is_new));
        }
    }

    pub(super) fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        (self.documents, self.new) = (from.u64()?, from.u64()?);
        for counts in &mut self.subjects {
            *counts = (from.u64()?, from.u64()?);
        }
        self.waiting.clear();
        for _ in 0..from.len(6)? {
            self.waiting.push_back((from.u32()?, from.u8()?, from.u8()? != 0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Seed;

    #[test]
    fn shows_only_what_is_old_enough() {
        let mut epoch_view = EpochView::new();
        (0..20).for_each(|i| epoch_view.add(i, 0, i < 10));
        epoch_view.publish(12, 4);
        assert_eq!((epoch_view.documents, epoch_view.new), (8, 8));
        epoch_view.publish(16, 4);
        assert_eq!((epoch_view.documents, epoch_view.new), (12, 10));
        assert!((epoch_view.new_share() - 10.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn starts_from_the_background() {
        let background = Background::empty(Seed(1));
        let epoch_view = EpochView::new();
        assert_eq!(epoch_view.scarcity(&background), [1.0]);
        assert_eq!(epoch_view.new_shares(&background), [0.05]);
    }
}
