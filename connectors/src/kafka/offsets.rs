//! What does a group commit for a partition, beside the offset?
//!
//! Kafka keeps a text beside each committed offset. Every committer here uses it for what an offset
//! cannot say; this file reads and writes both.
//!
//! For input partitions the offset is for lag tools, and for a start without a state. The text,
//! `weir1 begin=B position=P`, keeps where the partition began, so that `kafka.start` is asked once
//! in a group's life and not again after a restart. It also keeps the engine's position, 0 for not
//! begun: an offset that is further on because nobody gets the records in between is so told from
//! one that skips records.

use std::collections::BTreeMap;

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    topic_partition_list::{Offset, TopicPartitionListElem},
};

use super::{
    errors::{self, Call},
    query::{PartitionKey, query_with_retry},
};
use crate::error::Error;

/// What is committed for an input partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommittedOffset {
    /// Where a reader that knows no more goes on.
    pub(super) offset: u64,
    /// Where the partition began; unknown where another tool has committed.
    pub(super) begin: Option<u64>,
    /// The engine's position; unknown where another tool has committed.
    pub(super) position: Option<u64>,
}

impl CommittedOffset {
    /// Returns the text to commit beside the offset.
    pub(super) fn text(&self) -> String {
        match (self.begin, self.position) {
            (Some(begin), Some(position)) => format!("weir1 begin={begin} position={position}"),
            _ => String::new(),
        }
    }

    fn parse(offset: u64, text: &str) -> Self {
        let figures = text.strip_prefix("weir1 begin=").and_then(|rest| rest.split_once(" position="));
        let figures = figures.and_then(|(begin, position)| Some((begin.parse().ok()?, position.parse().ok()?)));
        let (begin, position) = figures.map_or((None, None), |(begin, position)| (Some(begin), Some(position)));
        Self { offset, begin, position }
    }
}

/// Lists topics, partitions, offsets and the texts beside them for `send_offsets_to_transaction`.
pub(super) fn commit_list<'a>(
    entries: impl IntoIterator<Item = (&'a str, i32, u64, &'a str)>,
) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::new();
    for (topic, id, offset, text) in entries {
        let mut element = list.add_partition(topic, id);
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        element.set_offset(offset).map_err(|error| errors::failed(Call::Offsets, &error, None))?;
        element.set_metadata(text);
    }
    Ok(list)
}

/// Asks for the offset and text that a group has committed for each partition. Those without
/// anything are left out.
pub(super) fn committed_texts<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[PartitionKey],
) -> Result<BTreeMap<PartitionKey, (u64, String)>, Error> {
    let list = query_with_retry(|timeout| {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, id) in partitions {
            list.add_partition(topic, *id);
        }
        let list = consumer.committed_offsets(list, timeout)?;
        list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
        Ok(list)
    })?;
    let mut found = BTreeMap::new();
    for element in list.elements() {
        if let Offset::Offset(offset) = element.offset() {
            let key = (element.topic().to_owned(), element.partition());
            found.insert(key, (u64::try_from(offset).unwrap_or(0), element.metadata().to_owned()));
        }
    }
    Ok(found)
}

/// Asks for what a group has committed for input partitions. Those without anything are left out.
pub(super) fn committed_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[PartitionKey],
) -> Result<BTreeMap<PartitionKey, CommittedOffset>, Error> {
    let texts = committed_texts(consumer, partitions)?;
    Ok(texts.into_iter().map(|(key, (offset, text))| (key, CommittedOffset::parse(offset, &text))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back_and_foreign_texts_are_none() {
        let committed = CommittedOffset { offset: 9, begin: Some(3), position: Some(0) };
        assert_eq!(CommittedOffset::parse(9, &committed.text()), committed);
        for text in
            ["", "x", "weir1 begin=3", "weir1 begin=a position=1", "weir1 begin=1 position=-1", "weir2 begin=1 position=1"]
        {
            let parsed = CommittedOffset::parse(9, text);
            assert_eq!(parsed, CommittedOffset { offset: 9, begin: None, position: None }, "{text}");
        }
    }
}
