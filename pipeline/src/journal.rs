//! What must a commit write down so that the batch can be replayed exactly?
//!
//! With several partitions the order in which records were read is itself input. A journal record
//! holds that order as runs of records, and for each record whether it voted: a replay must not
//! depend on stateless rules that were changed meanwhile.
//!
//! A run names consecutive offsets only. Where offsets have no record, another run begins. So the
//! journal names every record, and a re-read knows which one is gone if a cleaner has removed it.
//! The digests tell records apart that stand at the same offset of a topic that was made anew: that
//! of all records, and that of the last one, which is there longer than the others.

use std::ops::Range;

use connectors::{
    position::{Partition, Position},
    source::{KnownPartition, Loss},
};
use operators::codec::{Corrupt, Decoder, Encoder};

const VERSION: u8 = 5;
/// Written where the beginning of a partition is not known. No offset is as high.
const UNKNOWN: u64 = u64::MAX;

/// A run of records of one partition, each at the offset behind that of the record before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRun {
    /// The partition.
    pub partition: Partition,
    /// The offset of the first record.
    pub first: u64,
    /// The number of records.
    pub count: u32,
    /// A digest of all records of the run ([`connectors::source::Payload::digest`]).
    pub digest: u64,
    /// The digest of the last record.
    pub last: u64,
}

impl RecordRun {
    /// An empty run.
    pub fn new(partition: Partition, first: u64) -> Self {
        Self { partition, first, count: 0, digest: 0, last: 0 }
    }

    /// The offsets of all records.
    pub fn offsets(&self) -> Range<u64> {
        self.first..self.first + u64::from(self.count)
    }

    /// Adds the next record; `digest` is that of its payload.
    pub fn push(&mut self, digest: u64) {
        self.count += 1;
        self.last = digest;
        // The multiplier of FxHash: the order of the records counts.
        self.digest = (self.digest.rotate_left(5) ^ digest).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// The journal record of one micro-batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The first sequence number of the batch.
    pub first_seqno: u64,
    /// The digest of everything that affects verdicts.
    pub verdict_digest: [u8; 16],
    /// The records, in the order in which they were read.
    pub runs: Vec<RecordRun>,
    /// Whether each record voted, in the same order.
    pub votes: Vec<bool>,
    /// Poison records: they were skipped because they crash the process.
    pub skipped: Vec<Position>,
    /// All partitions in the order of their numbers, if some have appeared since the journal record
    /// before; else empty.
    pub partitions: Vec<KnownPartition>,
    /// Where reading went on behind records that were gone, before the batch.
    pub losses: Vec<Loss>,
    /// The rules of this batch and of those that follow, in the form of
    /// [`crate::run::rules`]; empty if they are those of the record before.
    pub rules: Vec<u8>,
    /// Whether the writer ends: nothing follows until another process takes over.
    pub is_last: bool,
}

impl Journal {
    /// Adds the next record; `digest` is that of its payload.
    pub fn push(&mut self, position: Position, digest: u64, voted: bool) {
        self.votes.push(voted);
        let goes_on = |run: &RecordRun| run.partition == position.partition && run.offsets().end == position.offset;
        if !self.runs.last().is_some_and(goes_on) {
            self.runs.push(RecordRun::new(position.partition, position.offset));
        }
        if let Some(run) = self.runs.last_mut() {
            run.push(digest);
        }
    }

