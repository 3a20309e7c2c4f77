//! The engine's part of a snapshot: the bounded tables of its operators, the lengths of its logs, what is pending.

use operators::codec::{Corrupt, Decoder, Encoder};

use super::{Counts, Engine, clock::Clock};
use crate::state::{StateError, horizon::Horizon, ledger::Ledger};

/// Lengths of the logs at a snapshot: what they are truncated to before the rest is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogLengths {
    /// Ordinals given out.
    pub next: u32,
    /// Bytes of the ledger.
    pub ledger: u64,
    /// Bytes of the horizon's last segment.
    pub horizon_tail: u64,
}

impl LogLengths {
    /// Reads the lengths that a saved engine begins with.
    ///
    /// # Errors
    /// If the bytes are no saved engine.
    pub fn of(saved: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(Self { next: saved.u32()?, ledger: saved.u64()?, horizon_tail: saved.u64()? })
    }
}

impl Engine {
    /// Makes the logs durable and writes everything else to `out`.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn save(&mut self, out: &mut Encoder) -> Result<(), StateError> {
        let horizon_tail = self.sync()?;
        out.u32(self.next);
        out.u64(self.ledger.log_bytes());
        out.u64(horizon_tail);
        out.u32(self.run);
        out.u32(self.run_first);
        out.u32(self.bootstrap.as_ref().map_or(0, |b| b.learned));
        out.u64(self.withdrawals.len() as u64);
        for (border, ordinals) in &self.withdrawals {
            out.u32(*border);
            out.u32s(ordinals);
        }
        self.counts.save(out);
        self.clock.save(out);
        self.lanes.exact.save(out);
        self.lanes.near.save(out);
        self.lanes.spike.save(out);
        Ok(())
    }

    /// Makes the logs durable; bytes of the horizon's last segment.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync(&mut self) -> Result<u64, StateError> {
        self.ledger.sync()?;
        self.horizon.sync()
    }

    /// Reads what [`Self::save`] wrote; the logs must have been opened with its [`LogLengths`].
    ///
    /// # Errors
    /// If the bytes are anything else; the engine must then be dropped.
    pub fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), StateError> {
        let lengths = LogLengths::of(from).map_err(corrupt)?;
        if lengths.next as usize != self.ledger.len() {
            return Err(corrupt(from.corrupt("as many ordinals as the ledger holds")));
        }
        let numbers = [from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?, from.u32().map_err(corrupt)?];
        [self.run, self.run_first] = [numbers[0], numbers[1]];
        self.restore_bootstrap(numbers[2])?;
        self.load_tables(lengths, from).map_err(corrupt)
    }

    fn load_tables(&mut self, lengths: LogLengths, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        self.next = lengths.next;
        self.withdrawals.clear();
        for _ in 0..from.len(12)? {
            let border = from.u32()?;
            self.withdrawals.insert(border, from.u32s()?);
        }
        self.counts = Counts::load(from)?;
        self.clock = Clock::load(from)?;
        self.lanes.exact.load(from)?;
        self.lanes.near.load(from)?;
        self.lanes.spike.load(from)?;
        self.horizon.border(self.next / self.settings.border * self.settings.border);
        Ok(())
    }

    /// Begins another run over the same state: positions and counters start anew, ordinals and indexes go on.
    pub fn begin_run(&mut self, run: u32) {
        self.run = run;
        self.run_first = self.next;
        self.counts = Counts::default();
    }

    /// Drops texts that no kept snapshot reaches.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_before(&mut self, oldest_kept: u32) -> Result<(), StateError> {
        self.horizon.remove_before(oldest_kept / self.settings.border * self.settings.border)
    }

    /// The ledger, for the last pass.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Bytes on disk by store.
    pub fn disk_bytes(&self) -> [(&'static str, u64); 2] {
        [("ledger", self.ledger.log_bytes()), ("horizon", Horizon::disk_bytes(&self.horizon))]
    }
}

fn corrupt(source: Corrupt) -> StateError {
    StateError::corrupt("snapshot", source)
}
