//! What was found in a state folder, and does the same run go on with it?

use crate::{
    engine::Engine,
    run::restart::Restart,
    state::{crash_journal::CrashJournal, snapshot::Snapshots},
};

/// An engine as its newest sound snapshot left it, or a new one.
pub struct Restored {
    /// The engine.
    pub engine: Engine,
    /// Where its snapshots are.
    pub snapshots: Snapshots,
    /// Which batches earlier processes crashed with.
    pub crash_journal: CrashJournal,
    /// What the snapshot says about input and sink.
    pub restart: Restart,
}

impl Restored {
    /// Begins the run that follows, if the state was made by `weir index` and nothing was decided
    /// over it yet. Every other snapshot names a checkpoint of the sink.
    pub fn begin_after_index(&mut self) {
        let has_input = !self.restart.positions.0.is_empty();
        if self.restart.checkpoint.is_none() && self.engine.next() > 0 && has_input {
            self.begin_run_if_new(self.engine.run() + 1);
        }
    }

    /// Begins run number `run` over the state, if the state comes from an earlier run.
    pub fn begin_run_if_new(&mut self, run: u32) {
        if self.engine.run() != run {
            self.engine.begin_run(run);
            self.restart.leave_input();
        }
    }
}
