//! Where does a forwarder go on, and what is gone since the group was here?
//!
//! It goes on at the committed offset, else at the oldest record. Records that a retention has removed
//! are gone, and so are those of a topic that was made anew. Such a topic is known by the last record
//! that was dealt with, which the text beside the committed offset names; or because nothing is
//! committed for it any more: a group commits something for all of its topics, and brokers forget it
//! with the topic.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{Message, error::KafkaError, message::BorrowedMessage};

use super::{
    config::KafkaConfig,
    consumer::{assign, tolerate},
    identity::{LastRecord, changed_partitions},
    message::all_headers,
    offsets::committed_texts,
    query::{PartitionExtent, PartitionKey, partition_counts},
    reports::{ReportingConsumer, Reports},
    start_offset::ends_before,
};
use crate::{
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
    /// ([`super::ForwardedRecord::digest`]).
    pub last: fn(&str) -> Option<(u64, u64)>,
}

impl ForwarderPartition {
    /// Returns `topic/partition`, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.topic, self.id)
    }
}

/// Returns a digest of a record, which tells it from others.
pub(super) fn digest_of(key: Option<&[u8]>, headers: &[EnvelopeHeader], value: Option<&[u8]>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let names = headers.iter().flat_map(|header| [Some(header.name.as_bytes()), header.value.as_deref()]);
    for part in [key, value].into_iter().chain(names) {
        // Its length tells a part from the next one.
        hasher.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize().as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// Tells whether a topic holds a committed record.
///
/// # Errors
/// If the brokers do not answer.
pub(super) fn holds_records(config: &KafkaConfig, queries: &ReportingConsumer, topic: &str) -> Result<bool, Error> {
    let counts = partition_counts(queries, &[topic])?;
    let keys: Vec<PartitionKey> =
        counts.into_iter().flat_map(|(topic, count)| (0..count).map(move |id| (topic.clone(), id))).collect();
    let extents = PartitionExtent::of_all(queries, &keys)?;
    // An offset may be that of an aborted record, so it has to be looked at.
    let mut unread: Vec<_> = keys.iter().zip(extents).filter(|(_, extent)| extent.low < extent.high).collect();
    let reports = Arc::new(Reports::default());
    let consumer = config.consumer(&reports)?;
    assign(&consumer, unread.iter().map(|((topic, id), extent)| (&**topic, *id, extent.low)))?;
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

/// Finds out where each partition is read from: at the committed offset, else at the oldest record.
/// All that is gone comes in one error.
pub(super) fn start_offsets(
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
