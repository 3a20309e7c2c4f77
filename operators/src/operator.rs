//! What must a detector with state do? The contract between an operator and the engine, phase by
//! phase.
//!
//! ```text
//! probe      pure, parallel          what the document asks of keyed state
//! fold       by key shard, in order  each key's state answers, and takes the document in
//! describe   pure, parallel          facts about the document that need the answers
//! remember   serial                  the facts become visible to later documents
//! judge      pure, parallel          answers and facts of earlier documents become a proposal
//! settle     serial, in order        the proposal becomes findings and recalls
//! epoch      serial                  what settle decided becomes visible to fold
//! ```
//!
//! "In order" is reading order: the order of sequence numbers.
//!
//! State that grows with the stream is not saved whole. Each settled document leaves a
//! [`ReplayRecord`] in a log, and a restart takes the records in again: `refold` in each key shard,
//! `recollect` in the operator. [`Persist`] is for state of bounded size, which goes into every
//! snapshot.
//!
//! # Contract
//!
//! * Splitting a stream into other batches, or running on other numbers of threads, changes nothing
//!   that leaves the engine.
//! * `fold` computes first and stores last, so a panic leaves the key as it was.
//! * Memory is bounded by the operator's configuration, whatever the input. Entries are evicted in
//!   `begin_epoch` alone, by counts that the input fixes.
//! * No phase reads a clock or iterates a map in hash order.
//!
//! [`crate::conformance`] tests what of this can be seen on one thread.

use std::sync::Arc;

use crate::{
    background::Background,
    codec::{Corrupt, Decoder, Encoder},
    config::OperatorConfig,
    document::{Document, SeqNo},
    finding::{Finding, Reason},
    lookup::{Horizon, Ledger, Recollection},
    merge_index::MergeIndex,
    report::{AlarmReport, ClusterReport},
};

/// Number of shards that an operator's keyed state is split into. The number is part of every
/// snapshot's layout, so it is the same on every machine, however many threads there are.
pub const KEY_SHARDS: usize = 16;

/// The key shard that owns a key: the key's upper four bits.
#[must_use]
pub fn key_shard_of(key: u64) -> usize {
    (key >> 60) as usize
}

/// When and how a document is folded.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// The document's place in reading order.
    pub seqno: SeqNo,
    /// The latest epoch boundary at or before `seqno`. What `judge` reads of other keys' state is
    /// as of this boundary.
    pub epoch: SeqNo,
    /// Whether the document votes. It does not if the findings of inspectors alone withhold it.
    pub votes: bool,
}

/// What one document left for a restart.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRecord<'a> {
    /// The document's place in reading order.
    pub seqno: SeqNo,
    /// The latest epoch boundary at or before `seqno`.
    pub epoch: SeqNo,
    /// What [`Operator::replay_record`] wrote.
    pub bytes: &'a [u8],
}

/// State as it was at one moment. Called, it writes what [`Persist::save`] would have written at
/// that moment.
pub type TableCopy = Box<dyn FnOnce(&mut Encoder) + Send>;

/// State of bounded size that survives a restart.
pub trait Persist {
    /// Writes the state. Equal states write equal bytes.
    fn save(&self, out: &mut Encoder);

    /// Copies the state, so that another thread can write it. The stream stands still while the
    /// copy is made, so large tables are copied as they lie in memory, and are brought into the
    /// form of [`Self::save`] only when the copy is written.
    fn copy_table(&self) -> TableCopy {
        let mut out = Encoder::default();
        self.save(&mut out);
        Box::new(move |to| to.bytes.extend(out.bytes))
    }

    /// Replaces the state by what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the bytes are not what `save` writes. The state is then unusable and must be dropped.
    fn load(&mut self, from: &mut Decoder<'_>) -> Result<(), Corrupt>;
}

/// A recall: a document that was let through, or held back as a copy, is now known to be bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    /// The document that is recalled.
    pub seqno: SeqNo,
    /// The operator that asks for the recall.
    pub operator: &'static str,
    /// The reason.
    pub reason: Reason,
    /// The alarm that the document carries, if it carries one.
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

/// What `judge` may read besides the document and its answers.
pub struct Scene<'a, O: Operator + ?Sized> {
    /// When the document was folded.
    pub tick: Tick,
    /// The operator's keyed state. Only what is older than `tick.epoch` may influence the proposal.
    pub shards: &'a [O::KeyShard],
    /// Texts of earlier documents.
    pub horizon: &'a dyn Horizon,
}

/// What an operator looks for. The role fixes when the operator settles, and which commands besides
/// the filter use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something that makes a document suspicious. These operators settle first, and each of them
    /// decides on every document that inspectors alone do not withhold.
    Suspicion,
    /// Earlier documents of which a document is a copy. These operators settle last: only a
    /// document that nothing withholds can be a copy, and the first operator that finds it to be
    /// one has it. `weir index` runs these operators alone, and a finished file shard keeps their
    /// replay logs for `weir merge`.
    Copies,
}

