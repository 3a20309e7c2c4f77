//! Which records does the journal topic hold, from a place on?
//!
//! A recovery reads the journal to its end, and a standby reads it for ever. The same reader serves
//! other topics whose records are all in one order: another group's journal, or recalls.
//!
//! The journal has one partition, which is assigned, and only committed records are read. Records
//! come with their offsets. Offsets have gaps, at least one for the marker of each transaction.
//!
//! The writer is silent for as long as no record has come and no broker made trouble: a reader that
//! is cut off must not take the writer for dead. Before acting on silence,
//! [`JournalReader::behind`] must be asked, which queries the broker.
//!
//! **State** in the client at most `prefetch_bytes_max`.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use rdkafka::{Message, consumer::Consumer as _, error::KafkaError};

use super::{
    checkpoint::{CLUSTER_TIMEOUT, JournalCheckpoint, record_hash},
    config::KafkaConfig,
    consumer::{assign, tolerate},
    query::{PartitionExtent, partition_counts},
    reports::{ReportingConsumer, Reports},
};
use crate::error::{Error, ErrorClass};

/// The number of the journal's only partition.
const PARTITION: i32 = 0;
/// Most records handed over at once.
const RECORDS_MAX: usize = 1024;

/// Among how many of the last offsets the last record is looked for at first.
const LAST_WITHIN: u64 = 64;

/// A journal record and its offset.
pub(super) type JournalRecord = (u64, Vec<u8>);

/// Reads the journal, or another topic with all records in one partition.
pub struct JournalReader {
    topic: String,
    consumer: ReportingConsumer,
    reports: Arc<Reports>,
    next: u64,
    /// The last stable offset when reading began.
    end: u64,
    last_heard: Instant,
    troubles: u64,
    /// Whether the client has reached the end since the last record.
    at_end: bool,
    checkpoint: JournalCheckpoint,
    /// The record before the checkpoint that reading began at.
    before: Option<Vec<u8>>,
}

impl JournalReader {
    /// Reads from `offset` on; `None` means from the first record.
    ///
    /// # Errors
    /// If the brokers do not answer, or the journal ends before that offset or no longer holds it.
    pub fn new(config: &KafkaConfig, offset: Option<u64>) -> Result<Self, Error> {
        let reports = Arc::new(Reports::default());
        Self::with_client(config, config.consumer(&reports)?, reports, offset)
    }

    fn with_client(
        config: &KafkaConfig,
        consumer: ReportingConsumer,
        reports: Arc<Reports>,
        offset: Option<u64>,
    ) -> Result<Self, Error> {
        let topic = config.topics.journal.clone();
        let PartitionExtent { low, high } = PartitionExtent::of(&consumer, &topic, PARTITION)?;
        let next = offset.unwrap_or(0);
        if next > high {
            return Err(ends_before(&topic, high, next));
        }
        if next < low {
            return Err(Error::JournalBroken(format!(
                "the journal {topic} begins at offset {low}, expected {next}: its retention has removed records"
            )));
        }
        let mut reader = Self::assigned(consumer, reports, topic, next, high)?;
        reader.checkpoint.group.clone_from(&config.group);
        Ok(reader)
    }

    /// Reads `topic`, all of whose records are in partition 0, from its oldest record on. Also
    /// returns how many offsets before that record its retention has removed.
    ///
    /// # Errors
    /// If the brokers do not answer, there is no such topic, or another partition of it holds
    /// records.
    pub fn of_topic(config: &KafkaConfig, topic: &str) -> Result<(Self, u64), Error> {
        let reports = Arc::new(Reports::default());
        let consumer = config.consumer(&reports)?;
        for (_, count) in partition_counts(&consumer, &[topic])? {
            for id in PARTITION + 1..count {
                let PartitionExtent { low, high } = PartitionExtent::of(&consumer, topic, id)?;
                if high > low {
                    return Err(Error::Refused(format!(
                        "{topic}/{id}: holds offsets {low} to {high}, expected all records on partition {PARTITION}"
                    )));
                }
            }
        }
        let PartitionExtent { low, high } = PartitionExtent::of(&consumer, topic, PARTITION)?;
        Ok((Self::assigned(consumer, reports, topic.to_owned(), low, high)?, low))
    }

