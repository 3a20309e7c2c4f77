//! Which operators does weir have? Two lists: [`keyed`] of those with state, [`stateless`] of those
//! without.
//!
//! To add an operator is to write its file or folder in `operators`, its table in [`Operators`], and
//! one line in one of the lists here. No other code needs to name it; examples of configurations and
//! documents do. CONTRIBUTING.md has a worked example.
//!
//! The order of [`keyed`] is the order of the operators' sections in a snapshot. In which order
//! they settle is fixed by their roles: see [`Role`].

use std::sync::Arc;

use operators::{
    background::Background,
    config::OperatorConfig as _,
    document::SeqNo,
    exact_dedup::ExactDedup,
    gibberish::Gibberish,
    hidden_text::HiddenText,
    inspect::Inspector,
    integrity::Integrity,
    lookup::Recollection,
    merge_index::MergeIndex,
    mode::Mode,
    near_dup::NearDup,
    operator::{Operator, Role},
    reputation::{PublisherList, PublisherVerdict, Reputation},
    text::Seed,
    trigger_spike::TriggerSpike,
    unicode::Unicode,
};

use crate::{
    config::Operators,
    engine::{Inspectors, OperatorRuntime, TypedRuntime},
    state::replay_log::ReplayLog,
};

/// The operators with keyed state.
pub fn keyed(config: &Operators) -> Vec<Keyed<'_>> {
    vec![
        Keyed::new::<ExactDedup>(&config.exact_dedup, |config, from| ExactDedup::new(config.clone(), from.seed)),
        Keyed::new::<NearDup>(&config.near_dup, |config, from| NearDup::new(config, from.seed)),
        Keyed::new::<TriggerSpike>(&config.trigger_spike, |config, from| {
            TriggerSpike::new(config.clone(), Arc::clone(from.background), from.epoch)
        }),
    ]
}

/// The operators of [`keyed`] that look for copies.
pub fn of_copies(config: &Operators) -> impl Iterator<Item = Keyed<'_>> {
    keyed(config).into_iter().filter(|entry| entry.role == Role::Copies)
}

/// The operators without state, but for those that are off; in the order of their findings.
pub fn stateless(config: &Operators, from: &Materials<'_>) -> Inspectors {
    let all: Vec<(Box<dyn Inspector>, Mode)> = vec![
        (Box::new(from.reputation(config)), config.reputation.mode),
        (Box::new(Integrity), config.integrity.mode),
        (Box::new(Unicode::new(config.unicode.clone())), config.unicode.mode),
        (Box::new(HiddenText::new(config.hidden_text.clone())), config.hidden_text.mode),
        (Box::new(Gibberish::new(&config.gibberish, Arc::clone(from.background))), config.gibberish.mode),
    ];
    all.into_iter().filter(|(_, mode)| *mode != Mode::Off).collect()
}

/// What operators are made from, besides their configuration.
#[derive(Clone, Copy)]
pub struct Materials<'a> {
    /// The key of every hash.
    pub seed: Seed,
    /// What ordinary text looks like.
    pub background: &'a Arc<Background>,
    /// Records between two epoch boundaries.
    pub epoch: SeqNo,
    /// Publishers whose documents are never withheld but as copies.
    pub allow: &'a PublisherList,
    /// Publishers whose documents are always withheld.
    pub deny: &'a PublisherList,
    /// Reviewed verdicts about publishers.
    pub verdicts: &'a [PublisherVerdict],
}

impl Materials<'_> {
    fn reputation(&self, config: &Operators) -> Reputation {
        Reputation::new(config.reputation.clone(), self.allow.clone(), self.deny.clone(), self.verdicts)
    }
}

/// An entry of [`keyed`]: an operator of a type that only this entry knows, and its configuration.
pub struct Keyed<'a> {
    /// The operator's name.
    pub name: &'static str,
    /// What the operator looks for.
    pub role: Role,
    /// Whether its findings count.
    pub mode: Mode,
    /// What it asks of the texts of earlier documents.
    pub recollection: Recollection,
    make: Box<Make<'a>>,
    merge_index: Box<dyn Fn() -> Option<Box<dyn MergeIndex>> + 'a>,
}

/// Makes an operator from its place among the operators, the materials and its replay log.
type Make<'a> = dyn Fn(usize, &Materials<'_>, ReplayLog) -> Box<dyn OperatorRuntime> + 'a;

impl<'a> Keyed<'a> {
    /// The operator `O`, which `make` makes from its configuration.
    pub fn new<O: Operator>(config: &'a O::Config, make: fn(&O::Config, &Materials<'_>) -> O) -> Self {
        Self {
            name: O::NAME,
            role: O::ROLE,
            mode: config.mode(),
            recollection: if config.mode() == Mode::Off { Recollection::Nothing } else { O::RECOLLECTION },
            make: Box::new(move |number, from, replay_log| {
                Box::new(TypedRuntime::new(number, make(config, from), config.mode(), replay_log))
            }),
            merge_index: Box::new(move || O::merge_index(config)),
        }
    }

    /// Makes the operator without any memories; `number` is its place among the operators.
    pub fn make(&self, number: usize, from: &Materials<'_>, replay_log: ReplayLog) -> Box<dyn OperatorRuntime> {
        (self.make)(number, from, replay_log)
    }

    /// An empty index of copies across file shards; `None` if the operator finds none there.
    pub fn merge_index(&self) -> Option<Box<dyn MergeIndex>> {
        (self.merge_index)()
    }
}
