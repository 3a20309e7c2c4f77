//! Which batches have crashed the process?
//!
//! A crash is an end that no code of ours can catch: an abort, a stack overflow, memory that is
//! used up. So the journal is written before a batch is processed, and a process reads what the one
//! before it has left:
//!
//! ```text
//! in-hand     the batches in flight: partition, offset of the first record, count; the file is gone when they are settled
//! deaths      how often a process crashed with which batch in flight
//! ```
//!
//! After [`BATCH_CRASHES`] crashes with batches that began at the same record, batches with that
//! record are suspect: their records go one at a time. A record that has crashed the process
//! [`RECORD_CRASHES`] times alone is a **poison record**: it is not decoded, it is withheld, and
//! the journal of the run says so. A process that is killed from outside at the very same record
//! several times makes the record look guilty too; such a record is withheld and not lost.
//!
//! **Cost** one small file is written and removed for each batch (about 30 us). It is not synced:
//! the journal is about crashes of the process, and not about power failures.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use connectors::{
    file::write_atomically,
    position::{Partition, Position},
    source::Record,
};
use tracing::error;

use super::StateError;

/// Crashes with a batch in flight after which its records go one at a time.
pub const BATCH_CRASHES: u32 = 3;
/// Crashes with a single record in flight after which it is a poison record.
pub const RECORD_CRASHES: u32 = 2;
/// The file with the batches in flight.
const IN_FLIGHT_FILE: &str = "in-hand";
/// The file with the number of crashes of each batch.
const CRASHES_FILE: &str = "deaths";
/// Most batches that are remembered. A process crashes with two at a time at most, so this is
/// plenty.
const REMEMBERED: usize = 64;

/// A batch, named by its first record and the number of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BatchId {
    first: Position,
    count: u32,
}

/// The crash journal of one state folder.
#[derive(Debug)]
pub struct CrashJournal {
    folder: PathBuf,
    /// How often a process crashed with each batch in flight.
    crashes: BTreeMap<BatchId, u32>,
    /// Oldest first. There are two while one batch is committed and the next one is prepared.
    in_flight: Vec<BatchId>,
}

impl CrashJournal {
    /// Reads what earlier processes left in `folder`. A batch that is still in flight there has
    /// crashed a process.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let read = |name: &str| match fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == ErrorKind::NotFound || e.kind() == ErrorKind::InvalidData => Ok(String::new()),
            Err(e) => Err(StateError::file("read", folder.join(name), e)),
        };
        let mut crashes: BTreeMap<BatchId, u32> = read(CRASHES_FILE)?
            .lines()
            .filter_map(|l| l.rsplit_once(' ').and_then(|(batch, n)| Some((BatchId::parse(batch)?, n.parse().ok()?))))
            .collect();
        for batch in read(IN_FLIGHT_FILE)?.lines().filter_map(BatchId::parse) {
            *crashes.entry(batch).or_default() += 1;
        }
        while crashes.len() > REMEMBERED {
            crashes.pop_first();
        }
        let mut journal = Self { folder: folder.to_owned(), crashes, in_flight: Vec::new() };
        let lines: Vec<String> = journal.crashes.iter().map(|(batch, n)| format!("{} {n}", batch.to_line())).collect();
        if !lines.is_empty() {
            write_atomically(&folder.join(CRASHES_FILE), lines.join("\n").as_bytes())
                .map_err(|e| StateError::Refused(e.to_string()))?;
        }
        for position in journal.poison_records() {
            error!(
                partition = position.partition,
                offset = position.offset,
                "poison record: it has killed the process before and is skipped"
            );
        }
        journal.release()?;
        Ok(journal)
    }

    /// Forgets the batches in flight, so that a process may end with them and they are not blamed:
    /// one that waits for a broker.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn forget_in_flight(folder: &Path) -> Result<(), StateError> {
        let path = folder.join(IN_FLIGHT_FILE);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(StateError::file("remove", path, e)),
            _ => Ok(()),
        }
    }

    /// The poison records: they are to be skipped.
    pub fn poison_records(&self) -> BTreeSet<Position> {
        let is_poison = |(batch, crashes): &(&BatchId, &u32)| batch.count == 1 && **crashes >= RECORD_CRASHES;
        self.crashes.iter().filter(is_poison).map(|(batch, _)| batch.first).collect()
    }

    /// Whether these records must go one at a time.
    pub fn is_suspect(&self, records: &[Record]) -> bool {
        // Batches are compared by their first records: a broker hands out the same records in batches of another length each
        // time.
        let begun_here = self.crashes.iter().filter(|(batch, _)| records.iter().any(|record| record.position == batch.first));
        let crashes = begun_here.fold(0, |sum: u32, (_, n)| sum.saturating_add(*n));
        records.len() > 1 && crashes >= BATCH_CRASHES
    }

    /// Whether any batch is in flight.
    pub fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Begins a batch, unless it is in flight already: from here on a crash is blamed on it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(&mut self, positions: impl Iterator<Item = Position>) -> Result<(), StateError> {
        match BatchId::of(positions).filter(|batch| !self.in_flight.contains(batch)) {
            Some(batch) => {
                self.in_flight.push(batch);
                self.write_in_flight()
            }
            None => Ok(()),
        }
    }

    /// Releases all batches in flight: they are committed, or have failed in a way that the process
    /// survived.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn release(&mut self) -> Result<(), StateError> {
        self.in_flight.clear();
        Self::forget_in_flight(&self.folder)
    }

    fn write_in_flight(&self) -> Result<(), StateError> {
        // Each line has an end: a last line that was torn off is no batch.
        let lines: Vec<String> = self.in_flight.iter().map(|batch| batch.to_line() + "\n").collect();
        let path = self.folder.join(IN_FLIGHT_FILE);
        fs::write(&path, lines.concat()).map_err(|e| StateError::file("write", path, e))
    }
}

