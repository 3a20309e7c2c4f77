//! The loop: read, process, write, commit, now and then a snapshot. The same for files, for memory and for a broker.
//!
//! ```text
//! open    newest good snapshot -> committer.recover(mark) -> silent re-read along the journal
//! step    source -> watermark -> engine -> committer.begin, write*, commit(journal)
//! snapshot at fixed sequence numbers: committer.checkpoint, engine, positions; one file, renamed into place
//! ```
//!
//! Any failure between two commits leaves the sink as it was; [`Stage::open`] on the same state and the same sink
//! goes on as if nothing had happened. A failed commit that the committer can make another try of is tried again: what was
//! decided is still in hand.

use std::{
    panic::resume_unwind,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use connectors::{
    committer::Committer,
    error::Error as ConnectorError,
    position::Positions,
    source::{Record, Source},
};
use operators::codec::{Corrupt, Decoder};
use thiserror::Error;
use tracing::{info, warn};

use crate::{
    assemble::Restored,
    engine::{Engine, Outcome, Prepared, Processed},
    follower::Follower,
    intake::{Intake, Intaken},
    journal::Journal,
    policy::Route,
    router::{self, Line},
    state::StateError,
    watch::Watch,
};

/// What ended a stage.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StageError {
    /// The world outside failed.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// State failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A journal record or a snapshot's section is not what was written.
    #[error("{what}: {source}")]
    Corrupt {
        /// Which.
        what: &'static str,
        /// What is wrong.
        source: Corrupt,
    },
    /// State and sink do not fit each other.
    #[error("{0}")]
    Refused(String),
}

/// Between two tries to reach a sink that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How a stage works.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Most records in a micro-batch.
    pub batch_documents: usize,
    /// Most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// Sequence numbers between snapshots; snapshots stand at their multiples.
    pub snapshot_documents: u32,
}

/// A source, an engine and a committer at work.
pub struct Stage<S, C> {
    follower: Follower<S>,
    committer: C,
    ahead: Option<Ahead>,
    /// To be written with the next commit.
    beside: Vec<Line>,
    watch: Option<Arc<Watch>>,
    /// How long the last commit took, tries included.
    commit_took: Duration,
}

/// What was read while the batch before was committed.
enum Ahead {
    Batch(Prepared),
    /// Not to be prepared yet: of a partition that the engine has no name for.
    Raw(Vec<Record>),
    Suspect(Vec<Record>),
}

/// What a restart finds in a state folder.
#[derive(Debug, Default)]
pub struct Restart {
    /// Bytes of the committer's mark.
    pub mark: Option<Vec<u8>>,
    /// Where the input goes on.
    pub positions: Positions,
    /// Names of the partitions, by number.
    pub partitions: Vec<String>,
}

/// The stage's own part of a snapshot, before the engine's.
///
/// # Errors
/// If the bytes are no snapshot.
pub fn read_head(body: &[u8]) -> Result<(Restart, Decoder<'_>), Corrupt> {
    let mut from = Decoder::new(body);
    let mark = from.slice()?.to_vec();
    let positions = Positions(from.u64s()?);
    let mut partitions = Vec::new();
    for _ in 0..from.len(8)? {
        partitions.push(from.str()?.to_owned());
    }
    Ok((Restart { mark: (!mark.is_empty()).then_some(mark), positions, partitions }, from))
}

impl<S: Source, C: Committer> Stage<S, C> {
    /// Brings source, sink and engine to the same place: `restored` is as its snapshot left it. What the sink holds
    /// beyond is read again silently.
    ///
    /// # Errors
    /// If any of them cannot get there.
    pub fn open(source: S, committer: C, mut restored: Restored, pace: Pace) -> Result<Self, StageError> {
        let mark = restored.restart.mark.take();
        Self::activate(Follower::open(source, restored, pace)?, committer, mark.as_deref())
    }

    /// Takes over from whoever was active before: `follower` has followed the sink up to `mark`.
    ///
    /// # Errors
    /// If the sink cannot be taken over, or the follower cannot follow to its end.
    pub fn activate(mut follower: Follower<S>, mut committer: C, mark: Option<&[u8]>) -> Result<Self, StageError> {
        let recovered = committer.recover(mark)?;
        for record in &recovered.journal {
            follower.follow(record)?;
        }
        follower.intake.resume(&follower.engine.settings().faults)?;
        if follower.engine.next() > 0 {
            info!(documents = follower.engine.next(), journal = recovered.journal.len(), "restored");
        }
        Ok(Self { follower, committer, ahead: None, beside: Vec::new(), watch: None, commit_took: Duration::ZERO })
    }

