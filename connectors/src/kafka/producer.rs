//! How are transactional calls made, each within a stated time?
//!
//! A call is made again while its error allows it and the transaction's time is not over. After
//! that it is undecided, and the producer must be thrown away. The client's own wait for
//! acknowledgements has steps of 100 ms, so the wait is done here, in steps of half a millisecond.
//! A thread of the client serves acknowledgements meanwhile; without it, aborting would wait for
//! itself.
//!
//! The client keeps the time of every call but one: adding offsets waits for ever if the group's
//! coordinator has left the cluster (librdkafka issues 5456 and 5511). So each try of it is made on
//! a thread of its own. A thread that gets no answer is left behind with the producer, and both are
//! freed when the answer comes.
//!
//! A transaction that may not have one of its topics is a second one: the client lets its records
//! wait, and makes no report on them. So it is asked while they are waited for.
//!
//! **State** at most `produce_bytes_max` of unacknowledged records. Where a producer was left
//! behind, it holds as much again for the rest of its transaction's time.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{CommitMode, Consumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ThreadedProducer},
};

use super::{
    config::KafkaConfig,
    errors::{self, Call, FailedCall},
    reports::{Reporter, ReportingConsumer, Reports, Ticket, Undelivered},
    topic_limits::TopicLimits,
};
use crate::{
    committer::Outgoing,
    error::{Error, ErrorClass},
    kill,
};

/// Longest time of one try of a call that may be made again.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// How long an answer may be late after the time given to a try. After that, the client will not
/// answer soon.
const ANSWER_GRACE: Duration = Duration::from_secs(5);
/// How long is waited for the reports on other records, once one was refused.
const REFUSALS_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the client is asked, while acknowledgements are waited for, whether the brokers have
/// forbidden the transaction a topic.
const FORBIDDEN_EVERY: Duration = Duration::from_millis(500);
/// One step of the wait for acknowledgements.
const ACKNOWLEDGE_STEP: Duration = Duration::from_micros(500);

/// A producer that has fenced those before it under the same transactional id.
pub(super) struct TransactionalProducer {
    producer: ThreadedProducer<Reporter>,
    reports: Arc<Reports>,
    /// Longest time of each call, all its tries included.
    time: Duration,
    /// False only in a test that shows what transactions are for.
    transactional: bool,
}

/// The topic and partition that a record goes to.
#[derive(Clone, Copy)]
pub(super) struct RecordTarget<'a> {
    pub(super) topic: &'a str,
    /// `None` if the record's key decides.
    pub(super) partition: Option<i32>,
    /// Whether the record is the batch's journal record, whose offset is kept.
    pub(super) journal: bool,
}

impl TransactionalProducer {
    /// Makes a producer. With an id it fences those who used the id before: nothing of theirs is
    /// committed after this.
    pub(super) fn fence(
        config: &KafkaConfig,
        limits: &TopicLimits,
        reports: &Arc<Reports>,
        id: Option<&str>,
    ) -> Result<Self, Error> {
        let context = Reporter(Arc::clone(reports));
        let client = config.producer_config(limits, id)?;
        let producer = ThreadedProducer::from_config_and_context(&client, context).map_err(errors::client_not_made)?;
        let time = config.transaction_timeout;
        let new = Self { producer, reports: Arc::clone(reports), time, transactional: id.is_some() };
        new.call(Call::Init, Producer::init_transactions)?;
        Ok(new)
    }

    pub(super) fn begin(&self) -> Result<(), FailedCall> {
        self.reports.next_batch();
        self.call(Call::Begin, |producer, _| producer.begin_transaction())
    }

