//! How does a batch become visible: outputs, journal record and offsets, all of them or none?
//!
//! ```text
//! recover   a new producer, init_transactions (which fences earlier processes), committed offsets, the journal behind the
//!           checkpoint
//! begin     begin_transaction
//! write*    into the client's queue, which sends meanwhile
//! commit    the journal record, the offsets, wait until all is acknowledged, commit_transaction
//! ```
//!
//! The offsets are sent while records are still on their way, because both take about as long.
//!
//! After a failed commit only `abort` and `recover` are allowed. A commit whose outcome is unknown
//! is not aborted: its producer is thrown away, and recovery finds out from the journal whether it
//! took place.
//!
//! **State** one producer with at most `produce_bytes_max` of unacknowledged records. **Blocks** in
//! each call at most `transaction_timeout`.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use tracing::warn;

#[cfg(feature = "faults")]
use super::protocol_fault::ProtocolFault;
use super::{
    checkpoint::{CLUSTER_TIMEOUT, JournalCheckpoint, record_hash},
    config::KafkaConfig,
    errors::FailedCall,
    input_partitions::InputPartitions,
    journal::{JournalReader, another_record},
    offsets::{commit_list, committed_offsets},
    packed_size,
    producer::{RecordTarget, TransactionalProducer},
    query::PartitionExtent,
    reports::{ReportingConsumer, Reports},
    topic_limits::TopicLimits,
    topics::read_limits,
};
use crate::{
    committer::{Channel, Committer, Outgoing, Recovered, WentOn},
    error::{Error, ErrorClass},
    kill,
    position::Positions,
};

/// A topic that is missing for the time of so many queries for partitions is gone.
const MISSING_QUERIES: u32 = 3;
/// Pause between two tries while a topic is missing.
const MISSING_PAUSE: Duration = Duration::from_millis(200);

/// What to do if a group has committed offsets or a journal, but there is no snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutSnapshot {
    /// Refuses to begin.
    #[default]
    Refuse,
    /// Returns the whole journal, so that everything is read again without being written
    /// (`--from-journal`).
    FromJournal,
    /// Goes on at the committed offsets with an empty state (`--accept-loss`); or with that of a
    /// snapshot, where no journal leads on from it.
    AcceptLoss,
}

/// How long the steps of a commit took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitTimes {
    /// Time of adding the offsets.
    pub offsets: Duration,
    /// Time of waiting for acknowledgements after that.
    pub acknowledged: Duration,
    /// Time of the commit call itself.
    pub committed: Duration,
}

/// Commits outputs, journal records and offsets in transactions.
pub struct KafkaCommitter {
    config: Arc<KafkaConfig>,
    limits: TopicLimits,
    input_partitions: Arc<InputPartitions>,
    without_snapshot: WithoutSnapshot,
    reports: Arc<Reports>,
    /// A consumer of the group without partitions, for committed offsets and the group's metadata.
    consumer: ReportingConsumer,
    producer: Option<TransactionalProducer>,
    state: TransactionState,
    /// The place behind the last committed journal record.
    checkpoint: JournalCheckpoint,
    /// Number of records written in the open batch.
    written: usize,
    commit_times: CommitTimes,
    /// Whether the first recovery may go on where no journal leads.
    accepts_broken_journal: bool,
    /// Whether the journal was begun anew since the last call of
    /// [`Committer::has_lost_checkpoints`].
    is_journal_anew: bool,
    /// Since when a topic is missing.
    missing: Option<Instant>,
    /// Whether a record that fitted was refused as too large: the limits are other ones now.
    limits_changed: bool,
    /// For each channel, the most bytes that a record may have plain if it is to fit packed; 0 for a
    /// topic that has refused such a record: its broker packs anew, and worse.
    plain_bytes_max: [usize; Channel::ALL.len()],
    #[cfg(feature = "faults")]
    protocol_fault: ProtocolFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TransactionState {
    /// `recover` has not been called, or has failed.
    Unknown,
    Ready,
    InBatch,
    /// A call within the batch has failed: only `abort` and `recover` are allowed.
    Failed,
    /// A call was fatal, or it is unknown whether it took place: the producer must not be used
    /// again, not even to abort.
    Spent,
}

/// Measures the time between steps.
struct Stopwatch(Instant);

impl Stopwatch {
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - mem::replace(&mut self.0, now)
    }
}

