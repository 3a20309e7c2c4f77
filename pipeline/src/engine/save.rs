//! The engine's part of a snapshot: the bounded tables of its operators, the lengths of its logs, what is pending.

use std::fs::File;

use operators::codec::{Corrupt, Decoder, Encoder};

use super::{Counts, Engine, Lanes, clock::Clock};
use crate::state::{StateError, horizon::Horizon, ledger::Ledger, snapshot::Body};

/// Lengths of the logs at a snapshot: what they are truncated to before the rest is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogLengths {
    /// Sequence numbers given out.
    pub next: u32,
    /// Bytes of the ledger's last file.
    pub ledger_tail: u64,
    /// Bytes of the horizon's last segment.
    pub horizon_tail: u64,
    /// Bytes of the last segment of each lane's replay records, in the order of the lanes.
    pub replay_log: [u64; 3],
}

impl LogLengths {
    /// Writes the lengths: 44 bytes.
    pub fn encode(&self, out: &mut Encoder) {
        out.u32(self.next);
        out.u64(self.ledger_tail);
        out.u64(self.horizon_tail);
        for tail in self.replay_log {
            out.u64(tail);
        }
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let (next, ledger_tail, horizon_tail) = (from.u32()?, from.u64()?, from.u64()?);
        Ok(Self { next, ledger_tail, horizon_tail, replay_log: [from.u64()?, from.u64()?, from.u64()?] })
    }
}

impl Engine {
    /// Hands everything in the logs to the system. Gives their lengths, and the files that must be synced before a snapshot
    /// with these lengths counts.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn flush_logs(&mut self) -> Result<(LogLengths, Vec<File>), StateError> {
        let horizon_tail = self.horizon.flush()?;
        let mut files = self.horizon.unsynced()?;
        let ledger_tail = self.ledger.flush()?;
        files.extend(self.ledger.unsynced()?);
        let Lanes { exact, near, spike } = &mut self.lanes;
        let replay_log = [exact.replay_log.flush()?, near.replay_log.flush()?, spike.replay_log.flush()?];
        files.extend(exact.replay_log.unsynced()?);
        files.extend(near.replay_log.unsynced()?);
        files.extend(spike.replay_log.unsynced()?);
        Ok((LogLengths { next: self.next, ledger_tail, horizon_tail, replay_log }, files))
    }

    /// Copies everything that the logs do not hold to `body`.
    pub fn save(&self, body: &mut Body) {
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
        self.lanes.exact.save(body);
        self.lanes.near.save(body);
        self.lanes.spike.save(body);
    }

    /// Bytes of the last segments of the replay records of exact and of near copies, everything handed to the system.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn replay_log_tails(&mut self) -> Result<[u64; 2], StateError> {
        Ok([self.lanes.exact.replay_log.flush()?, self.lanes.near.replay_log.flush()?])
    }

    /// Makes the ledger durable, for the last pass.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync_ledger(&mut self) -> Result<(), StateError> {
        self.ledger.sync()
    }

    /// Reads what [`Self::save`] wrote. The logs must have been opened with the lengths that go with it.
    ///
    /// # Errors
    /// If the bytes are anything else; the engine must then be dropped.
    pub fn load(&mut self, logs: LogLengths, from: &mut Decoder<'_>) -> Result<(), StateError> {
        if logs.next as usize != self.ledger.len() {
            return Err(corrupt(from.corrupt("as many sequence numbers as the ledger holds")));
        }
        let numbers = [from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?];
        [self.run, self.run_first] = [numbers[0], numbers[1]];
        self.restore_bootstrap(numbers[2])?;
        self.next = logs.next;
        self.load_pending(from).map_err(corrupt)?;
        let epoch = self.settings.epoch;
        self.lanes.exact.load(self.next, epoch, from)?;
        self.lanes.near.load(self.next, epoch, from)?;
        self.lanes.spike.load(self.next, epoch, from)?;
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

    /// Begins another run over the same state: positions and counters start anew, sequence numbers and indexes go on.
    pub fn begin_run(&mut self, run: u32) {
        self.run = run;
        self.run_first = self.next;
        self.counts = Counts::default();
    }

    /// Drops texts and replay records that no kept snapshot reaches.
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
        let Lanes { exact, near, spike } = &mut self.lanes;
        exact.forget_before(last_epoch)?;
        near.forget_before(last_epoch)?;
        spike.forget_before(last_epoch)
    }

    /// The ledger, for the last pass.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Bytes on disk by store.
    pub fn disk_bytes(&self) -> [(&'static str, u64); 3] {
        let Lanes { exact, near, spike } = &self.lanes;
        let replay_log = exact.replay_log.disk_bytes() + near.replay_log.disk_bytes() + spike.replay_log.disk_bytes();
        [("ledger", self.ledger.disk_bytes()), ("horizon", Horizon::disk_bytes(&self.horizon)), ("traces", replay_log)]
    }
}

fn corrupt(source: Corrupt) -> StateError {
    StateError::corrupt("snapshot", source)
}
