//! Was every record decided once, under the rules that held, or told as lost?

use std::collections::{BTreeMap, BTreeSet};

use pipeline::journal::Journal;
use testkit::broker::Client;

use super::world::{Fate, Sent, World};
use crate::{
    account::{Output, header, json, text},
    group::Group,
};

/// Returns what has a decision or a dead letter: ids of documents, positions of other records.
pub(super) fn decided(group: &Group) -> BTreeSet<String> {
    let client = &group.client;
    let read = |key: &str| match client.partitions(&group.topic(key)) {
        0 => Vec::new(),
        _ => client.consume_all(&group.topic(key)),
    };
    let ids = read("decisions").into_iter().map(|record| text(&json(&record.value), "id"));
    let positions = read("dead_letters").into_iter().filter_map(|record| header(&record, "weir-position"));
    ids.chain(positions).collect()
}

/// Which version of the rules decided a document, by its id, where that is known.
#[derive(Default)]
pub(super) struct RulesOf(pub(super) BTreeMap<String, usize>);

impl RulesOf {
    /// Notes that all that is decided now and was not before was decided under `rules`.
    pub(super) fn note(&mut self, decided: BTreeSet<String>, rules: usize) {
        for name in decided {
            self.0.entry(name).or_insert(rules);
        }
    }
}

/// Checks everything at the end of a life.
pub(super) fn verify(group: &Group, world: &World, rules: &RulesOf) -> Result<String, String> {
    let output = Output::of(group);
    let mut problems = Vec::new();
    let (mut found, mut at): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    for line in &output.decisions {
        *found.entry(text(&json(line), "id")).or_default() += 1;
    }
    for position in output.rejected() {
        *at.entry(position).or_default() += 1;
    }
    let told = told(&group.client, group);
    let is_told = |sent: &Sent| {
        let partition = sent.position.rsplit_once('/').map(|(partition, _)| partition);
        told.iter().any(|(name, range)| Some(&**name) == partition && range.contains(&sent.offset))
    };
    let (mut lost, mut doubled, mut untold, mut mistold, mut removed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
    // The newest first: a dead letter names a place, which an older topic of the same name had as well.
    for sent in world.sent.iter().rev() {
        let times = match &sent.id {
            Some(id) => found.remove(id).unwrap_or(0),
            None => take_one(&mut at, &sent.position),
        };
        match (times, sent.fate) {
            (1, Fate::Removed) if sent.generation == 0 && is_told(sent) => mistold.push(&sent.position),
            (1, _) => {}
            (0, Fate::Due) if !world.may_be_cleaned(sent) => lost.push(&sent.position),
            (0, Fate::Removed) if !world.may_be_cleaned(sent) && !is_told(sent) => untold.push(&sent.position),
            (0, _) => removed += 1,
            _ => doubled.push(&sent.position),
        }
    }
    for (what, places) in [
        ("lost", &lost),
        ("decided more than once", &doubled),
        ("removed by retention before they were read, and not told as lost", &untold),
        ("told as lost, and decided", &mistold),
    ] {
        if let Some(first) = places.first() {
            problems.push(format!("{} of {} records {what}, the first {first}", places.len(), world.sent.len()));
        }
    }
    at.retain(|_, times| *times > 0);
    if let Some(first) = found.keys().chain(at.keys()).next() {
        problems.push(format!("{} records decided that were never in the input, the first {first}", found.len() + at.len()));
    }
    let values = world.sent.iter().filter_map(|sent| Some((sent.id.clone()?, &*sent.value))).collect();
    problems.extend(output.wrong_documents(&values));
    problems.extend(output.self_copies());
    problems.extend(under_other_rules(&output, world, rules));
    let (records, decided) = (world.sent.len(), output.decisions.len());
    if problems.is_empty() {
        Ok(format!("{records} records, {decided} decided, {removed} gone before"))
    } else {
        Err(problems.join("; "))
    }
}

/// One dead letter of a position, if one is left.
fn take_one(at: &mut BTreeMap<String, usize>, position: &str) -> usize {
    let Some(left) = at.get_mut(position).filter(|left| **left > 0) else { return 0 };
    *left -= 1;
    1
}

/// The offsets that the journal tells as lost, by the names of their partitions.
fn told(client: &Client, group: &Group) -> Vec<(String, std::ops::Range<u64>)> {
    let (mut names, mut told) = (Vec::new(), Vec::new());
    for record in client.consume_all(&group.topic("journal")) {
        let journal = Journal::decode(&record.value).expect("a journal record");
        if !journal.partitions.is_empty() {
            names = journal.partitions.into_iter().map(|partition| partition.name).collect();
        }
        told.extend(journal.losses.iter().map(|loss| (names[loss.partition as usize].clone(), loss.from..loss.to)));
    }
    told
}

/// Finds documents whose publisher was denied under their rules and that were let pass, or the
/// other way round.
fn under_other_rules(output: &Output, world: &World, rules: &RulesOf) -> Option<String> {
    let publishers: BTreeMap<_, _> = world.sent.iter().filter_map(|sent| Some((sent.id.as_deref()?, sent.denied?))).collect();
    let mut wrong = Vec::new();
    for line in &output.decisions {
        let decision = json(line);
        let id = text(&decision, "id");
        let (Some(publisher), Some(version)) = (publishers.get(&*id), rules.0.get(&id)) else { continue };
        let is_denied = decision["findings"].as_array().is_some_and(|all| all.iter().any(|of| of["reason"] == "denied_unit"));
        if is_denied != (*publisher == super::world::denied_by(*version)) {
            wrong.push(format!("{id} by version {version}"));
        }
    }
    (!wrong.is_empty()).then(|| format!("{} documents decided under other rules than held, the first {}", wrong.len(), wrong[0]))
}
