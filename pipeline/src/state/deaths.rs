//! Records that kill the process outright (abort, stack, memory): no code of ours can catch those, so they are found by what a
//! dead process leaves behind.
//!
//! ```text
//! in-hand     the batches being processed and committed: partition, offset of the first record, count; gone when committed
//! deaths      how often a process died with which batch in hand
//! ```
//!
//! After [`BATCH_DEATHS`] deaths with batches that began at the same record, those with it go one at a time; after
//! [`RECORD_DEATHS`] more with one record that record is skipped: not decoded, withheld, written down in the journal. A process
//! that is killed from outside at the very same record several times makes it look guilty too; it is withheld and not lost.
//!
//! Cost: one small file written and removed a batch (about 30 us). The file is not synced: it is about deaths, not power.

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

/// Deaths with a batch in hand after which its records go one at a time.
pub const BATCH_DEATHS: u32 = 3;
/// Deaths with a single record in hand after which it is skipped.
pub const RECORD_DEATHS: u32 = 2;
/// File with the batches in hand.
const IN_HAND: &str = "in-hand";
/// Batches remembered; one process dies in one batch at a time, so this is plenty.
const REMEMBERED: usize = 64;

/// A batch, by its first record and how many follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Batch {
    first: Position,
    count: u32,
}

/// Which batches processes died with.
#[derive(Debug)]
pub struct Deaths {
    folder: PathBuf,
    /// How often with each.
    counts: BTreeMap<Batch, u32>,
    /// Oldest first: one is committed while the next is prepared.
    in_hand: Vec<Batch>,
}

impl Deaths {
    /// Reads what earlier processes left in `folder`; a batch still in hand is a death.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let read = |name: &str| match fs::read_to_string(folder.join(name)) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == ErrorKind::NotFound || e.kind() == ErrorKind::InvalidData => Ok(String::new()),
            Err(e) => Err(StateError::file("read", folder.join(name), e)),
        };
        let mut counts: BTreeMap<Batch, u32> = read("deaths")?
            .lines()
            .filter_map(|l| l.rsplit_once(' ').and_then(|(b, n)| Some((parse(b)?, n.parse().ok()?))))
            .collect();
        for batch in read(IN_HAND)?.lines().filter_map(parse) {
            *counts.entry(batch).or_default() += 1;
        }
        while counts.len() > REMEMBERED {
            counts.pop_first();
        }
        let mut this = Self { folder: folder.to_owned(), counts, in_hand: Vec::new() };
        let lines: Vec<String> = this.counts.iter().map(|(batch, n)| format!("{} {n}", show(*batch))).collect();
        if !lines.is_empty() {
            write_atomically(&folder.join("deaths"), lines.join("\n").as_bytes())
                .map_err(|e| StateError::Refused(e.to_string()))?;
        }
        for position in this.killers() {
            error!(
                partition = position.partition,
                offset = position.offset,
                "this record has killed the process before; it is skipped"
            );
        }
        this.put_all_down()?;
        Ok(this)
    }

    /// Lets a process end with batches in hand that have not killed it: one that waits for a broker.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn forgive(folder: &Path) -> Result<(), StateError> {
        let path = folder.join(IN_HAND);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(StateError::file("remove", path, e)),
            _ => Ok(()),
        }
    }

    /// Records that have killed the process: to be skipped.
    pub fn killers(&self) -> BTreeSet<Position> {
        let guilty = |(batch, deaths): (&Batch, &u32)| (batch.count == 1 && *deaths >= RECORD_DEATHS).then_some(batch.first);
        self.counts.iter().filter_map(guilty).collect()
    }

    /// Whether these records must go one at a time.
    pub fn is_suspect(&self, records: &[Record]) -> bool {
        // By where batches began: a broker hands out the same records in batches of another length each time.
        let begun_here = self.counts.iter().filter(|(batch, _)| records.iter().any(|record| record.position == batch.first));
        let died = begun_here.fold(0, |sum: u32, (_, n)| sum.saturating_add(*n));
        records.len() > 1 && died >= BATCH_DEATHS
    }

    /// Takes a batch in hand.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn take_up(&mut self, positions: impl Iterator<Item = Position>) -> Result<(), StateError> {
        self.in_hand.extend(batch_of(positions));
        self.note()
    }

    /// All batches in hand are committed, or failed in a way that was survived.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn put_all_down(&mut self) -> Result<(), StateError> {
        self.in_hand.clear();
        self.note()
    }

    fn note(&self) -> Result<(), StateError> {
        if !self.in_hand.is_empty() {
            // Each line is ended: a torn last one is no batch.
            let lines: Vec<String> = self.in_hand.iter().map(|batch| show(*batch)).collect();
            let path = self.folder.join(IN_HAND);
            return fs::write(&path, lines.join("\n") + "\n").map_err(|e| StateError::file("write", path, e));
        }
        Self::forgive(&self.folder)
    }
}

fn batch_of(mut positions: impl Iterator<Item = Position>) -> Option<Batch> {
    let first = positions.next()?;
    Some(Batch { first, count: 1 + positions.count() as u32 })
}

fn show(batch: Batch) -> String {
    format!("{} {} {}", batch.first.partition, batch.first.offset, batch.count)
}

fn parse(text: &str) -> Option<Batch> {
    let mut numbers = text.split(' ').map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let (partition, offset, count) = (next()?, next()?, next()?);
    Some(Batch { first: Position { partition: Partition::try_from(partition).ok()?, offset }, count: u32::try_from(count).ok()? })
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
    fn a_batch_becomes_suspect_and_one_record_guilty() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = || Deaths::open(dir.path()).expect("opens");
        for death in 0..BATCH_DEATHS {
            let mut deaths = open();
            assert!(!deaths.is_suspect(&records(10, 5)), "after {death} deaths");
            // Others were survived before it.
            deaths.take_up(positions(0, 10)).expect("written");
            deaths.put_all_down().expect("written");
            deaths.take_up(positions(10, 5)).expect("written");
        }
        assert!(!open().is_suspect(&records(11, 9)), "after the batch's beginning");
        for death in 0..RECORD_DEATHS {
            let mut deaths = open();
            assert!(
                deaths.is_suspect(&records(10, 5)) && deaths.is_suspect(&records(9, 3)) && !deaths.is_suspect(&records(11, 1)),
                "after {death} deaths"
            );
            assert_eq!(deaths.killers(), BTreeSet::new());
            deaths.take_up(positions(12, 1)).expect("written");
        }
        assert_eq!(open().killers(), BTreeSet::from([Position { partition: 2, offset: 12 }]));
        assert_eq!(open().killers().len(), 1, "opening is no death");
    }

    #[test]
    fn what_is_forgiven_is_no_death() {
        let dir = tempfile::tempdir().expect("a folder");
        for _ in 0..2 * BATCH_DEATHS {
            let mut deaths = Deaths::open(dir.path()).expect("opens");
            assert!(!deaths.is_suspect(&records(10, 5)));
            deaths.take_up(positions(10, 5)).expect("written");
            Deaths::forgive(dir.path()).expect("forgiven");
        }
        Deaths::forgive(dir.path()).expect("nothing to forgive is no error");
    }

    #[test]
    fn a_torn_note_is_no_death() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("in-hand"), b"2 1").expect("written");
        assert!(Deaths::open(dir.path()).expect("opens").counts.is_empty());
    }
}
