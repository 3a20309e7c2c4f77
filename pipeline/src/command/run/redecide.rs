//! `weir run --from-journal=TOPIC`: which documents did another group decide, in which order, and
//! which of them are left?
//!
//! The other group's journal is read from its first record to where it ended when this process
//! began. Every batch in it is decided again and committed as a batch of this group. What this
//! group has committed before is a prefix of that journal: the place to go on at is found by
//! sequence numbers, and the input must stand there too.
//!
//! **State** at most 1,024 journal records.

use std::{
    collections::VecDeque,
    mem,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use connectors::{
    kafka::{JournalReader, KafkaConfig, StartPosition},
    position::Positions,
    source::{KnownPartition, Loss, Source},
};
use data_encoding::HEXLOWER;

use crate::{
    journal::Journal,
    run::{Replica, rules::Rules},
    signals::Stop,
};

/// How long one poll of a journal waits for records.
pub(super) const POLL: Duration = Duration::from_millis(100);

/// The configuration of a group that decides again what another group has decided. A partition
/// begins where the journal says, and where the journal says nothing yet, with the oldest record.
///
/// # Errors
/// If the journal is one of the group's own topics.
pub(super) fn configure(kafka: KafkaConfig, topic: &str) -> Result<KafkaConfig> {
    if let Some((key, _)) = kafka.topics.outputs().find(|(_, name)| *name == topic) {
        bail!(
            "--from-journal={topic}: got this group's own topic (kafka.topics.{key}), expected the journal of another group over \
             the same input; --from-journal alone reads everything again along the own journal"
        );
    }
    Ok(KafkaConfig { start: Some(StartPosition::Earliest), ..kafka })
}

/// The journal of another group, batch by batch.
pub(super) struct OtherJournal {
    topic: String,
    reader: JournalReader,
    /// Longest wait for records that are known to exist.
    patience: Duration,
    /// Batches that were read and not handed out yet.
    batches: Batches,
    /// The first sequence number behind the batches that were handed out or skipped.
    next: u64,
    /// Where the input stands behind these batches.
    positions: Positions,
}

impl OtherJournal {
    /// Finds out where the journal `topic` ends now, and reads its first records.
    ///
    /// # Errors
    /// If there is no such journal, if it is not whole, or if it was written under another
    /// configuration or background.
    pub(super) fn open(kafka: &KafkaConfig, topic: &str, rules: Rules, stop: &Stop) -> Result<Self> {
        let (reader, removed) = JournalReader::of_topic(kafka, topic).with_context(|| format!("--from-journal={topic}"))?;
        if removed > 0 {
            bail!("--from-journal={topic}: it begins at offset {removed}, expected 0: its retention has removed records");
        }
        let mut journal = Self {
            topic: topic.to_owned(),
            reader,
            patience: kafka.run_timeout,
            batches: Batches::under(rules)?,
            next: 0,
            positions: Positions::default(),
        };
        journal.peek(stop)?;
        Ok(journal)
    }

    /// Reads until there is a next batch. `None` at the end of the journal, and when the process
    /// was asked to stop.
    fn peek(&mut self, stop: &Stop) -> Result<Option<&Journal>> {
        let begun = Instant::now();
        while self.batches.waiting.is_empty() && !stop.is_asked() {
            let Some(records) = self.reader.poll_to_end(POLL)? else { break };
            if records.is_empty() && begun.elapsed() > self.patience {
                bail!(
                    "journal {} gave records to offset {}, and no more came in {:?}",
                    self.topic,
                    self.reader.next_offset(),
                    self.patience
                );
            }
            for (offset, record) in records {
                self.batches.accept(&record).with_context(|| format!("journal {}, offset {offset}", self.topic))?;
            }
        }
        Ok(self.batches.waiting.front())
    }

    /// Skips the batches that `replica` has decided already.
    ///
    /// # Errors
    /// If they are not a prefix of the journal.
    pub(super) fn skip_to<S: Source>(&mut self, replica: &Replica<S>, stop: &Stop) -> Result<()> {
        let decided = u64::from(replica.engine().next());
        while self.next < decided
            && let Some(batch) = self.next(stop)?
        {
            self.next = batch.first_seqno + batch.votes.len() as u64;
            for loss in &batch.losses {
                self.positions.set(loss.partition, loss.to);
            }
            for run in &batch.runs {
                self.positions.set(run.partition, run.offsets().end);
            }
        }
        let is_prefix = self.next == decided && self.positions.same(replica.positions());
        if !is_prefix && !stop.is_asked() {
            bail!(
                "this group has decided {decided} documents up to {}, and journal {} has a batch that ends with document {} at {}: \
                 expected a group that has followed it from its first document on",
                replica.positions(),
                self.topic,
                self.next,
                self.positions
            );
        }
        Ok(())
    }

    /// Hands the next batch out. `None` at the end of the journal, and when the process was asked
    /// to stop.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn next(&mut self, stop: &Stop) -> Result<Option<Journal>> {
        self.peek(stop)?;
        Ok(if stop.is_asked() { None } else { self.batches.waiting.pop_front() })
    }

    /// Whether no batch is left.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn is_done(&mut self, stop: &Stop) -> Result<bool> {
        Ok(self.peek(stop)?.is_none() && !stop.is_asked())
    }
}

