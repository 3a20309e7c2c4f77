//! How do records get into one topic, each exactly once?
//!
//! Each batch is one transaction. In the transaction itself a text is committed that says how far
//! the input is published: it is the metadata of an offset, under a group of the publication's own.
//! So records and text become visible together or not at all, and one query finds the text again.
//! The records' own headers say the same; but to find the last record, each partition would have to
//! be read backwards through whatever others have produced, and retention may have removed it.
//!
//! The transactional id is the same for all publications of a group, so a second process fences the
//! first.
//!
//! **Limits** brokers forget a group's offsets some time after its last commit
//! (`offsets.retention.minutes`, 7 days by default). A publication that was interrupted must be
//! continued before that.

use std::{mem, sync::Arc};

use super::{
    config::KafkaConfig,
    offsets::{commit_list, committed_texts},
    packed_size,
    producer::{RecordTarget, TransactionalProducer},
    reports::{ReportingConsumer, Reports},
    topic_limits::TopicLimits,
    topics::check_input,
};
use crate::{
    committer::{Channel, Outgoing},
    error::Error,
    kill,
    source::EnvelopeHeader,
};

/// The text is kept beside this partition's offset, because every topic has it.
const PARTITION: i32 = 0;

/// Publishes records into one topic.
pub struct KafkaPublisher {
    topic: String,
    producer: TransactionalProducer,
    consumer: ReportingConsumer,
    limits: TopicLimits,
    /// The most bytes that a record may have plain if it is to fit packed.
    plain_bytes_max: usize,
    /// Number of records in the open batch.
    sent: usize,
    /// Number of records committed so far. It is the committed offset, for tools that show offsets.
    published: u64,
}

impl KafkaPublisher {
    /// Opens `config`'s first input topic as `config.group`-publish, and fences whoever publishes
    /// for the same group. `of` names the publication. `packs` says whether records may be sent that
    /// fit the topic only packed. Returns the text that the publication has committed last.
    ///
    /// # Errors
    /// If the topic is not there, or the brokers do not answer.
    pub fn open(config: &KafkaConfig, of: &str, packs: bool) -> Result<(Self, Option<String>), Error> {
        let Some(topic) = config.topics.input.first().cloned() else {
            return Err(Error::Refused("kafka.topics.input: got no topic, expected at least one".to_owned()));
        };
        let limits = check_input(config, &topic)?;
        let id = format!("{}-publish", config.group);
        let reports = Arc::new(Reports::default());
        let producer = TransactionalProducer::fence(config, &limits, &reports, Some(&id))?;
        // Only now it is certain what an earlier process has committed.
        let group = KafkaConfig { group: format!("{id}-{of}"), ..config.clone() };
        let consumer = group.group_client(&Arc::new(Reports::default()))?;
        let committed = committed_texts(&consumer, &[(topic.clone(), PARTITION)])?.into_values().next();
        let (published, progress) = committed.map_or((0, None), |(published, progress)| (published, Some(progress)));
        let plain_bytes_max = if packs { packed_size::plain_bytes_max(config) } else { 0 };
        Ok((Self { topic, producer, consumer, limits, plain_bytes_max, sent: 0, published }, progress))
    }

    /// Returns the topic that records go to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the number of records published so far, by this process and earlier ones.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Begins a batch.
    ///
    /// # Errors
    /// If the brokers refuse.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.sent = 0;
        self.producer.begin()?;
        kill::point("kafka.begun");
        Ok(())
    }

    /// Adds a record to the batch. Its key decides the partition.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a record that the topic does not take: nothing was written and the
    /// batch stays open. After any other error the batch is lost. [`Error::RecordsRefused`] by size
    /// says that the topic packs anew, and worse: records must fit it plain.
    pub fn write(&mut self, key: &[u8], headers: &[EnvelopeHeader], value: &[u8]) -> Result<(), Error> {
        let record = Outgoing { channel: Channel::Clean, key: Some(key), headers, value };
        let bytes_max = self.limits.of(Channel::Clean);
        if !packed_size::takes(&record, bytes_max, self.plain_bytes_max) {
            return Err(Error::TooLarge { channel: "input", bytes: record.bytes(), bytes_max });
        }
        let sent = self.producer.send(RecordTarget { topic: &self.topic, partition: None, journal: false }, &record);
        sent.map_err(|failed| self.producer.cause(failed))?;
        self.sent += 1;
        if self.sent == 1 {
            kill::point("kafka.first_produced");
        }
        Ok(())
    }

    /// Commits the batch together with a text that says how far the input is published.
    ///
    /// # Errors
    /// If it could not be committed. Whether it was committed after all, [`Self::open`] finds out.
    pub fn commit(&mut self, progress: &str) -> Result<(), Error> {
        kill::point("kafka.produced");
        let published = self.published + self.sent as u64;
        let list = commit_list([(&*self.topic, PARTITION, published, progress)])?;
        self.producer.send_offsets(&list, &self.consumer).map_err(|failed| self.producer.cause(failed))?;
        kill::point("kafka.offsets_sent");
        self.producer.wait_acknowledged(mem::take(&mut self.sent))?;
        kill::point("kafka.flushed");
        kill::point("kafka.before_commit");
        self.producer.commit().map_err(|failed| self.producer.cause(failed))?;
        kill::point("kafka.committed");
        self.published = published;
        Ok(())
    }
}
