//! Are the input partitions those that were read before?
//!
//! A topic that was deleted and made anew has the same name, and may have grown beyond the place
//! that was read. So the last record that was read of each partition is fetched once more and
//! compared. Where it is gone, to a cleaner or a retention, nothing can be said.
//!
//! **Cost** one record of each partition, when a process begins.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{Message, error::KafkaError, message::BorrowedMessage};

use super::{
    config::KafkaConfig,
    consumer::{assign, tolerate},
    query::PartitionKey,
    reports::Reports,
};
use crate::error::Error;

/// How long nothing may come until the records that are left count as gone.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Longest wait of one poll.
const POLL: Duration = Duration::from_millis(100);

/// The last record that was read of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastRecord {
    pub(super) offset: u64,
    /// Its digest.
    pub(super) digest: u64,
}

/// Returns the partitions that hold another record at the same offset. `digest_of` is what the last
/// records' digests were made with; `None` is the digest of none of them.
pub(super) fn changed_partitions(
    config: &KafkaConfig,
    reports: &Arc<Reports>,
    mut last: BTreeMap<PartitionKey, LastRecord>,
    digest_of: impl Fn(&BorrowedMessage<'_>) -> Option<u64>,
) -> Result<Vec<PartitionKey>, Error> {
    let mut changed = Vec::new();
    if last.is_empty() {
        return Ok(changed);
    }
    let consumer = config.consumer(reports)?;
    assign(&consumer, last.iter().map(|((topic, id), record)| (&**topic, *id, record.offset)))?;
    let mut heard = Instant::now();
    while !last.is_empty() && heard.elapsed() < SILENCE_MAX {
        match consumer.poll(POLL) {
            None | Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Ok(message)) => {
                heard = Instant::now();
                let key = (message.topic().to_owned(), message.partition());
                let Some(record) = last.remove(&key) else { continue };
                if u64::try_from(message.offset()) == Ok(record.offset) && digest_of(&message) != Some(record.digest) {
                    changed.push(key);
                }
            }
            Some(Err(error)) => tolerate(&error, &consumer, reports, "the last record that was read", "while comparing it")?,
        }
    }
    Ok(changed)
}
