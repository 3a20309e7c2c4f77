//! Which records come next, and which of those that the source delivers were processed before?
//!
//! An intake reads up to the next snapshot and never across it, drops records that were taken
//! before, and keeps the numbers of partitions: a partition's number is part of the identity of its
//! records, so it is fixed as soon as a journal record or a snapshot names it.
//!
//! If the user accepts it, records that are gone are no end: a re-read along the journal goes on
//! without them, and reading goes on behind what was never read, which the next journal record
//! tells.
//!
//! **State** one offset and one name for each partition.

use std::{collections::BTreeSet, mem};

use connectors::{
    position::{Partition, Position, Positions},
    source::{KnownPartition, Limit, Loss, Record, Source},
};
use operators::document::SeqNo;
use tracing::{debug, warn};

use crate::{
    engine::fault::{Faults, Mutation},
    journal::Journal,
    run::{
        error::RunError,
        pace::Pace,
        reread::{Difference, compare, with_stand_ins},
        restart::Restart,
    },
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
    /// Whether going on without records that are gone is accepted.
    accepts_loss: bool,
    /// Partitions of which a whole run was as the journal says: they were not made anew.
    proven: BTreeSet<Partition>,
    /// How many records could not be read again.
    forgotten: u64,
    /// What was never read, and the next journal record has to tell.
    losses: Vec<Loss>,
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
        Ok(Self {
            source,
            taken,
            journaled,
            fixed: journaled,
            numbered_by_other: false,
            accepts_loss: false,
            proven: BTreeSet::new(),
            forgotten: 0,
            losses: Vec::new(),
            pace,
        })
    }

    /// From here on records that are gone are no end.
    pub(super) fn accept_loss(&mut self) {
        self.accepts_loss = true;
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
    pub(super) fn keep_numbers(&mut self, known: &[KnownPartition]) -> Result<(), RunError> {
        self.adopt_numbers(known)?;
        self.journaled = self.journaled.max(known.len());
        Ok(())
    }

    /// Gives partitions the numbers of a journal record of another group. No record of this group
    /// holds them yet.
    ///
    /// # Errors
    /// If one of the partitions no longer exists.
    pub(super) fn adopt_numbers(&mut self, known: &[KnownPartition]) -> Result<(), RunError> {
        if known.len() > self.fixed {
            self.source.keep_numbers(known)?;
            self.source.seek(&self.taken)?;
            self.fixed = known.len();
        }
        Ok(())
    }

    /// Completes the journal record of the next commit with all partitions, if no record before it
    /// holds them, and with what was lost.
    pub(super) fn complete(&mut self, journal: Journal) -> Journal {
        if !self.numbered_by_other {
            self.fixed = self.source.partitions().len();
        }
        let journal = Journal { losses: mem::take(&mut self.losses), ..journal };
        if self.fixed == self.journaled {
            return journal;
        }
        self.journaled = self.fixed;
        Journal { partitions: self.journaled_partitions(), ..journal }
    }

    /// The partitions whose numbers a journal record of this group holds.
    pub(super) fn journaled_partitions(&self) -> Vec<KnownPartition> {
        let mut known = self.source.known_partitions();
        known.truncate(self.journaled);
        known
    }

    /// The source.
    pub(super) fn source(&self) -> &S {
        &self.source
    }

    /// Goes on where the writer of a journal record went on behind records that were gone.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub(super) fn pass_over(&mut self, losses: &[Loss]) -> Result<(), RunError> {
        if losses.is_empty() {
            return Ok(());
        }
        for loss in losses {
            self.taken.set(loss.partition, loss.to);
            // If the partition was made anew, the runs that follow are those of the new one.
            self.source.set_made_anew(loss.partition, false);
            self.proven.remove(&loss.partition);
        }
        Ok(self.source.seek(&self.taken)?)
    }

    /// Reads the records of a journal's batch again.
    ///
    /// # Errors
    /// If the source no longer has them, and that is not accepted.
    pub(super) fn reread(&mut self, journal: &Journal) -> Result<Vec<Record>, RunError> {
        self.begin_partitions_as(journal)?;
        let mut records = Vec::with_capacity(journal.votes.len());
        for run in &journal.runs {
            let read = self.source.read_run(run.partition, run.offsets())?;
            match compare(run, &read) {
                Ok(()) => {
                    self.proven.insert(run.partition);
                    records.extend(read);
                }
                Err(Difference::Gone { count, is_proven, .. })
                    if self.accepts_loss && (is_proven || self.proven.contains(&run.partition)) =>
                {
                    self.proven.insert(run.partition);
                    self.forgotten += count;
                    records.extend(with_stand_ins(run, read));
                }
                // What is left may be what was decided, or records of a topic that was made anew.
                Err(Difference::Gone { .. }) if self.accepts_loss => {
                    self.forgotten += u64::from(run.count);
                    records.extend(with_stand_ins(run, Vec::new()));
                }
                Err(Difference::Others | Difference::Unexpected { .. }) if self.accepts_loss => {
                    self.source.set_made_anew(run.partition, true);
                    self.proven.remove(&run.partition);
                    self.forgotten += u64::from(run.count);
                    records.extend(with_stand_ins(run, Vec::new()));
                }
                Err(difference) => {
                    return Err(RunError::Refused(difference.refusal(self.name(run.partition), run)));
                }
            }
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

    /// The name of a partition.
    fn name(&self, partition: Partition) -> &str {
        self.source.partitions().get(partition as usize).map_or("?", String::as_str)
    }

    /// Nothing will be read for a while.
    pub(super) fn rest(&mut self) {
        self.source.rest();
    }

    /// Moves the source back to the first record that was not taken. A re-read may have left it
    /// anywhere. Returns what is gone and was never taken.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub(super) fn resume(&mut self, faults: &Faults) -> Result<&[Loss], RunError> {
        if faults.is_off(Mutation::NoWatermark) {
            self.source.seek(&Positions::default())?;
            return Ok(&[]);
        }
        self.source.seek(&self.taken)?;
        self.losses = self.source.losses().to_vec();
        if self.forgotten > 0 {
            warn!(documents = self.forgotten, "went on without documents that were decided and could not be read again");
        }
        for loss in &self.losses {
            let (partition, offsets) = (self.name(loss.partition), loss.offsets());
            warn!(partition, from = loss.from, to = loss.to, offsets, "LOST: these offsets were never read, as was accepted");
        }
        for loss in &self.losses {
            self.taken.set(loss.partition, loss.to);
        }
        Ok(&self.losses)
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
