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

use rdkafka::{Message, error::KafkaError};

use super::{
    config::KafkaConfig,
    consumer::{assign, tolerate},
    message::{TakenMessage, take},
    query::PartitionKey,
    reports::Reports,
};
use crate::{error::Error, limits::Limits};

/// How long nothing may come until the records that are left count as gone.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Longest wait of one poll.
const POLL: Duration = Duration::from_millis(100);

/// The last record that was read of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastRecord {
    pub(super) offset: u64,
    /// The digest of its payload.
    pub(super) digest: u64,
}

/// Returns the partitions that hold another record at the same offset.
pub(super) fn changed_partitions(
    config: &KafkaConfig,
    reports: &Arc<Reports>,
    limits: &Limits,
    mut last: BTreeMap<PartitionKey, LastRecord>,
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
                let is_same = match take(&message, config.format, limits) {
                    TakenMessage::Record { payload, .. } => payload.digest() == record.digest,
                    TakenMessage::Tombstone => false,
                };
                if u64::try_from(message.offset()) == Ok(record.offset) && !is_same {
                    changed.push(key);
                }
            }
            Some(Err(error)) => tolerate(&error, &consumer, reports, "the last record that was read", "while comparing it")?,
        }
    }
    Ok(changed)
}