    fn assigned(consumer: ReportingConsumer, reports: Arc<Reports>, topic: String, next: u64, end: u64) -> Result<Self, Error> {
        assign(&consumer, [(&*topic, PARTITION, next)])?;
        Ok(Self {
            topic,
            consumer,
            reports,
            next,
            end,
            last_heard: Instant::now(),
            troubles: 0,
            at_end: false,
            checkpoint: JournalCheckpoint::default(),
            before: None,
        })
    }

    /// Reads on from a sink checkpoint; `None` means from the first record. The record before the
    /// checkpoint is read again and compared.
    ///
    /// # Errors
    /// As [`Self::new`], and if the checkpoint is not one of this journal.
    pub fn from_checkpoint(config: &KafkaConfig, checkpoint: Option<&[u8]>) -> Result<Self, Error> {
        let Some(checkpoint) = checkpoint.map(JournalCheckpoint::decode).transpose()? else { return Self::new(config, None) };
        checkpoint.expect_group(&config.group)?;
        let reports = Arc::new(Reports::default());
        let consumer = config.consumer(&reports)?;
        // Before anything else is looked for there: it would only be missing.
        checkpoint.expect_cluster(&consumer.client().fetch_cluster_id(CLUSTER_TIMEOUT).unwrap_or_default())?;
        let Some((offset, expected)) = checkpoint.last else {
            return Self::with_client(config, consumer, reports, Some(checkpoint.next));
        };
        let mut reader = Self::with_client(config, consumer, reports, Some(offset))?;
        let deadline = Instant::now() + config.run_timeout;
        while Instant::now() < deadline {
            // Only one record is polled: those behind it are for the caller.
            if let Some((at, record)) = reader.poll_at_most(Duration::from_millis(100), 1)?.into_iter().next() {
                if (at, record_hash(&record)) == (offset, expected) {
                    (reader.checkpoint, reader.before) = (checkpoint, Some(record));
                    return Ok(reader);
                }
                return Err(another_record(&reader.topic, offset));
            }
        }
        Err(Error::JournalBroken(format!("the journal {} has no record at offset {offset}", reader.topic)))
    }

    /// Returns the last record of the journal with its offset, if there is one.
    pub(super) fn last_record(config: &KafkaConfig) -> Result<Option<JournalRecord>, Error> {
        let topic = &config.topics.journal;
        let mut back = LAST_WITHIN;
        loop {
            let reports = Arc::new(Reports::default());
            let consumer = config.consumer(&reports)?;
            let PartitionExtent { low, high } = PartitionExtent::of(&consumer, topic, PARTITION)?;
            let from = high.saturating_sub(back).max(low);
            let mut reader = Self::assigned(consumer, reports, topic.clone(), from, high)?;
            let last = reader.read_to_end(config.run_timeout)?.pop();
            if last.is_some() || from == low {
                return Ok(last);
            }
            // Nothing but markers and aborted records.
            back *= LAST_WITHIN;
        }
    }

    /// Returns the record before the checkpoint that reading began at.
    #[must_use]
    pub fn before(&self) -> Option<&[u8]> {
        self.before.as_deref()
    }

