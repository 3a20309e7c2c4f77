//! The loop: read, process, write, commit, now and then a snapshot. The same for files, for memory and for a broker.
//!
//! ```text
//! open    newest good snapshot -> committer.recover(mark) -> silent re-read along the journal
//! step    source -> watermark -> engine -> committer.begin, write*, commit(journal)
//! snapshot at fixed ordinals: committer.mark, engine, positions; one file, renamed into place
//! ```
//!
//! Any failure between two commits leaves the far end as it was; [`Stage::open`] on the same state and the same far end
//! goes on as if nothing had happened.

use std::{panic::resume_unwind, thread, time::Instant};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error as ConnectorError,
    position::Positions,
    source::{Record, Source},
};
use operators::codec::{Corrupt, Decoder, Encoder};
use thiserror::Error;
use tracing::{debug, info};

use crate::{
    assemble::Restored,
    engine::{Engine, Prepared, Processed},
    intake::{Intake, Intaken},
    journal::Journal,
    router,
    state::{
        StateError,
        snapshot::{Body, Snapshots},
    },
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
    /// State and far end do not fit each other.
    #[error("{0}")]
    Refused(String),
}

/// How a stage works.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Most records in a micro-batch.
    pub batch_documents: usize,
    /// Most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// Ordinals between snapshots; snapshots stand at their multiples.
    pub snapshot_documents: u32,
}

/// A source, an engine and a committer at work.
pub struct Stage<S, C> {
    intake: Intake<S>,
    committer: C,
    engine: Engine,
    snapshots: Snapshots,
    /// Where the input stands after what was processed; the intake may be further.
    positions: Positions,
    pace: Pace,
    ahead: Option<Ahead>,
}

/// What was read while the batch before was committed.
enum Ahead {
    Batch(Prepared),
    Suspect(Vec<Record>),
}

/// What a restart finds in a state folder.
#[derive(Debug, Default)]
pub struct Restart {
    /// Bytes of the committer's mark.
    pub mark: Option<Vec<u8>>,
    /// Where the input goes on.
    pub positions: Positions,
}

/// The stage's own part of a snapshot, before the engine's.
///
/// # Errors
/// If the bytes are no snapshot.
pub fn read_head(body: &[u8]) -> Result<(Restart, Decoder<'_>), Corrupt> {
    let mut from = Decoder::new(body);
    let mark = from.slice()?.to_vec();
    let positions = Positions(from.u64s()?);
    Ok((Restart { mark: (!mark.is_empty()).then_some(mark), positions }, from))
}

impl<S: Source, C: Committer> Stage<S, C> {
    /// Brings source, far end and engine to the same place: `restored` is as its snapshot left it. What the far end holds
    /// beyond is read again silently.
    ///
    /// # Errors
    /// If any of them cannot get there.
    pub fn open(source: S, mut committer: C, restored: Restored, pace: Pace) -> Result<Self, StageError> {
        let Restored { engine, snapshots, deaths, restart } = restored;
        let recovered = committer.recover(restart.mark.as_deref())?;
        let positions = restart.positions;
        let intake = Intake::open(source, deaths, positions.clone(), pace)?;
        let mut stage = Self { intake, committer, engine, snapshots, positions, pace, ahead: None };
        for record in &recovered.journal {
            let journal = Journal::decode(record).map_err(|source| StageError::Corrupt { what: "journal", source })?;
            stage.reread(&journal)?;
        }
        stage.intake.resume()?;
        if stage.engine.next() > 0 {
            info!(documents = stage.engine.next(), journal = recovered.journal.len(), "restored");
        }
        Ok(stage)
    }

    /// Reads a committed batch again along its journal: state changes as it did, nothing is emitted.
    fn reread(&mut self, journal: &Journal) -> Result<(), StageError> {
        if journal.first_ordinal != u64::from(self.engine.next()) {
            let (got, expected) = (journal.first_ordinal, self.engine.next());
            return Err(StageError::Refused(format!("journal goes on at document {got}, the state at {expected}")));
        }
        if journal.verdict_digest != self.engine.settings().verdict_digest {
            return Err(StageError::Refused("journal was written under another configuration or background".to_owned()));
        }
        let records = self.intake.reread(journal)?;
        self.engine.skip(journal.skipped.iter().copied());
        let prepared = self.engine.prepare(records, Some(journal.votes.clone()));
        self.process(prepared)?;
        Ok(())
    }

