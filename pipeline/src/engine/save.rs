//! What does the engine write into a snapshot, and how does it come back from one?
//!
//! Its part of a snapshot is what is pending (votes to withdraw, counters, the clock) and the
//! bounded tables of the operators. Everything else is in the logs, whose lengths stand in the head
//! of the snapshot.

use std::fs::File;

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    operator::Role,
};

use super::{clock::Clock, core::Engine, counts::Counts};
use crate::state::{StateError, horizon::Horizon, ledger::Ledger, snapshot::SnapshotBody};

/// The lengths of the logs at a snapshot. The logs are truncated to them before the rest is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLengths {
    /// Sequence numbers given out.
    pub next: u32,
    /// Bytes of the ledger's last file.
    pub ledger_tail: u64,
    /// Bytes of the horizon's last segment.
    pub horizon_tail: u64,
    /// Bytes of the last segment of each keyed operator's replay log, in the order of the
    /// operators.
    pub replay_logs: Vec<u64>,
}

impl LogLengths {
    /// Writes the lengths: 20 bytes, and 8 for each keyed operator.
    pub fn encode(&self, out: &mut Encoder) {
        out.u32(self.next);
        out.u64(self.ledger_tail);
        out.u64(self.horizon_tail);
        for &tail in &self.replay_logs {
            out.u64(tail);
        }
    }

    /// Reads what [`Self::encode`] wrote of so many keyed operators.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(from: &mut Decoder<'_>, operators: usize) -> Result<Self, Corrupt> {
        let (next, ledger_tail, horizon_tail) = (from.u32()?, from.u64()?, from.u64()?);
        let replay_logs = (0..operators).map(|_| from.u64()).collect::<Result<_, _>>()?;
        Ok(Self { next, ledger_tail, horizon_tail, replay_logs })
    }
}

impl Engine {
    /// Hands everything in the logs to the operating system. Returns their lengths, and the files
    /// that must be synced before a snapshot with these lengths counts.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn flush_logs(&mut self) -> Result<(LogLengths, Vec<File>), StateError> {
        let horizon_tail = self.horizon.flush()?;
        let mut files = self.horizon.unsynced()?;
        let ledger_tail = self.ledger.flush()?;
        files.extend(self.ledger.unsynced()?);
        let mut replay_logs = Vec::with_capacity(self.operators.len());
        for operator in &mut self.operators {
            replay_logs.push(operator.replay_log().flush()?);
            files.extend(operator.replay_log().unsynced()?);
        }
        Ok((LogLengths { next: self.next, ledger_tail, horizon_tail, replay_logs }, files))
    }

    /// Copies everything that the logs do not hold to `body`.
    pub fn save(&self, body: &mut SnapshotBody) {
        let mut out = Encoder::default();
        out.u32(self.run);
        out.u32(self.run_first);
        out.u32(self.bootstrap.as_ref().map_or(0, |b| b.learned));
        out.u64(self.withdrawals.len() as u64);
        for (epoch, seqnos) in &self.withdrawals {
            out.u32(*epoch);
            out.u32s(seqnos);
        }
        self.counts.save(&mut out);
        self.clock.save(&mut out);
        body.push(out.bytes);
        for operator in &self.operators {
            operator.save(body);
        }
    }

    /// Flushes the replay logs of the operators that look for copies. Returns the bytes of their
    /// last segments, in the order of the operators.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn copy_log_tails(&mut self) -> Result<Vec<u64>, StateError> {
        let copies = self.operators.iter_mut().filter(|operator| operator.role() == Role::Copies);
        copies.map(|operator| operator.replay_log().flush()).collect()
    }

    /// Makes the ledger durable, as the last pass needs it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync_ledger(&mut self) -> Result<(), StateError> {
        self.ledger.sync()
    }

    /// Reads what [`Self::save`] wrote. The logs must have been opened with the lengths that go
    /// with it.
    ///
    /// # Errors
    /// If the bytes are anything else. The engine must then be dropped.
    pub fn load(&mut self, logs: &LogLengths, from: &mut Decoder<'_>) -> Result<(), StateError> {
        if logs.next as usize != self.ledger.len() {
            return Err(corrupt(from.corrupt("as many sequence numbers as the ledger holds")));
        }
        let numbers = [from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?];
        [self.run, self.run_first] = [numbers[0], numbers[1]];
        self.restore_bootstrap(numbers[2])?;
        self.next = logs.next;
        self.load_pending(from).map_err(corrupt)?;
        let epoch = self.settings.epoch;
        for operator in &mut self.operators {
            operator.load(self.next, epoch, from)?;
        }
        self.horizon.begin_epoch(self.next / epoch * epoch);
        Ok(())
    }

    fn load_pending(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.withdrawals.clear();
        for _ in 0..from.len(12)? {
            let epoch = from.u32()?;
            self.withdrawals.insert(epoch, from.u32s()?);
        }
        self.counts = Counts::load(from)?;
        self.clock = Clock::load(from)?;
        Ok(())
    }

    /// Begins another run over the same state. Counters start anew; sequence numbers and indexes go
    /// on.
    pub fn begin_run(&mut self, run: u32) {
        self.run = run;
        self.run_first = self.next;
        self.counts = Counts::default();
    }

    /// Drops texts, replay records and fates that no kept snapshot reaches.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_before(&mut self, oldest_kept: u32) -> Result<(), StateError> {
        let epoch = self.settings.epoch;
        self.horizon.remove_before(oldest_kept / epoch * epoch)?;
        let last_epoch = oldest_kept.saturating_sub(1) / epoch * epoch;
        if self.settings.forgets {
            self.ledger.remove_before(self.settings.reach.floor(last_epoch))?;
        }
        self.operators.iter_mut().try_for_each(|operator| operator.forget_before(last_epoch))
    }

    /// Gives up everything but the ledger, for the last pass.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Bytes on disk, by store.
    pub fn disk_bytes(&self) -> [(&'static str, u64); 3] {
        let logs = self.operators.iter().map(|operator| operator.disk_bytes()).sum();
        [("ledger", self.ledger.disk_bytes()), ("horizon", Horizon::disk_bytes(&self.horizon)), ("traces", logs)]
    }
}

fn corrupt(source: Corrupt) -> StateError {
    StateError::corrupt("snapshot", source)
}
