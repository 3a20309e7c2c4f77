//! One stateful operator with its shards, and its part in each phase. A panic in an operator is caught here, a document at
//! a time: the document is withheld as `operator_failed` and the stream goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    lookup::{Horizon, Ledger},
    mode::Mode,
    operator::{KEY_SHARDS, Operator, Persist, ReplayRecord, Scene, Settled, TableCopy, Tick},
};
use rayon::prelude::*;

use crate::state::{StateError, replay_log::ReplayLog, snapshot::Body};

/// Runs one phase of one document; `None` if it panicked.
pub(super) fn guarded<T>(phase: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(phase)).ok()
}

/// An operator and the state of its keys.
#[derive(Debug)]
pub struct Lane<O: Operator> {
    /// The operator and what it owns globally.
    pub operator: O,
    /// Keyed state.
    pub shards: Vec<O::KeyShard>,
    /// Whether its findings count; an operator that is off is not asked and holds nothing.
    pub mode: Mode,
    /// What its keyed state is rebuilt from.
    pub replay_log: ReplayLog,
}

impl<O: Operator> Lane<O> {
    /// A lane with empty shards: [`Self::load`] follows where there are replay records.
    pub fn new(operator: O, mode: Mode, replay_log: ReplayLog) -> Self {
        let shards = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
        Self { operator, shards, mode, replay_log }
    }

    /// Whether the operator is asked at all.
    pub fn is_on(&self) -> bool {
        self.mode != Mode::Off
    }

    /// What the document asks; `None` if the lane is off.
    pub fn probe(&self, document: &Document) -> Option<O::Probe> {
        self.is_on().then(|| self.operator.probe(document))
    }

    /// Proposes; nothing if the lane is off.
    pub fn judge(
        &self,
        tick: Tick,
        document: &Document,
        probe: Option<&O::Probe>,
        answers: &[O::Answer],
        horizon: &dyn Horizon,
    ) -> O::Proposal {
        let scene = Scene { tick, shards: &self.shards, horizon };
        probe.map_or_else(O::Proposal::default, |probe| self.operator.judge(document, probe, answers, &scene))
    }

    /// Decides; nothing if the lane is off or the document failed before.
    #[expect(clippy::too_many_arguments, reason = "the operator's own signature, with the probe made optional")]
    pub fn settle(
        &mut self,
        tick: Tick,
        document: &Document,
        probe: Option<&O::Probe>,
        proposal: O::Proposal,
        suspect: bool,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled {
        let operator = &mut self.operator;
        probe.map_or_else(Settled::default, |probe| operator.settle(tick, document, probe, proposal, suspect, ledger, horizon))
    }

    /// Passes an epoch boundary.
    pub fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], horizon: &dyn Horizon) {
        if self.is_on() {
            self.operator.begin_epoch(epoch, withdrawn, &mut self.shards, horizon);
        }
    }

    /// Bytes of memory by store.
    pub fn state_bytes(&self) -> Vec<(&'static str, usize)> {
        if self.is_on() { self.operator.state_bytes(&self.shards) } else { Vec::new() }
    }

    /// Logs what a settled document left; `probe` is `None` where it asked nothing.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn replay_record(
        &mut self,
        tick: Tick,
        probe: Option<&O::Probe>,
        answers: &[O::Answer],
        folded: u16,
        scratch: &mut Encoder,
    ) -> Result<(), StateError> {
        scratch.bytes.clear();
        if let Some(probe) = probe.filter(|_| self.is_on()) {
            self.operator.replay_record(tick, probe, answers, folded, scratch);
        }
        self.replay_log.push(&scratch.bytes)
    }

    /// Drops replay records that no state needs whose latest epoch boundary is `epoch`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget_before(&mut self, epoch: SeqNo) -> Result<(), StateError> {
        self.replay_log.remove_before(self.operator.oldest_replayed(epoch))
    }

    /// Copies the bounded state of operator and shards, shards in parallel.
    pub fn save(&self, out: &mut Body) {
        out.push_slice(self.operator.copy_table());
        let shards: Vec<TableCopy> = self.shards.par_iter().map(Persist::copy_table).collect();
        for shard in shards {
            out.push_slice(shard);
        }
    }

    /// Rebuilds the state at sequence number `next` from replay records and from what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If either is not what it should be.
    pub fn load(&mut self, next: SeqNo, epoch: SeqNo, from: &mut Decoder<'_>) -> Result<(), StateError> {
        if self.is_on() && next > 0 {
            self.replay(self.operator.oldest_replayed((next - 1) / epoch * epoch), epoch)?;
        }
        self.load_section(from).map_err(|e| StateError::corrupt("snapshot", e))
    }

    fn replay(&mut self, from: SeqNo, epoch: SeqNo) -> Result<(), StateError> {
        let Self { operator, shards, replay_log, .. } = self;
        replay_log.replay(from, |first, block| {
            let seqnos = (first..).map(|seqno| (seqno, seqno / epoch * epoch));
            let run: Vec<ReplayRecord<'_>> =
                seqnos.zip(block).map(|((seqno, epoch), bytes)| ReplayRecord { seqno, epoch, bytes }).collect();
            shards.par_iter_mut().enumerate().try_for_each(|(index, shard)| operator.refold(shard, index, &run))?;
            operator.recollect(&run)
        })
    }

    fn load_section(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        fn section(part: &mut impl Persist, bytes: &[u8]) -> Result<(), Corrupt> {
            let mut from = Decoder::new(bytes);
            part.load(&mut from)?;
            from.end()
        }
        section(&mut self.operator, from.slice()?)?;
        for shard in &mut self.shards {
            section(shard, from.slice()?)?;
        }
        Ok(())
    }
}
