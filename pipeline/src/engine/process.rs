//! How does a batch go through the engine? It is prepared, cut into windows, and settled.
//!
//! A batch is never a unit of meaning: any split of a stream into batches gives the same output.
//! What counts are windows, which end at epoch boundaries.

use std::time::Instant;

use connectors::{
    position::Position,
    source::{Payload, Record},
};
use operators::document::SeqNo;

use super::{core::Engine, fault::Mutation, item::Item, outcome::Outcome, phases, prepare::Preparation, spent::Step};
use crate::{journal::Journal, state::StateError};

/// How many records that are not known are passed over at once.
const PASSED_AT_ONCE: u64 = 8192;

/// A batch on its way. It is decoded up to the next sequence number at which a background may be
/// learned.
pub struct Prepared {
    items: Vec<Item>,
    rest: Vec<Record>,
    votes: Option<Vec<bool>>,
}

impl Prepared {
    /// How many records are in the batch.
    #[allow(clippy::len_without_is_empty, reason = "nobody prepares an empty batch")]
    pub fn len(&self) -> usize {
        self.items.len() + self.rest.len()
    }

    /// The positions of the records, in reading order.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.records().map(|(record, _)| record.position)
    }

    /// The records, in reading order, each with its digest where that is known.
    pub fn records(&self) -> impl Iterator<Item = (&Record, Option<u64>)> {
        let items = self.items.iter().map(|item| (&item.record, item.digest));
        items.chain(self.rest.iter().map(|record| (record, None)))
    }
}

/// What a batch became.
#[derive(Default)]
pub struct Processed {
    /// The outcome of each record, in reading order.
    pub outcomes: Vec<Outcome>,
    /// The order of the records, and which of them voted.
    pub journal: Journal,
}

impl Engine {
    /// Decodes a batch and computes everything that needs no state. The batch must be the next one
    /// to be processed. `votes` is what the journal says about a batch that is read again.
    pub fn prepare(&self, records: Vec<Record>, votes: Option<Vec<bool>>) -> Prepared {
        let mut prepared = Prepared { items: Vec::new(), rest: records, votes };
        if self.eligible_to_learn().is_none() {
            self.prepare_part(&mut prepared);
        }
        prepared
    }

    /// Prepares the part of a batch that one background serves.
    fn prepare_part(&self, prepared: &mut Prepared) {
        let rest = prepared.rest.split_off(self.until_bootstrap().min(prepared.rest.len()));
        let part = std::mem::replace(&mut prepared.rest, rest);
        let votes = prepared.votes.as_mut().map(|votes| {
            let later = votes.split_off(part.len());
            let now = std::mem::replace(votes, later);
            if self.settings.faults.is_off(Mutation::NoVoteBits) { vec![true; now.len()] } else { now }
        });
        let preparation = Preparation { settings: &self.settings, inspectors: &self.inspectors, operators: &self.operators };
        prepared.items = preparation.prepare(self.next, part, votes.as_deref());
    }

    /// Gives the next `count` sequence numbers to records that were decided elsewhere and are not
    /// known here.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub fn pass_over(&mut self, count: u64) -> Result<(), StateError> {
        let mut left = count;
        while left > 0 {
            let now = left.min(PASSED_AT_ONCE);
            let at = Position { partition: 0, offset: 0 };
            let records = (0..now).map(|_| Record::new(at, 0, Payload::stand_in())).collect();
            let prepared = self.prepare(records, Some(vec![false; now as usize]));
            self.process(prepared)?;
            left -= now;
        }
        Ok(())
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

    /// Processes the part of a batch that one background serves.
    fn part(&mut self, mut items: Vec<Item>, processed: &mut Processed) -> Result<(), StateError> {
        for item in &items {
            let tick = item.tick(self.settings.epoch);
            processed.journal.push(item.record.position, item.digest.unwrap_or_default(), tick.votes);
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

    /// Processes one window: the records between two epoch boundaries, or those of them that have
    /// arrived.
    fn window(&mut self, items: Vec<Item>, outcomes: &mut Vec<Outcome>) -> Result<(), StateError> {
        let failed = phases::run(&self.settings, &mut self.operators, &mut self.horizon, &items)?;
        self.next += items.len() as SeqNo;
        for (at, (item, failed)) in items.into_iter().zip(failed).enumerate() {
            let begun = Instant::now();
            let mut outcome = if self.settings.only_indexes { self.index(item)? } else { self.settle(at, item, failed)? };
            let settled = Instant::now();
            let item = outcome.item();
            let tick = item.tick(self.settings.epoch);
            for operator in &mut self.operators {
                operator.log(at, tick, item.document())?;
            }
            outcome.forget_tokens();
            outcomes.push(outcome);
            self.settings.spent.add(Step::Settle, 0, settled - begun);
            self.settings.spent.add(Step::Log, 0, settled.elapsed());
        }
        Ok(())
    }

    /// Passes an epoch boundary: what was decided before the last one becomes visible to keyed
    /// state.
    fn begin_epoch(&mut self) -> Result<(), StateError> {
        let begun = Instant::now();
        let passed = self.pass_epoch();
        self.settings.spent.add(Step::Epoch, 0, begun.elapsed());
        passed
    }

    fn pass_epoch(&mut self) -> Result<(), StateError> {
        let epoch = self.next;
        let later = self.withdrawals.split_off(&(epoch + 1));
        let withdrawn: Vec<SeqNo> = std::mem::replace(&mut self.withdrawals, later).into_values().flatten().collect();
        self.horizon.begin_epoch(epoch);
        self.clock.publish();
        for operator in &mut self.operators {
            operator.begin_epoch(epoch, &withdrawn, &self.horizon);
        }
        if self.settings.forgets { self.ledger.forget(self.settings.reach.floor(epoch)) } else { Ok(()) }
    }
}
