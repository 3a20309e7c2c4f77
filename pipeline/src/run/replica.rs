//! How does one copy of the state move forward, and how is it saved?
//!
//! A replica is everything that a run has on its own side of the sink: the source with what was
//! taken from it, the engine, the positions of what was processed, the crash journal and the
//! snapshots. It writes nothing to a sink.
//!
//! ```text
//! active stage           prepare, process, (the stage commits), settled, snapshot
//! restart and standby    replay for each journal record, snapshot
//! ```
//!
//! While one batch is committed the next one is prepared, so two batches may be in flight at once.
//! Of files the one behind them is read meanwhile; it is not in flight, as nobody looks at it yet.
//! If a process crashes with them, the next one finds both in the crash journal
//! ([`crate::state::crash_journal`]). A batch that crashes often is suspect: its records are
//! prepared one at a time, and nothing is prepared beside them, so that a crash can be blamed on
//! one record.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    panic::resume_unwind,
    thread,
    time::Instant,
};

use connectors::{
    committer::WentOn,
    position::{Partition, Positions},
    source::{KnownPartition, Loss, Record, Source},
};
use operators::document::SeqNo;
use tracing::{info, warn};

use crate::{
    engine::{Engine, Prepared, Processed, Step},
    journal::Journal,
    run::{error::RunError, intake::Intake, pace::Pace, restart::Restart, restored::Restored, rules::RuleBook},
    state::{
        crash_journal::CrashJournal,
        snapshot::{SnapshotBody, Snapshots},
    },
};

/// Source, engine, positions, crash journal and snapshots, all at one place of the input.
pub struct Replica<S> {
    intake: Intake<S>,
    engine: Engine,
    /// Where the input stands after what was processed. The intake may be further.
    positions: Positions,
    /// The digest of the record just before the position of each partition, where it is known.
    last: BTreeMap<Partition, Option<u64>>,
    crash_journal: CrashJournal,
    snapshots: Snapshots,
    pace: Pace,
    /// The next sequence number when the last snapshot was taken, by whichever process.
    snapshot_at: SeqNo,
    /// When it was taken, or when this process began.
    snapshot_taken: Instant,
    has_taken_snapshot: bool,
    /// What was read while the batch before was prepared: the next records, or why there are none.
    read_ahead: Option<Result<Option<Vec<Record>>, RunError>>,
    /// Records of a suspect batch that were read and are not prepared yet.
    suspects: VecDeque<Record>,
    /// Whether the batch that was prepared last is a single suspect record.
    is_alone: bool,
    /// The rules of earlier batches. Without it, all batches must have the rules of this engine.
    rules: Option<RuleBook>,
    /// The digest of rules that are not to be had, and in whose place others are.
    substituted: Option<[u8; 16]>,
    /// The rules of this process, which the next journal record has to tell.
    untold: Vec<u8>,
}

/// Reads the next records: at most `left`, behind `ahead` records that the engine has not processed
/// yet.
fn read<S: Source>(
    intake: &mut Intake<S>,
    engine: &Engine,
    ahead: SeqNo,
    left: Option<u64>,
) -> Result<Option<Vec<Record>>, RunError> {
    let settings = engine.settings();
    settings.spent.on(Step::Read, || intake.read(engine.next().saturating_add(ahead), left, &settings.faults))
}

impl<S: Source> Replica<S> {
    /// Begins where the newest snapshot ends.
    ///
    /// # Errors
    /// If the source does not reach there.
    pub fn open(source: S, restored: Restored, pace: Pace) -> Result<Self, RunError> {
        let Restored { mut engine, snapshots, crash_journal, restart } = restored;
        let intake = Intake::open(source, &restart, pace)?;
        engine.name_partitions(intake.source().partitions());
        let last = restart.partitions.iter().map(|partition| partition.last);
        Ok(Self {
            last: (0..).zip(last).collect(),
            snapshot_at: engine.next(),
            snapshot_taken: Instant::now(),
            positions: restart.positions,
            intake,
            engine,
            crash_journal,
            snapshots,
            pace,
            has_taken_snapshot: false,
            read_ahead: None,
            suspects: VecDeque::new(),
            is_alone: false,
            rules: None,
            substituted: None,
            untold: Vec::new(),
        })
    }

    /// Reads batches again under the rules that they were decided with.
    #[must_use]
    pub fn with_rules(self, rules: RuleBook) -> Self {
        Self { rules: Some(rules), ..self }
    }

    /// From here on no journal record is kept.
    pub(super) fn without_journal(&mut self) {
        self.engine.without_journal();
    }

