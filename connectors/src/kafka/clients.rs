//! With which properties is each client made?
//!
//! What the user has set comes first, then what the work needs. [`super::client_property`] refuses
//! what must not be set.

use std::sync::Arc;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel, consumer::BaseConsumer};

use super::{
    config::KafkaConfig,
    errors::client_not_made,
    packed_size::{CODEC, names_codec, plain_bytes_max},
    reports::{Reporter, ReportingConsumer, Reports},
    topic_limits::TopicLimits,
};
use crate::error::Error;

impl KafkaConfig {
    /// Returns the properties that every client has.
    ///
    /// # Errors
    /// [`Error::Refused`] if the value of a property has not been looked up
    /// ([`KafkaConfig::resolve`]).
    pub(super) fn client_config(&self) -> Result<ClientConfig, Error> {
        let mut client = ClientConfig::new();
        client.set_log_level(RDKafkaLogLevel::Warning);
        for (name, property) in &self.client {
            let refused = || Error::Refused(format!("kafka.client.{name}: {property:?} was not looked up"));
            client.set(name, property.value().ok_or_else(refused)?);
        }
        client.set("bootstrap.servers", self.brokers());
        if !self.client.contains_key("client.id") {
            client.set("client.id", "weir");
        }
        // The OpenSSL that is built in looks for certificates where it would have been installed. The system's own are
        // elsewhere, and the client finds them there if it is told to probe.
        let is_set = |name: &&str| self.client.contains_key(*name);
        let elsewhere = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
        if !elsewhere && !["ssl.ca.location", "ssl.ca.pem"].iter().any(is_set) {
            client.set("ssl.ca.location", "probe");
        }
        Ok(client)
    }

    fn consumer_config(&self) -> Result<ClientConfig, Error> {
        let mut client = self.client_config()?;
        client
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false");
        Ok(client)
    }

    /// Makes a consumer that commits nothing, skips nothing and sees only what is committed. It
    /// must be polled all the time: its statistics, 10 KB twice a second, pile up otherwise.
    pub(super) fn consumer(&self, reports: &Arc<Reports>) -> Result<ReportingConsumer, Error> {
        let mut client = self.consumer_config()?;
        client
            .set("enable.partition.eof", "true")
            .set("statistics.interval.ms", "500")
            .set("queued.max.messages.kbytes", (self.prefetch_bytes_max >> 10).clamp(1024, 2_097_151).to_string());
        // By default the client waits a second after a full queue before it fetches again.
        if !self.client.contains_key("fetch.queue.backoff.ms") {
            client.set("fetch.queue.backoff.ms", "5");
        }
        client.create_with_context(Reporter(Arc::clone(reports))).map_err(client_not_made)
    }

    /// Makes a consumer that is asked about the group and the cluster and fetches nothing. When it
    /// is polled, it reports only on its connections.
    pub(super) fn group_client(&self, reports: &Arc<Reports>) -> Result<ReportingConsumer, Error> {
        self.consumer_config()?.create_with_context(Reporter(Arc::clone(reports))).map_err(client_not_made)
    }

    /// Makes a consumer that asks for committed offsets without waiting for open transactions.
    pub(super) fn offset_client(&self) -> Result<BaseConsumer, Error> {
        let mut client = self.client_config()?;
        client.set("group.id", &self.group).set("enable.auto.commit", "false").set("isolation.level", "read_uncommitted");
        client.create().map_err(client_not_made)
    }

    /// Returns the producer's properties under a transactional id; `None` is for tests, and means
    /// no transactions.
    pub(super) fn producer_config(&self, limits: &TopicLimits, transactional_id: Option<&str>) -> Result<ClientConfig, Error> {
        let mut client = self.client_config()?;
        client
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", (self.produce_bytes_max >> 10).clamp(1024, 2_097_151).to_string())
            .set("message.max.bytes", limits.message_bytes_max().max(plain_bytes_max(self)).to_string())
            .set("batch.size", limits.batch_bytes_max().to_string());
        if !names_codec(self) {
            client.set("compression.codec", CODEC);
        }
        if !self.client.contains_key("linger.ms") {
            client.set("linger.ms", "1");
        }
        // Where most producers put a key, Java's clients and their likes: so documents lie in the partition of the input.
        if !self.client.contains_key("partitioner") {
            client.set("partitioner", "murmur2_random");
        }
        // The coordinator is busy for a moment after each commit. By default the client then waits 100 ms.
        if !self.client.contains_key("retry.backoff.ms") {
            client.set("retry.backoff.ms", "10");
        }
        if let Some(id) = transactional_id {
            let timeout = self.transaction_timeout.as_millis().clamp(1_000, 900_000).to_string();
            client.set("transactional.id", id).set("transaction.timeout.ms", &timeout).set("message.timeout.ms", &timeout);
        }
        Ok(client)
    }
}
