//! What does the engine ask of a keyed operator? A runtime is an operator with its key shards and
//! its replay log, and does the operator's part in each phase.
//!
//! The engine holds a list of [`OperatorRuntime`]s and never names an operator. [`TypedRuntime`] is
//! the one implementation; it is generic over the operator, so `fold` is compiled for each operator
//! on its own. Only what a document asks travels through the engine without its type ([`Probe`]);
//! answers, facts and proposals of the window stay here.
//!
//! A panic of an operator is caught for each document: the document is withheld as
//! `operator_failed`, and the stream goes on.
//!
//! **Cost** of hiding the types: one allocation a document and operator, and a comparison of type
//! ids each time an operator looks at a document; below a microsecond a document.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use operators::{
    background::Background,
    codec::{Corrupt, Decoder, Encoder},
    document::{Document, SeqNo},
    lookup::{Horizon, Ledger},
    mode::Mode,
    operator::{KEY_SHARDS, Operator, Persist, ReplayRecord, Role, Scene, Settled, TableCopy, Tick},
    report::{AlarmReport, ClusterReport},
};
use rayon::prelude::*;

use super::{
    fault::Mutation,
    item::{Computed, Probe, Window, Work},
    spent::Step,
};
use crate::state::{StateError, replay_log::ReplayLog, snapshot::SnapshotBody};

/// Runs one phase of one document; `None` if it panicked.
pub(super) fn guarded<T>(phase: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(phase)).ok()
}

/// A keyed operator as the engine sees it. `at` is a record's place in the window that was folded
/// last.
///
/// The phases that run in parallel return, for each record of the window, whether the operator
/// panicked on it.
pub trait OperatorRuntime: Send + Sync {
    /// The operator's name.
    fn name(&self) -> &'static str;

    /// What the operator looks for.
    fn role(&self) -> Role;

    /// Whether the operator's findings count. An operator that is off is asked nothing and holds
    /// nothing.
    fn mode(&self) -> Mode;

    /// What a document asks; `None` if the operator is off.
    fn probe(&self, document: &Document) -> Option<Probe>;