impl KafkaCommitter {
    /// Makes a committer for the group of `config`. Its first call must be [`Committer::recover`];
    /// nobody is fenced before that.
    ///
    /// # Errors
    /// If the configuration is refused.
    pub fn new(
        config: &KafkaConfig,
        limits: TopicLimits,
        input_partitions: Arc<InputPartitions>,
        without_snapshot: WithoutSnapshot,
    ) -> Result<Self, Error> {
        config.check()?;
        let (owned, reports) = (Arc::new(config.clone()), Arc::new(Reports::default()));
        let consumer = config.group_client(&reports)?;
        Ok(Self {
            config: owned,
            limits,
            input_partitions,
            without_snapshot,
            reports,
            consumer,
            producer: None,
            state: TransactionState::Unknown,
            checkpoint: JournalCheckpoint::default(),
            written: 0,
            commit_times: CommitTimes::default(),
            accepts_broken_journal: without_snapshot == WithoutSnapshot::AcceptLoss,
            is_journal_anew: false,
            missing: None,
            limits_changed: false,
            plain_bytes_max: [packed_size::plain_bytes_max(config); Channel::ALL.len()],
            #[cfg(feature = "faults")]
            protocol_fault: ProtocolFault::default(),
        })
    }

    /// Breaks the protocol, for tests.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn with_protocol_fault(mut self, protocol_fault: ProtocolFault) -> Self {
        self.protocol_fault = protocol_fault;
        self
    }

    /// Tells whether a record's topic takes it; [`Committer::write`] refuses it otherwise.
    #[must_use]
    pub fn fits(&self, record: &Outgoing<'_>) -> bool {
        self.takes(record)
    }

    /// Returns the most bytes that records of each topic may have.
    #[must_use]
    pub fn limits(&self) -> &TopicLimits {
        &self.limits
    }

    /// Returns the offset where the next journal record can be at the earliest.
    #[must_use]
    pub fn journal_next(&self) -> u64 {
        self.checkpoint.next
    }

    /// Returns how long the steps of the last commit took.
    #[must_use]
    pub fn commit_times(&self) -> CommitTimes {
        self.commit_times
    }

    /// Returns the number of records that were not delivered so far. The batch of each of them was
    /// aborted.
    #[must_use]
    pub fn delivery_errors(&self) -> u64 {
        self.reports.delivery_errors.load(Ordering::Relaxed)
    }

    #[cfg(feature = "faults")]
    fn is_transactional(&self) -> bool {
        !self.protocol_fault.no_transaction
    }

    #[cfg(not(feature = "faults"))]
    #[expect(clippy::unused_self, reason = "a test's switch with the feature")]
    fn is_transactional(&self) -> bool {
        true
    }

    #[cfg(feature = "faults")]
    fn transactional_id(&self) -> String {
        use std::sync::atomic::AtomicU32;
        static MADE: AtomicU32 = AtomicU32::new(0);
        let group = &self.config.group;
        if self.protocol_fault.no_fence {
            format!("{group}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
        } else {
            group.clone()
        }
    }

    #[cfg(not(feature = "faults"))]
    fn transactional_id(&self) -> String {
        self.config.group.clone()
    }

    fn expect_state(&self, expected: TransactionState, call: &str) -> Result<&TransactionalProducer, Error> {
        match &self.producer {
            Some(producer) if self.state == expected => Ok(producer),
            _ => Err(Error::Refused(format!("{call}: the committer is {:?}, expected {expected:?}", self.state))),
        }
    }

    /// Decides what is allowed after a failed call within a batch.
    fn fail(&mut self, failed: FailedCall) -> Error {
        let abortable = matches!(failed.error, Error::Broker { class: ErrorClass::Abortable, .. } | Error::RecordsRefused { .. });
        if let Error::RecordsRefused { by_size: true, topic, .. } = &failed.error {
            self.limits_changed = true;
            for channel in Channel::ALL.into_iter().filter(|channel| self.config.topics.of(*channel) == topic) {
                self.plain_bytes_max[channel as usize] = 0;
            }
        }
        self.state = match failed.error {
            // Nothing was written, so the batch stays open.
            Error::TooLarge { .. } | Error::Refused(_) => TransactionState::InBatch,
            _ if abortable && !failed.undecided => TransactionState::Failed,
            _ => TransactionState::Spent,
        };
        failed.into()
    }

    /// Makes all calls of a commit. Returns how long its steps took.
    fn transact(&self, positions: &Positions, journal: &[u8]) -> Result<CommitTimes, FailedCall> {
        let producer = self.expect_state(TransactionState::InBatch, "commit")?;
        kill::point("kafka.produced");
        let record = Outgoing::plain(Channel::Decisions, journal);
        too_large("journal", record.bytes(), self.limits.journal())?;
        let target = RecordTarget { topic: &self.config.topics.journal, partition: Some(0), journal: true };
        // A record before it may have been refused meanwhile.
        producer.send(target, &record).map_err(|failed| producer.cause(failed))?;
        kill::point("kafka.journal_produced");
        let offsets = self.input_partitions.to_commit(positions);
        let texts: Vec<_> = offsets.iter().map(|(key, committed)| (key, committed.offset, committed.text())).collect();
        let list = commit_list(texts.iter().map(|((topic, id), offset, text)| (&**topic, *id, *offset, &**text)))?;
        let mut watch = Stopwatch(Instant::now());
        if !offsets.is_empty() {
            producer.send_offsets(&list, &self.consumer).map_err(|failed| producer.cause(failed))?;
        }
        kill::point("kafka.offsets_sent");
        let offsets = watch.lap();
        producer.wait_acknowledged(self.written + 1)?;
        kill::point("kafka.flushed");
        let acknowledged = watch.lap();
        kill::point("kafka.before_commit");
        if self.is_transactional() {
            producer.commit().map_err(|failed| producer.cause(failed))?;
        } else {
            producer.commit_offsets(&list, &self.consumer)?;
        }
        // Events of the client about its connections must not pile up.
        let _ = self.consumer.poll(Duration::ZERO);
        Ok(CommitTimes { offsets, acknowledged, committed: watch.lap() })
    }

    /// Returns the refusal of a group that was at work before, although there is no state to go on
    /// with.
    fn expect_nothing(&self, what: &str) -> Error {
        let group = &self.config.group;
        Error::Refused(format!(
            "group {group} has {what}, but there is no snapshot: --from-journal reads everything again along the journal, \
             --accept-loss goes on at the committed offsets and forgets what was learned before"
        ))
    }

    /// Reads the journal records behind a snapshot's checkpoint.
    fn journal_after(&mut self, checkpoint: &JournalCheckpoint) -> Result<Vec<Vec<u8>>, Error> {
        checkpoint.expect_cluster(&self.checkpoint.cluster)?;
        let from = checkpoint.last.map_or(checkpoint.next, |(offset, _)| offset);
        let mut reader = JournalReader::new(&self.config, Some(from))?;
        let mut records = reader.read_to_end(self.config.run_timeout)?.into_iter();
        (self.checkpoint.next, self.checkpoint.last) = (reader.next_offset(), checkpoint.last);
        if let Some((offset, expected)) = checkpoint.last {
            let first = records.next().filter(|(at, record)| *at == offset && record_hash(record) == expected);
            if first.is_none() {
                let topic = &self.config.topics.journal;
                return Err(another_record(topic, offset));
            }
        }
        let records: Vec<_> = records.collect();
        if let Some((offset, record)) = records.last() {
            self.checkpoint.last = Some((*offset, record_hash(record)));
        }
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// Finds the offset of the journal record just committed. It is unknown if the broker has
    /// acknowledged the record as one that it had already.
    fn find_journal_record(&self, journal: &[u8]) -> Result<u64, Error> {
        let mut reader = JournalReader::new(&self.config, Some(self.checkpoint.next))?;
        let records = reader.read_to_end(self.config.run_timeout)?;
        let found = records.last().filter(|(_, record)| record == journal).map(|(offset, _)| *offset);
        found.ok_or_else(|| Error::Broker {
            action: "find the journal record just committed",
            class: ErrorClass::Abortable,
            reason: format!("{} records from offset {} on, expected it as the last", records.len(), self.checkpoint.next),
        })
    }

    /// Goes on at the committed offsets, behind whatever the journal holds.
    fn went_on(&mut self) -> Result<WentOn, Error> {
        let PartitionExtent { high, .. } = PartitionExtent::of(&self.consumer, &self.config.topics.journal, 0)?;
        let last = JournalReader::last_record(&self.config)?;
        (self.checkpoint.next, self.checkpoint.last) =
            (high, last.as_ref().map(|(offset, record)| (*offset, record_hash(record))));
        let keys = self.input_partitions.keys();
        let committed = committed_offsets(&self.consumer, &keys)?;
        let next = |key| committed.get(key).map_or(0, |committed| committed.position.unwrap_or(committed.offset));
        Ok(WentOn { positions: Positions(keys.iter().map(next).collect()), last: last.map(|(_, record)| record) })
    }

    /// Reads the journal if there is no snapshot.
    fn journal_without_snapshot(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        if self.without_snapshot == WithoutSnapshot::Refuse && self.has_committed(&self.consumer)? {
            return Err(self.expect_nothing("committed offsets"));
        }
        let journal = self.journal_after(&JournalCheckpoint::default())?;
        if self.without_snapshot == WithoutSnapshot::Refuse && !journal.is_empty() {
            return Err(self.expect_nothing("a journal"));
        }
        Ok(journal)
    }

    /// Checks after a failed commit that all topics are there, those of the input with the partitions
    /// that were read: with one of them gone, every other try would fail as well. Brokers that do not answer, or that have just started and do not
    /// know the topic yet, prove nothing.
    fn expect_topics(&mut self) -> Result<(), Error> {
        let mut needed: BTreeMap<&str, usize> = self.config.topics.outputs().map(|(_, name)| (name, 1)).collect();
        let read = self.input_partitions.keys();
        for (topic, id) in &read {
            let partitions = needed.entry(topic).or_default();
            *partitions = usize::try_from(id + 1).map_or(*partitions, |count| count.max(*partitions));
        }
        let is_missing = |(name, needed): &(&str, usize)| {
            let metadata = self.consumer.fetch_metadata(Some(name), CLUSTER_TIMEOUT);
            metadata.is_ok_and(|metadata| {
                metadata.topics().iter().all(|topic| topic.name() != *name || topic.partitions().len() < *needed)
            })
        };
        let Some((name, needed)) = needed.into_iter().find(is_missing) else {
            self.missing = None;
            return Ok(());
        };
        let since = *self.missing.get_or_insert_with(Instant::now);
        if since.elapsed() > MISSING_QUERIES * self.config.metadata_every {
            return Err(Error::Changed(format!(
                "the topic {name} is not there any more, or has fewer than {needed} partitions; make it again as it was"
            )));
        }
        thread::sleep(MISSING_PAUSE);
        Ok(())
    }

    /// Fences earlier processes, and reads the journal behind a snapshot's checkpoint.
    fn take_over(&mut self, checkpoint: Option<&[u8]>) -> Result<Recovered, Error> {
        kill::point("kafka.recover_begun");
        self.state = TransactionState::Unknown;
        let from = checkpoint.map(JournalCheckpoint::decode).transpose()?;
        if let Some(from) = &from {
            from.expect_group(&self.config.group)?;
        }
        // This is refused before anybody is fenced: a process that is started by mistake must not stop the one at work.
        if from.is_none()
            && self.without_snapshot == WithoutSnapshot::Refuse
            && self.has_committed(&self.config.offset_client()?)?
        {
            return Err(self.expect_nothing("committed offsets"));
        }
        self.producer = None;
        let id = self.is_transactional().then(|| self.transactional_id());
        self.producer = Some(TransactionalProducer::fence(&self.config, &self.limits, &self.reports, id.as_deref())?);
        kill::point("kafka.recover_fenced");
        let cluster = self.consumer.client().fetch_cluster_id(CLUSTER_TIMEOUT).unwrap_or_default();
        self.checkpoint = JournalCheckpoint { cluster, group: self.config.group.clone(), ..JournalCheckpoint::default() };
        // It is accepted once: what happens while this process is at work is another loss.
        let accepts = mem::replace(&mut self.accepts_broken_journal, false);
        let journal = match from {
            Some(checkpoint) => self.journal_after(&checkpoint),
            None if accepts => Err(Error::JournalBroken("there is no snapshot".to_owned())),
            None => self.journal_without_snapshot(),
        };
        let recovered = match journal {
            Err(Error::JournalBroken(_)) if accepts => Recovered { went_on: Some(self.went_on()?), ..Recovered::default() },
            journal => Recovered { journal: journal?, went_on: None },
        };
        kill::point("kafka.recover_journal_read");
        self.state = TransactionState::Ready;
        Ok(recovered)
    }

    /// Aborts the open transaction, so that nobody ever sees its records.
    ///
    /// After an error, or where the outcome of a call is unknown, the producer is not used again:
    /// only [`Committer::recover`] may follow.
    ///
    /// # Errors
    /// If the brokers refuse the abort, or do not answer within the transaction's time.
    pub fn abort(&mut self) -> Result<(), Error> {
        match mem::replace(&mut self.state, TransactionState::Spent) {
            before @ (TransactionState::InBatch | TransactionState::Failed) => {
                let aborted = self.producer.as_ref().map_or(Ok(()), TransactionalProducer::abort);
                aborted?;
                // After an error a new producer must go on, since this one's sequence may have a hole.
                self.state = if before == TransactionState::InBatch { TransactionState::Ready } else { TransactionState::Spent };
            }
            TransactionState::Spent => self.producer = None,
            before @ (TransactionState::Unknown | TransactionState::Ready) => self.state = before,
        }
        Ok(())
    }

    fn has_committed<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) -> Result<bool, Error> {
        Ok(!committed_offsets(consumer, &self.input_partitions.keys())?.is_empty())
    }
}

