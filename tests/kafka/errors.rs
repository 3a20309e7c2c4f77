//! Injected errors and their declared outcomes, each row a case.
//!
//! librdkafka's mock cluster answers with the errors. Its transactions are a fake, so nothing is said here about what is
//! visible afterwards; only what the committer makes of the answer.

use std::{thread, time::Duration};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error,
    kafka::{KafkaCommitter, KafkaConfig, KafkaSource, Outcome, Start, TopicLimits, WithoutSnapshot},
    position::Positions,
    source::Source,
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code},
};

use crate::stage::names;

/// What comes of a batch when requests fail so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It is committed: the client or the committer has tried again.
    Committed,
    /// It fails and is aborted; after recovery the next batch is committed.
    Aborted,
    /// It fails; only a new process may go on.
    Fatal,
    /// It fails, since another process has taken over.
    Fenced,
}

/// Which request fails, with which code, how often, and what comes of it.
const CASES: &[(Api, Code, usize, Expected)] = &[
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, Expected::Aborted),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, Expected::Aborted),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_RECORD, 1, Expected::Aborted),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1, Expected::Fatal),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, Expected::Committed),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, Expected::Committed),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, Expected::Aborted),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 2, Expected::Committed),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, Expected::Aborted),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2, Expected::Committed),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, 1, Expected::Aborted),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, 1, Expected::Aborted),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 2, Expected::Committed),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, Expected::Fenced),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Expected::Fatal),
];

/// What comes of the fence itself.
const FENCE_CASES: &[(Code, usize, bool)] = &[
    (Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2, true),
    (Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, true),
    (Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, true),
    (Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, false),
    (Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, 1, false),
];

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    config: KafkaConfig,
    source: KafkaSource,
}

fn mock() -> Mock {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    let topics = names("mock");
    for (_, name) in topics.outputs().chain([("input", topics.input[0].as_str())]) {
        cluster.create_topic(name, 1, 1).expect("a topic");
    }
    let mut config = KafkaConfig::new(cluster.bootstrap_servers(), "g", topics);
    config.start = Some(Start::Earliest);
    config.transaction_timeout = Duration::from_secs(10);
    config.client.insert("retry.backoff.ms".to_owned(), "20".to_owned());
    config.client.insert("reconnect.backoff.ms".to_owned(), "20".to_owned());
    config.client.insert("log_level".to_owned(), "0".to_owned());
    let mut source = KafkaSource::new(&config).expect("a source");
    source.seek(&Positions::default()).expect("sought");
    Mock { cluster, config, source }
}

fn committer(mock: &Mock) -> KafkaCommitter {
    let limits = TopicLimits::uniform(1_000_000);
    KafkaCommitter::new(&mock.config, limits, mock.source.numbering(), WithoutSnapshot::FromJournal).expect("a committer")
}

fn batch(committer: &mut KafkaCommitter) -> Result<(), Error> {
    committer.begin()?;
    for i in 0..10 {
        committer.write(&Outgoing::plain(Channel::Clean, format!("{i}").as_bytes()))?;
    }
    committer.commit(&Positions(vec![1]), b"j")
}

fn outcome(committer: &mut KafkaCommitter) -> Result<Expected, String> {
    let result = batch(committer);
    let said = format!("{result:?}");
    let outcome = match result {
        Ok(()) => return Ok(Expected::Committed),
        Err(Error::Fenced { .. }) => Expected::Fenced,
        Err(Error::Broker { outcome: Outcome::Abort, .. }) => Expected::Aborted,
        Err(Error::Broker { outcome: Outcome::Fatal, .. }) => Expected::Fatal,
        Err(other) => panic!("{other}"),
    };
    let aborted = committer.abort();
    let next = aborted.and_then(|()| if outcome == Expected::Aborted { committer.recover(None).map(drop) } else { Ok(()) });
    let next = next.and_then(|()| batch(committer));
    match (outcome, next) {
        (Expected::Aborted, Ok(())) | (Expected::Fatal | Expected::Fenced, Err(_)) => Ok(outcome),
        (_, next) => Err(format!("{outcome:?} ({said}), then {next:?}")),
    }
}

pub(crate) fn injected_errors_have_their_outcomes() {
    let mut wrong = Vec::new();
    for (api, code, times, expected) in CASES {
        let mock = mock();
        let mut committer = committer(&mock);
        committer.recover(None).expect("recovered");
        mock.cluster.request_errors(*api, &vec![*code; *times]);
        let got = outcome(&mut committer);
        if got != Ok(*expected) {
            wrong.push(format!("{api:?} {code:?} x{times}: {got:?}, expected {expected:?}"));
        }
    }
    for (code, times, expected) in FENCE_CASES {
        let mock = mock();
        mock.cluster.request_errors(Api::InitProducerId, &vec![*code; *times]);
        let recovered = committer(&mock).recover(None);
        if recovered.is_ok() != *expected {
            wrong.push(format!("InitProducerId {code:?} x{times}: {recovered:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(crate) fn a_commit_outlasts_brokers_that_come_back() {
    let mut mock = mock();
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
    mock.cluster.broker_down(-1).expect("down");
    // The mock cannot leave this thread, so the committer does.
    thread::scope(|scope| {
        let waiting = scope.spawn(|| committer.commit(&Positions(vec![2]), b"j"));
        thread::sleep(Duration::from_secs(3));
        mock.cluster.broker_up(-1).expect("up");
        waiting.join().expect("no panic").expect("committed once they are back");
    });
    batch(&mut committer).expect("and it goes on");
    // A source that has lost its brokers gives nothing, counts, and goes on.
    mock.cluster.broker_down(-1).expect("down");
    for _ in 0..20 {
        assert!(mock.source.read(crate::stage::ALL).expect("no error").is_empty());
    }
    assert!(mock.source.counts().transport_errors > 0);

    // Brokers that do not come back: an end in time, and nobody knows whether it was committed.
    mock.cluster.broker_up(-1).expect("up");
    batch(&mut committer).expect("committed");
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
    mock.cluster.broker_down(-1).expect("down");
    let begun = std::time::Instant::now();
    let undecided = committer.commit(&Positions(vec![3]), b"j");
    assert!(matches!(undecided, Err(Error::Broker { outcome: Outcome::Abort, .. })), "{undecided:?}");
    assert!(begun.elapsed() < 2 * mock.config.transaction_timeout, "{:?}", begun.elapsed());
    committer.abort().expect("thrown away");
    assert!(matches!(committer.begin(), Err(Error::Refused(_))), "only recovery may follow");
    mock.cluster.broker_up(-1).expect("up");
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
}
