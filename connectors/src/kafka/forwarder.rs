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
//! What is gone since the group was here is an error, or told to the caller if the user accepts it:
//! records that a retention has removed, and partitions of a topic that was made anew. The second are
//! known by the last record that was dealt with, which the caller's text names.
//!
//! **State** at most `prefetch_bytes_max` in the client, and `produce_bytes_max` unacknowledged. No
//! record is kept here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{Message, error::KafkaError, message::BorrowedMessage};

use super::{
    config::KafkaConfig,
    consumer::{self, tolerate},
    identity::{LastRecord, changed_partitions},
    message::all_headers,
    offsets::{commit_list, committed_texts},
    probe::probe_brokers,
    producer::{RecordTarget, TransactionalProducer},
    query::{PartitionExtent, PartitionKey, partition_counts},
    reports::{ReportingConsumer, Reports},
    start_offset::ends_before,
    topic_limits::TopicLimits,
    topics::forwarded_bytes_max,
};
use crate::{
    committer::{Channel, Outgoing},
    error::{Error, ErrorClass},
    source::EnvelopeHeader,
};

/// Longest wait of one poll that looks for records.
const POLL: Duration = Duration::from_millis(100);
/// What helps where a topic was made anew.
const REREAD: &str = "--accept-loss takes it for a new topic and reads it from its oldest record on";

/// A partition that a forwarder reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwarderPartition {
    /// The partition's topic.
    pub topic: String,
    /// Its number there.
    pub id: i32,
    /// The text beside its committed offset; `None` if nothing is committed.
    pub text: Option<String>,
    /// Offset where reading begins: the committed one, else that of the oldest record.
    pub begin: u64,
    /// What is gone, if the user accepts that.
    pub loss: Option<ForwarderLoss>,
}

/// What was not read of a partition, and is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwarderLoss {
    /// The offset that should have been read next.
    pub from: u64,
    /// Whether the topic was made anew. Else its retention has removed what comes before
    /// [`ForwarderPartition::begin`].
    pub is_anew: bool,
}

/// What a forwarder is told about the place where it goes on.
#[derive(Clone, Copy)]
pub struct GoingOn {
    /// Whether reading goes on at the oldest record where those before it are gone.
    pub accepts_loss: bool,
    /// Reads in a text which record was the last one that was dealt with: its offset and its digest
    /// ([`ForwardedRecord::digest`]).
    pub last: fn(&str) -> Option<(u64, u64)>,
}

impl ForwarderPartition {
    /// Returns `topic/partition`, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.topic, self.id)
    }
}

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

fn digest_of(key: Option<&[u8]>, headers: &[EnvelopeHeader], value: Option<&[u8]>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let names = headers.iter().flat_map(|header| [Some(header.name.as_bytes()), header.value.as_deref()]);
    for part in [key, value].into_iter().chain(names) {
        // Its length tells a part from the next one.
        hasher.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize().as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
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
        let counts = partition_counts(&self.queries, &[topic])?;
        let keys: Vec<PartitionKey> =
            counts.into_iter().flat_map(|(topic, count)| (0..count).map(move |id| (topic.clone(), id))).collect();
        let extents = PartitionExtent::of_all(&self.queries, &keys)?;
        // An offset may be that of an aborted record, so it has to be looked at.
        let mut unread: Vec<_> = keys.iter().zip(extents).filter(|(_, extent)| extent.low < extent.high).collect();
        let reports = Arc::new(Reports::default());
        let consumer = config.consumer(&reports)?;
        consumer::assign(&consumer, unread.iter().map(|((topic, id), extent)| (&**topic, *id, extent.low)))?;
        let begun = Instant::now();
        while !unread.is_empty() {
            match consumer.poll(POLL) {
                Some(Ok(_)) => return Ok(true),
                None | Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => tolerate(&error, &consumer, &reports, "an offset", "while looking for records")?,
            }
            unread.retain(|((topic, id), extent)| {
                reports.fetched(topic, *id).and_then(|fetched| fetched.end).is_none_or(|end| end < extent.high)
            });
            if begun.elapsed() > config.run_timeout {
                let reason = format!("{topic} was not read to its end in {:?}", config.run_timeout);
                return Err(Error::Broker { action: "look for records", class: ErrorClass::Retriable, reason });
            }
        }
        Ok(false)
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

/// Finds out where each partition is read from: at the committed offset, else at the oldest record.
/// All that is gone comes in one error.
fn start_offsets(
    config: &KafkaConfig,
    queries: &ReportingConsumer,
    reports: &Arc<Reports>,
    keys: &[PartitionKey],
    going_on: GoingOn,
) -> Result<Vec<ForwarderPartition>, Error> {
    let mut committed = committed_texts(queries, keys)?;
    let extents = PartitionExtent::of_all(queries, keys)?;
    let last = keys.iter().zip(&extents).filter_map(|(key, extent)| {
        let (offset, digest) = (going_on.last)(&committed.get(key)?.1)?;
        (extent.low..extent.high).contains(&offset).then(|| (key.clone(), LastRecord { offset, digest }))
    });
    let digest = |message: &BorrowedMessage<'_>| {
        let (headers, _) = all_headers(message);
        Some(digest_of(message.key(), &headers, message.payload()))
    };
    let anew = changed_partitions(config, reports, last.collect(), digest)?;
    // A group commits something for all of its topics at once, and brokers forget it with the topic.
    let of_topics: BTreeSet<String> = committed.keys().map(|(topic, _)| topic.clone()).collect();
    let (mut partitions, mut problems) = (Vec::with_capacity(keys.len()), Vec::new());
    for (key, PartitionExtent { low, high }) in keys.iter().zip(extents) {
        let committed = committed.remove(key);
        let (from, text) = committed.map_or((low, None), |(offset, text)| (offset, Some(text)));
        let (topic, id) = key.clone();
        let mut partition = ForwarderPartition { topic, id, text, begin: from, loss: None };
        let name = partition.name();
        let gone = if partition.text.is_none() && !of_topics.is_empty() && !of_topics.contains(&partition.topic) {
            let topic = &partition.topic;
            let why =
                "is committed, and for the group's other topics there is: it was made anew, or another one was named before";
            Some((true, format!("for {topic} nothing {why}; {REREAD}")))
        } else if anew.contains(key) {
            Some((true, format!("{name} holds another record than was read there: the topic was made anew; {REREAD}")))
        } else if from > high {
            Some((true, ends_before(&name, high, from)))
        } else if from < low {
            let offsets = low - from;
            let why =
                format!("{name} begins at offset {low}, expected {from}: its retention has removed {offsets} offsets that were");
            Some((
                false,
                format!(
                    "{why} not read or are still needed; --accept-loss goes on at the oldest record and says how many were lost"
                ),
            ))
        } else {
            None
        };
        if let Some((is_anew, why)) = gone {
            if !going_on.accepts_loss {
                problems.push(why);
            }
            (partition.begin, partition.loss) = (low, Some(ForwarderLoss { from, is_anew }));
        }
        partitions.push(partition);
    }
    problems.dedup();
    if problems.is_empty() { Ok(partitions) } else { Err(Error::Changed(problems.join("; "))) }
}
