//! The contract between a stateful detector and the engine: the phases of one document.
//!
//! ```text
//! probe     pure, parallel          what does this document ask of keyed state?
//! fold      one shard, one thread   state of each key answers, in reading order, and takes the document in
//! describe  pure, parallel          facts about the document that needed the answers
//! remember  serial                  those facts become visible to later documents
//! judge     pure, parallel          answers + facts of earlier documents -> proposals
//! settle    serial, reading order   proposals -> findings, recalls; owns what is global and small
//! epoch boundary    serial                  what settle decided becomes visible to fold
//! ```
//!
//! State that grows with the stream is not saved whole: each settled document leaves a [`ReplayRecord`] in a log, and a restart
//! takes the replay records in again (`refold` a shard, `recollect` the operator). [`Persist`] is for what is bounded.
//!
//! # Contract
//!
//! * Splitting a stream into other batches, or running on other thread counts, changes nothing that leaves the engine.
//! * `fold` computes first and stores last: a panic leaves the key as it was.
//! * Memory is bounded by the operator's config, whatever the input. Eviction happens in `epoch` only, from counts fixed
//!   by the input.
//! * Nothing reads a clock or iterates a map in hash order.

use std::sync::Arc;

use crate::{
    background::Background,
    codec::{Corrupt, Decoder, Encoder},
    config::OperatorConfig,
    document::{Document, SeqNo},
    finding::{Finding, Reason},
    lookup::{Horizon, Ledger},
    merge_index::MergeIndex,
    report::{AlarmReport, ClusterReport},
};

/// Number of shards that keyed state is split into. Fixed: part of every snapshot's layout, independent of threads.
pub const KEY_SHARDS: usize = 16;

/// The shard that owns a key: its top four bits.
#[must_use]
pub fn key_shard_of(key: u64) -> usize {
    (key >> 60) as usize
}

/// When and how a document is folded.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// Reading order.
    pub seqno: SeqNo,
    /// The latest epoch boundary at or before `seqno`. What `judge` reads of other keys' state is as of this epoch boundary.
    pub epoch: SeqNo,
    /// Whether the document votes: not where stateless findings alone withhold it.
    pub votes: bool,
}

/// What one document left for a restart.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRecord<'a> {
    /// Its place in reading order.
    pub seqno: SeqNo,
    /// The latest epoch boundary at or before `seqno`.
    pub epoch: SeqNo,
    /// What [`Operator::replay_record`] wrote.
    pub bytes: &'a [u8],
}

/// State as it was at one moment: writes what [`Persist::save`] would have written then.
pub type TableCopy = Box<dyn FnOnce(&mut Encoder) + Send>;

/// Bounded state that survives a restart.
pub trait Persist {
    /// Writes the state; equal states write equal bytes.
    fn save(&self, out: &mut Encoder);

    /// A copy that another thread can write. It is made while the stream stands still: large tables are copied as they lie
    /// in memory, and written as [`Self::save`] does only then.
    fn copy_table(&self) -> TableCopy {
        let mut out = Encoder::default();
        self.save(&mut out);
        Box::new(move |to| to.bytes.extend(out.bytes))
    }

    /// Replaces the state by what `save` wrote.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes; the state is then unusable and must be dropped.
    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt>;
}

/// A recall that `settle` asks for: `seqno` was let through (or held back as a copy) and is now known to be bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    /// The document recalled.
    pub seqno: SeqNo,
    /// Operator that asks for it.
    pub operator: &'static str,
    /// Why.
    pub reason: Reason,
    /// Alarm that it carries.
    pub alarm: Option<u32>,
}

/// What `settle` decided about one document.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Findings on the document itself.
    pub findings: Vec<Finding>,
    /// Earlier documents to recall, oldest first.
    pub recalls: Vec<Recall>,
}

/// Everything `judge` may read besides the document and its answers.
pub struct Scene<'a, O: Operator + ?Sized> {
    /// When the document was folded.
    pub tick: Tick,
    /// The operator's keyed state. Only what is older than `tick.epoch` may influence the proposal.
    pub shards: &'a [O::KeyShard],
    /// Texts of earlier documents.
    pub horizon: &'a dyn Horizon,
}

/// What an operator looks for. This fixes its turn in settling, and whether other commands than the filter use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something that makes a document suspicious. These operators settle first, and each of them decides on every
    /// document that inspectors alone do not withhold.
    Suspicion,
    /// Earlier documents that a document is a copy of. These operators settle last: only a document that nothing
    /// withholds can be a copy, and the first operator that finds one has it. `weir index` runs these operators alone,
    /// and a finished file shard keeps their replay logs for `weir merge`.
    Copies,
}

