//! How is a client made, and what becomes of what it reports?
//!
//! Its log goes to ours; errors that it recovers from by itself are counted and logged, never more than one line a second.
//!
//! **State** counters and, for consumers, what the last statistics said of each partition.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message, Statistics,
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, ProducerContext},
};

use super::{config::KafkaConfig, errors, reach::hint, topics::TopicLimits};
use crate::error::Error;

/// Reports of a client.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Errors that the client recovers from by itself.
    pub(super) transport_errors: AtomicU64,
    /// Records that were not delivered.
    pub(super) delivery_errors: AtomicU64,
    /// Of the open batch.
    batch: Mutex<BatchReports>,
    /// What the last statistics said, by topic and partition.
    fetched: Mutex<BTreeMap<(String, i32), Fetched>>,
    logged: Mutex<Option<Instant>>,
}

/// What is reported of the records of one batch. Reports of earlier ones, aborted ones, may come late.
#[derive(Debug, Default)]
struct BatchReports {
    number: usize,
    /// The first code of a record that was not delivered.
    undelivered: Option<RDKafkaErrorCode>,
    /// Offset of the journal record.
    journal: Option<u64>,
}

/// How far the client has fetched a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    /// Every record before it has been handed over by the client, and there was nothing behind it.
    pub(super) end: Option<u64>,
    /// Where the committed records end.
    pub(super) high: Option<u64>,
}

impl Reports {
    /// Counts an error that the client recovers from, and logs it if the last one was logged a second ago.
    pub(super) fn transport(&self, error: &KafkaError, reason: &str) {
        let count = self.transport_errors.fetch_add(1, Ordering::Relaxed) + 1;
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
            *logged = Some(Instant::now());
            let look = hint(reason);
            tracing::warn!(%error, reason, count, look, "trouble with a broker, the client tries on by itself");
        }
    }

    fn batch(&self) -> MutexGuard<'_, BatchReports> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the batch before.
    pub(super) fn next_batch(&self) {
        let mut batch = self.batch();
        *batch = BatchReports { number: batch.number + 1, ..BatchReports::default() };
    }

    /// What a record's report is to carry.
    pub(super) fn ticket(&self, journal: bool) -> usize {
        2 * self.batch().number + usize::from(journal)
    }

    /// The first code of a record of the batch that was not delivered.
    pub(super) fn undelivered(&self) -> Option<RDKafkaErrorCode> {
        self.batch().undelivered
    }

    /// Offset of the batch's journal record, once it was delivered.
    pub(super) fn journal_offset(&self) -> Option<u64> {
        self.batch().journal
    }

    /// What the last statistics said of a partition.
    pub(super) fn fetched(&self, topic: &str, partition: i32) -> Option<Fetched> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.get(&(topic.to_owned(), partition)).copied()
    }

    /// Forgets the statistics: an assignment has begun anew.
    pub(super) fn forget_fetched(&self) {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Context of a consumer or producer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporter(pub(super) Arc<Reports>);

impl ClientContext for Reporter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
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
                // While records wait in the client, the end that it has seen says nothing about what was handed over.
                let end = u64::try_from(partition.eof_offset).ok().filter(|_| partition.fetchq_cnt == 0);
                let high = u64::try_from(partition.ls_offset).ok();
                fetched.insert((name.clone(), id), Fetched { end, high });
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is an event that readers see for themselves.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.0.transport(&error, reason);
        }
    }
}

impl ConsumerContext for Reporter {}

impl ProducerContext for Reporter {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Self::DeliveryOpaque) {
        if result.is_err() {
            self.0.delivery_errors.fetch_add(1, Ordering::Relaxed);
        } else if ticket % 2 == 0 {
            return;
        }
        let mut batch = self.0.batch();
        if batch.number == ticket / 2 {
            match result {
                Ok(message) => batch.journal = u64::try_from(message.offset()).ok(),
                Err((error, _)) => batch.undelivered = batch.undelivered.or(error.rdkafka_error_code()),
            }
        }
    }
}

