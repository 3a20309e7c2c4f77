//! The engine: records in reading order become decisions, recalls and restores. It knows no files and no brokers.
//!
//! [`Engine::process`] takes a batch through the phases; a batch is never a unit of meaning, so any split of a stream
//! gives the same output. [`Engine::save`] and [`Engine::load`] carry everything over a restart that the logs do not hold.

mod bootstrap;
mod clock;
pub mod counts;
pub mod fault;
mod lane;
mod outcome;
mod phases;
mod prepare;
mod save;
mod settings;
mod settle;

use std::{collections::BTreeMap, sync::Arc};

use connectors::{position::Position, source::Record};
use operators::{
    background::Background,
    codec::Encoder,
    document::SeqNo,
    exact_dedup::ExactDedup,
    lookup::{Fate, Ledger as _},
    near_dup::NearDup,
    reputation::{Contributions, Reputation, publisher},
    trigger_spike::{Alarm, TriggerSpike},
};

pub use bootstrap::Bootstrap;
pub use counts::Counts;
pub use lane::Lane;
pub use outcome::{Decided, FateChange, NamedAlarm, Outcome};
pub use prepare::{Content, Inspectors, Item};
pub use save::LogLengths;
pub use settings::{Reach, Settings};

use self::{clock::Clock, fault::Mutation, phases::Proposals};
use crate::{
    journal::Journal,
    state::{StateError, horizon::Horizon, ledger::Ledger},
};

/// The stateful operators.
pub struct Lanes {
    /// Exact copies.
    pub exact: Lane<ExactDedup>,
    /// Near copies.
    pub near: Lane<NearDup>,
    /// Phrases.
    pub spike: Lane<TriggerSpike>,
}

/// Everything that the stream has taught so far.
pub struct Engine {
    settings: Settings,
    background: Arc<Background>,
    bootstrap: Option<Bootstrap>,
    make_inspectors: MakeInspectors,
    inspectors: Inspectors,
    reputation: Reputation,
    lanes: Lanes,
    ledger: Ledger,
    horizon: Horizon,
    next: SeqNo,
    run: u32,
    run_first: SeqNo,
    withdrawals: BTreeMap<SeqNo, Vec<SeqNo>>,
    clock: Clock,
    counts: Counts,
}

/// Inspectors against a background: made anew when a stage that learns from its own past has learned more.
pub type MakeInspectors = Box<dyn Fn(&Arc<Background>) -> Inspectors + Send + Sync>;

/// What an engine is made of.
pub struct Parts {
    /// Resolved settings.
    pub settings: Settings,
    /// What ordinary text looks like.
    pub background: Arc<Background>,
    /// How to learn where there is no trusted background.
    pub bootstrap: Option<Bootstrap>,
    /// The stateless operators.
    pub make_inspectors: MakeInspectors,
    /// Lists and verdicts.
    pub reputation: Reputation,
    /// The stateful operators.
    pub lanes: Lanes,
    /// The fates.
    pub ledger: Ledger,
    /// The texts.
    pub horizon: Horizon,
}

/// A batch on its way: decoded as far as the background in force serves.
pub struct Prepared {
    items: Vec<Item>,
    rest: Vec<Record>,
    votes: Option<Vec<bool>>,
}

impl Prepared {
    /// Records in the batch.
    #[allow(clippy::len_without_is_empty, reason = "nobody prepares an empty batch")]
    pub fn len(&self) -> usize {
        self.items.len() + self.rest.len()
    }

    /// Where the records stand, in reading order.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.items.iter().map(|item| item.record.position).chain(self.rest.iter().map(|record| record.position))
    }
}

/// What a batch became.
#[derive(Default)]
pub struct Processed {
    /// One for each record, in reading order.
    pub outcomes: Vec<Outcome>,
    /// The order, and who voted.
    pub journal: Journal,
}