impl BatchId {
    fn of(mut positions: impl Iterator<Item = Position>) -> Option<Self> {
        let first = positions.next()?;
        Some(Self { first, count: 1 + positions.count() as u32 })
    }

    fn to_line(self) -> String {
        format!("{} {} {}", self.first.partition, self.first.offset, self.count)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next()?.ok();
        let (partition, offset, count) = (next()?, next()?, next()?);
        let first = Position { partition: Partition::try_from(partition).ok()?, offset };
        Some(Self { first, count: u32::try_from(count).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use connectors::source::Payload;

    use super::*;

    fn records(first: u64, count: u64) -> Vec<Record> {
        positions(first, count).map(|position| Record::new(position, 0, Payload::Line(Vec::new()))).collect()
    }

    fn positions(first: u64, count: u64) -> impl Iterator<Item = Position> {
        (first..first + count).map(|offset| Position { partition: 2, offset })
    }

    #[test]
    fn a_batch_becomes_suspect_and_one_record_poison() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = || CrashJournal::open(dir.path()).expect("opens");
        for crash in 0..BATCH_CRASHES {
            let mut journal = open();
            assert!(!journal.is_suspect(&records(10, 5)), "after {crash} crashes");
            // Others were survived before it.
            journal.begin(positions(0, 10)).expect("written");
            journal.release().expect("written");
            journal.begin(positions(10, 5)).expect("written");
        }
        assert!(!open().is_suspect(&records(11, 9)), "after the batch's beginning");
        for crash in 0..RECORD_CRASHES {
            let mut journal = open();
            assert!(
                journal.is_suspect(&records(10, 5)) && journal.is_suspect(&records(9, 3)) && !journal.is_suspect(&records(11, 1)),
                "after {crash} crashes"
            );
            assert_eq!(journal.poison_records(), BTreeSet::new());
            journal.begin(positions(12, 1)).expect("written");
        }
        assert_eq!(open().poison_records(), BTreeSet::from([Position { partition: 2, offset: 12 }]));
        assert_eq!(open().poison_records().len(), 1, "opening is no crash");
    }

    #[test]
    fn what_is_forgotten_is_no_crash() {
        let dir = tempfile::tempdir().expect("a folder");
        for _ in 0..2 * BATCH_CRASHES {
            let mut journal = CrashJournal::open(dir.path()).expect("opens");
            assert!(!journal.is_suspect(&records(10, 5)));
            journal.begin(positions(10, 5)).expect("written");
            CrashJournal::forget_in_flight(dir.path()).expect("forgotten");
        }
        CrashJournal::forget_in_flight(dir.path()).expect("nothing to forget is no error");
    }

    #[test]
    fn two_batches_may_be_in_flight_and_each_is_begun_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut journal = CrashJournal::open(dir.path()).expect("opens");
        for first in [0, 10, 10] {
            journal.begin(positions(first, 10)).expect("written");
        }
        assert!(journal.is_in_flight());
        let crashed = CrashJournal::open(dir.path()).expect("opens");
        assert_eq!(crashed.crashes.into_iter().map(|(batch, n)| (batch.first.offset, n)).collect::<Vec<_>>(), [(0, 1), (10, 1)]);
    }

    #[test]
    fn a_torn_line_is_no_crash() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("in-hand"), b"2 1").expect("written");
        assert!(CrashJournal::open(dir.path()).expect("opens").crashes.is_empty());
    }
}