    /// Returns the sink checkpoint behind the last record handed over, as [`super::KafkaCommitter`]
    /// would.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        self.checkpoint.encode()
    }

    /// Returns the sink checkpoint behind one of the records handed over.
    #[must_use]
    pub fn checkpoint_after(&self, offset: u64, record: &[u8]) -> Vec<u8> {
        JournalCheckpoint { next: offset + 1, last: Some((offset, record_hash(record))), ..self.checkpoint.clone() }.encode()
    }

    /// Returns records that come within `timeout`, at once if there are some; at most 1,024.
    ///
    /// # Errors
    /// If the journal is not what it was, or may not be read.
    pub fn poll(&mut self, timeout: Duration) -> Result<Vec<JournalRecord>, Error> {
        let records = self.poll_at_most(timeout, RECORDS_MAX)?;
        if let Some((offset, record)) = records.last() {
            (self.checkpoint.next, self.checkpoint.last) = (offset + 1, Some((*offset, record_hash(record))));
        }
        Ok(records)
    }

    fn poll_at_most(&mut self, timeout: Duration, records_max: usize) -> Result<Vec<JournalRecord>, Error> {
        let deadline = Instant::now() + timeout;
        let mut records = Vec::new();
        while records.len() < records_max {
            let left = if records.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.consumer.poll(left) {
                None if left.is_zero() => break,
                None => {}
                Some(Ok(message)) => {
                    let offset = u64::try_from(message.offset()).unwrap_or(0);
                    if offset >= self.next {
                        records.push((offset, message.payload().unwrap_or_default().to_vec()));
                        self.next = offset + 1;
                    }
                    (self.last_heard, self.at_end) = (Instant::now(), false);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.at_end = true;
                    if !records.is_empty() || left.is_zero() {
                        break;
                    }
                }
                Some(Err(error)) => {
                    let offset = format!("an offset of the journal {}", self.topic);
                    tolerate(&error, &self.consumer, &self.reports, &offset, "while reading the journal")?;
                }
            }
        }
        let troubles = self.reports.transport_errors.load(Ordering::Relaxed);
        if troubles != self.troubles {
            (self.troubles, self.last_heard) = (troubles, Instant::now());
        }
        Ok(records)
    }

    /// Returns how long nothing has come. Trouble with a broker begins that time anew.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.last_heard.elapsed()
    }

    /// Returns the offset where the next record can be at the earliest.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// Asks the broker how many offsets of the journal have not been read. Behind the last record
    /// there is always the marker of its transaction, so 1 means nothing. Records of an aborted
    /// transaction are passed over half a second after they were fetched.
    ///
    /// # Errors
    /// [`Error::JournalBroken`] if the journal ends before what was read of it: it is another one, and
    /// its silence means nothing. Else if the brokers do not answer.
    pub fn behind(&self) -> Result<u64, Error> {
        let high = PartitionExtent::of(&self.consumer, &self.topic, PARTITION)?.high;
        if high < self.next {
            return Err(ends_before(&self.topic, high, self.next));
        }
        let passed = self.reports.fetched(&self.topic, PARTITION).and_then(|fetched| fetched.end).unwrap_or(0);
        Ok(high.saturating_sub(self.next.max(passed)))
    }

    /// Returns the last stable offset as it was when the reader was made.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Tells whether a record may still come before that last stable offset.
    fn is_before_end(&self) -> bool {
        // Fetching began after that offset was asked for, so an end that the client reaches is not before it.
        self.next < self.end && !self.at_end
    }

    /// Polls as [`Self::poll`] does, but returns only records before the last stable offset as it
    /// was when the reader was made; `None` once all of them were handed over.
    ///
    /// # Errors
    /// As [`Self::poll`].
    pub fn poll_to_end(&mut self, timeout: Duration) -> Result<Option<Vec<JournalRecord>>, Error> {
        if !self.is_before_end() {
            return Ok(None);
        }
        let mut records = self.poll(timeout)?;
        records.retain(|(offset, _)| *offset < self.end);
        Ok(Some(records))
    }

    /// Returns all records before the last stable offset as it was when the reader was made.
    pub(super) fn read_to_end(&mut self, timeout: Duration) -> Result<Vec<JournalRecord>, Error> {
        let mut records = Vec::new();
        let mut progress = Instant::now();
        while self.is_before_end() {
            let more = self.poll(Duration::from_millis(20))?;
            if !more.is_empty() {
                progress = Instant::now();
            } else if progress.elapsed() > timeout {
                let (topic, next, end) = (&self.topic, self.next, self.end);
                return Err(Error::Broker {
                    action: "read the journal",
                    class: ErrorClass::Abortable,
                    reason: format!("{topic} gave records to offset {next}, expected to {end}, and no more came in time"),
                });
            }
            records.extend(more);
        }
        self.next = self.next.max(self.end);
        Ok(records)
    }
}

fn ends_before(topic: &str, high: u64, expected: u64) -> Error {
    Error::JournalBroken(format!("the journal {topic} ends at offset {high}, expected at least {expected}: it was made anew"))
}

/// The error of a journal that does not hold the record that a snapshot saw.
pub(super) fn another_record(topic: &str, offset: u64) -> Error {
    Error::JournalBroken(format!(
        "the journal {topic} has another record at offset {offset} than the snapshot saw: it was made anew"
    ))
}
