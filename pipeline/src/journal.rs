//! What must a commit write down so that the batch can be replayed exactly?
//!
//! With several partitions the order in which records were read is itself input. A journal record
//! holds that order as runs of records, and for each record whether it voted: a replay must not
//! depend on stateless rules that were changed meanwhile.

use connectors::position::{Partition, Position};
use operators::codec::{Corrupt, Decoder, Encoder};

const VERSION: u8 = 2;

/// A run of records of one partition that were read one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRun {
    /// The partition.
    pub partition: Partition,
    /// The offset of the first record.
    pub first: u64,
    /// The number of records.
    pub count: u32,
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
    /// The names of all partitions in the order of their numbers, if some have appeared since the
    /// journal record before; else empty.
    pub partitions: Vec<String>,
    /// Whether the writer ends: nothing follows until another process takes over.
    pub is_last: bool,
}

impl Journal {
    /// Adds the next record.
    pub fn push(&mut self, position: Position, voted: bool) {
        self.votes.push(voted);
        if let Some(run) = self.runs.last_mut()
            && run.partition == position.partition
            && run.first + u64::from(run.count) == position.offset
        {
            run.count += 1;
        } else {
            self.runs.push(RecordRun { partition: position.partition, first: position.offset, count: 1 });
        }
    }

    /// Writes the record: 58 bytes, 16 for each run, 1/8 for each document and 12 for each skipped
    /// record.
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
        for name in &self.partitions {
            out.str(name);
        }
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
            return Err(from.corrupt("a journal record of version 2"));
        }
        let first_seqno = from.u64()?;
        let mut verdict_digest = [0; 16];
        for byte in &mut verdict_digest {
            *byte = from.u8()?;
        }
        let count = from.len(16)?;
        let mut runs = Vec::with_capacity(count);
        let mut total = 0_u64;
        for _ in 0..count {
            let run = RecordRun { partition: from.u32()?, first: from.u64()?, count: from.u32()? };
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
        for _ in 0..from.len(8)? {
            partitions.push(from.str()?.to_owned());
        }
        let is_last = from.u8()? != 0;
        from.end()?;
        Ok(Self { first_seqno, verdict_digest, runs, votes, skipped, partitions, is_last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_cuts() {
        let mut journal = Journal { first_seqno: 7, verdict_digest: [3; 16], ..Journal::default() };
        for (partition, offset, voted) in [(0, 5, true), (0, 6, false), (2, 0, true), (0, 7, true), (0, 8, true)] {
            journal.push(Position { partition, offset }, voted);
        }
        assert_eq!(journal.runs.len(), 3);
        journal.skipped.push(Position { partition: 2, offset: 0 });
        journal.partitions = vec!["crawl/0".to_owned(), "crawl/1".to_owned()];
        let bytes = journal.encode();
        assert_eq!(Journal::decode(&bytes), Ok(journal));
        for cut in 0..bytes.len() {
            assert!(Journal::decode(&bytes[..cut]).is_err());
        }
    }
}
