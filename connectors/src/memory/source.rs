//! Which record of the partitions in memory comes next?

use std::ops::Range;

use super::{Fault, Faults, Op};
use crate::{
    error::Error,
    position::{Partition, Position, Positions},
    source::{Limit, Payload, Record, Source},
};

/// Returns records of several partitions in runs. Each run has a random length and comes from a
/// random partition that has records left.
///
/// The order depends on a seed and on how often the source was sought, so a re-read that does not
/// follow the journal has another order.
#[derive(Debug)]
pub struct MemorySource {
    names: Vec<String>,
    partitions: Vec<Vec<Payload>>,
    next: Positions,
    run_max: u64,
    /// The partition that is read, and how many records of its run are left.
    run: (usize, u64),
    seed: u64,
    seeks: u64,
    random: u64,
    faults: Faults,
}

impl MemorySource {
    /// Makes a source of lines, given partition by partition. Partitions are named `memory/0` and
    /// so on.
    #[must_use]
    pub fn new(lines: Vec<Vec<Vec<u8>>>, seed: u64, faults: Faults) -> Self {
        Self::from_payloads(lines.into_iter().map(|lines| lines.into_iter().map(Payload::Line).collect()).collect(), seed, faults)
    }

    /// Makes a source of payloads, given partition by partition.
    #[must_use]
    pub fn from_payloads(partitions: Vec<Vec<Payload>>, seed: u64, faults: Faults) -> Self {
        let names = (0..partitions.len()).map(|partition| format!("memory/{partition}")).collect();
        let next = Positions(vec![0; partitions.len()]);
        Self { names, partitions, next, run_max: 8, run: (0, 0), seed, seeks: 0, random: seed, faults }
    }

    /// Sets the longest run, which is 8 by default.
    #[must_use]
    pub fn with_run_max(mut self, records: u64) -> Self {
        self.run_max = records.max(1);
        self
    }

    /// Draws a number by `SplitMix64`, which is small and the same on every machine.
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn left(&self, partition: usize) -> u64 {
        (self.partitions[partition].len() as u64).saturating_sub(self.next.0[partition])
    }

    /// Returns the partition to read from; `None` at the end of all.
    fn choose(&mut self) -> Option<usize> {
        if self.run.1 == 0 || self.left(self.run.0) == 0 {
            let unread: Vec<usize> = (0..self.partitions.len()).filter(|partition| self.left(*partition) > 0).collect();
            if unread.is_empty() {
                return None;
            }
            let partition = unread[self.draw(unread.len() as u64) as usize];
            self.run = (partition, 1 + self.draw(self.run_max));
        }
        Some(self.run.0)
    }

    /// Goes back in a partition that has been read from, as a broker does after a rebalance.
    fn redeliver(&mut self, records: u64) {
        let read: Vec<usize> = (0..self.partitions.len()).filter(|partition| self.next.0[*partition] > 0).collect();
        if !read.is_empty() {
            let partition = read[self.draw(read.len() as u64) as usize];
            let back = records.min(self.next.0[partition]);
            self.next.0[partition] -= back;
            self.run = (partition, back);
        }
    }

    fn record(&self, partition: usize) -> Record {
        let offset = self.next.0[partition];
        let position = Position { partition: partition as Partition, offset };
        Record::new(position, offset, self.partitions[partition][offset as usize].clone())
    }
}

impl Source for MemorySource {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    fn seek(&mut self, positions: &Positions) -> Result<(), Error> {
        let mut next = vec![0; self.partitions.len()];
        for (partition, &to) in positions.0.iter().enumerate() {
            let length = self.partitions.get(partition).map_or(0, Vec::len) as u64;
            if to > length {
                return Err(Error::Changed(format!("memory/{partition} has {length} records, expected at least {to}")));
            }
            if let Some(next) = next.get_mut(partition) {
                *next = to;
            }
        }
        (self.next, self.run) = (Positions(next), (0, 0));
        self.seeks += 1;
        self.random = self.seed ^ self.seeks.wrapping_mul(0xd134_2543_de82_ef95);
        Ok(())
    }

    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        match self.faults.next(Op::Read) {
            Some(Fault::Redeliver(records)) => self.redeliver(records),
            Some(fault) => return Err(fault.error()),
            None => {}
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < limit.records.max(1) {
            let Some(partition) = self.choose() else { break };
            let record = self.record(partition);
            bytes += record.payload.len();
            if bytes > limit.bytes && !records.is_empty() {
                break;
            }
            self.next.0[partition] += 1;
            self.run.1 -= 1;
            records.push(record);
        }
        Ok(records)
    }

    /// Reads along the journal. Nothing is delivered again here, and a `Redeliver` of the script
    /// waits for a plain read.
    fn read_run(&mut self, partition: Partition, offsets: Range<u64>) -> Result<Vec<Record>, Error> {
        self.run.1 = 0;
        let index = partition as usize;
        let length = self.partitions.get(index).map_or(0, Vec::len) as u64;
        if offsets.end > length {
            return Err(Error::Changed(format!("memory/{partition} has {length} records, expected {}", offsets.end)));
        }
        let mut records = Vec::new();
        while self.next.0[index] < offsets.end {
            records.push(self.record(index));
            self.next.0[index] += 1;
        }
        Ok(records)
    }
}