    /// Hands a record to the client, and waits for room if its queue is full.
    pub(super) fn send(&self, target: RecordTarget<'_>, record: &Outgoing<'_>) -> Result<(), FailedCall> {
        let mut message = BaseRecord::<[u8], [u8], Box<Ticket>> {
            topic: target.topic,
            partition: target.partition,
            payload: Some(record.value),
            key: record.key,
            timestamp: None,
            headers: headers(record)?,
            delivery_opaque: Box::new(self.reports.ticket(target.journal)),
        };
        let deadline = Instant::now() + self.time;
        loop {
            let (error, refused) = match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            match errors::classify(Call::Produce, &error) {
                ErrorClass::Retriable if Instant::now() < deadline => self.producer.poll(ACKNOWLEDGE_STEP),
                ErrorClass::Retriable => return Err(FailedCall::undecided(Call::Produce, format!("no room for more: {error}"))),
                _ => return Err(self.failed(Call::Produce, &error)),
            }
            message = refused;
        }
    }

    /// Waits until all of `sent` records have been acknowledged, or one of them was not delivered.
    pub(super) fn wait_acknowledged(&self, sent: usize) -> Result<(), FailedCall> {
        let begun = Instant::now();
        let (deadline, mut ask_at) = (begun + self.time, begun + FORBIDDEN_EVERY);
        let mut before_half = true;
        loop {
            let in_flight = usize::try_from(self.producer.in_flight_count()).unwrap_or(0);
            if before_half && in_flight <= sent / 2 {
                before_half = false;
                kill::point("kafka.half_produced");
            }
            if self.reports.undelivered().is_some()
                && let Some(failed) = self.record_to_blame()
            {
                return Err(failed);
            }
            if in_flight == 0 {
                return Ok(());
            }
            let now = Instant::now();
            if now >= ask_at {
                ask_at = now + FORBIDDEN_EVERY;
                self.forbidden().map_or(Ok(()), Err)?;
            }
            if now >= deadline {
                let reason = format!("{in_flight} of {sent} records were not acknowledged in {:?}", self.time);
                return Err(FailedCall::undecided(Call::Delivery, reason));
            }
            self.producer.poll(ACKNOWLEDGE_STEP);
        }
    }

    /// Returns why a call has failed. A record that was not delivered makes all later calls of the
    /// transaction fail, with less to say.
    pub(super) fn cause(&self, failed: FailedCall) -> FailedCall {
        if failed.undecided || failed.is_final() {
            return self.forbidden().unwrap_or(failed);
        }
        self.record_to_blame().unwrap_or(failed)
    }

    /// Returns why records were not delivered, if some were not. Reports may be on their way, and that
    /// on the record to blame need not be the first.
    fn record_to_blame(&self) -> Option<FailedCall> {
        if let Some(forbidden) = self.forbidden() {
            return Some(forbidden);
        }
        let deadline = Instant::now() + REFUSALS_TIMEOUT;
        let is_known = || self.reports.undelivered().is_some_and(|undelivered| !undelivered.is_consequence());
        while !is_known() && Instant::now() < deadline {
            self.producer.poll(ACKNOWLEDGE_STEP);
        }
        self.reports.undelivered().map(|undelivered| self.not_delivered(&undelivered))
    }

    /// Returns the refusal, if the brokers have not let the open transaction have one of its topics.
    /// Until it is aborted, the client answers every call that it does not allow with that refusal,
    /// so it is asked to begin another one. Which topic is meant only its log says.
    fn forbidden(&self) -> Option<FailedCall> {
        let error = self.transactional.then(|| self.producer.begin_transaction().err())??;
        error.rdkafka_error_code().filter(|code| *code == RDKafkaErrorCode::TopicAuthorizationFailed)?;
        let failed = self.failed(Call::AddTopics, &error);
        Some(match self.reports.topic_not_added() {
            Some(topic) => failed.of_topic(&topic),
            None => failed,
        })
    }