    /// One micro-batch; `false` at the end of the input. While it is committed, the next one is read and prepared.
    ///
    /// # Errors
    /// If reading, state or committing failed. The stage must then be opened anew.
    pub fn step(&mut self, records_left: Option<u64>) -> Result<bool, StageError> {
        let done = self.try_step(records_left);
        if done.is_err() {
            // A failure that is reported is no death.
            self.intake.deaths.put_all_down()?;
        }
        done
    }

    fn try_step(&mut self, records_left: Option<u64>) -> Result<bool, StageError> {
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead,
            None => match self.intake.read(self.engine.next(), records_left, &self.engine.settings().faults)? {
                Intaken::End => return Ok(false),
                Intaken::Nothing => return Ok(true),
                Intaken::Batch(records) => Ahead::Batch(prepare(&mut self.intake, &self.engine, records)?),
                Intaken::Suspect(records) => Ahead::Suspect(records),
            },
        };
        match ahead {
            Ahead::Batch(prepared) => {
                // What was prepared ahead was survived until here.
                self.intake.deaths.put_all_down()?;
                self.intake.deaths.take_up(prepared.positions())?;
                let left = records_left.map(|left| left.saturating_sub(prepared.len() as u64));
                let processed = self.process(prepared)?;
                self.commit_and_read_ahead(&processed, left)?;
            }
            Ahead::Suspect(records) => {
                for record in records {
                    let prepared = prepare(&mut self.intake, &self.engine, vec![record])?;
                    let processed = self.process(prepared)?;
                    let lines = router::lines(self.engine.settings(), &processed.outcomes);
                    commit(&mut self.committer, &lines, &self.positions, &processed.journal)?;
                    self.intake.deaths.put_all_down()?;
                }
            }
        }
        if self.engine.next().is_multiple_of(self.pace.snapshot_documents) {
            self.snapshot()?;
        }
        Ok(true)
    }

    fn process(&mut self, prepared: Prepared) -> Result<Processed, StageError> {
        for position in prepared.positions() {
            if !self.positions.contains(position) {
                self.positions.advance(position);
            }
        }
        Ok(self.engine.process(prepared)?)
    }

    fn commit_and_read_ahead(&mut self, processed: &Processed, left: Option<u64>) -> Result<(), StageError> {
        let Self { committer, positions, engine, intake, .. } = self;
        let (engine, positions) = (&*engine, &*positions);
        // Encoded here: the committing thread asks nothing of the pool, which may wait for this one.
        let lines = router::lines(engine.settings(), &processed.outcomes);
        let (committed, ahead) = thread::scope(|scope| {
            let committing = scope.spawn(|| commit(committer, &lines, positions, &processed.journal));
            let ahead = read_ahead(intake, engine, left);
            (committing.join().unwrap_or_else(|panic| resume_unwind(panic)), ahead)
        });
        committed?;
        // Between two steps nothing is in hand: whoever stops the process then means no record.
        self.intake.deaths.put_all_down()?;
        self.ahead = ahead?;
        Ok(())
    }

    /// Takes a snapshot now.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self) -> Result<(), StageError> {
        let begun = Instant::now();
        let mut head = Encoder::default();
        head.slice(&self.committer.mark()?);
        head.u64s(&self.positions.0);
        head.u64(self.engine.settings().features.seed.0);
        let mut body = Body::default();
        body.push(head.bytes);
        let logs = self.engine.save(&mut body)?;
        self.snapshots.write_behind(u64::from(self.engine.next()), body, logs)?;
        if let Some(&oldest) = self.snapshots.list()?.last() {
            self.engine.forget_before(oldest as u32)?;
        }
        debug!(documents = self.engine.next(), stopped_ms = begun.elapsed().as_millis(), "snapshot");
        Ok(())
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The source.
    pub fn source(&self) -> &S {
        self.intake.source()
    }

    /// Where the input stands.
    pub fn positions(&self) -> &Positions {
        &self.positions
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
        self.snapshots.finish()?;
        let mark = self.committer.mark()?;
        self.engine.sync_ledger()?;
        Ok((self.engine, mark))
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
        Intaken::Batch(records) => Some(Ahead::Batch(prepare(intake, engine, records)?)),
        Intaken::Suspect(records) => Some(Ahead::Suspect(records)),
    })
}

fn commit<C: Committer>(
    committer: &mut C,
    lines: &[Vec<(Channel, Vec<u8>)>],
    positions: &Positions,
    journal: &Journal,
) -> Result<(), StageError> {
    committer.begin()?;
    for (channel, bytes) in lines.iter().flatten() {
        committer.write(&Outgoing::plain(*channel, bytes))?;
    }
    Ok(committer.commit(positions, &journal.encode())?)
}
