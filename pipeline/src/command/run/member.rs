//! What does a process of `weir run` do from its start to its end?
//!
//! ```text
//! standby   follows the journal silently, until it ends or has been silent for long enough
//! active    fences whoever was active before, reads the journal to its end, and goes on: one transaction a batch
//!           or, with `--from-journal=TOPIC`, decides again what another group has decided, and ends
//! ```
//!
//! Every process begins as a standby, also the only one of a group: after a clean end the next one
//! takes over at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use connectors::{
    error::{Error, ErrorClass},
    kafka::{JournalReader, KafkaCommitter, KafkaConfig, KafkaSource, TopicLimits, WithoutSnapshot},
    source::Source,
};
use tracing::{info, warn};

use super::{
    lag::LagThread,
    redecide::{OtherJournal, POLL},
    watermarks::SettledWatermarks,
};
use crate::{
    config::Config,
    journal::Journal,
    run::{Pace, Replica, Restored, Stage, rules::RuleBook},
    signals::Stop,
    watch::{ProcessPhase, Watch},
};

/// How often an active process reports the size of its state.
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// After so long without documents a standby stops reading ahead.
const REST_AFTER: Duration = Duration::from_secs(10);

/// The stage of an active process.
type ActiveStage = Stage<KafkaSource, KafkaCommitter>;

/// One process of a group: a standby or the active one.
pub(super) struct GroupMember<'a> {
    pub(super) config: &'a Config,
    pub(super) kafka: &'a KafkaConfig,
    pub(super) limits: TopicLimits,
    /// What to do if there is no snapshot.
    pub(super) without_snapshot: WithoutSnapshot,
    /// Whether records that are gone are no end.
    pub(super) accepts_loss: bool,
    /// The journal of another group that is decided again.
    pub(super) redecided: Option<&'a str>,
    pub(super) stop: &'a Stop,
    pub(super) watch: Arc<Watch>,
}

/// Why a process is no longer a standby.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StandbyEnd {
    /// It was asked to stop.
    Asked,
    /// The last active process ended in order, or there was none.
    InOrder,
    /// The active process has been silent for too long.
    Silent,
}

