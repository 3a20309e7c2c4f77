//! The stream's mixture so far, as of an epoch boundary: documents and new publishers by subject.

use std::collections::VecDeque;

use crate::{
    background::Background,
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Documents of the background's own mixture that the stream's mixture starts from.
const PRIOR: f64 = 500.0;
/// Documents of the overall share of new publishers that each subject's share starts from.
const PRIOR_NEW: f64 = 20.0;
const NEW_SHARE: (f64, f64) = (0.05, 0.9);
/// Most subjects of a background.
const SUBJECTS: usize = 256;

/// Counts that judge may see, and those that wait for an epoch boundary.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    documents: u64,
    new: u64,
    /// (documents, of new publishers) by subject.
    subjects: Vec<(u64, u64)>,
    /// (sequence number, subject, of a new publisher).
    waiting: VecDeque<(SeqNo, u8, bool)>,
}

impl Frozen {
    pub(super) fn new() -> Self {
        Self { documents: 0, new: 0, subjects: vec![(0, 0); SUBJECTS], waiting: VecDeque::new() }
    }

    /// Forgets the subjects: those of another background are others.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// A settled document.
    pub(super) fn add(&mut self, seqno: SeqNo, subject: u8, is_new: bool) {
        self.waiting.push_back((seqno, subject, is_new));
    }

    /// Shows what was settled before `epoch - window`.
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

    /// Share of documents of new publishers.
    pub(super) fn new_share(&self) -> f64 {
        (self.new as f64 / self.documents.max(1) as f64).clamp(NEW_SHARE.0, NEW_SHARE.1)
    }

    /// How much less of each subject the stream has than the background.
    pub(super) fn scarcity(&self, background: &Background) -> Vec<f64> {
        let n = self.documents as f64 + PRIOR;
        let one = |(share, (documents, _)): (&f64, &(u64, u64))| share / ((*documents as f64 + PRIOR * share) / n);
        background.shares().iter().zip(&self.subjects).map(one).collect()
    }

    /// Share of documents of new publishers in each subject.
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
        let mut frozen = Frozen::new();
        (0..20).for_each(|i| frozen.add(i, 0, i < 10));
        frozen.publish(12, 4);
        assert_eq!((frozen.documents, frozen.new), (8, 8));
        frozen.publish(16, 4);
        assert_eq!((frozen.documents, frozen.new), (12, 10));
        assert!((frozen.new_share() - 10.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn starts_from_the_background() {
        let background = Background::empty(Seed(1));
        let frozen = Frozen::new();
        assert_eq!(frozen.scarcity(&background), [1.0]);
        assert_eq!(frozen.new_shares(&background), [0.05]);
    }
}
