//! What becomes of a message that the client hands over?
//!
//! One that becomes a record is buffered; tombstones are counted. Both move on how far their
//! partition is read.

use std::{collections::BTreeMap, sync::Arc};

use rdkafka::{Message, message::BorrowedMessage};

use super::{
    buffer::{Buffers, QueueBounds},
    config::ValueFormat,
    input_partitions::{InputPartition, InputPartitions},
    message::{TakenMessage, take},
    reports::Reports,
};
use crate::{
    limits::Limits,
    position::{Partition, Position},
    source::Record,
};

/// What a source has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Tombstones (null values) passed over.
    pub tombstones: u64,
    /// Headers left out because their names are not UTF-8.
    pub headers_lost: u64,
    /// Messages dropped because they lie before the offset that is read.
    pub stale: u64,
    /// Times that a partition was paused because its buffer was full.
    pub pauses: u64,
    /// Errors that the client has recovered from by itself.
    pub transport_errors: u64,
}

/// Turns messages into records and buffers them.
pub(super) struct MessageReceiver {
    pub(super) format: ValueFormat,
    pub(super) limits: Limits,
    pub(super) input_partitions: Arc<InputPartitions>,
    /// Number of each partition, by topic and partition.
    numbers: BTreeMap<String, BTreeMap<i32, usize>>,
    /// For each partition, the earliest offset that may come next.
    pub(super) expected: Vec<u64>,
    pub(super) buffers: Buffers,
    pub(super) counts: SourceCounts,
}

impl MessageReceiver {
    pub(super) fn new(format: ValueFormat, limits: Limits, bounds: QueueBounds) -> Self {
        Self {
            format,
            limits,
            input_partitions: Arc::default(),
            numbers: BTreeMap::new(),
            expected: Vec::new(),
            buffers: Buffers::new(bounds),
            counts: SourceCounts::default(),
        }
    }

    /// Numbers the partitions anew, in this order, and drops everything that is buffered.
    pub(super) fn renumber(&mut self, partitions: Vec<InputPartition>) {
        self.numbers.clear();
        for (number, partition) in partitions.iter().enumerate() {
            self.numbers.entry(partition.topic.clone()).or_default().insert(partition.id, number);
        }
        self.expected = vec![0; partitions.len()];
        self.buffers.reset(partitions.len());
        *self.input_partitions.lock() = partitions;
    }

    /// Takes a message. Returns the number of its partition if it became a record.
    pub(super) fn accept(&mut self, message: &BorrowedMessage<'_>) -> Option<usize> {
        let number = *self.numbers.get(message.topic())?.get(&message.partition())?;
        let offset = u64::try_from(message.offset()).ok()?;
        if offset < self.expected[number] {
            self.counts.stale += 1;
            return None;
        }
        self.expected[number] = offset + 1;
        let taken = take(message, self.format, &self.limits);
        let mut partitions = self.input_partitions.lock();
        partitions[number].passed = offset + 1;
        match taken {
            TakenMessage::Tombstone => {
                self.counts.tombstones += 1;
                None
            }
            TakenMessage::Record { payload, envelope, headers_lost } => {
                partitions[number].behind = offset + 1;
                drop(partitions);
                self.counts.headers_lost += headers_lost;
                let position = Position { partition: number as Partition, offset };
                self.buffers.push(Record { envelope: Some(Box::new(envelope)), ..Record::new(position, offset, payload) });
                Some(number)
            }
        }
    }

    /// Passes over offsets that hold no record, as the client has found out. A partition that is
    /// paused has thrown records away which it fetches again, so nothing is found out about it.
    pub(super) fn pass_over(&mut self, reports: &Reports, paused: &[bool]) {
        for (partition, _) in self.input_partitions.lock().iter_mut().zip(paused).filter(|(_, paused)| !**paused) {
            if let Some(end) = reports.fetched(&partition.topic, partition.id).and_then(|fetched| fetched.end) {
                partition.passed = partition.passed.max(end);
            }
        }
    }

    /// Adds a partition that was found while reading. It is read from its oldest record, `low`.
    pub(super) fn grow(&mut self, topic: &str, id: i32, low: u64) {
        let mut partitions = self.input_partitions.lock();
        self.numbers.entry(topic.to_owned()).or_default().insert(id, partitions.len());
        partitions.push(InputPartition { beginning: Some(low), passed: low, ..InputPartition::new(topic, id, false) });
        self.expected.push(low);
        self.buffers.grow();
    }
}
