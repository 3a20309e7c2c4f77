//! Records of some topics into others, with what was read of the first committed beside what was written to the second.
//!
//! ```text
//! open                      fence, committed offsets and the text beside them, assign
//! poll, send*, commit       one transaction: records, and for each partition an offset and a text
//! ```
//!
//! Which record goes where is the caller's matter, and so is the text, in which it keeps what an offset cannot say. The
//! group's name is the transactional id: whoever opens last is the only one, every other one fails at its next call.
//! Dropping a relay leaves nothing of an open transaction. After an error it must be opened anew.
//!
//! **State** at most `prefetch_bytes_max` in the client, `produce_bytes_max` unacknowledged; no record is kept here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    Message, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    topic_partition_list::{Offset, TopicPartitionListElem},
};

use super::{
    client::{Admin, Reading, Reports},
    config::{KafkaConfig, refuse},
    errors::{self, Call, Outcome},
    message::all_headers,
    producer::{Target, Transactions},
    reach::reach,
    start::{Extent, look},
    topics::{TopicLimits, relay_bytes_max},
};
use crate::{
    committer::{Channel, Outgoing},
    error::Error,
    source::EnvelopeHeader,
};

/// A partition that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayPartition {
    /// Its topic.
    pub topic: String,
    /// Its number there.
    pub id: i32,
    /// The text beside its committed offset; `None` where nothing is committed.
    pub text: Option<String>,
    /// Where reading begins: at the committed offset, else at the oldest record.
    pub begin: u64,
}

impl RelayPartition {
    /// `topic/partition`, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.topic, self.id)
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Index of its partition.
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

/// A reader and a transactional writer.
pub struct Relay {
    consumer: Reading,
    reports: Arc<Reports>,
    producer: Transactions,
    partitions: Vec<RelayPartition>,
    indexes: BTreeMap<(String, i32), usize>,
    /// The next offset of each partition.
    next: Vec<u64>,
    /// Records of the open transaction.
    open: Option<usize>,
}

impl Relay {
    /// Fences earlier ones of the group of `config`, and reads `inputs` from where the group has come to. Topics of `config`
    /// are not used.
    ///
    /// # Errors
    /// If a topic is missing, or the brokers do not answer, or a partition no longer holds what comes next.
    pub fn open(config: &KafkaConfig, inputs: &[&str], outputs: &[&str]) -> Result<Self, Error> {
        let reports = Arc::new(Reports::default());
        reach(config)?;
        let admin: Admin = config.admin_config().create().map_err(errors::not_made)?;
        let limits = TopicLimits::uniform(relay_bytes_max(config, &admin, inputs, outputs)?);
        let consumer = config.consumer(&reports)?;
        // Only after this is what is committed final.
        let producer = Transactions::fence(config, &limits, &reports, Some(&config.group))?;
        let mut keys = Vec::new();
        for (topic, count) in partitions(&consumer, inputs)? {
            keys.extend((0..count).map(|id| (topic.clone(), id)));
        }
        let partitions = begin(&consumer, &keys)?;
        let next: Vec<u64> = partitions.iter().map(|partition| partition.begin).collect();
        let indexes = keys.into_iter().enumerate().map(|(i, key)| (key, i)).collect();
        let relay = Self { consumer, reports, producer, partitions, indexes, next, open: None };
        relay.assign()?;
        Ok(relay)
    }

    fn assign(&self) -> Result<(), Error> {
        let failed = |error| errors::failed(Call::Read, &error, None);
        let mut list = TopicPartitionList::new();
        for partition in &self.partitions {
            let offset = Offset::Offset(i64::try_from(partition.begin).unwrap_or(i64::MAX));
            list.add_partition_offset(&partition.topic, partition.id, offset).map_err(failed)?;
        }
        self.consumer.assign(&list).map_err(failed)
    }

    /// The partitions that are read, by topic in the order given and number.
    #[must_use]
    pub fn partitions(&self) -> &[RelayPartition] {
        &self.partitions
    }

    /// Whether a topic that is read has another number of partitions than when this was opened.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn has_grown(&self) -> Result<bool, Error> {
        let topics: BTreeSet<&str> = self.partitions.iter().map(|partition| partition.topic.as_str()).collect();
        let count: i32 = partitions(&self.consumer, &Vec::from_iter(topics))?.into_iter().map(|(_, count)| count).sum();
        Ok(usize::try_from(count).is_ok_and(|count| count != self.partitions.len()))
    }

