//! How are records of some topics forwarded to others, exactly once?
//!
//! ```text
//! open                      fence, ask for committed offsets and the texts beside them, assign
//! poll, send*, commit       one transaction: records, and an offset and a text for each partition
//! ```
//!
//! The caller decides which record goes where. It also decides the text, in which it keeps what an
//! offset cannot say. The group's name is the transactional id: whoever opens last is the only one,
//! and every other one fails at its next call. Dropping a forwarder leaves nothing of an open
//! transaction. After an error it must be opened anew.
//!
//! What is gone since the group was here ([`super::forwarder_start`]) is an error, or told to the
//! caller if the user accepts it.
//!
//! **State** at most `prefetch_bytes_max` in the client, and `produce_bytes_max` unacknowledged. No
//! record is kept here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rdkafka::{Message, error::KafkaError};

use super::{
    config::KafkaConfig,
    consumer::{self, tolerate},
    forwarder_start::{ForwarderPartition, GoingOn, digest_of, holds_records, start_offsets},
    message::all_headers,
    offsets::commit_list,
    probe::probe_brokers,
    producer::{RecordTarget, TransactionalProducer},
    query::{PartitionExtent, PartitionKey, partition_counts},
    reports::{ReportingConsumer, Reports},
    topic_limits::TopicLimits,
    topics::forwarded_bytes_max,
};
use crate::{
    committer::{Channel, Outgoing},
    error::Error,
    source::EnvelopeHeader,
};

/// A record that was read, to be forwarded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRecord {
    /// Index of its partition in [`TopicForwarder::partitions`].
    pub partition: usize,
    /// Its offset there.
    pub offset: u64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// All of its headers.
    pub headers: Vec<EnvelopeHeader>,
    /// Its value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
}

impl ForwardedRecord {
    /// Returns a digest of key, headers and value, which tells the record from others.
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest_of(self.key.as_deref(), &self.headers, self.value.as_deref())
    }
}

/// Reads some topics and writes to others in transactions.
pub struct TopicForwarder {
    consumer: ReportingConsumer,
    /// Asks for ends of partitions. A question of the client that fetches would wait for its fetches.
    queries: ReportingConsumer,
    reports: Arc<Reports>,
    producer: TransactionalProducer,
    partitions: Vec<ForwarderPartition>,
    indexes: BTreeMap<(String, i32), usize>,
    /// The next offset of each partition.
    next: Vec<u64>,
    paused: Vec<bool>,
    /// Number of records in the open transaction.
    open: Option<usize>,
}

impl TopicForwarder {
    /// Fences earlier forwarders of the group of `config`, and reads `inputs` from where the group
    /// has come to. The topics of `config` are not used.
    ///
    /// # Errors
    /// If a topic is missing, or the brokers do not answer, or a partition no longer holds what
    /// comes next and that is not accepted.
    pub fn open(config: &KafkaConfig, inputs: &[&str], outputs: &[&str], going_on: GoingOn) -> Result<Self, Error> {
        let reports = Arc::new(Reports::default());
        probe_brokers(config)?;
        let limits = TopicLimits::uniform(forwarded_bytes_max(config, inputs, outputs)?);
        let (consumer, queries) = (config.consumer(&reports)?, config.group_client(&reports)?);
        // Only now it is certain what an earlier process has committed.
        let producer = TransactionalProducer::fence(config, &limits, &reports, Some(&config.group))?;
        let mut keys = Vec::new();
        for (topic, count) in partition_counts(&queries, inputs)? {
            keys.extend((0..count).map(|id| (topic.clone(), id)));
        }
        let partitions = start_offsets(config, &queries, &reports, &keys, going_on)?;
        let next: Vec<u64> = partitions.iter().map(|partition| partition.begin).collect();
        let indexes = keys.into_iter().enumerate().map(|(i, key)| (key, i)).collect();
        let paused = vec![false; partitions.len()];
        let forwarder = Self { consumer, queries, reports, producer, partitions, indexes, next, paused, open: None };
        let assigned = forwarder.partitions.iter().map(|partition| (&*partition.topic, partition.id, partition.begin));
        consumer::assign(&forwarder.consumer, assigned)?;
        Ok(forwarder)
    }

    /// Returns the partitions that are read, in the order of the topics given and of their numbers.
    #[must_use]
    pub fn partitions(&self) -> &[ForwarderPartition] {
        &self.partitions
    }

