//! In which order are batches read, processed and committed? This is the loop; it is the same for
//! files, for memory and for a broker.
//!
//! ```text
//! open        newest sound snapshot -> committer.recover(checkpoint) -> silent replay along the journal
//! step        source -> watermark -> engine -> committer.begin, write*, commit(journal)
//! snapshot    at fixed sequence numbers: sink checkpoint, positions, engine; one file, renamed into place
//! ```
//!
//! While a batch is committed on a thread of its own, the next one is read, decoded and its
//! features are computed. Any failure between two commits leaves the sink as it was:
//! [`Stage::open`] on the same state and the same sink goes on as if nothing had happened.

use std::{
    panic::resume_unwind,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use connectors::{committer::Committer, error::Error as ConnectorError, source::Source};
use tracing::info;

use crate::{
    engine::{Engine, Outcome, Prepared, Processed, Step},
    journal::Journal,
    output::{self, OutputRecord},
    policy::Route,
    run::{commit::Batch, error::RunError, pace::Pace, replica::Replica, restored::Restored},
    watch::Watch,
};

/// How often a batch is tried again with the limits of its topics, read anew.
const ROUNDS_BY_SIZE_MAX: usize = 3;

/// The active stage: a replica whose decisions are committed.
pub struct Stage<S, C> {
    replica: Replica<S>,
    committer: C,
    /// What was prepared while the batch before was committed.
    ahead: Option<Prepared>,
    /// To be written with the next commit, beside the records of its documents.
    beside: Vec<OutputRecord<'static>>,
    /// How many offsets were gone before they were read.
    lost: u64,
    watch: Option<Arc<Watch>>,
}

impl<S: Source, C: Committer> Stage<S, C> {
    /// Brings source, sink and engine to the same place. The engine in `restored` is as its
    /// snapshot left it; what the sink holds beyond that is read again silently.
    ///
    /// # Errors
    /// If any of the three cannot get there.
    pub fn open(source: S, committer: C, mut restored: Restored, pace: Pace) -> Result<Self, RunError> {
        let checkpoint = restored.restart.checkpoint.take();
        Self::activate(Replica::open(source, restored, pace)?, committer, checkpoint.as_deref())
    }

    /// Takes over from the process that was active before. `replica` has followed the sink up to
    /// `checkpoint`.
    ///
    /// # Errors
    /// If the sink cannot be taken over, or the replica cannot follow to its end.
    pub fn activate(mut replica: Replica<S>, mut committer: C, checkpoint: Option<&[u8]>) -> Result<Self, RunError> {
        let recovered = committer.recover(checkpoint)?;
        if let Some(went_on) = &recovered.went_on {
            replica.go_on_behind(went_on)?;
        }
        for record in &recovered.journal {
            (replica, _) = replica.replay(record)?;
        }
        let mut replica = replica.under_own_rules(committer.journal_bytes_max())?;
        if !committer.keeps_journal() {
            replica.without_journal();
        }
        let lost = replica.resume()?;
        if replica.engine().next() > 0 {
            info!(documents = replica.engine().next(), journal = recovered.journal.len(), "restored");
        }
        Ok(Self { replica, committer, ahead: None, beside: Vec::new(), lost, watch: None })
    }

    /// Reports to `watch` what is committed from now on.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<Watch>) -> Self {
        watch.lost(self.lost);
        self.watch = Some(watch);
        self
    }

    /// Takes one micro-batch through the engine and commits it; `false` at the end of the input, or
    /// if there is nothing for now. `records_left` is how many records may still be read, if that
    /// is limited.
    ///
    /// # Errors
    /// If reading, state or committing failed. The stage must then be opened anew.
    pub fn step(&mut self, records_left: Option<u64>) -> Result<bool, RunError> {
        let done = self.try_step(records_left);
        if done.is_err() {
            // An error that is reported is no crash.
            self.replica.settled()?;
        }
        done
    }

    fn try_step(&mut self, records_left: Option<u64>) -> Result<bool, RunError> {
        let ahead = self.ahead.take();
        let prepared = if ahead.is_some() { ahead } else { self.replica.prepare(records_left)? };
        let Some(prepared) = prepared else {
            self.snapshot_if_due()?;
            return Ok(false);
        };
        let left = records_left.map(|left| left.saturating_sub(prepared.len() as u64));
        let processed = self.replica.process(prepared)?;
        self.commit_and_prepare(&processed, left)?;
        self.snapshot_if_due()?;
        Ok(true)
    }

    /// Decides a batch of another group's journal again, and commits it as one of this group.
    ///
    /// # Errors
    /// As [`Self::step`], and if the journal does not go on where this state ends.
    pub fn redecide(&mut self, journal: &Journal) -> Result<(), RunError> {
        let processed = self.replica.redecide(journal)?;
        self.commit(&processed)?;
        self.snapshot_if_due()
    }

    /// Adds a record to the next commit.
    pub fn write_beside(&mut self, record: OutputRecord<'static>) {
        self.beside.push(record);
    }

    /// Commits without documents, as a sign of life in the journal. `is_last`: no commit of this
    /// process follows, so a standby need not wait.
    ///
    /// # Errors
    /// If committing failed. The stage must then be opened anew.
    pub fn heartbeat(&mut self, is_last: bool) -> Result<(), RunError> {
        let journal = self.replica.heartbeat(is_last);
        self.commit(&Processed { journal, outcomes: Vec::new() })
    }

    /// Commits a batch.
    fn commit(&mut self, processed: &Processed) -> Result<(), RunError> {
        let (records, replaced) = self.serialise(&processed.outcomes);
        let (positions, journal) = (self.replica.positions(), processed.journal.encode());
        let batch = Batch { records: &records, beside: &self.beside, positions, journal: &journal };
        let waiting = self.watch.as_deref().map(|watch| watch.waiting("commit"));
        let committed = batch.commit(&mut self.committer);
        drop(waiting);
        self.commit_without_refused(processed, records, replaced, &journal, committed)
    }

    /// Commits a batch again and again without the records that the brokers refuse, until it is
    /// committed.
    fn commit_without_refused(
        &mut self,
        processed: &Processed,
        mut records: Vec<Vec<OutputRecord<'_>>>,
        mut replaced: Vec<(Route, &'static str)>,
        journal: &[u8],
        mut committed: Result<Duration, ConnectorError>,
    ) -> Result<(), RunError> {
        let mut rounds_by_size = 0;
        while let Err(ConnectorError::RecordsRefused { topic, records: numbers, by_size, reason }) = committed {
            let settings = self.replica.engine().settings();
            let bytes_max = |channel| self.committer.bytes_max(channel);
            let outcomes = &processed.outcomes;
            let now_replaced = if by_size {
                // The committer has read the limits again.
                output::replace_oversize(settings, outcomes, &mut records, &self.committer)
            } else {
                let why = (&numbers[..], &*reason);
                output::replace_refused(settings, outcomes, &mut records, why, bytes_max)
                    .map_err(|record| RunError::Refused(format!("{topic} refuses {record} for good: {reason}")))?
            };
            rounds_by_size += usize::from(by_size);
            if rounds_by_size > ROUNDS_BY_SIZE_MAX {
                let first = processed.journal.first_seqno;
                return Err(RunError::Refused(format!(
                    "{topic} refuses records of the batch from document {first} on as too large, although they fit its \
                     max.message.bytes: {reason}"
                )));
            }
            replaced.extend(now_replaced);
            let positions = self.replica.positions();
            let _waiting = self.watch.as_deref().map(|watch| watch.waiting("commit"));
            committed = Batch { records: &records, beside: &self.beside, positions, journal }.commit(&mut self.committer);
        }
        self.committed(processed, &replaced, committed?);
        Ok(())
    }

    /// Commits a batch and prepares the next one meanwhile, of at most `left` records.
    fn commit_and_prepare(&mut self, processed: &Processed, left: Option<u64>) -> Result<(), RunError> {
        // Serialised here: the committing thread asks nothing of the thread pool, which may wait for this thread.
        let (records, replaced) = self.serialise(&processed.outcomes);
        let (positions, journal) = (self.replica.positions().clone(), processed.journal.encode());
        let batch = Batch { records: &records, beside: &self.beside, positions: &positions, journal: &journal };
        let (replica, committer, watch) = (&mut self.replica, &mut self.committer, self.watch.as_deref());
        let (committed, ahead) = thread::scope(|scope| {
            let committing = scope.spawn(|| {
                let _waiting = watch.map(|watch| watch.waiting("commit"));
                batch.commit(committer)
            });
            let ahead = replica.prepare(left);
            (committing.join().unwrap_or_else(|panic| resume_unwind(panic)), ahead)
        });
        self.commit_without_refused(processed, records, replaced, &journal, committed)?;
        // Nothing is in flight between two steps: whoever kills the process then does not mean a record.
        self.replica.settled()?;
        self.ahead = ahead?;
        Ok(())
    }

    /// What is written of a batch, and the routes of its documents that are replaced by dead
    /// letters.
    fn serialise<'a>(&self, outcomes: &'a [Outcome]) -> (Vec<Vec<OutputRecord<'a>>>, Vec<(Route, &'static str)>) {
        let settings = self.engine().settings();
        settings.spent.on(Step::Encode, || {
            let mut records = output::records(settings, outcomes);
            let replaced = output::replace_oversize(settings, outcomes, &mut records, &self.committer);
            (records, replaced)
        })
    }

    /// A batch was committed: reports it.
    fn committed(&mut self, processed: &Processed, replaced: &[(Route, &'static str)], took: Duration) {
        self.beside.clear();
        self.engine().settings().spent.add(Step::Commit, 0, took);
        let Some(watch) = &self.watch else { return };
        output::tell(self.engine().settings(), &processed.outcomes);
        watch.spent(&self.engine().spent());
        let bytes = |outcome: &Outcome| outcome.item().record.payload.len() as u64;
        let outcomes = &processed.outcomes;
        watch.received(outcomes.len() as u64, outcomes.iter().map(bytes).sum());
        watch.committed(self.replica.engine().counts(), outcomes, replaced);
        watch.batch(outcomes.len(), took);
    }

    fn snapshot_if_due(&mut self) -> Result<(), RunError> {
        // The second is asked whatever the first says.
        let (is_due, is_needed) = (self.replica.is_snapshot_due(), self.committer.has_lost_checkpoints());
        if is_due || is_needed { self.snapshot() } else { Ok(()) }
    }

    /// Takes a snapshot now.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self) -> Result<(), RunError> {
        let begun = Instant::now();
        let checkpoint = self.committer.checkpoint()?;
        self.replica.snapshot(&checkpoint)?;
        let stopped = begun.elapsed();
        if let Some(watch) = &self.watch {
            watch.snapshot(stopped);
        }
        Ok(())
    }

    /// Reports how much memory and disk the state takes now.
    pub fn report_state(&self) {
        if let Some(watch) = &self.watch {
            watch.state(&self.engine().state_bytes());
            watch.snapshot_bytes(self.replica.snapshot_bytes());
        }
    }

    /// Waits until a snapshot of this process is on disk, and takes one if there was none: a group
    /// that has committed anything can then always go on.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn ensure_snapshot(&mut self) -> Result<(), RunError> {
        if !self.replica.has_taken_snapshot() {
            self.snapshot()?;
        }
        self.replica.finish()
    }

    /// The replica: what is committed, as state.
    pub fn replica(&self) -> &Replica<S> {
        &self.replica
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.replica.engine()
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.replica.source()
    }

    /// Ends at the end of the input: outputs and logs are durable, and if `keep_state` a last
    /// snapshot is too. Gives the engine back, and the checkpoint of the outputs.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(mut self, keep_state: bool) -> Result<(Engine, Vec<u8>), RunError> {
        if keep_state {
            self.snapshot()?;
        }
        self.replica.finish()?;
        let checkpoint = self.committer.checkpoint()?;
        let mut engine = self.replica.into_engine();
        engine.sync_ledger()?;
        Ok((engine, checkpoint))
    }
}