    fn not_delivered(&self, undelivered: &Undelivered) -> FailedCall {
        let error = KafkaError::MessageProduction(undelivered.code);
        let failed = self.failed(Call::Delivery, &error);
        let Error::Broker { class: ErrorClass::Record, reason, .. } = failed.error else {
            return failed.of_topic(&undelivered.topic);
        };
        // Reports on other records of the batch are on their way.
        let deadline = Instant::now() + REFUSALS_TIMEOUT;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.producer.poll(ACKNOWLEDGE_STEP);
        }
        let by_size = undelivered.code == RDKafkaErrorCode::MessageSizeTooLarge;
        Error::RecordsRefused { topic: undelivered.topic.clone(), records: self.reports.refused(), by_size, reason }.into()
    }

    /// Adds offsets to the transaction, for the group that `consumer` belongs to. The call is
    /// undecided if no answer comes within the time of one try and a grace period.
    pub(super) fn send_offsets(&self, offsets: &TopicPartitionList, consumer: &ReportingConsumer) -> Result<(), FailedCall> {
        let Some(group) = consumer.group_metadata() else {
            return Err(Error::Refused("the consumer has no group".to_owned()).into());
        };
        let group = Arc::new(group);
        self.call_with_answer(Call::Offsets, |timeout| {
            let (producer, offsets, group) = (self.producer.clone(), offsets.clone(), Arc::clone(&group));
            let (answer, answered) = mpsc::sync_channel(1);
            // The receiver may have given up meanwhile.
            let ask = move || drop(answer.send(producer.send_offsets_to_transaction(&offsets, &group, timeout)));
            let asking = thread::Builder::new().name("weir-offsets".to_owned()).spawn(ask);
            asking.map_err(|error| Error::Refused(format!("start a thread: {error}")))?;
            Ok(answered.recv_timeout(timeout + ANSWER_GRACE).ok())
        })
    }

    /// Commits the transaction with its records and offsets.
    pub(super) fn commit(&self) -> Result<(), FailedCall> {
        self.call(Call::Commit, Producer::commit_transaction)
    }

    /// Commits offsets without a transaction, for a test.
    pub(super) fn commit_offsets(&self, offsets: &TopicPartitionList, consumer: &ReportingConsumer) -> Result<(), FailedCall> {
        consumer.commit(offsets, CommitMode::Sync).map_err(|error| self.failed(Call::Offsets, &error))
    }

    /// Aborts the transaction.
    pub(super) fn abort(&self) -> Result<(), FailedCall> {
        self.call(Call::Abort, Producer::abort_transaction)
    }

    /// Makes a transactional call until it succeeds, fails for good, or runs out of time.
    fn call(
        &self,
        call: Call,
        make: impl Fn(&ThreadedProducer<Reporter>, Duration) -> KafkaResult<()>,
    ) -> Result<(), FailedCall> {
        self.call_with_answer(call, |timeout| Ok(Some(make(&self.producer, timeout))))
    }

    /// Does the same for a call that may have no answer (`None`); it is then undecided.
    fn call_with_answer(
        &self,
        call: Call,
        make: impl Fn(Duration) -> Result<Option<KafkaResult<()>>, Error>,
    ) -> Result<(), FailedCall> {
        let deadline = Instant::now() + self.time;
        if !self.transactional {
            return Ok(());
        }
        loop {
            let time = deadline.saturating_duration_since(Instant::now()).min(TRY_TIMEOUT);
            let error = match make(time)? {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => error,
                None => return Err(FailedCall::undecided(call, format!("no answer in {:?}", time + ANSWER_GRACE))),
            };
            match errors::classify(call, &error) {
                ErrorClass::Retriable if Instant::now() < deadline => {
                    self.reports.transport(&error, call.action());
                    thread::sleep(RETRY_PAUSE);
                }
                ErrorClass::Retriable => {
                    return Err(FailedCall::undecided(call, format!("no end after {:?}: {error}", self.time)));
                }
                _ => return Err(self.failed(call, &error)),
            }
        }
    }

    fn failed(&self, call: Call, error: &KafkaError) -> FailedCall {
        errors::failed(call, error, self.producer.client().fatal_error()).into()
    }
}

fn headers(record: &Outgoing<'_>) -> Result<Option<OwnedHeaders>, Error> {
    if record.headers.is_empty() {
        return Ok(None);
    }
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for header in record.headers {
        // The client panics on a name with a zero byte.
        if header.name.contains('\0') {
            let (name, channel) = (&header.name, record.channel.name());
            return Err(Error::Refused(format!("header {name:?} for {channel} has a zero byte in its name, expected none")));
        }
        headers = headers.insert(Header { key: &header.name, value: header.value.as_deref() });
    }
    Ok(Some(headers))
}
