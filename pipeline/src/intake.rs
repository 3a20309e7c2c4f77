//! Records on their way in: read up to the next snapshot, those taken in already passed over, batches that killed a process
//! set apart.

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
    stage::{Pace, Restart, StageError},
    state::deaths::Deaths,
};

/// What a read gave.
pub enum Intaken {
    /// The end of the input, or for now nothing more.
    End,
    /// Only records that had been taken in before.
    Nothing,
    /// Records to process together.
    Batch(Vec<Record>),
    /// Records that killed processes together: they go one at a time.
    Suspect(Vec<Record>),
}

/// A source and what was taken from it.
pub struct Intake<S> {
    source: S,
    /// What processes died with, and what this one has in hand.
    pub deaths: Deaths,
    /// Where the next fresh record stands in each partition.
    taken: Positions,
    /// Partitions whose numbers a journal record or a snapshot of this group holds: as many of the first ones.
    journaled: usize,
    /// Partitions whose numbers are fixed: those, and what a journal of another group says beyond them.
    fixed: usize,
    /// Whether numbers come from another group's journal: then only what it says is fixed.
    follows: bool,
    pace: Pace,
}

impl<S: Source> Intake<S> {
    /// Takes in from where a restart stands.
    ///
    /// # Errors
    /// If the source does not reach there.
    pub fn open(mut source: S, deaths: Deaths, restart: &Restart, pace: Pace) -> Result<Self, StageError> {
        source.keep_numbers(&restart.partitions)?;
        source.seek(&restart.positions)?;
        let (taken, journaled) = (restart.positions.clone(), restart.partitions.len());
        Ok(Self { source, deaths, taken, journaled, fixed: journaled, follows: false, pace })
    }

    /// From here on partitions are numbered as another group's journal numbers them ([`Self::adopt_numbers`]).
    pub fn follow_numbers(&mut self) {
        self.follows = true;
    }

    /// Numbers partitions as a journal record of this group says; where it says nothing, nothing has changed.
    ///
    /// # Errors
    /// If one of them is no longer there.
    pub fn keep_numbers(&mut self, names: &[String]) -> Result<(), StageError> {
        self.adopt_numbers(names)?;
        self.journaled = self.journaled.max(names.len());
        Ok(())
    }

    /// Numbers partitions as a journal record of another group says. No record of this one holds that yet.
    ///
    /// # Errors
    /// If one of them is no longer there.
    pub fn adopt_numbers(&mut self, names: &[String]) -> Result<(), StageError> {
        if names.len() > self.fixed {
            self.source.keep_numbers(names)?;
            self.source.seek(&self.taken)?;
            self.fixed = names.len();
        }
        Ok(())
    }

    /// The journal record of the next commit, with the names of partitions that no record before it holds.
    pub fn named(&mut self, journal: Journal) -> Journal {
        if !self.follows {
            self.fixed = self.source.partitions().len();
        }
        if self.fixed == self.journaled {
            return journal;
        }
        self.journaled = self.fixed;
        Journal { partitions: self.numbered().to_vec(), ..journal }
    }

    /// Names of the partitions whose numbers a journal record holds.
    pub fn numbered(&self) -> &[String] {
        self.source.partitions().get(..self.journaled).unwrap_or_default()
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The records of a journal's batch.
    ///
    /// # Errors
    /// If the source no longer has them.
    pub fn reread(&mut self, journal: &Journal) -> Result<Vec<Record>, StageError> {
        self.begin_as(journal)?;
        let mut records = Vec::with_capacity(journal.votes.len());
        for run in &journal.runs {
            let read = self.source.read_run(run.partition, run.count as usize)?;
            if let Some(first) = read.first().filter(|first| first.position.offset != run.first) {
                let (got, name) = (first.position.offset, self.source.partitions().get(run.partition as usize));
                let (name, expected) = (name.map_or("?", String::as_str), run.first);
                return Err(StageError::Refused(format!("partition {name} goes on at {got}, the journal at {expected}")));
            }
            records.extend(read);
        }
        for record in &records {
            self.taken.advance(record.position);
        }
        Ok(records)
    }

    /// Where a journal's batch holds the first records of a partition, it says where the partition was begun: with
    /// `kafka.start` or by whatever was committed then, which another group cannot know.
    fn begin_as(&mut self, journal: &Journal) -> Result<(), StageError> {
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

    /// Goes back to what was taken: after a re-read, which may leave the source anywhere.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub fn resume(&mut self, faults: &Faults) -> Result<(), StageError> {
        if faults.is_off(Mutation::NoWatermark) {
            return Ok(self.source.seek(&Positions::default())?);
        }
        Ok(self.source.seek(&self.taken)?)
    }

    /// The next batch, whose first sequence number is `next`; of at most `left` records, and never across a snapshot's sequence number.
    ///
    /// # Errors
    /// If the source fails.
    pub fn read(&mut self, next: SeqNo, left: Option<u64>, faults: &Faults) -> Result<Intaken, StageError> {
        let until_snapshot = self.pace.snapshot_documents - next % self.pace.snapshot_documents;
        let records = self.pace.batch_documents.min(until_snapshot as usize);
        let records = left.map_or(records, |left| records.min(usize::try_from(left).unwrap_or(usize::MAX)));
        if records == 0 {
            return Ok(Intaken::End);
        }
        let delivered = self.source.read(Limit { records, bytes: self.pace.batch_bytes })?;
        if delivered.is_empty() {
            return Ok(Intaken::End);
        }
        let fresh = self.fresh(delivered, faults);
        if fresh.is_empty() {
            Ok(Intaken::Nothing)
        } else if self.deaths.is_suspect(&fresh) {
            Ok(Intaken::Suspect(fresh))
        } else {
            Ok(Intaken::Batch(fresh))
        }
    }

    /// The watermark: a record that was taken in already changes no state and emits nothing.
    fn fresh(&mut self, delivered: Vec<Record>, faults: &Faults) -> Vec<Record> {
        let mut fresh = Vec::with_capacity(delivered.len());
        for record in delivered {
            let is_known = self.taken.contains(record.position);
            if is_known && !faults.is_off(Mutation::NoWatermark) {
                debug!(partition = record.position.partition, offset = record.position.offset, "delivered again, passed over");
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
