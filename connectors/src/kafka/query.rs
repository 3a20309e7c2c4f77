//! How are the brokers asked about topics and partitions?
//!
//! A query is made again while its error allows it, for at most 15 seconds.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    topic_partition_list::Offset,
};

use super::{
    errors::{self, Call, refuse_all},
    reports::ReportingConsumer,
};
use crate::error::{Error, ErrorClass};

/// Longest time of a query, all its tries included.
const QUERY_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time of one try.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Asks until there is an answer, an error that trying again does not help, or no time left. `ask`
/// is given the longest time of one try.
pub(super) fn query_with_retry<T>(mut ask: impl FnMut(Duration) -> KafkaResult<T>) -> Result<T, Error> {
    let deadline = Instant::now() + QUERY_TIMEOUT;
    loop {
        match ask(TRY_TIMEOUT) {
            Ok(answer) => return Ok(answer),
            Err(error) if is_retriable(&error) && Instant::now() < deadline => thread::sleep(RETRY_PAUSE),
            Err(error) => return Err(errors::failed(Call::Query, &error, None)),
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    errors::classify(Call::Query, error) == ErrorClass::Retriable
}

/// Topic, and number of the partition in it.
pub(super) type PartitionKey = (String, i32);

/// The offsets that a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionExtent {
    /// Offset of the oldest record.
    pub(super) low: u64,
    /// Offset behind the last committed record (the last stable offset); for a client that reads
    /// what is not committed, behind the last record.
    pub(super) high: u64,
}

impl PartitionExtent {
    /// Asks the brokers about one partition.
    pub(super) fn of(consumer: &ReportingConsumer, topic: &str, id: i32) -> Result<Self, Error> {
        // Not as of all: that asks for the partitions' leaders first, and a client that fetches begins each fetch anew then.
        let ask = || query_with_retry(|timeout| consumer.fetch_watermarks(topic, id, timeout));
        let (mut low, mut high) = ask()?;
        // The client asks for both ends at once. Where the first answer is an error and the second is none, it returns the
        // end as the beginning, as of an empty partition. So an empty partition is asked about a second time.
        if low == high {
            (low, high) = ask()?;
        }
        Ok(Self { low: u64::try_from(low).unwrap_or(0), high: u64::try_from(high).unwrap_or(0) })
    }

    /// Asks the brokers about all of these partitions at once: two requests to each broker.
    pub(super) fn of_all<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        partitions: &[PartitionKey],
    ) -> Result<Vec<Self>, Error> {
        let (low, high) = (ends(consumer, partitions, Offset::Beginning)?, ends(consumer, partitions, Offset::End)?);
        Ok(low.into_iter().zip(high).map(|(low, high)| Self { low, high }).collect())
    }
}

/// Asks for one end of each partition, in the order given. The client's call for offsets by time
/// takes the two ends as times.
fn ends<C: ConsumerContext>(consumer: &BaseConsumer<C>, partitions: &[PartitionKey], end: Offset) -> Result<Vec<u64>, Error> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let found = query_with_retry(|timeout| {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, id) in partitions {
            list.add_partition_offset(topic, *id, end)?;
        }
        let list = consumer.offsets_for_times(list, timeout)?;
        let mut found = BTreeMap::new();
        for element in list.elements() {
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => {
                    found.insert((element.topic().to_owned(), element.partition()), u64::try_from(offset).unwrap_or(0))
                }
                // No broker leads the partition at the moment.
                _ => return Err(KafkaError::OffsetFetch(RDKafkaErrorCode::LeaderNotAvailable)),
            };
        }
        Ok(found)
    })?;
    let missing = |key: &PartitionKey| Error::Changed(format!("the brokers do not know the partition {}/{}", key.0, key.1));
    partitions.iter().map(|key| found.get(key).copied().ok_or_else(|| missing(key))).collect()
}

/// Returns the number of partitions of each topic, in the order given.
///
/// # Errors
/// With every topic that is missing.
pub(super) fn partition_counts(consumer: &ReportingConsumer, topics: &[&str]) -> Result<Vec<(String, i32)>, Error> {
    let metadata = query_with_retry(|timeout| consumer.fetch_metadata(None, timeout))?;
    let mut problems = Vec::new();
    let mut counts = Vec::new();
    for name in topics {
        match metadata.topics().iter().find(|topic| topic.name() == *name && topic.error().is_none()) {
            Some(topic) => counts.push(((*name).to_owned(), i32::try_from(topic.partitions().len()).unwrap_or(0))),
            None => problems.push(format!("{name}: there is no such topic")),
        }
    }
    refuse_all("topics", &problems)?;
    Ok(counts)
}
