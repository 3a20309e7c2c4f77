//! What becomes of what a client reports?
//!
//! Its log goes to ours. Errors that it recovers from by itself are counted, and at most one of
//! them is logged each second.
//!
//! **State** counters and, for consumers, what the last statistics said of each partition.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Statistics,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, ProducerContext},
};

use super::{
    connection_problem::advice_on,
    errors::{self, Call},
};
use crate::error::ErrorClass;

/// A consumer whose reports are collected.
pub(super) type ReportingConsumer = BaseConsumer<Reporter>;

/// What a client has reported so far.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Number of errors that the client has recovered from by itself.
    pub(super) transport_errors: AtomicU64,
    /// Number of records that were not delivered.
    pub(super) delivery_errors: AtomicU64,
    /// Reports on the records of the open batch.
    batch: Mutex<BatchReports>,
    /// What the last statistics said, by topic and partition.
    fetched: Mutex<BTreeMap<(String, i32), FetchProgress>>,
    /// When an error was logged last.
    logged: Mutex<Option<Instant>>,
}

/// Reports on the records of one batch. Reports on earlier batches, which were aborted, may still
/// come.
#[derive(Debug, Default)]
struct BatchReports {
    number: usize,
    /// How many records were handed to the client.
    written: usize,
    /// The first report on a record that was not delivered.
    undelivered: Option<Undelivered>,
    /// The numbers of records that can never be written.
    refused: Vec<usize>,
    /// Offset of the journal record.
    journal: Option<u64>,
    /// The topic that the brokers have not let the transaction have.
    not_added: Option<String>,
}

/// What the client's log calls the answer to its request for topics of a transaction.
const TOPICS_ADDED: &str = "ADDPARTS";

/// A record that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undelivered {
    pub(super) code: RDKafkaErrorCode,
    pub(super) topic: String,
}

impl Undelivered {
    /// Tells whether another record is to blame: this one was only sent along with it, or was still
    /// to be sent.
    pub(super) fn is_consequence(&self) -> bool {
        use RDKafkaErrorCode::{InvalidDifferentRecord, PurgeInflight, PurgeQueue};
        matches!(self.code, InvalidDifferentRecord | PurgeInflight | PurgeQueue)
    }
}

/// Which record a report on its delivery is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    batch: usize,
    /// The record's number in the order of writing.
    record: usize,
    is_journal: bool,
}

/// How far the client has fetched a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchProgress {
    /// The client has handed over every record before this offset, and there was nothing behind it.
    pub(super) end: Option<u64>,
}

impl Reports {
    /// Counts an error that the client recovers from by itself. It is logged unless another one was
    /// logged within the last second.
    pub(super) fn transport(&self, error: &KafkaError, reason: &str) {
        let count = self.transport_errors.fetch_add(1, Ordering::Relaxed) + 1;
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
            *logged = Some(Instant::now());
            let look = advice_on(reason);
            tracing::warn!(%error, reason, count, look, "trouble with a broker, the client tries on by itself");
        }
    }

    fn batch(&self) -> MutexGuard<'_, BatchReports> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the reports on the batch before.
    pub(super) fn next_batch(&self) {
        let mut batch = self.batch();
        *batch = BatchReports { number: batch.number + 1, ..BatchReports::default() };
    }

    /// Returns what the report on the next record must carry, so that it is counted for the right
    /// batch and record.
    pub(super) fn ticket(&self, is_journal: bool) -> Ticket {
        let mut batch = self.batch();
        batch.written += 1;
        Ticket { batch: batch.number, record: batch.written - 1, is_journal }
    }

    /// Returns the first report on a record of the batch that was not delivered.
    pub(super) fn undelivered(&self) -> Option<Undelivered> {
        self.batch().undelivered.clone()
    }

    /// Returns the numbers of the batch's records that can never be written, as far as is known.
    pub(super) fn refused(&self) -> Vec<usize> {
        let mut refused = self.batch().refused.clone();
        refused.sort_unstable();
        refused
    }

    /// Returns the offset of the batch's journal record, once it was delivered.
    pub(super) fn journal_offset(&self) -> Option<u64> {
        self.batch().journal
    }

    /// Returns the topic that the brokers have not let the transaction have, if the client's log has
    /// named one.
    pub(super) fn topic_not_added(&self) -> Option<String> {
        self.batch().not_added.clone()
    }

    /// Returns what the last statistics said of a partition.
    pub(super) fn fetched(&self, topic: &str, partition: i32) -> Option<FetchProgress> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.get(&(topic.to_owned(), partition)).copied()
    }

    /// Forgets the statistics of a partition that was paused: they speak of records that the client
    /// has thrown away and will fetch again.
    pub(super) fn forget_fetched_of(&self, partition: &(String, i32)) {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).remove(partition);
    }

    /// Forgets the statistics, because partitions were assigned anew.
    pub(super) fn forget_fetched(&self) {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The callbacks of a consumer or producer, which fill its [`Reports`].
#[derive(Clone, Debug, Default)]
pub(super) struct Reporter(pub(super) Arc<Reports>);

impl ClientContext for Reporter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == TOPICS_ADDED
            && let Some(topic) = message.split('"').nth(1)
            && message.contains("authorization failed")
        {
            self.0.batch().not_added.get_or_insert_with(|| topic.to_owned());
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut fetched = self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, topic) in statistics.topics {
            for (id, partition) in topic.partitions {
                // While records wait in the client, the end that it has seen says nothing about what it has handed over.
                let end = u64::try_from(partition.eof_offset).ok().filter(|_| partition.fetchq_cnt == 0);
                fetched.insert((name.clone(), id), FetchProgress { end });
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Readers are told of the end of a partition when they poll.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.0.transport(&error, reason);
        }
    }
}

impl ConsumerContext for Reporter {}

impl ProducerContext for Reporter {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Self::DeliveryOpaque) {
        if result.is_err() {
            self.0.delivery_errors.fetch_add(1, Ordering::Relaxed);
        } else if !ticket.is_journal {
            return;
        }
        let mut batch = self.0.batch();
        if batch.number != ticket.batch {
            return;
        }
        match result {
            Ok(message) => batch.journal = u64::try_from(message.offset()).ok(),
            Err((error, message)) => {
                let Some(code) = error.rdkafka_error_code() else { return };
                if errors::classify(Call::Delivery, error) == ErrorClass::Record {
                    batch.refused.push(ticket.record);
                }
                let undelivered = Undelivered { code, topic: message.topic().to_owned() };
                batch.undelivered.take_if(|first| first.is_consequence() && !undelivered.is_consequence());
                batch.undelivered.get_or_insert(undelivered);
            }
        }
    }
}
