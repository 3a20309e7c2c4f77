//! Which records come next, and which partitions have enough buffered?
//!
//! Each partition has a queue, so that runs of records of one partition can be handed over although
//! the client mixes them. A partition is *full* when it holds as many records or bytes as it may;
//! it is then paused until it holds half of that.
//!
//! Partitions take turns. One with at least [`RUN_RECORDS`] records gives a run of up to
//! [`RUN_RECORDS_MAX`]. Shorter runs are given only when no partition has that many. Long runs keep
//! the journal small.
//!
//! **State** for each partition at most its limits, and one record more.

use std::collections::VecDeque;

use crate::{
    position::Partition,
    source::{Limit, Record},
};

/// Records of a long run, which is preferred to a shorter one.
pub(super) const RUN_RECORDS: usize = 256;
/// Most records of a run; then it is another partition's turn.
const RUN_RECORDS_MAX: usize = 1024;

/// Bytes of memory that a record takes beside its own.
const RECORD_OVERHEAD: usize = 256;

/// How much one partition's queue may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueBounds {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// Records that were read and not yet handed over.
#[derive(Debug)]
pub(super) struct Buffers {
    bounds: QueueBounds,
    queues: Vec<Queue>,
    /// The partition whose turn it is.
    turn: usize,
    records: usize,
}

#[derive(Debug, Default)]
struct Queue {
    records: VecDeque<Record>,
    bytes: usize,
}

impl Buffers {
    pub(super) fn new(bounds: QueueBounds) -> Self {
        Self { bounds, queues: Vec::new(), turn: 0, records: 0 }
    }

    /// Drops everything, and makes queues for this many partitions.
    pub(super) fn reset(&mut self, partitions: usize) {
        self.queues.clear();
        self.queues.resize_with(partitions, Queue::default);
        (self.turn, self.records) = (0, 0);
    }

    /// Adds a partition behind the others.
    pub(super) fn grow(&mut self) {
        self.queues.push(Queue::default());
    }

    pub(super) fn push(&mut self, record: Record) {
        let Some(queue) = self.queues.get_mut(record.position.partition as usize) else { return };
        queue.bytes += size(&record);
        queue.records.push_back(record);
        self.records += 1;
    }

    /// Returns the number of records held.
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// Returns the bytes held by all partitions.
    pub(super) fn bytes(&self) -> usize {
        self.queues.iter().map(|queue| queue.bytes).sum()
    }

    /// Returns the number of records held by a partition.
    #[cfg(test)]
    pub(super) fn held(&self, partition: Partition) -> usize {
        self.queues.get(partition as usize).map_or(0, |queue| queue.records.len())
    }

    pub(super) fn is_full(&self, partition: usize) -> bool {
        let queue = &self.queues[partition];
        queue.records.len() >= self.bounds.records || queue.bytes >= self.bounds.bytes
    }

    /// Tells whether a paused partition may be fetched again.
    pub(super) fn has_room(&self, partition: usize) -> bool {
        let queue = &self.queues[partition];
        queue.records.len() <= self.bounds.records / 2 && queue.bytes <= self.bounds.bytes / 2
    }

    /// Tells whether a batch can be filled, or a queue is full, so that reading can stop. One run
    /// more than the batch is wanted, so that it is known what comes behind the batch.
    pub(super) fn is_enough(&self, limit: Limit) -> bool {
        self.records >= limit.records.saturating_add(RUN_RECORDS_MAX)
            || self.bytes() >= limit.bytes
            || (0..self.queues.len()).any(|partition| self.is_full(partition))
    }

    /// Takes a batch of runs, long ones first.
    pub(super) fn take(&mut self, limit: Limit) -> Vec<Record> {
        let mut batch = RecordBatch { records: Vec::new(), bytes: 0, limit };
        while let Some(partition) = self.turn_of(RUN_RECORDS).or_else(|| self.turn_of(1)) {
            // A batch that is not quite full is better than a long run that is cut in two.
            if batch.room() < self.queues[partition].records.len().min(RUN_RECORDS) && !batch.records.is_empty() {
                break;
            }
            let run = self.take_run(partition, RUN_RECORDS_MAX, &mut batch);
            self.turn = (partition + 1) % self.queues.len();
            if run == 0 || batch.is_full() {
                break;
            }
        }
        batch.records
    }

    /// Takes the records of one partition that it holds before the offset `end`.
    pub(super) fn take_before(&mut self, partition: Partition, end: u64) -> Vec<Record> {
        let Some(queue) = self.queues.get(partition as usize) else { return Vec::new() };
        let count = queue.records.partition_point(|record| record.position.offset < end);
        let mut batch = RecordBatch { records: Vec::new(), bytes: 0, limit: Limit { records: count, bytes: usize::MAX } };
        if count > 0 {
            self.take_run(partition as usize, count, &mut batch);
        }
        batch.records
    }

    /// Returns the next partition in turn that has at least this many records.
    fn turn_of(&self, records: usize) -> Option<usize> {
        let partitions = self.queues.len();
        let turns = (0..partitions).map(|i| (self.turn + i) % partitions);
        turns.into_iter().find(|partition| self.queues[*partition].records.len() >= records)
    }

