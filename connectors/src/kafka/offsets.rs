//! What is committed for a partition, beside its offset?
//!
//! The offset is for lag tools and for a start without a state. The text beside it, `weir1 begin=B position=P`, keeps what
//! an offset cannot say: where the partition began (so that `start` is asked once in a group's life and not again after a
//! restart), and the engine's position, 0 for not begun (so that an offset further on, over records that nobody gets, is
//! told from one that skips records).

use std::collections::BTreeMap;

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    topic_partition_list::{Offset, TopicPartitionListElem},
};

use super::{
    errors::{self, Call},
    start::look,
};
use crate::error::Error;

/// What is committed for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    /// Where a reader that knows no more goes on.
    pub(super) offset: u64,
    /// Where the partition began; unknown where another tool has committed.
    pub(super) begin: Option<u64>,
    /// The engine's position; unknown where another tool has committed.
    pub(super) position: Option<u64>,
}

/// By topic and partition.
pub(super) type CommittedOffsets = BTreeMap<(String, i32), Committed>;

impl Committed {
    fn text(&self) -> String {
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

/// For `send_offsets_to_transaction`.
pub(super) fn list(commit: &[(String, i32, Committed)]) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::with_capacity(commit.len());
    for (topic, id, committed) in commit {
        let mut element = list.add_partition(topic, *id);
        let offset = Offset::Offset(i64::try_from(committed.offset).unwrap_or(i64::MAX));
        element.set_offset(offset).map_err(|error| errors::failed(Call::Offsets, &error, None))?;
        element.set_metadata(committed.text());
    }
    Ok(list)
}

/// What a group has committed for `partitions`; those without anything are left out.
pub(super) fn fetch<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[(String, i32)],
) -> Result<CommittedOffsets, Error> {
    let list = look(|timeout| {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, id) in partitions {
            list.add_partition(topic, *id);
        }
        let list = consumer.committed_offsets(list, timeout)?;
        list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
        Ok(list)
    })?;
    let mut found = CommittedOffsets::new();
    for element in list.elements() {
        if let Offset::Offset(offset) = element.offset() {
            let committed = Committed::parse(u64::try_from(offset).unwrap_or(0), element.metadata());
            found.insert((element.topic().to_owned(), element.partition()), committed);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back_and_foreign_texts_are_none() {
        let committed = Committed { offset: 9, begin: Some(3), position: Some(0) };
        assert_eq!(Committed::parse(9, &committed.text()), committed);
        for text in
            ["", "x", "weir1 begin=3", "weir1 begin=a position=1", "weir1 begin=1 position=-1", "weir2 begin=1 position=1"]
        {
            let parsed = Committed::parse(9, text);
            assert_eq!(parsed, Committed { offset: 9, begin: None, position: None }, "{text}");
        }
    }
}