    /// From here on partitions have the numbers that another group's journal gives them.
    pub fn number_by_other_journal(&mut self) {
        self.intake.number_by_other_journal();
    }

    /// From here on records that are gone are no end: the state goes on without them.
    pub fn accept_loss(&mut self) {
        self.intake.accept_loss();
    }

    /// Takes a committed batch in again, along its journal record: state changes as it did then,
    /// and nothing is emitted.
    ///
    /// # Errors
    /// If the record does not go on where this state ends, or the input no longer holds the batch.
    pub fn replay(mut self, record: &[u8]) -> Result<(Self, Journal), RunError> {
        let journal = Journal::decode(record).map_err(RunError::Journal)?;
        self.check(&journal)?;
        if let Some(rules) = self.rules.as_ref().filter(|_| !journal.rules.is_empty()) {
            rules.keep(&journal.rules).map_err(|error| RunError::Refused(format!("{error:#}")))?;
        }
        if !journal.votes.is_empty() {
            self = self.under(journal.verdict_digest)?;
        }
        self.intake.keep_numbers(&journal.partitions)?;
        self.pass_over(&journal.losses)?;
        self.reprocess(&journal)?;
        Ok((self, journal))
    }

    /// Goes on under the rules of this digest. The engine is made anew over the same state, from
    /// what it would have saved.
    fn under(mut self, digest: [u8; 16]) -> Result<Self, RunError> {
        if digest == self.engine.settings().verdict_digest || self.substituted == Some(digest) {
            return Ok(self);
        }
        let refused = |error: anyhow::Error| RunError::Refused(format!("{error:#}"));
        let Some(book) = &self.rules else {
            return Err(RunError::Refused("journal was written under another configuration or background".to_owned()));
        };
        let Some(rules) = book.find(digest, u64::from(self.engine.next())).map_err(refused)? else {
            self.substituted = Some(digest);
            return Ok(self);
        };
        let (logs, files) = self.engine.flush_logs()?;
        for file in files {
            file.sync_all().map_err(|error| RunError::Refused(format!("sync the logs of the state: {error}")))?;
        }
        let mut body = SnapshotBody::default();
        self.engine.save(&mut body);
        let body = body.into_bytes();
        // Two engines at once would need twice the memory.
        let old = self.engine.into_settings();
        let engine = book.engine(&rules, old, &logs, &body).map_err(refused)?;
        Ok(Self { engine, ..self })
    }

    /// Goes on under the rules of this process, which the next journal record tells if they fit
    /// into half of `bytes_max`.
    pub(super) fn under_own_rules(mut self, bytes_max: usize) -> Result<Self, RunError> {
        let Some(book) = &self.rules else { return Ok(self) };
        let rules = book.own().encode().map_err(|error| RunError::Refused(format!("{error:#}")))?;
        let (digest, bytes) = (book.own_digest(), rules.len());
        if bytes <= bytes_max / 2 {
            self.untold = rules;
        } else {
            warn!(bytes, bytes_max, "the rules do not fit into the journal: a standby needs the same lists to follow");
        }
        self.under(digest)
    }

    /// Takes a batch in along the journal of another group. Unlike [`Self::replay`] nothing of it
    /// is committed here yet.
    ///
    /// # Errors
    /// As [`Self::replay`].
    pub(super) fn redecide(&mut self, journal: &Journal) -> Result<Processed, RunError> {
        self.check(journal)?;
        self.intake.adopt_numbers(&journal.partitions)?;
        self.pass_over(&journal.losses)?;
        let processed = self.reprocess(journal)?;
        Ok(self.with_completed_journal(processed))
    }

    /// Nothing will be replayed for a while.
    pub fn rest(&mut self) {
        self.intake.rest();
    }

    /// Goes on with records that were never taken, after the last [`Self::replay`]. Returns how many
    /// offsets are gone and were never taken.
    ///
    /// # Errors
    /// If the source cannot go there.
    pub(super) fn resume(&mut self) -> Result<u64, RunError> {
        let losses = self.intake.resume(&self.engine.settings().faults)?;
        for loss in losses {
            self.positions.set(loss.partition, loss.to);
            self.last.remove(&loss.partition);
        }
        Ok(losses.iter().map(Loss::offsets).sum())
    }