impl GroupMember<'_> {
    /// Runs as a standby, then as the active process, until it is asked to stop.
    ///
    /// # Errors
    /// If the group cannot go on from the state, or as [`Stage::step`].
    pub(super) fn run(&self, mut restored: Restored, rules: RuleBook) -> Result<()> {
        restored.engine.use_broker();
        let mut checkpoint = restored.restart.checkpoint.take();
        let has_snapshot = checkpoint.is_some();
        let source = KafkaSource::new(self.kafka, self.config.input.limits())?.accepting_loss(self.accepts_loss);
        let numbering = source.input_partitions();
        let reader = self.journal(checkpoint.as_deref())?;
        let without = match &reader {
            None => WithoutSnapshot::AcceptLoss,
            Some(_) if has_snapshot => WithoutSnapshot::Refuse,
            Some(_) => self.without_snapshot,
        };
        if reader.is_none() && !has_snapshot {
            restored.restart.partitions = source.known_partitions();
        }
        if let Some(reader) = &reader
            && !has_snapshot
            && without == WithoutSnapshot::Refuse
            && reader.behind()? > 1
        {
            bail!(
                "group {} has a journal, but there is no snapshot in {}: --from-journal reads everything again along the \
                 journal, --accept-loss goes on at the committed offsets and forgets what was learned before",
                self.kafka.group,
                self.config.state.directory.display()
            );
        }
        let mut other_journal = match self.redecided {
            Some(topic) => Some(OtherJournal::open(self.kafka, topic, rules.own(), self.stop)?),
            None => None,
        };
        let mut replica = Replica::open(source, restored, Pace::of_stage(self.config))?.with_rules(rules);
        if self.accepts_loss {
            replica.accept_loss();
        }
        if other_journal.is_some() {
            replica.number_by_other_journal();
        }
        if let Some(mut reader) = reader {
            let (followed, ended) = self.stand_by(replica, &mut reader, &mut checkpoint)?;
            replica = followed;
            if ended == StandbyEnd::Asked {
                return Ok(());
            }
            if let Some(other) = &mut other_journal {
                other.skip_to(&replica, self.stop)?;
                // No process is fenced if there is nothing to do.
                if ended == StandbyEnd::InOrder && checkpoint.is_some() && other.is_done(self.stop)? {
                    info!(documents = replica.engine().next(), "the journal was decided again before, nothing is left");
                    return Ok(());
                }
            }
        }
        let began = Instant::now();
        let committer = KafkaCommitter::new(self.kafka, self.limits.clone(), numbering, without)?;
        #[cfg(feature = "faults")]
        let committer = committer.with_protocol_fault(connectors::kafka::ProtocolFault::from_environment());
        let mut stage = {
            let _waiting = self.watch.waiting("take over");
            Stage::activate(replica, committer, checkpoint.as_deref())?.watched_by(Arc::clone(&self.watch))
        };
        if !has_snapshot || without == WithoutSnapshot::AcceptLoss {
            stage.ensure_snapshot()?;
        }
        // What the state has counted before is not this process's work.
        self.watch.counts(stage.engine().counts());
        stage.report_state();
        self.watch.phase(ProcessPhase::Active);
        let _lag = LagThread::start(stage.source().lag_meter()?, Arc::clone(&self.watch), self.config.kafka.heartbeat)?;
        info!(seconds = began.elapsed().as_secs_f64(), documents = stage.engine().next(), "active");
        match other_journal {
            Some(other) => self.redecide(stage, other),
            None => self.be_active(stage),
        }
    }

    /// Opens the journal where the state leaves off. `None` where the user accepts that it does not
    /// lead on from there, or that there is no state.
    fn journal(&self, checkpoint: Option<&[u8]>) -> Result<Option<JournalReader>> {
        if checkpoint.is_none() && self.without_snapshot == WithoutSnapshot::AcceptLoss {
            return Ok(None);
        }
        match JournalReader::from_checkpoint(self.kafka, checkpoint) {
            Err(Error::JournalBroken(why)) if self.accepts_loss => {
                warn!("{why}; it is accepted");
                Ok(None)
            }
            reader => Ok(Some(reader?)),
        }
    }

    /// Follows the journal until it is time to take over, or the process is asked to stop.
    /// `checkpoint` moves with it.
    fn stand_by(
        &self,
        mut replica: Replica<KafkaSource>,
        reader: &mut JournalReader,
        checkpoint: &mut Option<Vec<u8>>,
    ) -> Result<(Replica<KafkaSource>, StandbyEnd)> {
        let takeover_after = self.config.kafka.takeover_after;
        info!(documents = replica.engine().next(), "standby: following the journal");
        // A group without a journal has no active process, and none is left where the last record before was a last one.
        let mut ended = match reader.before() {
            Some(record) => Journal::decode(record).is_ok_and(|journal| journal.is_last),
            None => checkpoint.is_none() && reader.behind()? <= 1 && reader.next_offset() == 0,
        };
        let mut replayed = Instant::now();
        loop {
            for (offset, record) in reader.poll(POLL)? {
                let (followed, journal) = replica.replay(&record)?;
                (replica, ended) = (followed, journal.is_last);
                if !journal.votes.is_empty() {
                    replayed = Instant::now();
                }
                *checkpoint = Some(reader.checkpoint_after(offset, &record));
                if replica.is_snapshot_due() {
                    replica.snapshot(checkpoint.as_deref().unwrap_or_default())?;
                }
            }
            if replayed.elapsed() >= REST_AFTER {
                replica.rest();
            }
            let behind = match reader.behind() {
                Ok(behind) => behind,
                // Brokers that are away are no reason to end, and none to take over.
                Err(Error::Broker { class: ErrorClass::Retriable, reason, .. }) => {
                    warn!(reason, "no answer about the journal; it is asked again");
                    u64::MAX
                }
                Err(error) => return Err(error.into()),
            };
            self.watch.phase(ProcessPhase::Standby { behind });
            if self.stop.is_asked() {
                if let Some(checkpoint) = checkpoint.as_deref() {
                    replica.snapshot(checkpoint)?;
                }
                replica.finish()?;
                return Ok((replica, StandbyEnd::Asked));
            }
            if behind <= 1 && ended {
                if checkpoint.is_some() {
                    info!(documents = replica.engine().next(), "takes over: the process before has ended in order");
                }
                return Ok((replica, StandbyEnd::InOrder));
            }
            if behind <= 1 && reader.silent_for() >= takeover_after {
                let (documents, silent_seconds) = (replica.engine().next(), reader.silent_for().as_secs_f64());
                info!(documents, silent_seconds, "takes over: the process before gives no sign of life");
                return Ok((replica, StandbyEnd::Silent));
            }
        }
    }

    /// Takes batches from the input, until the process is asked to stop.
    fn be_active(&self, mut stage: ActiveStage) -> Result<()> {
        let heartbeat = self.config.kafka.heartbeat;
        let settle_after = self.config.kafka.settle_after;
        let (mut committed, mut worked) = (Instant::now(), Instant::now());
        let mut watermarks = SettledWatermarks::every(heartbeat);
        let mut reported = Instant::now();
        stage.heartbeat(false)?;
        while !self.stop.is_asked() {
            self.watch.beat();
            if reported.elapsed() >= REPORT_EVERY {
                stage.report_state();
                self.watch.source(stage.source().counts());
                reported = Instant::now();
            }
            watermarks.write_if_due(&mut stage, worked.elapsed() >= settle_after);
            if stage.step(None)? {
                (committed, worked) = (Instant::now(), Instant::now());
            } else if committed.elapsed() >= heartbeat {
                stage.heartbeat(false)?;
                committed = Instant::now();
            }
        }
        info!("draining");
        self.watch.phase(ProcessPhase::Stopping);
        stage.heartbeat(true)?;
        let (engine, _) = stage.finish(true)?;
        info!(documents = engine.next(), "ended");
        Ok(())
    }

    /// Decides the batches of another group's journal again, each in a transaction of this group,
    /// until the journal ends or the process is asked to stop.
    fn redecide(&self, mut stage: ActiveStage, mut other: OtherJournal) -> Result<()> {
        let mut watermarks = SettledWatermarks::every(self.config.kafka.heartbeat);
        stage.heartbeat(false)?;
        // A process that was fenced may have committed something since the journal was read last.
        other.skip_to(stage.replica(), self.stop)?;
        let before = stage.engine().next();
        while let Some(batch) = other.next(self.stop)? {
            self.watch.beat();
            watermarks.write_if_due(&mut stage, false);
            stage.redecide(&batch)?;
        }
        let is_done = other.is_done(self.stop)?;
        self.watch.phase(ProcessPhase::Stopping);
        watermarks.write(&mut stage, false);
        stage.heartbeat(true)?;
        let (engine, _) = stage.finish(true)?;
        let (documents, here) = (engine.next(), engine.next() - before);
        if is_done {
            info!(documents, here, "decided again, to where the journal ended");
        } else {
            info!(documents, here, "stopped before the end of the journal; given again it goes on");
        }
        Ok(())
    }
}
