//! The phases of one window: fold by shard, describe and judge by document, remember in order.
//!
//! A window never crosses an epoch boundary, so every document in it sees the same published decisions.

use std::sync::Arc;

use operators::{
    codec::Encoder,
    document::SeqNo,
    exact_dedup::ExactDedup,
    near_dup::NearDup,
    operator::{Operator, Tick},
    trigger_spike::TriggerSpike,
};
use rayon::prelude::*;

use super::{
    Lanes, Settings,
    fault::{Mutation, Phase},
    lane::{Lane, guarded},
    outcome::Outcome,
    prepare::{Content, Item, Work},
};
use crate::state::{StateError, horizon::Horizon};

/// What the shards of one lane answered to one document.
type AnswersOf<O> = Vec<<O as Operator>::Answer>;

/// What all shards answered to one document.
#[derive(Default)]
pub(super) struct Answers {
    exact: AnswersOf<ExactDedup>,
    near: AnswersOf<NearDup>,
    spike: AnswersOf<TriggerSpike>,
    /// For each lane, bit `i` says that shard `i` took the document in.
    folded: [u16; 3],
    failed: bool,
}

/// What each lane proposes on one document.
#[derive(Default)]
pub(super) struct Proposals {
    /// Exact copies.
    pub exact: <ExactDedup as Operator>::Proposal,
    /// Near copies.
    pub near: <NearDup as Operator>::Proposal,
    /// Phrases.
    pub spike: <TriggerSpike as Operator>::Proposal,
    /// Whether a phase panicked on the document.
    pub failed: bool,
}

struct Answer {
    exact: Option<<ExactDedup as Operator>::Answer>,
    near: Option<<NearDup as Operator>::Answer>,
    spike: Option<<TriggerSpike as Operator>::Answer>,
    failed: bool,
}

/// When document `item` is folded.
pub(super) fn tick_of(item: &Item, epoch: u32) -> Tick {
    let votes = matches!(&item.content, Content::Document(work) if work.computed.votes);
    Tick { seqno: item.seqno, epoch: item.seqno / epoch * epoch, votes }
}

fn document_of(item: &Item) -> Option<&Work> {
    match &item.content {
        Content::Document(work) if !work.failed => Some(work),
        _ => None,
    }
}

/// Every shard answers every document of the window and takes it in; shards run in parallel, each in reading order.
pub(super) fn fold(settings: &Settings, lanes: &mut Lanes, items: &[Item]) -> Vec<Answers> {
    let Lanes { exact, near, spike } = lanes;
    let (exact_operator, near_operator, spike_operator) = (&exact.operator, &near.operator, &spike.operator);
    let by_shard: Vec<Vec<Answer>> = (exact.shards.par_iter_mut(), near.shards.par_iter_mut(), spike.shards.par_iter_mut())
        .into_par_iter()
        .enumerate()
        .map(|(index, (exact_shard, near_shard, spike_shard))| {
            let answer = |item: &Item| {
                let mut answer = Answer { exact: None, near: None, spike: None, failed: false };
                let Some(work) = document_of(item) else { return answer };
                let (tick, probes) = (tick_of(item, settings.epoch), &work.computed.probes);
                if settings.faults.is_off(Mutation::NoSelfCheck)
                    && let Some(probe) = &probes.exact
                {
                    exact_operator.fold(exact_shard, index, tick, probe);
                }
                let done = guarded(|| {
                    answer.exact = probes.exact.as_ref().map(|p| exact_operator.fold(exact_shard, index, tick, p));
                    answer.near = probes.near.as_ref().map(|p| near_operator.fold(near_shard, index, tick, p));
                    answer.spike = probes.spike.as_ref().map(|p| spike_operator.fold(spike_shard, index, tick, p));
                    settings.faults.trip(Phase::Fold, &work.page.text);
                });
                answer.failed = done.is_none();
                answer
            };
            items.iter().map(answer).collect()
        })
        .collect();
    transpose(by_shard, items.len())
}

fn transpose(by_shard: Vec<Vec<Answer>>, documents: usize) -> Vec<Answers> {
    let mut by_document: Vec<Answers> = (0..documents).map(|_| Answers::default()).collect();
    for (index, shard) in by_shard.into_iter().enumerate() {
        for (all, one) in by_document.iter_mut().zip(shard) {
            let folded = [one.exact.is_some(), one.near.is_some(), one.spike.is_some()];
            all.folded.iter_mut().zip(folded).for_each(|(bits, folded)| *bits |= u16::from(folded) << index);
            all.exact.push(one.exact.unwrap_or_default());
            all.near.push(one.near.unwrap_or_default());
            all.spike.push(one.spike.unwrap_or_default());
            all.failed |= one.failed;
        }
    }
    by_document
}

