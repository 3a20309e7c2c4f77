//! Records on their way in: read up to the next snapshot, those taken in already passed over, batches that killed a process
//! set apart.

use connectors::{
    position::Positions,
    source::{Limit, Record, Source},
};
use operators::document::Ordinal;
use tracing::debug;

use crate::{
    engine::fault::{Faults, Mutation},
    journal::Journal,
    stage::{Pace, StageError},
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
    pace: Pace,
}

impl<S: Source> Intake<S> {
    /// Takes in from `taken` on.
    ///
    /// # Errors
    /// If the source does not reach there.
    pub fn open(mut source: S, deaths: Deaths, taken: Positions, pace: Pace) -> Result<Self, StageError> {
        source.seek(&taken)?;
        Ok(Self { source, deaths, taken, pace })
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
        let mut records = Vec::with_capacity(journal.votes.len());
        for run in &journal.runs {
            records.extend(self.source.read_run(run.partition, run.count as usize)?);
        }
        for record in &records {
            self.taken.advance(record.position);
        }
        Ok(records)
    }

    /// Goes back to what was taken: after a re-read, which may leave the source anywhere.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub fn resume(&mut self) -> Result<(), StageError> {
        Ok(self.source.seek(&self.taken)?)
    }

    /// The next batch, whose first ordinal is `next`; of at most `left` records, and never across a snapshot's ordinal.
    ///
    /// # Errors
    /// If the source fails.
    pub fn read(&mut self, next: Ordinal, left: Option<u64>, faults: &Faults) -> Result<Intaken, StageError> {
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
