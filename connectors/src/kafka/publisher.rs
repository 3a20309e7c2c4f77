//! Records into one topic, each exactly once: a transaction a batch, and beside the records how far the input is published.
//!
//! The place is a text committed as an offset's metadata in the transaction itself, under a group of the publication's own:
//! records and place become visible together or not at all, and finding it again is one question to the brokers. The
//! records' own headers say the same, but to find the last of them each partition would have to be read backwards through
//! whatever others have produced, and retention may have taken it.
//!
//! The transactional id is one for all publications of a group, so a second process fences the first.
//!
//! **Limits** brokers forget a group's offsets some time after its last commit (`offsets.retention.minutes`, 7 days by
//! default): a publication broken off must be taken up before that.

use std::{mem, sync::Arc};

use super::{
    config::KafkaConfig,
    offsets::{commit_list, committed_texts},
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

/// The place is kept beside this partition's offset: every topic has it.
const PARTITION: i32 = 0;

/// Publishes into one topic.
pub struct KafkaPublisher {
    topic: String,
    producer: TransactionalProducer,
    consumer: ReportingConsumer,
    limits: TopicLimits,
    /// Records of the open batch.
    sent: usize,
    /// Records committed so far, for tools that show offsets.
    published: u64,
}

impl KafkaPublisher {
    /// Publishes into `config`'s first input topic as `config.group`-publish; the place of the publication `of` is kept.
    /// Fences whoever publishes for the same group. Returns the place as it was committed last.
    ///
    /// # Errors
    /// If the topic is not there, or the brokers do not answer.
    pub fn open(config: &KafkaConfig, of: &str) -> Result<(Self, Option<String>), Error> {
        let Some(topic) = config.topics.input.first().cloned() else {
            return Err(Error::Refused("kafka.topics.input: got no topic, expected at least one".to_owned()));
        };
        let limits = check_input(config, &topic)?;
        let id = format!("{}-publish", config.group);
        let reports = Arc::new(Reports::default());
        let producer = TransactionalProducer::fence(config, &limits, &reports, Some(&id))?;
        // Only now is what a process before this one committed decided.
        let group = KafkaConfig { group: format!("{id}-{of}"), ..config.clone() };
        let consumer = group.group_client(&Arc::new(Reports::default()))?;
        let committed = committed_texts(&consumer, &[(topic.clone(), PARTITION)])?.into_values().next();
        let (published, place) = committed.map_or((0, None), |(published, place)| (published, Some(place)));
        Ok((Self { topic, producer, consumer, limits, sent: 0, published }, place))
    }

    /// Where records go.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Records published before, by this process and earlier ones.
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

    /// Adds a record to the batch, in the partition that its key says.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a record that the topic does not take: nothing was written, the batch stays open. Else the
    /// batch is lost.
    pub fn write(&mut self, key: &[u8], headers: &[EnvelopeHeader], value: &[u8]) -> Result<(), Error> {
        let record = Outgoing { channel: Channel::Clean, key: Some(key), headers, value };
        let (bytes, bytes_max) = (record.bytes(), self.limits.of(Channel::Clean));
        if bytes > bytes_max {
            return Err(Error::TooLarge { channel: "input", bytes, bytes_max });
        }
        self.producer.send(RecordTarget { topic: &self.topic, partition: None, journal: false }, &record)?;
        self.sent += 1;
        if self.sent == 1 {
            kill::point("kafka.first_produced");
        }
        Ok(())
    }

    /// Commits the batch together with the place behind it.
    ///
    /// # Errors
    /// If it could not be committed. Whether it was is known after [`Self::open`] has been called anew.
    pub fn commit(&mut self, place: &str) -> Result<(), Error> {
        kill::point("kafka.produced");
        let published = self.published + self.sent as u64;
        let list = commit_list([(&*self.topic, PARTITION, published, place)])?;
        self.producer.send_offsets(&list, &self.consumer)?;
        kill::point("kafka.offsets_sent");
        self.producer.wait_acknowledged(mem::take(&mut self.sent))?;
        kill::point("kafka.flushed");
        kill::point("kafka.before_commit");
        self.producer.commit()?;
        kill::point("kafka.committed");
        self.published = published;
        Ok(())
    }
}
