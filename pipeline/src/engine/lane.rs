//! One stateful operator with its shards, and its part in each phase. A panic in an operator is caught here, a document at
//! a time: the document is withheld as `operator_failed` and the stream goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, Ordinal},
    lookup::{Horizon, Ledger},
    mode::Mode,
    operator::{Operator, Persist, SHARDS, Scene, Settled, Tick},
};

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
    pub shards: Vec<O::Shard>,
    /// Whether its findings count; an operator that is off is not asked and holds nothing.
    pub mode: Mode,
}

impl<O: Operator> Lane<O> {
    /// A lane with empty shards.
    pub fn new(operator: O, mode: Mode) -> Self {
        let shards = (0..SHARDS).map(|_| operator.shard()).collect();
        Self { operator, shards, mode }
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

    /// Passes a border.
    pub fn border(&mut self, border: Ordinal, withdrawn: &[Ordinal], horizon: &dyn Horizon) {
        if self.is_on() {
            self.operator.border(border, withdrawn, &mut self.shards, horizon);
        }
    }

    /// Bytes of memory by store.
    pub fn state_bytes(&self) -> Vec<(&'static str, usize)> {
        if self.is_on() { self.operator.state_bytes(&self.shards) } else { Vec::new() }
    }

    /// Writes operator and shards.
    pub fn save(&self, out: &mut Encoder) {
        let mut section = Encoder::default();
        self.operator.save(&mut section);
        out.slice(&section.bytes);
        for shard in &self.shards {
            section.bytes.clear();
            shard.save(&mut section);
            out.slice(&section.bytes);
        }
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
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
