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

use connectors::{
    committer::{Committer, Outgoing},
    error::Error as ConnectorError,
    position::Positions,
    source::{Limit, Record, Source},
};
use operators::codec::{Corrupt, Decoder, Encoder};
use thiserror::Error;
use tracing::{debug, info};

use crate::{
    assemble::Restored,
    engine::{Engine, Processed, fault::Mutation},
    journal::Journal,
    router,
    state::{StateError, deaths::Deaths, snapshot::Snapshots},
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
    source: S,
    committer: C,
    engine: Engine,
    snapshots: Snapshots,
    deaths: Deaths,
    positions: Positions,
    pace: Pace,
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
    pub fn open(mut source: S, mut committer: C, restored: Restored, pace: Pace) -> Result<Self, StageError> {
        let Restored { engine, snapshots, deaths, restart } = restored;
        let recovered = committer.recover(restart.mark.as_deref())?;
        source.seek(&restart.positions)?;
        let mut stage = Self { source, committer, engine, snapshots, deaths, positions: restart.positions, pace };
        for record in &recovered.journal {
            let journal = Journal::decode(record).map_err(|source| StageError::Corrupt { what: "journal", source })?;
            stage.reread(&journal)?;
        }
        let at = stage.positions.clone();
        stage.source.seek(&at)?;
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
        let mut records = Vec::with_capacity(journal.votes.len());
        for run in &journal.runs {
            records.extend(self.source.read_run(run.partition, run.count as usize)?);
        }
        for record in &records {
            self.positions.advance(record.position);
        }
        self.engine.skip(journal.skipped.iter().copied());
        self.engine.process(records, Some(&journal.votes))?;
        Ok(())
    }

    /// One micro-batch; `false` at the end of the input.
    ///
    /// # Errors
    /// If reading, state or committing failed. The stage must then be opened anew.
    pub fn step(&mut self, records_left: Option<u64>) -> Result<bool, StageError> {
        let until_snapshot = self.pace.snapshot_documents - self.engine.next() % self.pace.snapshot_documents;
        let records = self.pace.batch_documents.min(until_snapshot as usize);
        let records = records_left.map_or(records, |left| records.min(usize::try_from(left).unwrap_or(usize::MAX)));
        if records == 0 {
            return Ok(false);
        }
        let delivered = self.source.read(Limit { records, bytes: self.pace.batch_bytes })?;
        if delivered.is_empty() {
            return Ok(false);
        }
        let fresh = self.take_in(delivered);
        if fresh.is_empty() {
            return Ok(true);
        }
        if self.deaths.is_suspect(&fresh) {
            for record in fresh {
                self.batch(vec![record])?;
            }
        } else {
            self.batch(fresh)?;
        }
        if self.engine.next().is_multiple_of(self.pace.snapshot_documents) {
            self.snapshot()?;
        }
        Ok(true)
    }

    /// The watermark: a record that was taken in already changes no state and emits nothing.
    fn take_in(&mut self, delivered: Vec<Record>) -> Vec<Record> {
        let mut fresh = Vec::with_capacity(delivered.len());
        for record in delivered {
            if self.positions.contains(record.position) && !self.engine.settings().faults.is_off(Mutation::NoWatermark) {
                debug!(partition = record.position.partition, offset = record.position.offset, "delivered again, passed over");
                continue;
            }
            if !self.positions.contains(record.position) {
                self.positions.advance(record.position);
            }
            fresh.push(record);
        }
        fresh
    }

    /// Processes and commits records; if the process dies with them in hand, the next one knows.
    fn batch(&mut self, records: Vec<Record>) -> Result<(), StageError> {
        self.deaths.take_up(&records)?;
        let done = self.engine.process(records, None).map_err(StageError::from).and_then(|processed| self.commit(&processed));
        // A failure that is reported is no death either.
        self.deaths.put_down()?;
        done
    }

    fn commit(&mut self, processed: &Processed) -> Result<(), StageError> {
        self.committer.begin()?;
        let lines = router::lines(self.engine.settings(), &processed.outcomes);
        for (channel, bytes) in lines.iter().flatten() {
            self.committer.write(&Outgoing::plain(*channel, bytes))?;
        }
        self.committer.commit(&self.positions, &processed.journal.encode())?;
        Ok(())
    }

    /// Takes a snapshot now.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn snapshot(&mut self) -> Result<(), StageError> {
        let mut out = Encoder::default();
        out.slice(&self.committer.mark()?);
        out.u64s(&self.positions.0);
        out.u64(self.engine.settings().features.seed.0);
        self.engine.save(&mut out)?;
        connectors::kill::point("snapshot.logs_synced");
        let bytes = out.bytes.len();
        self.snapshots.write_behind(u64::from(self.engine.next()), out.bytes)?;
        if let Some(&oldest) = self.snapshots.list()?.last() {
            self.engine.forget_before(oldest as u32)?;
        }
        debug!(documents = self.engine.next(), bytes, "snapshot");
        Ok(())
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
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
        self.engine.sync()?;
        Ok((self.engine, mark))
    }
}
