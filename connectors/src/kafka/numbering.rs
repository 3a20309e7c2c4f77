//! Which number has a partition, where did it begin, and how far is it read?
//!
//! Shared by the source, which fills it, and the committer, which turns the engine's positions into offsets. A position of 0
//! says "not begun", but a partition of a topic may begin at any offset, and behind its last record there may be records
//! that nobody gets: tombstones, markers of transactions, what was aborted. So two more figures are kept for each partition:
//!
//! - its **beginning**: where reading starts while nothing has been taken in;
//! - what was **passed over**: from just behind the last record handed over to where the next one can be at the earliest.
//!
//! The committer commits the end of what was passed over, and writes beginning and position beside it ([`super::offsets`]),
//! so that lag tools see an end that is reached, and records that expire while nothing new comes are no loss.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::offsets::Committed;
use crate::position::{Partition, Positions};

/// Every input partition known, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Numbering(Mutex<Vec<Entry>>);

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) topic: String,
    pub(super) id: i32,
    /// Known when reading began, and not found later.
    pub(super) first: bool,
    /// Where reading starts while nothing has been taken in; unknown before the first seek.
    pub(super) beginning: Option<u64>,
    /// Just behind the last record handed over, as a position: 0 before the first.
    pub(super) behind: u64,
    /// Where the next record can be at the earliest.
    pub(super) passed: u64,
}

impl Entry {
    pub(super) fn new(topic: &str, id: i32, first: bool) -> Self {
        Self { topic: topic.to_owned(), id, first, beginning: None, behind: 0, passed: 0 }
    }

    /// `topic/partition`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.id)
    }
}

impl Numbering {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offset at which each partition begins; 0 where reading has not begun.
    pub fn beginnings(&self) -> Positions {
        Positions(self.lock().iter().map(|entry| entry.beginning.unwrap_or(0)).collect())
    }

    /// Names, `topic/partition`.
    pub fn names(&self) -> Vec<String> {
        self.lock().iter().map(Entry::name).collect()
    }

    /// What to commit for each partition when the engine stands at `positions`. A partition whose beginning is unknown has
    /// nothing to commit.
    pub(super) fn to_commit(&self, positions: &Positions) -> Vec<(String, i32, Committed)> {
        let entries = self.lock();
        let numbered = entries.iter().enumerate();
        let commit = numbered.filter_map(|(number, entry)| {
            let position = positions.next(number as Partition);
            let begin = entry.beginning?;
            let from = if position == 0 { begin } else { position };
            let offset = if entry.behind == position { entry.passed.max(from) } else { from };
            Some((entry.topic.clone(), entry.id, Committed { offset, begin: Some(begin), position: Some(position) }))
        });
        commit.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbering(entries: &[(Option<u64>, u64, u64)]) -> Numbering {
        let entry = |(id, (beginning, behind, passed)): (usize, &(Option<u64>, u64, u64))| Entry {
            beginning: *beginning,
            behind: *behind,
            passed: *passed,
            ..Entry::new("t", id as i32, true)
        };
        Numbering(Mutex::new(entries.iter().enumerate().map(entry).collect()))
    }

    #[test]
    fn what_is_committed() {
        // Beginning, behind, passed; the engine's position; the offset committed.
        for (entry, position, expected) in [
            ((Some(0), 0, 0), 0, Some(0)),
            ((Some(40), 0, 40), 0, Some(40)),   // not begun
            ((Some(40), 0, 43), 0, Some(43)),   // not begun, three tombstones
            ((Some(40), 50, 50), 50, Some(50)), // all taken in
            ((Some(40), 50, 52), 50, Some(52)), // and two passed over behind it
            ((Some(40), 50, 52), 45, Some(45)), // records handed over but not taken in
            ((Some(40), 50, 52), 0, Some(40)),
            ((None, 0, 0), 0, None),
        ] {
            let commit = numbering(&[entry]).to_commit(&Positions(vec![position]));
            assert_eq!(commit.first().map(|(_, _, c)| c.offset), expected, "{entry:?} at {position}");
            assert!(commit.iter().all(|(_, _, c)| c.begin == entry.0 && c.position == Some(position)));
        }
    }
}