    /// Says what it does to somebody.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<Watch>) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Tells what was committed.
    fn tell(&self, outcomes: &[Outcome], replaced: &[Route]) {
        let Some(watch) = &self.watch else { return };
        let bytes = |outcome: &Outcome| match outcome {
            Outcome::Decided(decided) => decided.item.record.payload.len() as u64,
            Outcome::Nothing(item) => item.record.payload.len() as u64,
        };
        watch.received(outcomes.len() as u64, outcomes.iter().map(bytes).sum());
        watch.committed(self.engine().counts(), outcomes, replaced);
        watch.batch(outcomes.len(), self.commit_took);
    }

    /// One micro-batch; `false` at the end of the input, or if there is nothing for now. While it is committed, the next one is
    /// read and prepared.
    ///
    /// # Errors
    /// If reading, state or committing failed. The stage must then be opened anew.
    pub fn step(&mut self, records_left: Option<u64>) -> Result<bool, StageError> {
        let done = self.try_step(records_left);
        if done.is_err() {
            // A failure that is reported is no death.
            self.follower.intake.deaths.put_all_down()?;
        }
        done
    }

    fn try_step(&mut self, records_left: Option<u64>) -> Result<bool, StageError> {
        let Some(ahead) = self.next_batch(records_left)? else { return Ok(false) };
        self.follower.engine.name_partitions(self.follower.intake.source().partitions());
        match ahead {
            Ahead::Batch(prepared) => {
                // What was prepared ahead was survived until here.
                self.follower.intake.deaths.put_all_down()?;
                self.follower.intake.deaths.take_up(prepared.positions())?;
                self.process_and_read_ahead(prepared, records_left)?;
            }
            Ahead::Raw(records) => {
                let prepared = prepare(&mut self.follower.intake, &self.follower.engine, records)?;
                self.process_and_read_ahead(prepared, records_left)?;
            }
            Ahead::Suspect(records) => {
                for record in records {
                    let prepared = prepare(&mut self.follower.intake, &self.follower.engine, vec![record])?;
                    let processed = self.follower.process(prepared)?;
                    self.commit(&processed)?;
                    self.follower.intake.deaths.put_all_down()?;
                }
            }
        }
        if self.follower.is_snapshot_due() {
            self.snapshot()?;
        }
        Ok(true)
    }

    fn next_batch(&mut self, records_left: Option<u64>) -> Result<Option<Ahead>, StageError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let Follower { intake, engine, .. } = &mut self.follower;
        loop {
            match intake.read(engine.next(), records_left, &engine.settings().faults)? {
                Intaken::Nothing => {}
                Intaken::End => return Ok(None),
                Intaken::Batch(records) => return Ok(Some(Ahead::Raw(records))),
                Intaken::Suspect(records) => return Ok(Some(Ahead::Suspect(records))),
            }
        }
    }

    fn process_and_read_ahead(&mut self, prepared: Prepared, left: Option<u64>) -> Result<(), StageError> {
        let left = left.map(|left| left.saturating_sub(prepared.len() as u64));
        let processed = self.follower.process(prepared)?;
        // Encoded here: the committing thread asks nothing of the pool, which may wait for this one.
        let (lines, replaced) = self.lines(&processed.outcomes);
        let journal = self.follower.intake.named(processed.journal);
        let Self { follower, committer, beside, watch, .. } = self;
        let Follower { intake, engine, positions, .. } = follower;
        let (engine, positions) = (&*engine, &*positions);
        let (committed, ahead) = thread::scope(|scope| {
            let committing = scope.spawn(|| {
                let _waiting = watch.as_deref().map(|watch| watch.waiting("commit"));
                commit_surely(committer, &lines, beside, positions, &journal.encode())
            });
            let ahead = read_ahead(intake, engine, left);
            (committing.join().unwrap_or_else(|panic| resume_unwind(panic)), ahead)
        });
        self.commit_took = committed?;
        self.beside.clear();
        self.tell(&processed.outcomes, &replaced);
        // Between two steps nothing is in hand: whoever stops the process then means no record.
        self.follower.intake.deaths.put_all_down()?;
        self.ahead = ahead?;
        Ok(())
    }

    /// What is written of a batch, and the routes of its documents whose dead letters stand in their places.
    fn lines(&self, outcomes: &[Outcome]) -> (Vec<Vec<Line>>, Vec<Route>) {
        let settings = self.follower.engine.settings();
        let mut lines = router::lines(settings, outcomes);
        let replaced = router::fit(settings, outcomes, &mut lines, |channel| self.committer.bytes_max(channel));
        (lines, replaced)
    }

    fn commit(&mut self, processed: &Processed) -> Result<(), StageError> {
        let (lines, replaced) = self.lines(&processed.outcomes);
        let journal = self.follower.intake.named(processed.journal.clone());
        let positions = &self.follower.positions;
        self.commit_took = commit_surely(&mut self.committer, &lines, &self.beside, positions, &journal.encode())?;
        self.beside.clear();
        self.tell(&processed.outcomes, &replaced);
        Ok(())
    }

    /// Decides a batch of another group's journal again, and commits it as one of its own.
    ///
    /// # Errors
    /// As [`Self::step`], and if the journal does not go on where this state is.
    pub fn decide_again(&mut self, journal: &Journal) -> Result<(), StageError> {
        let processed = self.follower.follow_another(journal)?;
        self.commit(&processed)?;
        if self.follower.is_snapshot_due() {
            self.snapshot()?;
        }
        Ok(())
    }

    /// Writes a line with the next commit.
    pub fn write_beside(&mut self, line: Line) {
        self.beside.push(line);
    }

    /// A commit without records: a sign of life in the journal. `is_last`: nothing follows, so a standby need not wait.
    ///
    /// # Errors
    /// If committing failed. The stage must then be opened anew.
    pub fn heartbeat(&mut self, is_last: bool) -> Result<(), StageError> {
        let journal = Journal {
            first_seqno: u64::from(self.follower.engine.next()),
            verdict_digest: self.follower.engine.settings().verdict_digest,
            is_last,
            ..Journal::default()
        };
        self.commit(&Processed { journal, outcomes: Vec::new() })
    }

    /// Takes a snapshot now.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self) -> Result<(), StageError> {
        let begun = Instant::now();
        let mark = self.committer.checkpoint()?;
        self.follower.snapshot(&mark)?;
        let stopped = begun.elapsed();
        if let Some(watch) = &self.watch {
            watch.snapshot(stopped, self.follower.snapshot_bytes());
            watch.state(&self.engine().state_bytes());
        }
        Ok(())
    }

    /// Waits until a snapshot of this process is on disk, and takes one if there was none: a group that has committed anything
    /// can then always go on.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn ensure_snapshot(&mut self) -> Result<(), StageError> {
        if !self.follower.has_taken_snapshot() {
            self.snapshot()?;
        }
        self.follower.finish()
    }

    /// What is committed, as state.
    pub fn follower(&self) -> &Follower<S> {
        &self.follower
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.follower.engine
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.follower.source()
    }

    /// Ends at the end of the input: outputs and logs are durable, and if `keep_state` a last snapshot is too. Gives back the
    /// engine and the mark of the outputs.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(mut self, keep_state: bool) -> Result<(Engine, Vec<u8>), StageError> {
        if keep_state {
            self.snapshot()?;
        }
        self.follower.finish()?;
        let mark = self.committer.checkpoint()?;
        self.follower.engine.sync_ledger()?;
        Ok((self.follower.into_engine(), mark))
    }
}