    fn take_run(&mut self, partition: usize, count: usize, batch: &mut RecordBatch) -> usize {
        let queue = &mut self.queues[partition];
        let mut taken = 0;
        while taken < count {
            let Some(record) = queue.records.pop_front() else { break };
            if !batch.fits(&record) {
                queue.records.push_front(record);
                break;
            }
            queue.bytes -= size(&record);
            batch.push(record);
            taken += 1;
        }
        self.records -= taken;
        taken
    }
}

/// Returns the bytes that a record takes in memory.
fn size(record: &Record) -> usize {
    let beside = record.envelope.as_ref().map_or(0, |envelope| {
        let headers: usize = envelope.headers.iter().map(|h| h.name.len() + h.value.as_ref().map_or(0, Vec::len) + 64).sum();
        headers + envelope.key.as_ref().map_or(0, Vec::len) + envelope.value.len()
    });
    record.payload.len() + beside + RECORD_OVERHEAD
}

struct RecordBatch {
    records: Vec<Record>,
    bytes: usize,
    limit: Limit,
}

impl RecordBatch {
    fn room(&self) -> usize {
        self.limit.records.max(1).saturating_sub(self.records.len())
    }

    fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Tells whether a record fits; the first one always does.
    fn fits(&self, record: &Record) -> bool {
        self.records.is_empty() || (!self.is_full() && self.bytes + record.payload.len() <= self.limit.bytes)
    }

    fn push(&mut self, record: Record) {
        self.bytes += record.payload.len();
        self.records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{position::Position, source::Payload};

    const ALL: Limit = Limit { records: 100_000, bytes: usize::MAX };

    fn buffers(held: &[usize], bounds: QueueBounds) -> Buffers {
        let mut buffers = Buffers::new(bounds);
        buffers.reset(held.len());
        for (partition, count) in held.iter().enumerate() {
            for offset in 0..*count as u64 {
                let position = Position { partition: partition as u32, offset };
                buffers.push(Record::new(position, offset, Payload::Line(vec![b'x'; 10])));
            }
        }
        buffers
    }

    const WIDE: QueueBounds = QueueBounds { records: 100_000, bytes: usize::MAX };

    fn runs(records: &[Record]) -> Vec<(u32, usize)> {
        let mut runs: Vec<(u32, usize)> = Vec::new();
        for record in records {
            match runs.last_mut() {
                Some((partition, count)) if *partition == record.position.partition => *count += 1,
                _ => runs.push((record.position.partition, 1)),
            }
        }
        runs
    }

    #[test]
    fn long_runs_come_first_and_all_in_order() {
        let mut buffers = buffers(&[10, 2000, 300, 0, 255], WIDE);
        let records = buffers.take(ALL);
        assert_eq!(runs(&records), [(1, 1024), (2, 300), (1, 976), (4, 255), (0, 10)]);
        for partition in 0..5 {
            let offsets = records.iter().filter(|r| r.position.partition == partition).map(|r| r.position.offset);
            assert!(offsets.enumerate().all(|(i, offset)| i as u64 == offset), "partition {partition}");
        }
        assert_eq!((buffers.records(), buffers.bytes()), (0, 0));
    }

    #[test]
    fn everybody_has_a_turn() {
        let mut buffers = buffers(&[5000, 5000, 5000], WIDE);
        let limit = Limit { records: 1024, ..ALL };
        let turns: Vec<u32> = (0..6).flat_map(|_| runs(&buffers.take(limit))).map(|(partition, _)| partition).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn limits_hold_and_the_first_record_always_comes() {
        let limited = |records, bytes| buffers(&[300, 300], WIDE).take(Limit { records, bytes }).len();
        assert_eq!(limited(7, usize::MAX), 7);
        assert_eq!(limited(100, 45), 4);
        assert_eq!(limited(100, 0), 1);
        assert_eq!(limited(0, usize::MAX), 1);
        assert_eq!(limited(1000, usize::MAX), 600);
        assert_eq!(limited(500, usize::MAX), 300, "the second run would be cut");
    }

    #[test]
    fn a_partition_is_full_at_either_bound_and_has_room_at_half() {
        let mut buffers = buffers(&[8, 3], QueueBounds { records: 8, bytes: 100_000 });
        assert!(buffers.is_full(0) && !buffers.is_full(1) && buffers.is_enough(ALL));
        assert_eq!(buffers.take_before(0, 3).len(), 3);
        assert!(!buffers.is_full(0) && !buffers.has_room(0));
        buffers.take_before(0, 4);
        assert!(buffers.has_room(0));
        let by_bytes = self::buffers(&[3], QueueBounds { records: 100, bytes: 3 * (10 + RECORD_OVERHEAD) });
        assert!(by_bytes.is_full(0));
    }

    #[test]
    fn a_run_is_taken_from_its_partition_alone() {
        let mut buffers = buffers(&[5, 5], WIDE);
        assert_eq!(runs(&buffers.take_before(1, 3)), [(1, 3)]);
        assert_eq!((buffers.held(0), buffers.held(1), buffers.held(9)), (5, 2, 0));
        assert!(buffers.take_before(1, 3).is_empty() && buffers.take_before(9, 1).is_empty());
    }
}