    /// Goes on where the sink is, behind batches that no journal tells. They teach nothing, and their
    /// sequence numbers are not given out again: where even their number is not known, as many are
    /// passed over as there were offsets.
    ///
    /// # Errors
    /// If the source cannot go there, or there are more of them than sequence numbers.
    pub(super) fn go_on_behind(&mut self, went_on: &WentOn) -> Result<(), RunError> {
        let known = self.intake.source().known_partitions();
        let mut passed = Vec::new();
        for (partition, (&to, known)) in (0..).zip(went_on.positions.0.iter().zip(&known)) {
            let from = match self.positions.next(partition) {
                0 => known.beginning.unwrap_or(0),
                next => next,
            };
            passed.extend((to > from).then_some(Loss { partition, from, to }));
        }
        let offsets: u64 = passed.iter().map(Loss::offsets).sum();
        let last = went_on.last.as_deref().map(Journal::decode).transpose().map_err(RunError::Journal)?;
        let told = last.and_then(|last| (last.first_seqno + last.votes.len() as u64).checked_sub(self.engine.next().into()));
        let documents = told.unwrap_or(offsets);
        warn!(
            documents,
            offsets, "went on behind documents that were decided and that no journal tells: nothing is learned of them"
        );
        self.engine.pass_over(documents)?;
        self.pass_over(&passed)
    }

    /// Goes on where the writer of a journal record went on behind records that were gone.
    fn pass_over(&mut self, losses: &[Loss]) -> Result<(), RunError> {
        for loss in losses {
            self.positions.set(loss.partition, loss.to);
            self.last.remove(&loss.partition);
        }
        self.intake.pass_over(losses)
    }

    /// Checks that a journal record goes on where this state ends.
    fn check(&self, journal: &Journal) -> Result<(), RunError> {
        if journal.first_seqno != u64::from(self.engine.next()) {
            let (got, expected) = (journal.first_seqno, self.engine.next());
            return Err(RunError::Refused(format!(
                "the journal goes on at document {got}, the state at {expected}: it was begun anew; begin with a copy of the active \
                 process's state.directory"
            )));
        }
        Ok(())
    }

    /// Reads a journal's batch and processes it as its writer did.
    fn reprocess(&mut self, journal: &Journal) -> Result<Processed, RunError> {
        self.engine.name_partitions(self.intake.source().partitions());
        let records = self.intake.reread(journal)?;
        self.engine.skip(journal.skipped.iter().copied());
        let prepared = self.engine.prepare(records, Some(journal.votes.clone()));
        self.take_in(prepared)
    }

    /// Reads and prepares the next batch, of at most `left` records. `None` at the end of the
    /// input, if there is nothing for now, and while another batch is in flight beside which
    /// nothing may be prepared.
    ///
    /// # Errors
    /// If the source fails, or the crash journal cannot be written.
    pub(super) fn prepare(&mut self, left: Option<u64>) -> Result<Option<Prepared>, RunError> {
        let is_ahead = self.crash_journal.is_in_flight();
        if is_ahead && self.is_alone {
            return Ok(None);
        }
        if self.suspects.is_empty() {
            let read = self.read_ahead.take().unwrap_or_else(|| read(&mut self.intake, &self.engine, 0, left));
            let Some(records) = read? else { return Ok(None) };
            self.engine.name_partitions(self.intake.source().partitions());
            if !self.crash_journal.is_suspect(&records) {
                self.is_alone = false;
                return self.prepare_and_read(records, left).map(Some);
            }
            self.suspects = records.into();
        }
        if is_ahead {
            return Ok(None);
        }
        self.is_alone = true;
        self.suspects.pop_front().map(|record| self.prepare_records(vec![record])).transpose()
    }