/// A detector with state.
pub trait Operator: Persist + Send + Sync + 'static {
    /// Stable name: config key, metric label, a finding's source.
    const NAME: &'static str;
    /// What the operator looks for.
    const ROLE: Role;
    /// The operator's table in the configuration.
    type Config: OperatorConfig;
    /// What one document asks of keyed state.
    type Probe: Send + Sync + 'static;
    /// State of the keys of one shard.
    type KeyShard: Persist + Send + Sync;
    /// One shard's answer to one document.
    type Answer: Default + Send + Sync;
    /// Facts remembered of one document.
    type Facts: Send + Sync;
    /// What judge proposes to settle.
    type Proposal: Default + Send + Sync;

    /// An empty shard.
    fn key_shard(&self) -> Self::KeyShard;

    /// What the document asks; the keys in it are grouped by [`key_shard_of`].
    fn probe(&self, document: &Document) -> Self::Probe;

    /// Answers from the state of shard number `index` and takes the document in.
    fn fold(&self, shard: &mut Self::KeyShard, index: usize, tick: Tick, probe: &Self::Probe) -> Self::Answer;

    /// Facts about the document; `answers` has [`KEY_SHARDS`] entries.
    fn describe(&self, document: &Document, probe: &Self::Probe, answers: &[Self::Answer]) -> Self::Facts;

    /// Makes `facts` the facts of document `seqno`; called for every sequence number, in order. `None`: the sequence number is no
    /// document (a dead letter, a record without text, a failed operator).
    fn remember(&mut self, seqno: SeqNo, facts: Option<Self::Facts>);

    /// Proposes from answers and from facts of earlier documents (never later ones: other documents of the same window
    /// may already be remembered and folded).
    fn judge(
        &self,
        document: &Document,
        probe: &Self::Probe,
        answers: &[Self::Answer],
        scene: &Scene<'_, Self>,
    ) -> Self::Proposal;

    /// Decides, in reading order. `suspect` says that an inspector already withholds the document.
    #[expect(
        clippy::too_many_arguments,
        reason = "the document's own three, the past's two; a struct for each would hide which phase sees what"
    )]
    fn settle(
        &mut self,
        tick: Tick,
        document: &Document,
        probe: &Self::Probe,
        proposal: Self::Proposal,
        suspect: bool,
        ledger: &dyn Ledger,
        horizon: &dyn Horizon,
    ) -> Settled;

    /// At epoch boundary `epoch`: what settle decided before `epoch - W` becomes visible to fold; room is made.
    /// `withdrawn`: documents whose votes go, oldest first.
    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], shards: &mut [Self::KeyShard], horizon: &dyn Horizon);

    /// Writes what a restart needs to take a document in again, once it is settled; nothing if it left no replay record. Bit `i` of
    /// `folded` says that shard `i` took it in.
    fn replay_record(&self, tick: Tick, probe: &Self::Probe, answers: &[Self::Answer], folded: u16, out: &mut Encoder);

    /// The oldest sequence number whose replay record a state needs whose latest epoch boundary is `epoch`.
    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo;

    /// Takes replay records in again in one shard, as `fold` and `epoch` did: a run of sequence numbers, none left out. Runs come in reading
    /// order, from [`Self::oldest_replayed`] or earlier on; every shard has each run before [`Self::recollect`] has it.
    ///
    /// # Errors
    /// If the bytes are not what `replay_record` writes.
    fn refold(&self, shard: &mut Self::KeyShard, index: usize, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt>;

    /// Takes replay records in again in the operator, as `remember`, `settle` and `epoch` did; what [`Persist`] saves is loaded after
    /// the last run.
    ///
    /// # Errors
    /// If the bytes are not what `replay_record` writes.
    fn recollect(&mut self, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt>;

    /// Bytes of memory held, by store, for reports and metrics.
    fn state_bytes(&self, shards: &[Self::KeyShard]) -> Vec<(&'static str, usize)>;

    /// Goes on with another background of the same seed: what a run without a trusted one has learned from its own past.
    /// Called at an epoch boundary, before its documents are probed, always at the same sequence numbers. After a restart
    /// the operator is made with the background in force, and what [`Persist`] saved is loaded then.
    fn set_background(&mut self, _background: &Arc<Background>) {}

    /// Alarms that are looked for, from number `first` on, in the order of raising.
    fn alarms(&self, _first: u32) -> Vec<AlarmReport> {
        Vec::new()
    }

    /// How many alarms were ever raised; their numbers are those below.
    fn alarms_raised(&self) -> u32 {
        0
    }

    /// Takes the alarms that were given up and that no document looks for any more, from the one settled last on.
    fn take_retired_alarms(&mut self) -> Vec<AlarmReport> {
        Vec::new()
    }

    /// Clusters of copies that are still remembered, by ascending id.
    fn clusters(&self) -> Vec<ClusterReport> {
        Vec::new()
    }

    /// An empty index of copies across file shards; `None` if the operator finds none there.
    fn merge_index(_config: &Self::Config) -> Option<Box<dyn MergeIndex>> {
        None
    }
}
