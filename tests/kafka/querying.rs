//! What becomes of calls that read or ask when they fail? Each row of the tables is a case. Calls
//! that write are in `errors`.

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

/// What becomes of reading or asking when requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// There is an answer, because the client or weir has asked again.
    Answer,
    /// The process ends, because it lacks the right.
    Fatal,
}

/// Records are read while fetches fail. The mock cluster cannot give answers about one partition of
/// many, such as a missing right or an offset out of range. The latter is tested with a real broker
/// (`seeking`).
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

/// Reads from the oldest record on, so that a wrong answer would lose records.
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

/// The client asks for both ends of a partition at once. Where the first answer is an error and the
/// second comes with it, the error is forgotten and the partition looks empty: all its records
/// would be skipped.
pub(crate) fn half_an_answer_skips_no_record() {
    for _ in 0..6 {
        let mock = mock();
        produce(&mock);
        mock.cluster.request_errors(Api::ListOffsets, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
        // Either the error is noticed, or the query is made again and every record comes.
        assert!(outcome(query(&mock)).is_ok());
    }
}