impl Committer for KafkaCommitter {
    fn recover(&mut self, checkpoint: Option<&[u8]>) -> Result<Recovered, Error> {
        let known = self.checkpoint.clone();
        let recovered = self.take_over(checkpoint);
        if recovered.is_err() {
            // The next try compares the journal with it.
            self.checkpoint = known;
        }
        recovered
    }

    fn bytes_max(&self, channel: Channel) -> usize {
        self.limits.of(channel)
    }

    fn takes(&self, record: &Outgoing<'_>) -> bool {
        packed_size::takes(record, self.limits.of(record.channel), self.plain_bytes_max[record.channel as usize])
    }

    fn journal_bytes_max(&self) -> usize {
        self.limits.journal()
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.expect_state(TransactionState::Ready, "begin")?.begin()?;
        (self.state, self.written) = (TransactionState::InBatch, 0);
        kill::point("kafka.begun");
        Ok(())
    }

    /// Returns [`Error::TooLarge`] for a record that its topic does not take; the batch stays as it
    /// was.
    fn write(&mut self, record: &Outgoing<'_>) -> Result<(), Error> {
        let producer = self.expect_state(TransactionState::InBatch, "write")?;
        if !self.takes(record) {
            too_large(record.channel.name(), record.bytes(), self.limits.of(record.channel))?;
        }
        // Recalls and settled watermarks must be in one order.
        let partition = (record.channel == Channel::Recalls).then_some(0);
        let target = RecordTarget { topic: self.config.topics.of(record.channel), partition, journal: false };
        let sent = producer.send(target, record);
        let sent = sent.map_err(|failed| producer.cause(failed));
        sent.map_err(|failed| self.fail(failed))?;
        self.written += 1;
        if self.written == 1 {
            kill::point("kafka.first_produced");
        }
        Ok(())
    }