/// Journal records with batches, in order.
struct Batches {
    /// The rules that all of them must have been decided with, and their verdict digest.
    rules: Rules,
    verdict_digest: [u8; 16],
    /// The last rules that the journal has told.
    told: Option<Rules>,
    waiting: VecDeque<Journal>,
    /// Partitions from a record without a batch. They go with the next batch.
    known: Vec<KnownPartition>,
    /// Losses from records without a batch. They go with the next batch as well.
    losses: Vec<Loss>,
    /// The first sequence number of the record after those that were read.
    read: u64,
}

impl Batches {
    fn under(rules: Rules) -> Result<Self> {
        let verdict_digest = rules.digest()?;
        Ok(Self { rules, verdict_digest, told: None, waiting: VecDeque::new(), known: Vec::new(), losses: Vec::new(), read: 0 })
    }

    /// Takes the next record of the journal. A heartbeat holds no batch; only its partitions and its
    /// losses matter.
    fn accept(&mut self, record: &[u8]) -> Result<()> {
        let journal = Journal::decode(record)?;
        if journal.first_seqno != self.read {
            let (got, expected) = (journal.first_seqno, self.read);
            bail!("got a batch from document {got} on, expected {expected}: its group has begun anew, such as by --accept-loss");
        }
        if !journal.rules.is_empty() {
            self.told = Some(Rules::decode(&journal.rules)?);
        }
        if journal.verdict_digest != self.verdict_digest && !journal.votes.is_empty() {
            let [got, expected] = [self.verdict_digest, journal.verdict_digest].map(|digest| HEXLOWER.encode(&digest));
            let differences = self.told.as_ref().map(|told| self.rules.differences(told).join("; ")).unwrap_or_default();
            bail!(
                "it was written under another configuration or background than this one: {differences} (verdict digest {got}, \
                 expected {expected}); give this group the same"
            );
        }
        self.read += journal.votes.len() as u64;
        if !journal.partitions.is_empty() {
            self.known.clone_from(&journal.partitions);
        }
        self.losses.extend(&journal.losses);
        if !journal.votes.is_empty() {
            let (partitions, losses) = (mem::take(&mut self.known), mem::take(&mut self.losses));
            self.waiting.push_back(Journal { partitions, losses, ..journal });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use connectors::position::Position;

    use super::*;
    use crate::{config::Config, run::Ingredients};

    fn rules() -> Rules {
        let config = Config::default();
        Rules::of(&config, &Ingredients::gather(&config, None, None, &[]).expect("gathered"))
    }

    fn record(first_seqno: u64, documents: u64, partitions: &[&str]) -> Journal {
        let partitions = partitions.iter().map(|name| KnownPartition::from(*name)).collect();
        let verdict_digest = rules().digest().expect("a digest");
        let mut journal = Journal { first_seqno, verdict_digest, partitions, ..Journal::default() };
        (0..documents).for_each(|n| journal.push(Position { partition: 0, offset: first_seqno + n }, n, n % 2 == 0));
        journal
    }

    fn batches(records: &[Journal]) -> Result<Batches> {
        let mut batches = Batches::under(rules()).expect("rules");
        records.iter().try_for_each(|record| batches.accept(&record.encode())).map(|()| batches)
    }

    #[test]
    fn heartbeats_are_no_batches_but_their_names_go_with_the_next_one() {
        let records = [record(0, 0, &["b/0", "a/0"]), record(0, 3, &[]), record(3, 0, &[]), record(3, 2, &["b/0", "a/0", "a/1"])];
        let got = batches(&records).expect("a journal").waiting;
        assert_eq!(got, [Journal { partitions: records[0].partitions.clone(), ..records[1].clone() }, records[3].clone()]);
    }

    #[test]
    fn what_does_not_follow_is_refused() {
        let refused = |last: Journal, why: &str| {
            let error = batches(&[record(0, 3, &[]), last]).err().expect(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        refused(record(0, 2, &[]), "begun anew");
        refused(record(4, 2, &[]), "expected 3");
        refused(Journal { verdict_digest: [4; 16], ..record(3, 1, &[]) }, "another configuration or background");
        assert!(batches(&[record(0, 3, &[])]).expect("a journal").accept(b"{\"v\":1}").is_err());
    }
}