/// Prepares records that a death would be put down to.
fn prepare<S: Source>(intake: &mut Intake<S>, engine: &Engine, records: Vec<Record>) -> Result<Prepared, StageError> {
    intake.deaths.take_up(records.iter().map(|record| record.position))?;
    Ok(engine.prepare(records, None))
}

fn read_ahead<S: Source>(intake: &mut Intake<S>, engine: &Engine, left: Option<u64>) -> Result<Option<Ahead>, StageError> {
    Ok(match intake.read(engine.next(), left, &engine.settings().faults)? {
        Intaken::End | Intaken::Nothing => None,
        Intaken::Batch(records) if intake.source().partitions().len() > engine.settings().partitions.len() => {
            Some(Ahead::Raw(records))
        }
        Intaken::Batch(records) => Some(Ahead::Batch(prepare(intake, engine, records)?)),
        Intaken::Suspect(records) => Some(Ahead::Suspect(records)),
    })
}

/// Commits, with another try as long as the committer can make one; how long it took.
fn commit_surely<C: Committer>(
    committer: &mut C,
    lines: &[Vec<Line>],
    more: &[Line],
    positions: &Positions,
    journal: &[u8],
) -> Result<Duration, ConnectorError> {
    let begun = Instant::now();
    while let Err(error) = commit(committer, lines, more, positions, journal) {
        if !committer.is_worth_retrying(&error) {
            return Err(error);
        }
        warn!(%error, "the commit failed; it is tried again");
        if retry(committer, journal)? {
            break;
        }
    }
    Ok(begun.elapsed())
}

/// Makes another try possible, however long the sink is away; true if the batch was committed after all.
fn retry<C: Committer>(committer: &mut C, journal: &[u8]) -> Result<bool, ConnectorError> {
    loop {
        match committer.retry(journal) {
            Err(error) if committer.is_worth_retrying(&error) => {
                warn!(%error, "waiting for the sink");
                thread::sleep(RETRY_PAUSE);
            }
            done => return done,
        }
    }
}

fn commit<C: Committer>(
    committer: &mut C,
    lines: &[Vec<Line>],
    more: &[Line],
    positions: &Positions,
    journal: &[u8],
) -> Result<(), ConnectorError> {
    committer.begin()?;
    for line in lines.iter().flatten().chain(more) {
        committer.write(&line.outgoing())?;
    }
    committer.commit(positions, journal)
}