/// Facts of every document that needed the answers, made visible to later documents in reading order.
///
/// # Errors
/// If the horizon store cannot be written.
pub(super) fn remember(
    settings: &Settings,
    lanes: &mut Lanes,
    horizon: &mut Horizon,
    items: &[Item],
    answers: &mut [Answers],
) -> Result<(), StateError> {
    let facts: Vec<_> = items
        .par_iter()
        .zip(&mut *answers)
        .map(|(item, answers)| {
            let work = document_of(item).filter(|_| !answers.failed)?;
            let (document, probes) = (&work.computed.document, &work.computed.probes);
            let facts = guarded(|| {
                settings.faults.trip(Phase::Describe, &work.page.text);
                (
                    probes.exact.as_ref().map(|p| lanes.exact.operator.describe(document, p, &answers.exact)),
                    probes.near.as_ref().map(|p| lanes.near.operator.describe(document, p, &answers.near)),
                    probes.spike.as_ref().map(|p| lanes.spike.operator.describe(document, p, &answers.spike)),
                )
            });
            answers.failed |= facts.is_none();
            facts
        })
        .collect();
    for (item, facts) in items.iter().zip(facts) {
        let (exact, near, spike) = facts.unwrap_or_default();
        make_visible(&mut lanes.exact, item.seqno, exact);
        make_visible(&mut lanes.near, item.seqno, near);
        make_visible(&mut lanes.spike, item.seqno, spike);
        // No alarm looks for carriers among documents that were only indexed, so their texts are not kept.
        horizon.push(document_of(item).filter(|_| !settings.only_indexes).map(|work| {
            let computed = &work.computed;
            (Arc::from(computed.document.ids()), &computed.compressed[..])
        }))?;
    }
    Ok(())
}

fn make_visible<O: Operator>(lane: &mut Lane<O>, seqno: SeqNo, facts: Option<O::Facts>) {
    if lane.is_on() {
        lane.operator.remember(seqno, facts);
    }
}

/// What each lane proposes on each document of the window.
pub(super) fn judge(
    settings: &Settings,
    lanes: &Lanes,
    horizon: &Horizon,
    items: &[Item],
    answers: &[Answers],
) -> Vec<Proposals> {
    items
        .par_iter()
        .zip(answers)
        .with_max_len(1)
        .map(|(item, answers)| {
            let Some(work) = document_of(item) else { return Proposals::default() };
            let (document, probes, tick) = (&work.computed.document, &work.computed.probes, tick_of(item, settings.epoch));
            let proposed = guarded(|| {
                settings.faults.trip(Phase::Judge, &work.page.text);
                Proposals {
                    exact: lanes.exact.judge(tick, document, probes.exact.as_ref(), &answers.exact, horizon),
                    near: lanes.near.judge(tick, document, probes.near.as_ref(), &answers.near, horizon),
                    spike: lanes.spike.judge(tick, document, probes.spike.as_ref(), &answers.spike, horizon),
                    failed: false,
                }
            });
            match proposed.filter(|_| !answers.failed) {
                Some(proposals) => proposals,
                None => Proposals { failed: true, ..Proposals::default() },
            }
        })
        .collect()
}

/// Logs what a settled record left in each lane, for a restart.
///
/// # Errors
/// If a log cannot be written.
pub(super) fn replay_record(
    settings: &Settings,
    lanes: &mut Lanes,
    outcome: &Outcome,
    answers: &Answers,
    scratch: &mut Encoder,
) -> Result<(), StateError> {
    let item = outcome.item();
    let tick = tick_of(item, settings.epoch);
    let asked = document_of(item).map(|work| &work.computed.probes);
    let Lanes { exact, near, spike } = lanes;
    let [by_exact, by_near, by_spike] = answers.folded;
    exact.replay_record(tick, asked.and_then(|p| p.exact.as_ref()), &answers.exact, by_exact, scratch)?;
    near.replay_record(tick, asked.and_then(|p| p.near.as_ref()), &answers.near, by_near, scratch)?;
    spike.replay_record(tick, asked.and_then(|p| p.spike.as_ref()), &answers.spike, by_spike, scratch)
}
