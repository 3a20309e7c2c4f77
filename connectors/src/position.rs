//! Where is a record in the input? Its position is also its identity.

use std::fmt;

/// Index of a partition (a file, a topic's partition) in [`crate::source::Source::partitions`].
pub type Partition = u32;

/// The place of a record: the `offset`-th record of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The number of the record in it, from 0. Records of a partition are read in this order.
    pub offset: u64,
}

/// For each partition, the offset of the next record to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(pub Vec<u64>);

impl Positions {
    /// Returns the next offset of a partition; 0 if it was not begun.
    #[must_use]
    pub fn next(&self, partition: Partition) -> u64 {
        self.0.get(partition as usize).copied().unwrap_or(0)
    }

    /// Tells whether a record was read before.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        position.offset < self.next(position.partition)
    }

    /// Tells whether both mean the same place. A partition that is left out was not begun.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let partitions = self.0.len().max(other.0.len()) as Partition;
        (0..partitions).all(|partition| self.next(partition) == other.next(partition))
    }

    /// Moves on behind a record.
    pub fn advance(&mut self, position: Position) {
        self.set(position.partition, position.offset + 1);
    }

    /// Says which offset of a partition is next.
    pub fn set(&mut self, partition: Partition, next: u64) {
        let partition = partition as usize;
        if self.0.len() <= partition {
            self.0.resize(partition + 1, 0);
        }
        self.0[partition] = next;
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, next) in self.0.iter().enumerate() {
            write!(f, "{}{i}:{next}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