    /// Prepares records, of those that may still be read, and reads the next ones meanwhile.
    fn prepare_and_read(&mut self, records: Vec<Record>, left: Option<u64>) -> Result<Prepared, RunError> {
        if !self.intake.source().may_read_ahead() {
            return self.prepare_records(records);
        }
        let count = records.len();
        let left = left.map(|left| left.saturating_sub(count as u64));
        self.crash_journal.begin(records.iter().map(|record| record.position))?;
        let (intake, engine) = (&mut self.intake, &self.engine);
        let (prepared, read_ahead) = thread::scope(|scope| {
            let reading = scope.spawn(|| read(intake, engine, count as SeqNo, left));
            let prepared = engine.prepare(records, None);
            (prepared, reading.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        self.read_ahead = Some(read_ahead);
        Ok(prepared)
    }

    /// Prepares records. If the process crashes with them, the crash is theirs.
    fn prepare_records(&mut self, records: Vec<Record>) -> Result<Prepared, RunError> {
        self.crash_journal.begin(records.iter().map(|record| record.position))?;
        Ok(self.engine.prepare(records, None))
    }

    /// Decides what was prepared last. What comes back must be committed; then [`Self::settled`]
    /// follows.
    ///
    /// # Errors
    /// If state cannot be written.
    pub(super) fn process(&mut self, prepared: Prepared) -> Result<Processed, RunError> {
        // A batch that was prepared ahead is in flight no longer: it was survived until the batch before was settled.
        self.crash_journal.begin(prepared.positions())?;
        let processed = self.take_in(prepared)?;
        Ok(self.with_completed_journal(processed))
    }

    fn take_in(&mut self, prepared: Prepared) -> Result<Processed, RunError> {
        let mut newest = BTreeMap::new();
        for (record, digest) in prepared.records() {
            if !self.positions.contains(record.position) {
                self.positions.advance(record.position);
                newest.insert(record.position.partition, (record, digest));
            }
        }
        for (partition, (Record { payload, .. }, digest)) in newest {
            // Of what stands for a record that is gone there is no digest.
            let digest = (!payload.is_stand_in()).then(|| digest.unwrap_or_else(|| payload.digest()));
            self.last.insert(partition, digest);
        }
        Ok(self.engine.process(prepared)?)
    }

    fn with_completed_journal(&mut self, processed: Processed) -> Processed {
        let journal = Journal { rules: mem::take(&mut self.untold), ..processed.journal };
        Processed { journal: self.intake.complete(journal), ..processed }
    }

    /// The journal record of a commit without records. `is_last`: its writer ends.
    pub(super) fn heartbeat(&mut self, is_last: bool) -> Journal {
        self.intake.complete(Journal {
            first_seqno: u64::from(self.engine.next()),
            verdict_digest: self.engine.settings().verdict_digest,
            rules: mem::take(&mut self.untold),
            is_last,
            ..Journal::default()
        })
    }

    /// All batches in flight are committed, or have failed in a way that the process survived.
    ///
    /// # Errors
    /// If the crash journal cannot be written.
    pub(super) fn settled(&mut self) -> Result<(), RunError> {
        Ok(self.crash_journal.release()?)
    }

    /// Whether a snapshot is due here, by documents or by time. Batches of this process end at the
    /// sequence numbers of snapshots; those of a journal may have been cut elsewhere.
    pub fn is_snapshot_due(&self) -> bool {
        let (next, every) = (self.engine.next(), self.pace.snapshot_documents);
        let is_old = next > self.snapshot_at && self.snapshot_taken.elapsed() >= self.pace.snapshot_every;
        next / every > self.snapshot_at / every || is_old
    }

    /// Takes a snapshot that belongs to `checkpoint` of the sink. It is written by a thread of its
    /// own.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self, checkpoint: &[u8]) -> Result<(), RunError> {
        let begun = Instant::now();
        let (logs, files) = self.engine.flush_logs()?;
        let restart = Restart {
            checkpoint: (!checkpoint.is_empty()).then(|| checkpoint.to_vec()),
            positions: self.positions.clone(),
            partitions: self.known_partitions(),
            seed: self.engine.settings().features.seed,
            logs,
        };
        let mut body = SnapshotBody::default();
        body.push(restart.encode());
        self.engine.save(&mut body);
        let copied = begun.elapsed();
        self.snapshots.write_behind(u64::from(self.engine.next()), body, files)?;
        (self.snapshot_at, self.snapshot_taken, self.has_taken_snapshot) = (self.engine.next(), Instant::now(), true);
        let stopped = begun.elapsed();
        if let Some(&oldest) = self.snapshots.list()?.last() {
            self.engine.forget_before(oldest as u32)?;
        }
        // The stream stood still for the copy, and for the snapshot before this one to be on disk.
        let (copied_ms, stopped_ms) = (copied.as_millis(), stopped.as_millis());
        info!(documents = self.engine.next(), copied_ms, stopped_ms, "snapshot");
        Ok(())
    }

    /// The partitions whose numbers are in the journal, with their last records.
    fn known_partitions(&self) -> Vec<KnownPartition> {
        let known = self.intake.journaled_partitions();
        let with_last = |(number, known): (Partition, KnownPartition)| {
            let last = self.last.get(&number).copied().flatten();
            KnownPartition { last, ..known }
        };
        (0..).zip(known).map(with_last).collect()
    }

    /// Bytes of the newest snapshot on disk. While one is being written this is the one before.
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshots.newest_bytes()
    }

    /// Whether this process has taken a snapshot.
    pub fn has_taken_snapshot(&self) -> bool {
        self.has_taken_snapshot
    }

    /// Waits until the last snapshot is on disk.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(&mut self) -> Result<(), RunError> {
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

    /// Gives the engine back at the end.
    pub fn into_engine(self) -> Engine {
        self.engine
    }
}