    /// Every key shard answers every document of the window and takes it in. Shards run in
    /// parallel, each in reading order.
    fn fold(&mut self, window: &Window<'_>) -> Vec<bool>;

    /// Computes the facts of every document of the window.
    fn describe(&mut self, window: &Window<'_>) -> Vec<bool>;

    /// Makes the facts visible to later documents, in reading order.
    fn remember(&mut self, window: &Window<'_>);

    /// Works out a proposal on every document of the window.
    fn judge(&mut self, window: &Window<'_>, horizon: &dyn Horizon) -> Vec<bool>;

    /// Decides on one document. `suspect` says that the document is withheld already, or that it is
    /// a copy already.
    fn settle(&mut self, at: usize, tick: Tick, document: &Computed, suspect: bool, past: Past<'_>) -> Settled;

    /// Logs what a restart needs of a settled record; `work` is `None` where the record asked
    /// nothing.
    ///
    /// # Errors
    /// If the log cannot be written.
    fn log(&mut self, at: usize, tick: Tick, work: Option<&Work>) -> Result<(), StateError>;

    /// Passes an epoch boundary.
    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], horizon: &dyn Horizon);

    /// Goes on with another background.
    fn set_background(&mut self, background: &Arc<Background>);

    /// Alarms that are looked for, from number `first` on.
    fn alarms(&self, first: u32) -> Vec<AlarmReport>;

    /// How many alarms were ever raised.
    fn alarms_raised(&self) -> u32;

    /// Takes the alarms that no document looks for any more.
    fn take_retired_alarms(&mut self) -> Vec<AlarmReport>;

    /// Clusters of copies that are still remembered.
    fn clusters(&self) -> Vec<ClusterReport>;

    /// Bytes of memory by store.
    fn state_bytes(&self) -> Vec<(&'static str, usize)>;

    /// What the keyed state is rebuilt from.
    fn replay_log(&mut self) -> &mut ReplayLog;

    /// Bytes on disk of [`Self::replay_log`].
    fn disk_bytes(&self) -> u64;

    /// Drops replay records that no state needs whose latest epoch boundary is `epoch`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    fn forget_before(&mut self, epoch: SeqNo) -> Result<(), StateError>;

    /// Copies the bounded state of the operator and of its key shards, shards in parallel.
    fn save(&self, out: &mut SnapshotBody);

    /// Rebuilds the state at sequence number `next` from replay records and from what
    /// [`Self::save`] wrote; `epoch` is the number of records between two epoch boundaries.
    ///
    /// # Errors
    /// If either is not what it should be.
    fn load(&mut self, next: SeqNo, epoch: SeqNo, from: &mut Decoder<'_>) -> Result<(), StateError>;
}

/// The section of a snapshot that says whether sections of the operator follow.
const ON: &[u8] = &[1];
const OFF: &[u8] = &[0];

/// What settling may ask about earlier documents.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// Their fates.
    pub ledger: &'a dyn Ledger,
    /// Their texts.
    pub horizon: &'a dyn Horizon,
}

/// An operator of a known type, with the state of its keys.
pub struct TypedRuntime<O: Operator> {
    operator: O,
    shards: Vec<O::KeyShard>,
    mode: Mode,
    replay_log: ReplayLog,
    /// The operator's place among the operators, and so its place among a document's probes.
    number: usize,
    /// For each record of the window, what the phases have left so far.
    window: Vec<Pending<O>>,
    /// A replay record that is being written.
    scratch: Encoder,
}

/// What the phases so far have left of one document.
struct Pending<O: Operator> {
    /// One for each key shard; empty if the document asked nothing.
    answers: Vec<O::Answer>,
    /// Bit `i` says that key shard `i` took the document in.
    folded: u16,
    facts: Option<O::Facts>,
    proposal: O::Proposal,
}

/// What one key shard answered to one document.
enum ShardAnswer<A> {
    /// The document asked nothing.
    Unasked,
    /// The operator panicked.
    Failed,
    /// The document was taken in.
    Given(A),
}

impl<O: Operator> Pending<O> {
    fn new() -> Self {
        Self { answers: Vec::new(), folded: 0, facts: None, proposal: O::Proposal::default() }
    }
}

impl<O: Operator> TypedRuntime<O> {
    /// An operator with empty key shards; `number` is its place among the operators. An operator
    /// that is off has no key shards, so it takes no memory. [`OperatorRuntime::load`] follows where
    /// there is something to restore.
    pub fn new(number: usize, operator: O, mode: Mode, replay_log: ReplayLog) -> Self {
        let shards = if mode == Mode::Off { 0 } else { KEY_SHARDS };
        let shards = (0..shards).map(|_| operator.key_shard()).collect();
        Self { operator, shards, mode, replay_log, number, window: Vec::new(), scratch: Encoder::default() }
    }

    fn is_on(&self) -> bool {
        self.mode != Mode::Off
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

    fn load_sections(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt> {
        fn section(part: &mut impl Persist, bytes: &[u8]) -> Result<(), Corrupt> {
            let mut from = Decoder::new(bytes);
            part.load(&mut from)?;
            from.end()
        }
        if from.slice()? != ON {
            return Ok(());
        }
        if !self.is_on() {
            return (0..=KEY_SHARDS).try_for_each(|_| from.slice().map(drop));
        }
        section(&mut self.operator, from.slice()?)?;
        for shard in &mut self.shards {
            section(shard, from.slice()?)?;
        }
        Ok(())
    }
}

/// What a document asks of operator number `number`; `None` if it asks nothing.
fn probe_of<O: Operator>(number: usize, document: &Computed) -> Option<&O::Probe> {
    document.probes.get(number)?.as_ref()?.downcast_ref()
}

impl<O: Operator> OperatorRuntime for TypedRuntime<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn role(&self) -> Role {
        O::ROLE
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn probe(&self, document: &Document) -> Option<Probe> {
        self.is_on().then(|| Box::new(self.operator.probe(document)) as Probe)
    }

    fn fold(&mut self, window: &Window<'_>) -> Vec<bool> {
        if !self.is_on() {
            return vec![false; window.items.len()];
        }
        let (operator, number) = (&self.operator, self.number);
        let folds_first = O::ROLE == Role::Copies && window.settings.faults.is_off(Mutation::NoSelfCheck);
        let answers_of = |(index, shard): (usize, &mut O::KeyShard)| {
            let answer = |at| {
                let Some((tick, work)) = window.document(at) else { return ShardAnswer::Unasked };
                let Some(probe) = probe_of::<O>(number, &work.computed) else { return ShardAnswer::Unasked };
                if folds_first {
                    operator.fold(shard, index, tick, probe);
                }
                guarded(|| operator.fold(shard, index, tick, probe)).map_or(ShardAnswer::Failed, ShardAnswer::Given)
            };
            window.settings.spent.by(Step::Fold, number, || (0..window.items.len()).map(answer).collect::<Vec<_>>())
        };
        let by_shard: Vec<_> = self.shards.par_iter_mut().enumerate().map(answers_of).collect();
        self.window = window.items.iter().map(|_| Pending::new()).collect();
        let mut failed = vec![false; window.items.len()];
        for (index, answers) in by_shard.into_iter().enumerate() {
            for ((pending, failed), answer) in self.window.iter_mut().zip(&mut failed).zip(answers) {
                match answer {
                    ShardAnswer::Unasked => {}
                    ShardAnswer::Failed => {
                        pending.answers.push(O::Answer::default());
                        *failed = true;
                    }
                    ShardAnswer::Given(answer) => {
                        pending.answers.push(answer);
                        pending.folded |= 1 << index;
                    }
                }
            }
        }
        failed
    }

    fn describe(&mut self, window: &Window<'_>) -> Vec<bool> {
        let (operator, number) = (&self.operator, self.number);
        let describe = |(at, pending): (usize, &mut Pending<O>)| {
            let Some((_, work)) = window.sound_document(at) else { return false };
            let Some(probe) = probe_of::<O>(number, &work.computed) else { return false };
            let describe = || guarded(|| operator.describe(&work.computed.document, probe, &pending.answers));
            pending.facts = window.settings.spent.by(Step::Describe, number, describe);
            pending.facts.is_none()
        };
        let mut failed: Vec<bool> = self.window.par_iter_mut().enumerate().map(describe).collect();
        failed.resize(window.items.len(), false);
        failed
    }

    fn remember(&mut self, window: &Window<'_>) {
        if !self.is_on() {
            return;
        }
        for (at, (item, pending)) in window.items.iter().zip(&mut self.window).enumerate() {
            let facts = pending.facts.take().filter(|_| window.sound_document(at).is_some());
            self.operator.remember(item.seqno, facts);
        }
    }

    fn judge(&mut self, window: &Window<'_>, horizon: &dyn Horizon) -> Vec<bool> {
        let Self { operator, shards, number, window: pending, .. } = self;
        let judge = |(at, pending): (usize, &mut Pending<O>)| {
            let Some((tick, work)) = window.sound_document(at) else { return false };
            let Some(probe) = probe_of::<O>(*number, &work.computed) else { return false };
            let scene = Scene { tick, shards, horizon };
            let judge = || guarded(|| operator.judge(&work.computed.document, probe, &pending.answers, &scene));
            let proposal = window.settings.spent.by(Step::Judge, *number, judge);
            let failed = proposal.is_none();
            pending.proposal = proposal.unwrap_or_default();
            failed
        };
        // Judging one page may take as long as judging a hundred others, so every page is a task of
        // its own.
        pending.par_iter_mut().enumerate().with_max_len(1).map(judge).collect()
    }

    fn settle(&mut self, at: usize, tick: Tick, document: &Computed, suspect: bool, past: Past<'_>) -> Settled {
        let Some(probe) = probe_of::<O>(self.number, document) else { return Settled::default() };
        let proposal = self.window.get_mut(at).map(|pending| std::mem::take(&mut pending.proposal)).unwrap_or_default();
        self.operator.settle(tick, &document.document, probe, proposal, suspect, past.ledger, past.horizon)
    }

    fn log(&mut self, at: usize, tick: Tick, work: Option<&Work>) -> Result<(), StateError> {
        self.scratch.bytes.clear();
        let probe = work.and_then(|work| probe_of::<O>(self.number, &work.computed));
        if let Some((probe, pending)) = probe.zip(self.window.get(at)) {
            self.operator.replay_record(tick, probe, &pending.answers, pending.folded, &mut self.scratch);
        }
        self.replay_log.push(&self.scratch.bytes)
    }

    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], horizon: &dyn Horizon) {
        if self.is_on() {
            self.operator.begin_epoch(epoch, withdrawn, &mut self.shards, horizon);
        }
    }

    fn set_background(&mut self, background: &Arc<Background>) {
        self.operator.set_background(background);
    }

    fn alarms(&self, first: u32) -> Vec<AlarmReport> {
        self.operator.alarms(first)
    }

    fn alarms_raised(&self) -> u32 {
        self.operator.alarms_raised()
    }

    fn take_retired_alarms(&mut self) -> Vec<AlarmReport> {
        self.operator.take_retired_alarms()
    }

    fn clusters(&self) -> Vec<ClusterReport> {
        self.operator.clusters()
    }

    fn state_bytes(&self) -> Vec<(&'static str, usize)> {
        if self.is_on() { self.operator.state_bytes(&self.shards) } else { Vec::new() }
    }

    fn replay_log(&mut self) -> &mut ReplayLog {
        &mut self.replay_log
    }

    fn disk_bytes(&self) -> u64 {
        self.replay_log.disk_bytes()
    }

    fn forget_before(&mut self, epoch: SeqNo) -> Result<(), StateError> {
        self.replay_log.remove_before(self.operator.oldest_replayed(epoch))
    }

    fn save(&self, out: &mut SnapshotBody) {
        let is_on = self.is_on();
        out.push_slice(Box::new(move |to| to.bytes.extend(if is_on { ON } else { OFF })));
        if !is_on {
            return;
        }
        out.push_slice(self.operator.copy_table());
        let shards: Vec<TableCopy> = self.shards.par_iter().map(Persist::copy_table).collect();
        for shard in shards {
            out.push_slice(shard);
        }
    }

    fn load(&mut self, next: SeqNo, epoch: SeqNo, from: &mut Decoder<'_>) -> Result<(), StateError> {
        if self.is_on() && next > 0 {
            self.replay(self.operator.oldest_replayed((next - 1) / epoch * epoch), epoch)?;
        }
        self.load_sections(from).map_err(|e| StateError::corrupt("snapshot", e))
    }
}