    /// Writes the record: 74 bytes, 32 for each run, 1/8 for each document, 12 for each skipped
    /// record, 20 for each loss, the names of partitions and the rules.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.u8(VERSION);
        out.u64(self.first_seqno);
        out.bytes.extend_from_slice(&self.verdict_digest);
        out.u64(self.runs.len() as u64);
        for run in &self.runs {
            out.u32(run.partition);
            out.u64(run.first);
            out.u32(run.count);
            out.u64(run.digest);
            out.u64(run.last);
        }
        out.u64(self.votes.len() as u64);
        for eight in self.votes.chunks(8) {
            out.u8(eight.iter().enumerate().fold(0, |bits, (i, &voted)| bits | u8::from(voted) << i));
        }
        out.u64(self.skipped.len() as u64);
        for position in &self.skipped {
            out.u32(position.partition);
            out.u64(position.offset);
        }
        out.u64(self.partitions.len() as u64);
        for partition in &self.partitions {
            out.str(&partition.name);
            out.u64(partition.beginning.unwrap_or(UNKNOWN));
        }
        out.u64(self.losses.len() as u64);
        for loss in &self.losses {
            out.u32(loss.partition);
            out.u64(loss.from);
            out.u64(loss.to);
        }
        out.slice(&self.rules);
        out.u8(u8::from(self.is_last));
        out.bytes
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut from = Decoder::new(bytes);
        if from.u8()? != VERSION {
            return Err(from.corrupt("a journal record of version 5"));
        }
        let first_seqno = from.u64()?;
        let mut verdict_digest = [0; 16];
        for byte in &mut verdict_digest {
            *byte = from.u8()?;
        }
        let count = from.len(32)?;
        let mut runs = Vec::with_capacity(count);
        let mut total = 0_u64;
        for _ in 0..count {
            let (partition, first, count) = (from.u32()?, from.u64()?, from.u32()?);
            let run = RecordRun { partition, first, count, digest: from.u64()?, last: from.u64()? };
            if run.first.checked_add(u64::from(run.count)).is_none() {
                return Err(from.corrupt("a run that ends"));
            }
            total += u64::from(run.count);
            runs.push(run);
        }
        let voters = from.u64()?;
        if voters != total {
            return Err(from.corrupt("a vote for every record of the runs"));
        }
        let mut votes = Vec::new();
        while (votes.len() as u64) < voters {
            let byte = from.u8()?;
            votes.extend((0..8.min(voters - votes.len() as u64)).map(|i| byte >> i & 1 == 1));
        }
        let mut skipped = Vec::new();
        for _ in 0..from.len(12)? {
            skipped.push(Position { partition: from.u32()?, offset: from.u64()? });
        }
        let mut partitions = Vec::new();
        for _ in 0..from.len(16)? {
            let (name, beginning) = (from.str()?.to_owned(), from.u64()?);
            partitions.push(KnownPartition { name, beginning: Some(beginning).filter(|&offset| offset != UNKNOWN), last: None });
        }
        let mut losses = Vec::new();
        for _ in 0..from.len(20)? {
            losses.push(Loss { partition: from.u32()?, from: from.u64()?, to: from.u64()? });
        }
        let rules = from.slice()?.to_vec();
        let is_last = from.u8()? != 0;
        from.end()?;
        Ok(Self { first_seqno, verdict_digest, runs, votes, skipped, partitions, losses, rules, is_last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_cuts() {
        let mut journal = Journal { first_seqno: 7, verdict_digest: [3; 16], ..Journal::default() };
        for (partition, offset, voted) in [(0, 5, true), (0, 6, false), (2, 0, true), (0, 7, true), (0, 8, true)] {
            journal.push(Position { partition, offset }, offset, voted);
        }
        let runs: Vec<_> = journal.runs.iter().map(|run| (run.partition, run.offsets())).collect();
        assert_eq!(runs, [(0, 5..7), (2, 0..1), (0, 7..9)]);
        journal.skipped.push(Position { partition: 2, offset: 0 });
        journal.partitions = vec![KnownPartition { beginning: Some(7), ..KnownPartition::from("crawl/0") }, "crawl/1".into()];
        journal.losses = vec![Loss { partition: 1, from: 7, to: 9 }];
        journal.rules = b"rules".to_vec();
        let bytes = journal.encode();
        assert_eq!(Journal::decode(&bytes), Ok(journal));
        for cut in 0..bytes.len() {
            assert!(Journal::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_gap_begins_another_run_and_other_records_have_another_digest() {
        let of = |records: &[(u64, u64)]| {
            let mut journal = Journal::default();
            for &(offset, digest) in records {
                journal.push(Position { partition: 0, offset }, digest, true);
            }
            journal.runs
        };
        assert_eq!(of(&[(5, 1), (7, 1), (8, 1)]).iter().map(RecordRun::offsets).collect::<Vec<_>>(), [5..6, 7..9]);
        assert_eq!(of(&[(5, 1), (6, 2)]), of(&[(5, 1), (6, 2)]));
        assert_ne!(of(&[(5, 1), (6, 2)]), of(&[(5, 1), (6, 3)]));
        assert_ne!(of(&[(5, 1), (6, 2)]), of(&[(5, 2), (6, 1)]));
    }
}
