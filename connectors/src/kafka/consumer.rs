//! What do all readers of partitions do alike: assign them, pause them, and tell errors that pass
//! from those that do not?
//!
//! The partitions of one consumer are assigned once. librdkafka ends the process with a failed
//! assertion when an assignment is taken away while the one before it is still being stopped
//! (its issue 5573, mended after 2.15). So whoever reads from somewhere else makes a new consumer,
//! and partitions that are found later are added.

use rdkafka::{
    TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    topic_partition_list::Offset,
};

use super::{
    errors::{self, Call},
    reports::{ReportingConsumer, Reports},
};
use crate::error::{Error, ErrorClass};

/// Adds partitions to those that a consumer reads, each to be fetched from an offset on.
pub(super) fn assign<'a>(
    consumer: &ReportingConsumer,
    partitions: impl IntoIterator<Item = (&'a str, i32, u64)>,
) -> Result<(), Error> {
    let failed = |error| errors::failed(Call::Read, &error, None);
    let mut list = TopicPartitionList::new();
    for (topic, id, offset) in partitions {
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, id, offset).map_err(failed)?;
    }
    consumer.incremental_assign(&list).map_err(failed)
}

/// Stops fetching a partition for now. Nothing of it is lost.
pub(super) fn pause(consumer: &ReportingConsumer, topic: &str, id: i32) -> Result<(), Error> {
    switch(topic, id, |list| consumer.pause(list))
}

/// Fetches a partition again.
pub(super) fn resume(consumer: &ReportingConsumer, topic: &str, id: i32) -> Result<(), Error> {
    switch(topic, id, |list| consumer.resume(list))
}

fn switch(topic: &str, id: i32, change: impl Fn(&TopicPartitionList) -> KafkaResult<()>) -> Result<(), Error> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, id);
    change(&list).map_err(|error| errors::failed(Call::Read, &error, None))
}

/// Counts an error of a poll that the client recovers from by itself; `doing` says in the log what
/// was done.
///
/// # Errors
/// Any other error, which ends reading. An offset out of range would skip or repeat records;
/// `offset` names it in the message.
pub(super) fn tolerate(
    error: &KafkaError,
    consumer: &ReportingConsumer,
    reports: &Reports,
    offset: &str,
    doing: &str,
) -> Result<(), Error> {
    match (error.rdkafka_error_code(), errors::classify(Call::Read, error)) {
        (Some(Code::AutoOffsetReset | Code::OffsetOutOfRange), _) => Err(Error::Changed(format!(
            "{offset} is out of range: its topic was made anew, or its retention has removed what comes next. Start again: then \
                 it is said which, and what helps ({error})"
        ))),
        (_, ErrorClass::Retriable) => {
            reports.transport(error, doing);
            Ok(())
        }
        _ => Err(errors::failed(Call::Read, error, consumer.client().fatal_error())),
    }
}