    /// Returns [`Error::TooLarge`] for a journal record that is too large; the batch stays open.
    fn commit(&mut self, positions: &Positions, journal: &[u8]) -> Result<(), Error> {
        self.expect_state(TransactionState::InBatch, "commit")?;
        self.commit_times = self.transact(positions, journal).map_err(|failed| self.fail(failed))?;
        self.state = TransactionState::Spent;
        let offset = match self.reports.journal_offset() {
            Some(offset) => offset,
            None => self.find_journal_record(journal)?,
        };
        if offset < self.checkpoint.next {
            let topic = &self.config.topics.journal;
            warn!(topic, offset, "the journal was begun anew: a new standby needs a copy of this process's state");
            self.is_journal_anew = true;
        }
        (self.checkpoint.next, self.checkpoint.last) = (offset + 1, Some((offset, record_hash(journal))));
        self.state = TransactionState::Ready;
        kill::point("kafka.committed");
        Ok(())
    }

    fn is_worth_retrying(&self, error: &Error) -> bool {
        matches!(error, Error::Broker { class: ErrorClass::Abortable | ErrorClass::Retriable, .. })
    }

    /// Aborts where that is possible. Otherwise it fences its own producer and reads in the journal
    /// whether the batch was committed. It blocks as [`Self::recover`] does.
    fn retry(&mut self, journal: &[u8]) -> Result<bool, Error> {
        let before = self.checkpoint.encode();
        self.expect_topics()?;
        if self.abort().is_ok() && self.state == TransactionState::Ready {
            return Ok(false);
        }
        if self.limits_changed {
            self.limits = read_limits(&self.config)?;
            self.limits_changed = false;
        }
        // Without the group's coordinator a new producer would get no further than the old one.
        self.has_committed(&self.config.offset_client()?)?;
        match &self.recover(Some(&before))?.journal[..] {
            [] => Ok(false),
            [record] if record == journal => Ok(true),
            foreign => Err(Error::Fenced {
                action: "look into the journal after a failed commit",
                reason: format!("{} records of another process", foreign.len()),
            }),
        }
    }

    fn has_lost_checkpoints(&mut self) -> bool {
        mem::replace(&mut self.is_journal_anew, false)
    }

    /// Every commit is durable as soon as it has succeeded.
    fn checkpoint(&mut self) -> Result<Vec<u8>, Error> {
        self.expect_state(TransactionState::Ready, "checkpoint")?;
        Ok(self.checkpoint.encode())
    }
}

fn too_large(channel: &'static str, bytes: usize, bytes_max: usize) -> Result<(), Error> {
    if bytes > bytes_max { Err(Error::TooLarge { channel, bytes, bytes_max }) } else { Ok(()) }
}
