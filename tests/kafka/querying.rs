//! Injected errors of whoever reads or asks, and their declared outcomes, each row a case.
//!
//! The other half is in `errors`: whoever writes.

use std::time::{Duration, Instant};

use connectors::{
    error::{Error, ErrorClass},
    kafka::KafkaSource,
    limits::Limits,
    position::Positions,
    source::Source,
};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use testkit::broker::{Client, Message};

use crate::{
    errors::{Mock, each, mock},
    stage::ALL,
};

/// What comes of reading or asking when requests fail so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// There is an answer: the client or we have asked again.
    Answer,
    /// The process ends: it has no right to that.
    Fatal,
}

/// Records are read while fetches fail so. What a broker says of one partition of many the mock cluster cannot say: no right
/// to it, an offset out of range. The latter is shown with a real broker (`seeking`).
const READ: &[(Code, usize, Expected)] = &[
    (Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, Expected::Answer),
    (Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, 2, Expected::Answer),
    (Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 2, Expected::Answer),
    (Code::RD_KAFKA_RESP_ERR__TRANSPORT, 2, Expected::Answer),
    (Code::RD_KAFKA_RESP_ERR_UNKNOWN, 2, Expected::Answer),
];

/// A source is made and sought: metadata, ends of partitions, committed offsets.
const QUERIES: &[(Api, Code, usize, Expected)] = &[
    (Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, Expected::Answer),
    (Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Answer),
    (Api::ListOffsets, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Answer),
    (Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Answer),
    (Api::ListOffsets, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 2, Expected::Fatal),
    (Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2, Expected::Answer),
    (Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, Expected::Answer),
    (Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Answer),
    (Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Answer),
    (Api::OffsetFetch, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 2, Expected::Answer),
    (Api::FindCoordinator, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Answer),
    (Api::Metadata, Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, 1, Expected::Answer),
    (Api::Metadata, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Answer),
];

fn outcome<T>(result: Result<T, Error>) -> Result<Expected, String> {
    match result {
        Ok(_) => Ok(Expected::Answer),
        Err(Error::Broker { class: ErrorClass::Fatal, .. }) => Ok(Expected::Fatal),
        Err(other) => Err(other.to_string()),
    }
}

/// Most records of a case.
const RECORDS: usize = 10;

fn produce(mock: &Mock) {
    let lines: Vec<_> = (0..RECORDS).map(|n| Message::to(0, format!("{n}"))).collect();
    Client::new(mock.config.brokers()).produce(&mock.config.topics.input[0], &lines);
}

fn read(source: &mut KafkaSource) -> Result<(), Error> {
    let (mut count, begun) = (0, Instant::now());
    while count < RECORDS {
        assert!(begun.elapsed() < Duration::from_secs(20), "{count} records came of {RECORDS}");
        count += source.read(ALL)?.len();
    }
    Ok(())
}

/// From the oldest record on: an answer that is wrong loses records.
fn query(mock: &Mock) -> Result<(), Error> {
    let mut source = KafkaSource::new(&mock.config, Limits::default())?;
    source.seek(&Positions::default())?;
    source.committed()?;
    read(&mut source)
}

fn read_case((code, times, expected): &(Code, usize, Expected)) -> Option<String> {
    let mut mock = mock();
    mock.cluster.request_errors(Api::Fetch, &vec![*code; *times]);
    produce(&mock);
    let got = outcome(read(&mut mock.source));
    (got != Ok(*expected)).then(|| format!("Fetch {code:?} x{times}: {got:?}, expected {expected:?}"))
}

fn query_case((api, code, times, expected): &(Api, Code, usize, Expected)) -> Option<String> {
    let mock = mock();
    produce(&mock);
    mock.cluster.request_errors(*api, &vec![*code; *times]);
    let got = outcome(query(&mock));
    (got != Ok(*expected)).then(|| format!("{api:?} {code:?} x{times}: {got:?}, expected {expected:?}"))
}

pub(crate) fn injected_errors_of_readers_have_their_outcomes() {
    let wrong = [each(READ, read_case), each(QUERIES, query_case)].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The client asks for both ends of a partition at once. Where the first answer is an error and the second comes with it, the
/// error is forgotten and the partition looks empty: all its records would be skipped.
pub(crate) fn half_an_answer_skips_no_record() {
    for _ in 0..6 {
        let mock = mock();
        produce(&mock);
        mock.cluster.request_errors(Api::ListOffsets, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
        // Either it is noticed, or asked again, and then every record comes.
        assert!(outcome(query(&mock)).is_ok());
    }
}