    /// The next record, if one comes within `wait`.
    ///
    /// # Errors
    /// If records would be skipped, or may not be read.
    pub fn poll(&mut self, wait: Duration) -> Result<Option<Relayed>, Error> {
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
                Ok(Some(Relayed { partition, offset, key, headers, value: message.payload().map(<[u8]>::to_vec) }))
            }
            Some(Err(error)) => self.forgive(&error).map(|()| None),
        }
    }

    fn forgive(&self, error: &KafkaError) -> Result<(), Error> {
        match (error.rdkafka_error_code(), errors::classify(Call::Read, error)) {
            (Some(Code::AutoOffsetReset | Code::OffsetOutOfRange), _) => {
                Err(Error::Changed(format!("an offset is out of range: {error}")))
            }
            (_, Outcome::Retry) => {
                self.reports.transport(error, "while reading");
                Ok(())
            }
            _ => Err(errors::failed(Call::Read, error, self.consumer.client().fatal_error())),
        }
    }

    /// No more of a partition for now. Nothing of it is lost.
    ///
    /// # Errors
    /// If it is not read.
    pub fn pause(&self, partition: usize) -> Result<(), Error> {
        self.switch(partition, Consumer::pause)
    }

    /// More of a partition again.
    ///
    /// # Errors
    /// If it is not read.
    pub fn resume(&self, partition: usize) -> Result<(), Error> {
        self.switch(partition, Consumer::resume)
    }

    fn switch(&self, partition: usize, change: impl Fn(&Reading, &TopicPartitionList) -> KafkaResult<()>) -> Result<(), Error> {
        let RelayPartition { topic, id, .. } = &self.partitions[partition];
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *id);
        change(&self.consumer, &list).map_err(|error| errors::failed(Call::Read, &error, None))
    }

    /// Where the committed records of a partition end, as the broker says now.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn end(&self, partition: usize) -> Result<u64, Error> {
        let RelayPartition { topic, id, .. } = &self.partitions[partition];
        Ok(Extent::of(&self.consumer, topic, *id)?.high)
    }

    /// Every record of a partition before this offset has been handed over. It grows some time after that.
    #[must_use]
    pub fn read_to(&self, partition: usize) -> u64 {
        let RelayPartition { topic, id, .. } = &self.partitions[partition];
        let end = self.reports.fetched(topic, *id).and_then(|fetched| fetched.end);
        self.next[partition].max(end.unwrap_or(0))
    }

    /// Writes a record to `topic`, in a transaction that begins with the first one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn send(&mut self, topic: &str, record: &Relayed) -> Result<(), Error> {
        let written = self.begin()?;
        let value = record.value.as_deref().unwrap_or_default();
        let outgoing = Outgoing { channel: Channel::Clean, key: record.key.as_deref(), headers: &record.headers, value };
        self.producer.send(Target { topic, partition: None, journal: false }, &outgoing)?;
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

    /// Commits what was written, and for each partition named the offset to go on at and a text.
    ///
    /// # Errors
    /// If that failed. Whether it took place shows when the relay is opened anew.
    pub fn commit(&mut self, positions: &[(usize, u64, String)]) -> Result<(), Error> {
        let written = self.begin()?;
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, offset, text) in positions {
            let RelayPartition { topic, id, .. } = &self.partitions[*partition];
            let mut element = list.add_partition(topic, *id);
            let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
            element.set_offset(offset).map_err(|error| errors::failed(Call::Offsets, &error, None))?;
            element.set_metadata(text);
        }
        self.producer.send_offsets(&list, &self.consumer)?;
        self.producer.wait_acknowledged(written)?;
        self.producer.commit()?;
        self.open = None;
        Ok(())
    }
}

/// How many partitions topics have, in the order given.
pub(super) fn partitions(consumer: &Reading, topics: &[&str]) -> Result<Vec<(String, i32)>, Error> {
    let metadata = look(|timeout| consumer.fetch_metadata(None, timeout))?;
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for name in topics {
        match metadata.topics().iter().find(|topic| topic.name() == *name && topic.error().is_none()) {
            Some(topic) => found.push(((*name).to_owned(), i32::try_from(topic.partitions().len()).unwrap_or(0))),
            None => problems.push(format!("{name}: there is no such topic")),
        }
    }
    refuse("topics", &problems)?;
    Ok(found)
}

/// Where each partition is gone on with.
fn begin(consumer: &Reading, keys: &[(String, i32)]) -> Result<Vec<RelayPartition>, Error> {
    let list = look(|timeout| {
        let mut list = TopicPartitionList::with_capacity(keys.len());
        for (topic, id) in keys {
            list.add_partition(topic, *id);
        }
        let list = consumer.committed_offsets(list, timeout)?;
        list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
        Ok(list)
    })?;
    let mut partitions = Vec::with_capacity(keys.len());
    for (topic, id) in keys {
        let Extent { low, high } = Extent::of(consumer, topic, *id)?;
        let committed = list.find_partition(topic, *id).and_then(|element| match element.offset() {
            Offset::Offset(offset) => Some((u64::try_from(offset).unwrap_or(0), element.metadata().to_owned())),
            _ => None,
        });
        let (begin, text) = committed.map_or((low, None), |(offset, text)| (offset, Some(text)));
        let partition = RelayPartition { topic: topic.clone(), id: *id, text, begin };
        if begin < low {
            let name = partition.name();
            return Err(Error::Changed(format!(
                "{name} begins at offset {low}, expected {begin}: its retention has removed records that were not read"
            )));
        }
        if begin > high {
            let name = partition.name();
            return Err(Error::Changed(format!(
                "{name} ends at offset {high}, expected at least {begin}: the topic was made anew, or records were lost"
            )));
        }
        partitions.push(partition);
    }
    Ok(partitions)
}