    /// Tells whether a topic has another number of partitions than when the forwarder was opened.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn has_grown(&self) -> Result<bool, Error> {
        let topics: BTreeSet<&str> = self.partitions.iter().map(|partition| partition.topic.as_str()).collect();
        let count: i32 = partition_counts(&self.queries, &Vec::from_iter(topics))?.into_iter().map(|(_, count)| count).sum();
        Ok(usize::try_from(count).is_ok_and(|count| count != self.partitions.len()))
    }

    /// Tells whether a topic holds a committed record.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn holds_records(&self, config: &KafkaConfig, topic: &str) -> Result<bool, Error> {
        holds_records(config, &self.queries, topic)
    }

    /// Returns the next record, if one comes within `wait`.
    ///
    /// # Errors
    /// If records would be skipped, or may not be read.
    pub fn poll(&mut self, wait: Duration) -> Result<Option<ForwardedRecord>, Error> {
        match self.consumer.poll(wait) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => Ok(None),
            Some(Ok(message)) => {
                let Some(&partition) = self.indexes.get(&(message.topic().to_owned(), message.partition())) else {
                    return Ok(None);
                };
                let offset = u64::try_from(message.offset()).unwrap_or(0);
                if offset < self.next[partition] {
                    return Ok(None);
                }
                self.next[partition] = offset + 1;
                let (headers, lost) = all_headers(&message);
                if lost > 0 {
                    let name = self.partitions[partition].name();
                    return Err(Error::Refused(format!("{name}/{offset}: {lost} headers have names that are not UTF-8")));
                }
                let key = message.key().map(<[u8]>::to_vec);
                Ok(Some(ForwardedRecord { partition, offset, key, headers, value: message.payload().map(<[u8]>::to_vec) }))
            }
            Some(Err(error)) => {
                tolerate(&error, &self.consumer, &self.reports, "an offset", "while reading")?;
                Ok(None)
            }
        }
    }

    /// Stops reading a partition for now. Nothing of it is lost.
    ///
    /// # Errors
    /// If it is not read.
    pub fn pause(&mut self, partition: usize) -> Result<(), Error> {
        let ForwarderPartition { topic, id, .. } = &self.partitions[partition];
        self.paused[partition] = true;
        consumer::pause(&self.consumer, topic, *id)
    }

    /// Reads a partition again.
    ///
    /// # Errors
    /// If it is not read.
    pub fn resume(&mut self, partition: usize) -> Result<(), Error> {
        let ForwarderPartition { topic, id, .. } = &self.partitions[partition];
        consumer::resume(&self.consumer, topic, *id)?;
        self.paused[partition] = false;
        self.reports.forget_fetched_of(&(topic.clone(), *id));
        Ok(())
    }

    /// Asks the brokers for the offset behind the last committed record of each partition.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn ends(&self) -> Result<Vec<u64>, Error> {
        // Events of the client about its connections must not pile up.
        let _ = self.queries.poll(Duration::ZERO);
        let keys: Vec<PartitionKey> = self.partitions.iter().map(|partition| (partition.topic.clone(), partition.id)).collect();
        Ok(PartitionExtent::of_all(&self.queries, &keys)?.into_iter().map(|extent| extent.high).collect())
    }

    /// Returns the offset before which every record of a partition has been handed over. It grows
    /// some time after that. Nothing is found out about a partition that is paused.
    #[must_use]
    pub fn read_to(&self, partition: usize) -> u64 {
        let ForwarderPartition { topic, id, .. } = &self.partitions[partition];
        let fetched = self.reports.fetched(topic, *id).filter(|_| !self.paused[partition]);
        self.next[partition].max(fetched.and_then(|fetched| fetched.end).unwrap_or(0))
    }

    /// Writes a record to `topic`. A transaction begins with its first record.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn send(&mut self, topic: &str, record: &ForwardedRecord) -> Result<(), Error> {
        let written = self.begin()?;
        let value = record.value.as_deref().unwrap_or_default();
        let outgoing = Outgoing { channel: Channel::Clean, key: record.key.as_deref(), headers: &record.headers, value };
        let sent = self.producer.send(RecordTarget { topic, partition: None, journal: false }, &outgoing);
        sent.map_err(|failed| self.producer.cause(failed))?;
        self.open = Some(written + 1);
        Ok(())
    }

    fn begin(&mut self) -> Result<usize, Error> {
        if let Some(written) = self.open {
            return Ok(written);
        }
        self.producer.begin()?;
        self.open = Some(0);
        Ok(0)
    }

    /// Commits what was written, and for each partition given the offset to go on at and a text.
    ///
    /// # Errors
    /// If that failed. Whether it was committed after all shows when the forwarder is opened anew.
    pub fn commit(&mut self, positions: &[(usize, u64, String)]) -> Result<(), Error> {
        let written = self.begin()?;
        let list = commit_list(positions.iter().map(|(partition, offset, text)| {
            let ForwarderPartition { topic, id, .. } = &self.partitions[*partition];
            (&**topic, *id, *offset, &**text)
        }))?;
        self.producer.send_offsets(&list, &self.consumer).map_err(|failed| self.producer.cause(failed))?;
        self.producer.wait_acknowledged(written)?;
        self.producer.commit().map_err(|failed| self.producer.cause(failed))?;
        self.open = None;
        Ok(())
    }
}
