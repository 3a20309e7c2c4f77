//! A stage without a sink: its state follows a journal silently. What a restart does for the batches after its snapshot,
//! and what a standby does for as long as another process is active.

use std::time::{Duration, Instant};

use connectors::{position::Positions, source::Source};
use operators::{codec::Encoder, document::SeqNo};
use tracing::debug;

use crate::{
    assemble::Restored,
    engine::{Engine, Prepared, Processed},
    intake::Intake,
    journal::Journal,
    stage::{Pace, StageError},
    state::snapshot::{Body, Snapshots},
};

/// Source, engine and snapshots at one place.
pub struct Follower<S> {
    pub(crate) intake: Intake<S>,
    pub(crate) engine: Engine,
    snapshots: Snapshots,
    /// Where the input stands after what was processed; the intake may be further.
    pub(crate) positions: Positions,
    pub(crate) pace: Pace,
    /// The next sequence number at the last snapshot, of whatever process.
    snapshot_at: SeqNo,
    has_taken_snapshot: bool,
}

impl<S: Source> Follower<S> {
    /// Begins where the newest snapshot left off.
    ///
    /// # Errors
    /// If the source does not reach there.
    pub fn open(source: S, restored: Restored, pace: Pace) -> Result<Self, StageError> {
        let Restored { mut engine, snapshots, deaths, restart } = restored;
        let intake = Intake::open(source, deaths, &restart, pace)?;
        engine.name_partitions(intake.source().partitions());
        let snapshot_at = engine.next();
        Ok(Self { intake, engine, snapshots, positions: restart.positions, pace, snapshot_at, has_taken_snapshot: false })
    }

    /// From here on partitions are numbered as another group's journal numbers them.
    pub fn follow_numbers(&mut self) {
        self.intake.follow_numbers();
    }

    /// Takes a committed batch in again along its journal record: state changes as it did, nothing is emitted.
    ///
    /// # Errors
    /// If the record does not go on where this state is, or the input no longer holds the batch.
    pub fn follow(&mut self, record: &[u8]) -> Result<Journal, StageError> {
        let journal = Journal::decode(record).map_err(|source| StageError::Corrupt { what: "journal", source })?;
        self.check(&journal)?;
        self.intake.keep_numbers(&journal.partitions)?;
        self.process_again(&journal)?;
        Ok(journal)
    }

    /// Takes a batch of another group's journal in: as [`Self::follow`], but nothing of it is committed here yet.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub(crate) fn follow_another(&mut self, journal: &Journal) -> Result<Processed, StageError> {
        self.check(journal)?;
        self.intake.adopt_numbers(&journal.partitions)?;
        self.process_again(journal)
    }

    /// Whether a journal record goes on where this state is.
    fn check(&self, journal: &Journal) -> Result<(), StageError> {
        if journal.first_seqno != u64::from(self.engine.next()) {
            let (got, expected) = (journal.first_seqno, self.engine.next());
            return Err(StageError::Refused(format!("journal goes on at document {got}, the state at {expected}")));
        }
        if journal.verdict_digest != self.engine.settings().verdict_digest {
            return Err(StageError::Refused("journal was written under another configuration or background".to_owned()));
        }
        Ok(())
    }

    /// Reads a journal's batch and processes it.
    fn process_again(&mut self, journal: &Journal) -> Result<Processed, StageError> {
        self.engine.name_partitions(self.intake.source().partitions());
        let records = self.intake.reread(journal)?;
        self.engine.skip(journal.skipped.iter().copied());
        let prepared = self.engine.prepare(records, Some(journal.votes.clone()));
        self.process(prepared)
    }

    pub(crate) fn process(&mut self, prepared: Prepared) -> Result<Processed, StageError> {
        for position in prepared.positions() {
            if !self.positions.contains(position) {
                self.positions.advance(position);
            }
        }
        Ok(self.engine.process(prepared)?)
    }

    /// Whether a snapshot is due here: batches of this process end at the sequence numbers where one stands, those of a journal may
    /// have been cut otherwise.
    pub fn is_snapshot_due(&self) -> bool {
        self.engine.next() / self.pace.snapshot_documents > self.snapshot_at / self.pace.snapshot_documents
    }

    /// Takes a snapshot of what the sink's `mark` stands for; how long the stream stood still for it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self, mark: &[u8]) -> Result<Duration, StageError> {
        let begun = Instant::now();
        let mut head = Encoder::default();
        head.slice(mark);
        head.u64s(&self.positions.0);
        head.u64(self.intake.numbered().len() as u64);
        for name in self.intake.numbered() {
            head.str(name);
        }
        head.u64(self.engine.settings().features.seed.0);
        let mut body = Body::default();
        body.push(head.bytes);
        let logs = self.engine.save(&mut body)?;
        let copied = begun.elapsed();
        self.snapshots.write_behind(u64::from(self.engine.next()), body, logs)?;
        (self.snapshot_at, self.has_taken_snapshot) = (self.engine.next(), true);
        let stopped = begun.elapsed();
        if let Some(&oldest) = self.snapshots.list()?.last() {
            self.engine.forget_before(oldest as u32)?;
        }
        // The rest of the stop waited for the snapshot before this one to be on disk.
        let (copied_ms, stopped_ms) = (copied.as_millis(), stopped.as_millis());
        debug!(documents = self.engine.next(), copied_ms, stopped_ms, "snapshot");
        Ok(stopped)
    }

    /// Bytes of the newest snapshot on disk: while one is written, the one before.
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshots.newest_bytes()
    }

    /// Whether it has taken one since it began.
    pub fn has_taken_snapshot(&self) -> bool {
        self.has_taken_snapshot
    }

    /// Waits until the last snapshot is written.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(&mut self) -> Result<(), StageError> {
        Ok(self.snapshots.finish()?)
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.intake.source()
    }

    /// Where the input stands after what was processed.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// The engine, at the end.
    pub fn into_engine(self) -> Engine {
        self.engine
    }
}
