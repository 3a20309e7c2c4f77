//! Which records come next, and which of those that the source delivers were processed before?
//!
//! An intake reads up to the next snapshot and never across it, drops records that were taken
//! before, and keeps the numbers of partitions: a partition's number is part of the identity of its
//! records, so it is fixed as soon as a journal record or a snapshot names it.
//!
//! **State** one offset and one name for each partition.

use std::collections::BTreeSet;

use connectors::{
    position::{Position, Positions},
    source::{Limit, Record, Source},
};
use operators::document::SeqNo;
use tracing::debug;

use crate::{
    engine::fault::{Faults, Mutation},
    journal::Journal,
    run::{error::RunError, pace::Pace, restart::Restart},
};

/// A source and what was taken from it.
pub(super) struct Intake<S> {
    source: S,
    /// The offset of the next record that was not taken yet, for each partition.
    taken: Positions,
    /// How many partitions, counted from the first, are named by a journal record or a snapshot of
    /// this group.
    journaled: usize,
    /// How many partitions, counted from the first, have a fixed number: those that are journaled,
    /// and those beyond them that a journal record of another group names.
    fixed: usize,
    /// Whether another group's journal numbers the partitions. Then only what that journal names is
    /// fixed.
    numbered_by_other: bool,
    pace: Pace,
}

impl<S: Source> Intake<S> {
    /// Opens the source where a restart goes on.
    ///
    /// # Errors
    /// If the source does not reach there.
    pub(super) fn open(mut source: S, restart: &Restart, pace: Pace) -> Result<Self, RunError> {
        source.keep_numbers(&restart.partitions)?;
        source.seek(&restart.positions)?;
        let (taken, journaled) = (restart.positions.clone(), restart.partitions.len());
        Ok(Self { source, taken, journaled, fixed: journaled, numbered_by_other: false, pace })
    }

    /// From here on partitions have the numbers that another group's journal gives them
    /// ([`Self::adopt_numbers`]).
    pub(super) fn number_by_other_journal(&mut self) {
        self.numbered_by_other = true;
    }

    /// Gives partitions the numbers of a journal record of this group. A record without names
    /// changes nothing.
    ///
    /// # Errors
    /// If one of the partitions no longer exists.
    pub(super) fn keep_numbers(&mut self, names: &[String]) -> Result<(), RunError> {
        self.adopt_numbers(names)?;
        self.journaled = self.journaled.max(names.len());
        Ok(())
    }

    /// Gives partitions the numbers of a journal record of another group. No record of this group
    /// holds them yet.
    ///
    /// # Errors
    /// If one of the partitions no longer exists.
    pub(super) fn adopt_numbers(&mut self, names: &[String]) -> Result<(), RunError> {
        if names.len() > self.fixed {
            self.source.keep_numbers(names)?;
            self.source.seek(&self.taken)?;
            self.fixed = names.len();
        }
        Ok(())
    }

    /// Completes the journal record of the next commit with the names of all partitions, if no
    /// record before it holds them.
    pub(super) fn name_partitions_in(&mut self, journal: Journal) -> Journal {
        if !self.numbered_by_other {
            self.fixed = self.source.partitions().len();
        }
        if self.fixed == self.journaled {
            return journal;
        }
        self.journaled = self.fixed;
        Journal { partitions: self.journaled_names().to_vec(), ..journal }
    }

    /// The names of the partitions whose numbers a journal record of this group holds.
    pub(super) fn journaled_names(&self) -> &[String] {
        self.source.partitions().get(..self.journaled).unwrap_or_default()
    }

    /// The source.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// Reads the records of a journal's batch again.
    ///
    /// # Errors
    /// If the source no longer has them.
    pub(super) fn reread(&mut self, journal: &Journal) -> Result<Vec<Record>, RunError> {
        self.begin_partitions_as(journal)?;
        let mut records = Vec::with_capacity(journal.votes.len());
        for run in &journal.runs {
            let read = self.source.read_run(run.partition, run.count as usize)?;
            if let Some(first) = read.first().filter(|first| first.position.offset != run.first) {
                let (got, name) = (first.position.offset, self.source.partitions().get(run.partition as usize));
                let (name, expected) = (name.map_or("?", String::as_str), run.first);
                return Err(RunError::Refused(format!("partition {name} goes on at {got}, the journal at {expected}")));
            }
            records.extend(read);
        }
        for record in &records {
            self.taken.advance(record.position);
        }
        Ok(records)
    }

    /// Begins each partition of which a journal's batch holds the first records at the offset that
    /// the journal says. The writer began it there because of `kafka.start` or of what was
    /// committed then, which another group cannot know.
    fn begin_partitions_as(&mut self, journal: &Journal) -> Result<(), RunError> {
        let (mut begun, mut seen) = (self.taken.clone(), BTreeSet::new());
        for run in &journal.runs {
            // A partition's later runs go on from its first one, whose offset may be 0.
            let is_first = seen.insert(run.partition) && begun.next(run.partition) == 0;
            if is_first && run.first > 0 {
                begun.advance(Position { partition: run.partition, offset: run.first - 1 });
            }
        }
        if begun != self.taken {
            self.source.seek(&begun)?;
            self.taken = begun;
        }
        Ok(())
    }

    /// Moves the source back to the first record that was not taken. A re-read may have left it
    /// anywhere.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub(super) fn resume(&mut self, faults: &Faults) -> Result<(), RunError> {
        if faults.is_off(Mutation::NoWatermark) {
            return Ok(self.source.seek(&Positions::default())?);
        }
        Ok(self.source.seek(&self.taken)?)
    }

    /// Reads the next batch, whose first record gets sequence number `next`: at most `left`
    /// records, and none beyond the sequence number of the next snapshot. `None` at the end of the
    /// input, or if there is nothing for now.
    ///
    /// # Errors
    /// If the source fails.
    pub(super) fn read(&mut self, next: SeqNo, left: Option<u64>, faults: &Faults) -> Result<Option<Vec<Record>>, RunError> {
        let until_snapshot = self.pace.snapshot_documents - next % self.pace.snapshot_documents;
        let records = self.pace.batch_documents.min(until_snapshot as usize);
        let records = left.map_or(records, |left| records.min(usize::try_from(left).unwrap_or(usize::MAX)));
        if records == 0 {
            return Ok(None);
        }
        loop {
            let delivered = self.source.read(Limit { records, bytes: self.pace.batch_bytes })?;
            if delivered.is_empty() {
                return Ok(None);
            }
            let fresh = self.fresh(delivered, faults);
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
    }

    /// The watermark: drops records that were taken before, so that they change no state and emit
    /// nothing.
    fn fresh(&mut self, delivered: Vec<Record>, faults: &Faults) -> Vec<Record> {
        let mut fresh = Vec::with_capacity(delivered.len());
        for record in delivered {
            let is_known = self.taken.contains(record.position);
            if is_known && !faults.is_off(Mutation::NoWatermark) {
                debug!(partition = record.position.partition, offset = record.position.offset, "delivered again, skipped");
                continue;
            }
            if !is_known {
                self.taken.advance(record.position);
            }
            fresh.push(record);
        }
        fresh
    }
}