/// A consumer that reports.
pub(super) type Reading = BaseConsumer<Reporter>;

impl KafkaConfig {
    /// Every client of ours: what is configured, and what that leaves out.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set_log_level(RDKafkaLogLevel::Warning);
        for (key, value) in &self.client {
            client.set(key, value);
        }
        client.set("bootstrap.servers", &self.brokers);
        if !self.client.contains_key("client.id") {
            client.set("client.id", "weir");
        }
        // The OpenSSL that is built in looks for certificates where it would have been installed. The system's own are
        // elsewhere, where the client looks if it is told to.
        let named = |name: &&str| self.client.contains_key(*name);
        let elsewhere = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
        if !elsewhere && !["ssl.ca.location", "ssl.ca.pem"].iter().any(named) {
            client.set("ssl.ca.location", "probe");
        }
        client
    }

    /// For settings of topics.
    pub(super) fn admin_config(&self) -> ClientConfig {
        self.client()
    }

    fn consumer_config(&self) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false");
        client
    }

    /// A consumer that commits nothing, skips nothing and sees only what is committed. To be polled all the time: its
    /// statistics wait for that, 10 KB twice a second.
    pub(super) fn consumer(&self, reports: &Arc<Reports>) -> Result<Reading, Error> {
        let mut client = self.consumer_config();
        client
            .set("enable.partition.eof", "true")
            .set("statistics.interval.ms", "500")
            .set("queued.max.messages.kbytes", (self.prefetch_bytes_max >> 10).clamp(1024, 2_097_151).to_string());
        // After a full queue the client waits a second by default before it fetches again.
        if !self.client.contains_key("fetch.queue.backoff.ms") {
            client.set("fetch.queue.backoff.ms", "5");
        }
        client.create_with_context(Reporter(Arc::clone(reports))).map_err(errors::not_made)
    }

    /// A consumer that is asked about the group and the cluster, and fetches nothing. What it says when it is polled is
    /// of its connections alone.
    pub(super) fn member(&self, reports: &Arc<Reports>) -> Result<Reading, Error> {
        self.consumer_config().create_with_context(Reporter(Arc::clone(reports))).map_err(errors::not_made)
    }

    /// A consumer that asks for committed offsets without waiting for transactions that are open.
    pub(super) fn glancer(&self) -> Result<BaseConsumer, Error> {
        let mut client = self.client();
        client.set("group.id", &self.group).set("enable.auto.commit", "false").set("isolation.level", "read_uncommitted");
        client.create().map_err(errors::not_made)
    }

    /// The producer's configuration under a transactional id; `None`: without transactions, for tests.
    pub(super) fn producer_config(&self, limits: &TopicLimits, transactional_id: Option<&str>) -> ClientConfig {
        let mut client = self.client();
        client
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", (self.produce_bytes_max >> 10).clamp(1024, 2_097_151).to_string())
            .set("message.max.bytes", limits.message_bytes_max().to_string())
            .set("batch.size", limits.batch_bytes_max().to_string());
        if !self.client.contains_key("linger.ms") {
            client.set("linger.ms", "1");
        }
        // The coordinator is busy for a moment after each commit; by default the client then waits 100 ms.
        if !self.client.contains_key("retry.backoff.ms") {
            client.set("retry.backoff.ms", "10");
        }
        if let Some(id) = transactional_id {
            let timeout = self.transaction_timeout.as_millis().clamp(1_000, 900_000).to_string();
            client.set("transactional.id", id).set("transaction.timeout.ms", &timeout).set("message.timeout.ms", &timeout);
        }
        client
    }
}

/// An administrator's client.
pub(super) type Admin = rdkafka::admin::AdminClient<DefaultClientContext>;

/// Waits for a future on this thread: the few administrative calls are the only ones, and need no runtime.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
