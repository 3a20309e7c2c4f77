//! What does the engine hold, and what may be asked of it from outside?

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use connectors::position::Position;
use operators::{
    background::Background,
    document::SeqNo,
    lookup::{Fate, Ledger as _},
    report::ClusterReport,
    reputation::{Contributions, PublisherList, publisher},
};

use super::{
    bootstrap::Bootstrap,
    clock::Clock,
    counts::Counts,
    phases::KeyedOperators,
    prepare::Inspectors,
    settings::{JournalUse, Settings},
    spent::{Step, StepTime},
};
use crate::state::{StateError, horizon::Horizon, ledger::Ledger};

/// Everything that the stream has taught so far.
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) background: Arc<Background>,
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) make_inspectors: MakeInspectors,
    pub(super) inspectors: Inspectors,
    /// Publishers whose documents are never withheld but as copies.
    pub(super) allowed: PublisherList,
    pub(super) operators: KeyedOperators,
    pub(super) ledger: Ledger,
    pub(super) horizon: Horizon,
    pub(super) next: SeqNo,
    pub(super) run: u32,
    pub(super) run_first: SeqNo,
    /// Documents whose votes go, by the epoch boundary at which they do.
    pub(super) withdrawals: BTreeMap<SeqNo, Vec<SeqNo>>,
    pub(super) clock: Clock,
    pub(super) counts: Counts,
}

/// Makes the inspectors against a background: anew when a stage that learns from its own past has
/// learned more.
pub type MakeInspectors = Box<dyn Fn(&Arc<Background>) -> Inspectors + Send + Sync>;

/// What an engine is made of.
pub struct EngineParts {
    /// Resolved settings.
    pub settings: Settings,
    /// What ordinary text looks like.
    pub background: Arc<Background>,
    /// How to learn where there is no trusted background.
    pub bootstrap: Option<Bootstrap>,
    /// The operators without state.
    pub make_inspectors: MakeInspectors,
    /// Publishers whose documents are never withheld but as copies.
    pub allowed: PublisherList,
    /// The operators with keyed state.
    pub operators: KeyedOperators,
    /// The fates of documents.
    pub ledger: Ledger,
    /// The texts of documents.
    pub horizon: Horizon,
}

impl Engine {
    /// Makes an engine that has seen nothing. Its logs are empty or hold an earlier run's state; in
    /// the second case [`Self::load`] has to follow.
    pub fn new(parts: EngineParts) -> Self {
        Self {
            inspectors: (parts.make_inspectors)(&parts.background),
            settings: parts.settings,
            background: parts.background,
            bootstrap: parts.bootstrap,
            make_inspectors: parts.make_inspectors,
            allowed: parts.allowed,
            operators: parts.operators,
            ledger: parts.ledger,
            horizon: parts.horizon,
            next: 0,
            run: 0,
            run_first: 0,
            withdrawals: BTreeMap::new(),
            clock: Clock::default(),
            counts: Counts::default(),
        }
    }

    /// The next sequence number.
    pub fn next(&self) -> SeqNo {
        self.next
    }

    /// What has been counted so far in this run.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Gives up everything but the settings.
    pub fn into_settings(self) -> Settings {
        self.settings
    }

    /// Replaces the names of the partitions, because new ones have appeared or a journal numbers
    /// them otherwise.
    pub fn name_partitions(&mut self, names: &[String]) {
        if self.settings.partitions != names {
            self.settings.partitions = names.to_vec();
        }
    }

    /// From here on records come from a broker and go to one, possibly for months.
    pub fn use_broker(&mut self) {
        self.settings.broker = true;
        self.forget_beyond_reach();
    }

    /// Makes this engine number `shard` of several file shards, and names its alarms so.
    pub fn be_shard(&mut self, shard: u32) {
        self.settings.shard = Some(shard);
    }

    /// From here on no journal record is kept.
    pub fn without_journal(&mut self) {
        self.settings.journal = JournalUse::Dropped;
    }

    /// From here on documents are taken into the indexes of copies and nothing else.
    pub fn only_index(&mut self) {
        self.settings.only_indexes = true;
    }

    /// From here on forgets the identities of documents that nothing refers to any more. A replay
    /// needs all of them at its end, so it does not call this.
    pub fn forget_beyond_reach(&mut self) {
        self.settings.forgets = true;
    }

    /// The settled watermark: no document before this sequence number will be recalled or restored
    /// any more, because it is beyond the recall horizon.
    pub fn settled_watermark(&self) -> SeqNo {
        self.horizon.floor()
    }

    /// Makes the engine withhold these records without looking at them, because they kill the
    /// process.
    pub fn skip(&mut self, records: impl IntoIterator<Item = Position>) {
        self.settings.skips.extend(records);
    }

    /// The fates of documents.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number of this run over its state.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// The first sequence number of this run.
    pub fn run_first(&self) -> SeqNo {
        self.run_first
    }

    /// How much publishers that the background does not know have contributed in this run. This is
    /// read from the ledger and takes about 2 us a document.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn contributions(&self) -> Result<Contributions, StateError> {
        let mut contributions = Contributions::default();
        for seqno in self.run_first..self.next {
            let Some(identity) = self.ledger.identity(seqno)? else { continue };
            let publisher = publisher::named(&identity.publisher, self.settings.features.seed);
            if !self.background.knows_publisher(publisher.key) {
                contributions.add(&publisher);
            }
        }
        Ok(contributions)
    }

    /// Clusters of copies that are still remembered.
    pub fn clusters(&self) -> Vec<ClusterReport> {
        self.operators.iter().flat_map(|operator| operator.clusters()).collect()
    }

    /// How many documents of this run are in the corpus now: clean at arrival and not recalled, or
    /// restored.
    pub fn final_clean(&self) -> u64 {
        (self.run_first..self.next).filter(|&o| self.ledger.fate(o) == Fate::Clean).count() as u64
    }

    /// How long each step has taken so far, by its name, and by the name of the operator where one
    /// took it; else "".
    pub fn spent(&self) -> Vec<(&'static str, &'static str, Duration)> {
        let operator = |time: &StepTime| match time.step {
            Step::Inspect => self.inspectors.get(time.operator).map(|(inspector, _)| inspector.name()),
            Step::Probe | Step::Fold | Step::Describe | Step::Remember | Step::Judge => {
                self.operators.get(time.operator).map(|operator| operator.name())
            }
            _ => None,
        };
        let times = self.settings.spent.times();
        times.iter().map(|time| (time.step.name(), operator(time).unwrap_or_default(), time.took)).collect()
    }

    /// Bytes of memory by store.
    pub fn state_bytes(&self) -> Vec<(&'static str, usize)> {
        let mut all = vec![("ledger", self.ledger.memory_bytes()), ("horizon", self.horizon.memory_bytes())];
        all.extend(self.operators.iter().flat_map(|operator| operator.state_bytes()));
        all
    }
}