/// A detector with state.
pub trait Operator: Persist + Send + Sync + 'static {
    /// The operator's stable name: its key in the configuration, its label in metrics, and the
    /// source of its findings.
    const NAME: &'static str;
    /// What the operator looks for.
    const ROLE: Role;
    /// What the operator asks of the texts of earlier documents.
    const RECOLLECTION: Recollection = Recollection::Search;
    /// The operator's table in the configuration.
    type Config: OperatorConfig;
    /// What one document asks of keyed state.
    type Probe: Send + Sync + 'static;
    /// The state of the keys of one shard.
    type KeyShard: Persist + Send + Sync;
    /// The answer of one key shard to one document.
    type Answer: Default + Send + Sync;
    /// The facts that are remembered of one document.
    type Facts: Send + Sync;
    /// What `judge` proposes to `settle`.
    type Proposal: Default + Send + Sync;

    /// Makes an empty key shard.
    fn key_shard(&self) -> Self::KeyShard;

    /// Computes what the document asks. The keys in it belong to shards by [`key_shard_of`].
    fn probe(&self, document: &Document) -> Self::Probe;

    /// Answers from the state of key shard number `index`, and takes the document in.
    fn fold(&self, shard: &mut Self::KeyShard, index: usize, tick: Tick, probe: &Self::Probe) -> Self::Answer;

    /// Computes facts about the document; `answers` has [`KEY_SHARDS`] entries.
    fn describe(&self, document: &Document, probe: &Self::Probe, answers: &[Self::Answer]) -> Self::Facts;

    /// Makes `facts` the facts of document `seqno`. Called for every sequence number, in order.
    /// `None` says that the sequence number is no document: a dead letter, a record without text,
    /// or one on which an operator failed.
    fn remember(&mut self, seqno: SeqNo, facts: Option<Self::Facts>);

    /// Proposes from answers and from facts of earlier documents. Facts of later documents may be
    /// there already, since a window is folded and remembered as a whole; they must not be used.
    fn judge(
        &self,
        document: &Document,
        probe: &Self::Probe,
        answers: &[Self::Answer],
        scene: &Scene<'_, Self>,
    ) -> Self::Proposal;

    /// Decides on the document, in reading order. `suspect` says that the document is withheld
    /// already, or that it is a copy already: see [`Role`].
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

    /// Passes the epoch boundary at sequence number `epoch`. What `settle` decided on documents
    /// before `epoch - W`, where W is the number of records between two boundaries, becomes visible
    /// to `fold`, and room is made. `withdrawn` are documents whose votes no longer count, oldest
    /// first.
    fn begin_epoch(&mut self, epoch: SeqNo, withdrawn: &[SeqNo], shards: &mut [Self::KeyShard], horizon: &dyn Horizon);

    /// Writes what a restart needs to take a settled document in again, or nothing if it left
    /// nothing. Bit `i` of `folded` says that key shard `i` took the document in.
    fn replay_record(&self, tick: Tick, probe: &Self::Probe, answers: &[Self::Answer], folded: u16, out: &mut Encoder);

    /// The oldest sequence number whose replay record is needed by a state whose latest epoch
    /// boundary is `epoch`.
    fn oldest_replayed(&self, epoch: SeqNo) -> SeqNo;

    /// Takes replay records in again in one key shard, as `fold` and `begin_epoch` did. `run` is a
    /// run of sequence numbers without a gap. Runs come in reading order, beginning with
    /// [`Self::oldest_replayed`] or earlier; every shard has each run before [`Self::recollect`]
    /// has it.
    ///
    /// # Errors
    /// If the bytes are not what `replay_record` writes.
    fn refold(&self, shard: &mut Self::KeyShard, index: usize, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt>;

    /// Takes replay records in again in the operator, as `remember`, `settle` and `begin_epoch`
    /// did. What [`Persist`] saved is loaded after the last run.
    ///
    /// # Errors
    /// If the bytes are not what `replay_record` writes.
    fn recollect(&mut self, run: &[ReplayRecord<'_>]) -> Result<(), Corrupt>;

    /// Bytes of memory held, by store, for reports and metrics.
    fn state_bytes(&self, shards: &[Self::KeyShard]) -> Vec<(&'static str, usize)>;

    /// Goes on with another background of the same seed: what a run without a trusted one has
    /// learned from its own past. Called at an epoch boundary, before the documents behind it are
    /// probed, always at the same sequence numbers. After a restart the operator is made with the
    /// background in force, and what [`Persist`] saved is loaded then.
    fn set_background(&mut self, _background: &Arc<Background>) {}

    /// The alarms that are looked for, from number `first` on, in the order in which they were
    /// raised.
    fn alarms(&self, _first: u32) -> Vec<AlarmReport> {
        Vec::new()
    }

    /// How many alarms were ever raised. Their numbers are those below.
    fn alarms_raised(&self) -> u32 {
        0
    }

    /// Takes the alarms that were given up, and that no document looks for any more from the one
    /// settled last on.
    fn take_retired_alarms(&mut self) -> Vec<AlarmReport> {
        Vec::new()
    }

    /// Clusters of copies that are still remembered, by ascending id.
    fn clusters(&self) -> Vec<ClusterReport> {
        Vec::new()
    }

    /// Makes an empty index of copies across file shards; `None` if the operator finds none there.
    fn merge_index(_config: &Self::Config) -> Option<Box<dyn MergeIndex>> {
        None
    }
}
