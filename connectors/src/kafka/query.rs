//! How are the brokers asked about topics and partitions?
//!
//! A query is made again while its error allows it, for at most 15 seconds.

use std::{
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, KafkaResult},
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

/// The offsets that a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionExtent {
    /// Offset of the oldest record.
    pub(super) low: u64,
    /// Offset behind the last committed record (the last stable offset).
    pub(super) high: u64,
}

impl PartitionExtent {
    /// Asks the brokers.
    pub(super) fn of(consumer: &ReportingConsumer, topic: &str, id: i32) -> Result<Self, Error> {
        let ask = || query_with_retry(|timeout| consumer.fetch_watermarks(topic, id, timeout));
        let (mut low, mut high) = ask()?;
        // The client asks for both ends at once. Where the first answer is an error and the second is none, it returns the
        // end as the beginning, as of an empty partition. So an empty partition is asked about a second time.
        if low == high {
            (low, high) = ask()?;
        }
        Ok(Self { low: u64::try_from(low).unwrap_or(0), high: u64::try_from(high).unwrap_or(0) })
    }
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
