//! How many records of the input wait?
//!
//! What waits is what is not committed: the distance from the committed offset to the end of the
//! partition, records of open transactions included. A partition of which nothing is committed
//! waits from its beginning. It is measured with clients of its own, by whoever has the time: a
//! commit that is tried again and again, or a reader that stands still, does not hold it up.

use std::{collections::BTreeMap, sync::Arc};

use rdkafka::consumer::BaseConsumer;

use super::{
    config::KafkaConfig,
    input_partitions::{InputPartition, InputPartitions},
    offsets::committed_offsets,
    query::{PartitionExtent, PartitionKey},
};
use crate::error::Error;

/// Measures how much of the input waits.
pub struct LagMeter {
    /// Sees records of open transactions, and offsets whatever transactions are open.
    client: BaseConsumer,
    input_partitions: Arc<InputPartitions>,
}

impl LagMeter {
    pub(super) fn new(config: &KafkaConfig, input_partitions: Arc<InputPartitions>) -> Result<Self, Error> {
        Ok(Self { client: config.offset_client()?, input_partitions })
    }

    /// Returns how many offsets of each partition, `topic/partition`, wait. It takes as long as the
    /// brokers take to answer.
    ///
    /// # Errors
    /// If they do not answer.
    pub fn measure(&self) -> Result<Vec<(String, u64)>, Error> {
        let partitions = self.input_partitions.lock().clone();
        let keys: Vec<PartitionKey> = partitions.iter().map(InputPartition::key).collect();
        let committed: BTreeMap<_, _> = committed_offsets(&self.client, &keys)?;
        let extents = PartitionExtent::of_all(&self.client, &keys)?;
        let measured = partitions.iter().zip(&keys).zip(extents).map(|((partition, key), extent)| {
            let from = committed.get(key).map(|committed| committed.offset).or(partition.beginning).unwrap_or(extent.low);
            (partition.name(), extent.high.saturating_sub(from.max(extent.low)))
        });
        Ok(measured.collect())
    }
}
