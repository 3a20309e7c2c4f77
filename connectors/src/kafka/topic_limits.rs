//! How large may a record be?

use crate::committer::{Channel, Outgoing};

/// `max.message.bytes` of a topic whose broker does not say it.
pub(super) const MESSAGE_BYTES_DEFAULT: usize = 1_048_588;
/// Largest batch of the producer unless a topic takes less.
const BATCH_BYTES: usize = 1_000_000;

/// The most bytes that records of each topic may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// For each channel, in bytes of a record with key and headers.
    channels: [usize; Channel::ALL.len()],
    /// For the journal.
    journal: usize,
}

impl TopicLimits {
    pub(super) fn new(channels: [usize; Channel::ALL.len()], journal: usize) -> Self {
        Self { channels, journal }
    }

    /// Makes the same limit for all topics: for tests, and where only one topic matters.
    #[must_use]
    pub fn uniform(bytes: usize) -> Self {
        Self { channels: [bytes; Channel::ALL.len()], journal: bytes }
    }

    /// Returns the most bytes that a channel's record may have, key and headers included.
    #[must_use]
    pub fn of(&self, channel: Channel) -> usize {
        self.channels[channel as usize]
    }

    /// Returns the most bytes that a journal record may have.
    #[must_use]
    pub fn journal(&self) -> usize {
        self.journal
    }

    /// Tells whether a record's topic takes it. Compression is not counted on.
    #[must_use]
    pub fn fits(&self, record: &Outgoing<'_>) -> bool {
        record.bytes() <= self.of(record.channel)
    }

    /// Returns the producer's limit: the highest limit of all topics.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.channels.into_iter().chain([self.journal]).max().unwrap_or(MESSAGE_BYTES_DEFAULT).clamp(1_000, 1_000_000_000)
    }

    /// Returns the largest batch of the producer, which must not exceed the lowest limit of all
    /// topics.
    pub(super) fn batch_bytes_max(&self) -> usize {
        self.channels.into_iter().chain([self.journal, BATCH_BYTES]).min().unwrap_or(BATCH_BYTES).max(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::EnvelopeHeader;

    #[test]
    fn a_record_is_measured_with_all_that_belongs_to_it() {
        let headers = [EnvelopeHeader { name: "n".repeat(10), value: Some(vec![0; 20]) }];
        let record = Outgoing { channel: Channel::Clean, key: Some(&[0; 30]), headers: &headers, value: &[0; 40] };
        assert_eq!(record.bytes(), 100 + 10 + 93);
        assert!(TopicLimits::uniform(record.bytes()).fits(&record));
        assert!(!TopicLimits::uniform(record.bytes() - 1).fits(&record));
    }

    #[test]
    fn a_producer_is_bounded_by_most_and_least() {
        let mut limits = TopicLimits::uniform(2_000_000);
        limits.journal = 5_000_000;
        limits.channels[3] = 70_000;
        assert_eq!((limits.message_bytes_max(), limits.batch_bytes_max()), (5_000_000, 70_000));
    }
}