impl Engine {
    /// An engine that has seen nothing, over logs that are empty or hold an earlier run's state ([`Self::load`] follows).
    pub fn new(parts: Parts) -> Self {
        Self {
            inspectors: (parts.make_inspectors)(&parts.background),
            settings: parts.settings,
            background: parts.background,
            bootstrap: parts.bootstrap,
            make_inspectors: parts.make_inspectors,
            reputation: parts.reputation,
            lanes: parts.lanes,
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

    /// What was counted so far in this run.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes up the names of partitions: new ones have appeared, or a journal numbers them otherwise.
    pub fn name_partitions(&mut self, names: &[String]) {
        if self.settings.partitions != names {
            self.settings.partitions = names.to_vec();
        }
    }

    /// Records come from a broker and go to one, for months.
    pub fn use_broker(&mut self) {
        self.settings.broker = true;
        self.forget_beyond_reach();
    }

    /// This is one of several machines' share: its alarms are named so.
    pub fn be_shard(&mut self, shard: u32) {
        self.settings.shard = Some(shard);
    }

    /// From here on documents are taken into the indexes of copies and nothing else.
    pub fn only_index(&mut self) {
        self.settings.only_indexes = true;
    }

    /// Forgets who documents were that nothing refers to any more. A replay asks for all of them at its end.
    pub fn forget_beyond_reach(&mut self) {
        self.settings.forgets = true;
    }

    /// The settled watermark: no document before this sequence number will be recalled or restored any more, because it is beyond
    /// the recall horizon.
    pub fn settled_watermark(&self) -> SeqNo {
        self.horizon.floor()
    }

    /// Withholds these records without looking at them: they kill the process.
    pub fn skip(&mut self, records: impl IntoIterator<Item = Position>) {
        self.settings.skips.extend(records);
    }

    /// The stateful operators.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The fates.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Which run of this state it is.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// The first sequence number of this run.
    pub fn run_first(&self) -> SeqNo {
        self.run_first
    }

    /// Contributions of publishers that the background does not know, in this run. Read from the ledger:
    /// about 2 us a document.
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

    /// Decodes a batch and computes its features: everything that needs no state. The batch must be the next one to be
    /// processed. `votes`: what the journal says, in a re-read.
    pub fn prepare(&self, records: Vec<Record>, votes: Option<Vec<bool>>) -> Prepared {
        let mut prepared = Prepared { items: Vec::new(), rest: records, votes };
        if self.eligible_to_learn().is_none() {
            self.prepare_part(&mut prepared);
        }
        prepared
    }

    /// Prepares what one background serves.
    fn prepare_part(&self, prepared: &mut Prepared) {
        let rest = prepared.rest.split_off(self.until_bootstrap().min(prepared.rest.len()));
        let part = std::mem::replace(&mut prepared.rest, rest);
        let votes = prepared.votes.as_mut().map(|votes| {
            let later = votes.split_off(part.len());
            let now = std::mem::replace(votes, later);
            if self.settings.faults.is_off(Mutation::NoVoteBits) { vec![true; now.len()] } else { now }
        });
        prepared.items = prepare::prepare(&self.settings, &self.inspectors, &self.lanes, self.next, part, votes.as_deref());
    }

    /// Takes the next batch through all phases.
    ///
    /// # Errors
    /// If state cannot be written, or the sequence numbers are used up.
    pub fn process(&mut self, mut prepared: Prepared) -> Result<Processed, StateError> {
        if u64::from(self.next) + prepared.len() as u64 > u64::from(SeqNo::MAX) {
            return Err(StateError::Refused(format!(
                "this state is full: it holds {} records, the most there can be",
                self.next
            )));
        }
        let mut processed = Processed::default();
        processed.journal.first_seqno = u64::from(self.next);
        processed.journal.verdict_digest = self.settings.verdict_digest;
        while prepared.len() > 0 {
            if prepared.items.is_empty() {
                self.bootstrap_if_due()?;
                self.prepare_part(&mut prepared);
            }
            self.part(std::mem::take(&mut prepared.items), &mut processed)?;
        }
        if self.settings.faults.is_off(Mutation::NoEpoch) {
            self.begin_epoch()?;
        }
        Ok(processed)
    }

    /// A part of a batch that one background serves.
    fn part(&mut self, mut items: Vec<Item>, processed: &mut Processed) -> Result<(), StateError> {
        for item in &items {
            let tick = phases::tick_of(item, self.settings.epoch);
            processed.journal.push(item.record.position, tick.votes);
            if self.settings.skips.contains(&item.record.position) {
                processed.journal.skipped.push(item.record.position);
            }
        }
        while !items.is_empty() {
            if self.next.is_multiple_of(self.settings.epoch) {
                self.begin_epoch()?;
            }
            let until_epoch = (self.settings.epoch - self.next % self.settings.epoch) as usize;
            let rest = items.split_off(until_epoch.min(items.len()));
            self.window(std::mem::replace(&mut items, rest), &mut processed.outcomes)?;
        }
        Ok(())
    }

    /// One window: documents between two epoch boundaries, or the part of them that has arrived.
    fn window(&mut self, items: Vec<Item>, outcomes: &mut Vec<Outcome>) -> Result<(), StateError> {
        let mut answers = phases::fold(&self.settings, &mut self.lanes, &items);
        phases::remember(&self.settings, &mut self.lanes, &mut self.horizon, &items, &mut answers)?;
        let proposals = if self.settings.only_indexes {
            items.iter().map(|_| Proposals::default()).collect()
        } else {
            phases::judge(&self.settings, &self.lanes, &self.horizon, &items, &answers)
        };
        self.next += items.len() as SeqNo;
        let mut scratch = Encoder::default();
        for ((item, proposals), answers) in items.into_iter().zip(proposals).zip(&answers) {
            let outcome = if self.settings.only_indexes { self.index(item)? } else { self.settle(item, proposals)? };
            phases::replay_record(&self.settings, &mut self.lanes, &outcome, answers, &mut scratch)?;
            outcomes.push(outcome);
        }
        Ok(())
    }

    /// What was decided at least an epoch boundary ago becomes visible to counters.
    fn begin_epoch(&mut self) -> Result<(), StateError> {
        let epoch = self.next;
        let later = self.withdrawals.split_off(&(epoch + 1));
        let withdrawn: Vec<SeqNo> = std::mem::replace(&mut self.withdrawals, later).into_values().flatten().collect();
        self.horizon.begin_epoch(epoch);
        self.clock.publish();
        self.lanes.exact.begin_epoch(epoch, &withdrawn, &self.horizon);
        self.lanes.near.begin_epoch(epoch, &withdrawn, &self.horizon);
        self.lanes.spike.begin_epoch(epoch, &withdrawn, &self.horizon);
        if self.settings.forgets { self.ledger.forget(self.settings.reach.floor(epoch)) } else { Ok(()) }
    }

    /// Alarms that are looked for, with the ids of their members.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn alarms(&self) -> Result<Vec<NamedAlarm>, StateError> {
        self.with_members(self.lanes.spike.operator.alarms().to_vec())
    }

    /// Alarms whose ids are `first` and above.
    fn alarms_from(&self, first: u32) -> Result<Vec<NamedAlarm>, StateError> {
        let alarms = self.lanes.spike.operator.alarms();
        self.with_members(alarms[alarms.partition_point(|a| a.id < first)..].to_vec())
    }

    fn with_members(&self, alarms: Vec<Alarm>) -> Result<Vec<NamedAlarm>, StateError> {
        let mut named = Vec::with_capacity(alarms.len());
        for alarm in alarms {
            let mut members = Vec::with_capacity(alarm.members.len());
            for &member in &alarm.members {
                members.extend(self.ledger.identity(member)?.map(|i| i.id));
            }
            named.push(NamedAlarm { alarm, members });
        }
        Ok(named)
    }

    /// Number of alarms raised so far.
    pub fn alarms_raised(&self) -> u32 {
        self.lanes.spike.operator.alarms_raised()
    }

    /// Documents of this run that are in the corpus now: clean at arrival and not recalled, or restored.
    pub fn final_clean(&self) -> u64 {
        (self.run_first..self.next).filter(|&o| self.ledger.fate(o) == Fate::Clean).count() as u64
    }

    /// Bytes of memory by store.
    pub fn state_bytes(&self) -> Vec<(&'static str, usize)> {
        let mut all = vec![("ledger", self.ledger.memory_bytes()), ("horizon", self.horizon.memory_bytes())];
        all.extend(self.lanes.exact.state_bytes());
        all.extend(self.lanes.near.state_bytes());
        all.extend(self.lanes.spike.state_bytes());
        all
    }
}
