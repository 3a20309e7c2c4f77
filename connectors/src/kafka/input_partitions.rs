//! Which number does an input partition have, where did it begin, and how far is it read?
//!
//! The source fills this table, and the committer turns the engine's positions into offsets with
//! it. A position of 0 means "not begun". But a partition of a topic may begin at any offset, and
//! behind its last record there may be records that nobody gets: tombstones, markers of
//! transactions, aborted records. So two more numbers are kept for each partition:
//!
//! - its **beginning**: where reading starts while nothing has been read;
//! - how much was **passed over**: from just behind the last record handed over up to where the
//!   next one can be at the earliest.
//!
//! The committer commits the end of what was passed over, and writes beginning and position beside
//! it ([`super::offsets`]). So lag tools see an end that is reached, and records that expire while
//! nothing new comes are no loss.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{offsets::CommittedOffset, query::PartitionKey};
use crate::position::{Partition, Positions};

/// Every known input partition, in the order of their numbers.
#[derive(Debug, Default)]
pub struct InputPartitions(Mutex<Vec<InputPartition>>);

/// A partition of an input topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InputPartition {
    pub(super) topic: String,
    pub(super) id: i32,
    /// Whether it was known when reading began, and not found later.
    pub(super) first: bool,
    /// Offset where reading starts while nothing has been read; unknown before the first seek.
    pub(super) beginning: Option<u64>,
    /// Position just behind the last record handed over; 0 before the first one.
    pub(super) behind: u64,
    /// Offset where the next record can be at the earliest.
    pub(super) passed: u64,
    /// Digest of the last record that an earlier process has read, until it was compared.
    pub(super) last: Option<u64>,
}

impl InputPartition {
    pub(super) fn new(topic: &str, id: i32, first: bool) -> Self {
        Self { topic: topic.to_owned(), id, first, beginning: None, behind: 0, passed: 0, last: None }
    }

    pub(super) fn key(&self) -> PartitionKey {
        (self.topic.clone(), self.id)
    }

    /// Returns `topic/partition`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.id)
    }
}

impl InputPartitions {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<InputPartition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the offset at which each partition begins; 0 where reading has not begun.
    pub fn beginnings(&self) -> Positions {
        Positions(self.lock().iter().map(|partition| partition.beginning.unwrap_or(0)).collect())
    }

    /// Returns topic and number of each partition.
    pub(super) fn keys(&self) -> Vec<PartitionKey> {
        self.lock().iter().map(InputPartition::key).collect()
    }

    /// Returns the partitions' names, `topic/partition`.
    pub fn names(&self) -> Vec<String> {
        self.lock().iter().map(InputPartition::name).collect()
    }

    /// Returns what to commit for each partition when the engine stands at `positions`. Nothing is
    /// committed for a partition whose beginning is unknown.
    pub(super) fn to_commit(&self, positions: &Positions) -> Vec<(PartitionKey, CommittedOffset)> {
        let partitions = self.lock();
        let numbered = partitions.iter().enumerate();
        let commit = numbered.filter_map(|(number, partition)| {
            let position = positions.next(number as Partition);
            let begin = partition.beginning?;
            let from = if position == 0 { begin } else { position };
            let offset = if partition.behind == position { partition.passed.max(from) } else { from };
            Some((partition.key(), CommittedOffset { offset, begin: Some(begin), position: Some(position) }))
        });
        commit.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions_of(partitions: &[(Option<u64>, u64, u64)]) -> InputPartitions {
        let partition = |(id, (beginning, behind, passed)): (usize, &(Option<u64>, u64, u64))| InputPartition {
            beginning: *beginning,
            behind: *behind,
            passed: *passed,
            ..InputPartition::new("t", id as i32, true)
        };
        InputPartitions(Mutex::new(partitions.iter().enumerate().map(partition).collect()))
    }

    #[test]
    fn what_is_committed() {
        // Beginning, behind, passed; the engine's position; the offset committed.
        for (partition, position, expected) in [
            ((Some(0), 0, 0), 0, Some(0)),
            ((Some(40), 0, 40), 0, Some(40)),   // not begun
            ((Some(40), 0, 43), 0, Some(43)),   // not begun, three tombstones
            ((Some(40), 50, 50), 50, Some(50)), // all taken in
            ((Some(40), 50, 52), 50, Some(52)), // and two passed over behind it
            ((Some(40), 50, 52), 45, Some(45)), // records handed over but not taken in
            ((Some(40), 50, 52), 0, Some(40)),
            ((None, 0, 0), 0, None),
        ] {
            let commit = partitions_of(&[partition]).to_commit(&Positions(vec![position]));
            assert_eq!(commit.first().map(|(_, c)| c.offset), expected, "{partition:?} at {position}");
            assert!(commit.iter().all(|(_, c)| c.begin == partition.0 && c.position == Some(position)));
        }
    }
}
