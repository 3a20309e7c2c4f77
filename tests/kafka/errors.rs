//! What becomes of a batch when calls that write fail? Each row of the tables is a case. Calls that
//! read are in `querying`.
//!
//! librdkafka's mock cluster answers with the errors. Its transactions are fake, so nothing is
//! tested here about what is visible afterwards, only what the committer makes of the answer.

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::{Error, ErrorClass},
    kafka::{ClientProperty, KafkaCommitter, KafkaConfig, KafkaSource, StartPosition, TopicLimits, WithoutSnapshot},
    limits::Limits,
    position::Positions,
    source::Source,
};
use rdkafka::{
    mocking::{MockCluster, MockCoordinator},
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code},
};

use crate::stage::names;

/// What becomes of a batch when requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It is committed, because the client or the committer has tried again.
    Committed,
    /// It fails and is aborted; after recovery the next batch is committed.
    Aborted,
    /// It fails because of a record, and is aborted; after recovery the next batch is committed.
    Refused,
    /// It fails; only a new process may go on.
    Fatal,
    /// It fails, because another process has taken over.
    Fenced,
}

/// Which request fails, with which code, how often, and what becomes of the batch.
const CASES: &[(Api, Code, usize, Expected)] = &[
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, Expected::Refused),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_RECORD, 1, Expected::Refused),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1, Expected::Refused),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, 1, Expected::Fatal),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1, Expected::Fatal),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Aborted),
    (Api::Produce, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, Expected::Fenced),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, Expected::Committed),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, Expected::Committed),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Aborted),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Aborted),
    (Api::AddPartitionsToTxn, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 2, Expected::Committed),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Committed),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Aborted),
    (Api::AddOffsetsToTxn, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2, Expected::Committed),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, 1, Expected::Aborted),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, 1, Expected::Aborted),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Committed),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Aborted),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::TxnOffsetCommit, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 2, Expected::Committed),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, Expected::Committed),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Expected::Fenced),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, Expected::Fenced),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Expected::Fatal),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Expected::Aborted),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Expected::Aborted),
    (Api::EndTxn, Code::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, Expected::Fatal),
];

/// Whether the fence itself succeeds.
const FENCE_CASES: &[(Code, usize, bool)] = &[
    (Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2, true),
    (Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 2, true),
    (Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, true),
    (Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, false),
    (Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, 1, false),
    (Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 2, true),
    (Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, false),
    (Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, true),
];

/// What becomes of an abort when its request fails; `None` means that it succeeds. After a failure
/// of whatever kind only a recovery may follow, and the next batch is committed after that.
const ABORT_CASES: &[(Code, usize, Option<Expected>)] = &[
    (Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 2, None),
    (Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, Some(Expected::Aborted)),
    (Code::RD_KAFKA_RESP_ERR__TRANSPORT, 1, None),
    (Code::RD_KAFKA_RESP_ERR_UNKNOWN, 1, Some(Expected::Aborted)),
    (Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, Some(Expected::Fenced)),
    (Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, Some(Expected::Fatal)),
];

/// Mock brokers, and a source that reads from them.
pub(crate) struct Mock {
    pub(crate) cluster: MockCluster<'static, DefaultProducerContext>,
    pub(crate) config: KafkaConfig,
    pub(crate) source: KafkaSource,
}

pub(crate) fn mock() -> Mock {
    mock_of(1)
}

/// Makes this many mock brokers, of which the first leads all partitions.
fn mock_of(brokers: i32) -> Mock {
    let cluster = MockCluster::new(brokers).expect("a mock cluster");
    let topics = names("mock");
    for (_, name) in topics.outputs().chain([("input", topics.input[0].as_str())]) {
        cluster.create_topic(name, 1, 1).expect("a topic");
        cluster.partition_leader(name, 0, Some(1)).expect("a leader");
    }
    let mut config = KafkaConfig::new(cluster.bootstrap_servers(), "g", topics);
    config.start = Some(StartPosition::Earliest);
    config.transaction_timeout = Duration::from_secs(10);
    config.client.insert("retry.backoff.ms".to_owned(), ClientProperty::Value("20".to_owned()));
    config.client.insert("reconnect.backoff.ms".to_owned(), ClientProperty::Value("20".to_owned()));
    config.client.insert("log_level".to_owned(), ClientProperty::Value("0".to_owned()));
    let mut source = KafkaSource::new(&config, Limits::default()).expect("a source");
    source.seek(&Positions::default()).expect("sought");
    Mock { cluster, config, source }
}

fn committer(mock: &Mock) -> KafkaCommitter {
    let limits = TopicLimits::uniform(1_000_000);
    KafkaCommitter::new(&mock.config, limits, mock.source.input_partitions(), WithoutSnapshot::FromJournal).expect("a committer")
}

fn batch(committer: &mut KafkaCommitter) -> Result<(), Error> {
    committer.begin()?;
    for i in 0..10 {
        committer.write(&Outgoing::plain(Channel::Clean, format!("{i}").as_bytes()))?;
    }
    committer.commit(&Positions(vec![1]), b"j")
}

/// Commits a batch as a stage does: it is tried again as long as that is worth it, but not for
/// ever.
fn batch_surely(committer: &mut KafkaCommitter) {
    let begun = Instant::now();
    let mut tried = batch(committer).map(|()| true);
    while !matches!(tried, Ok(true)) {
        assert!(begun.elapsed() < Duration::from_mins(1), "no end: {tried:?}");
        tried = match tried {
            Ok(_) => batch(committer).map(|()| true),
            Err(error) if committer.is_worth_retrying(&error) => committer.retry(b"j"),
            Err(error) => panic!("{error}"),
        };
    }
}

/// Returns what became of a batch, and what was said of it; an error if what follows does not fit.
fn outcome(committer: &mut KafkaCommitter) -> Result<(Expected, String), String> {
    let result = batch(committer);
    let said = format!("{result:?}");
    let Err(error) = result else { return Ok((Expected::Committed, said)) };
    let outcome = failure(&error);
    let aborted = committer.abort();
    let next = aborted.and_then(|()| {
        if matches!(outcome, Expected::Aborted | Expected::Refused) { committer.recover(None).map(drop) } else { Ok(()) }
    });
    let next = next.and_then(|()| batch(committer));
    match (outcome, next) {
        (Expected::Aborted | Expected::Refused, Ok(())) | (Expected::Fatal | Expected::Fenced, Err(_)) => Ok((outcome, said)),
        (_, next) => Err(format!("{outcome:?} ({said}), then {next:?}")),
    }
}

/// Returns what is wrong with rows. Each is tried with a cluster of its own, some at the same time,
/// since they mostly wait.
pub(crate) fn each<T: Sync>(rows: &[T], wrong: fn(&T) -> Option<String>) -> Vec<String> {
    thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(4).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || part.iter().filter_map(wrong).collect::<Vec<_>>())).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect()
    })
}

fn batch_case((api, code, times, expected): &(Api, Code, usize, Expected)) -> Option<String> {
    let mock = mock();
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    mock.cluster.request_errors(*api, &vec![*code; *times]);
    let got = outcome(&mut committer);
    (!matches!(&got, Ok((got, _)) if got == expected))
        .then(|| format!("{api:?} {code:?} x{times}: {got:?}, expected {expected:?}"))
}

fn fence_case((code, times, expected): &(Code, usize, bool)) -> Option<String> {
    let mock = mock();
    mock.cluster.request_errors(Api::InitProducerId, &vec![*code; *times]);
    let recovered = committer(&mock).recover(None);
    (recovered.is_ok() != *expected).then(|| format!("InitProducerId {code:?} x{times}: {recovered:?}"))
}

pub(crate) fn injected_errors_have_their_outcomes() {
    let wrong = [each(CASES, batch_case), each(FENCE_CASES, fence_case)].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The brokers let a transaction have its topics at first, and then no more.
pub(crate) fn a_right_that_is_withdrawn_is_named() {
    let mut mock = mock();
    mock.config.client.insert("log_level".to_owned(), ClientProperty::Value("3".to_owned()));
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
    mock.cluster.request_errors(Api::AddPartitionsToTxn, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 9]);
    let begun = Instant::now();
    let error = batch(&mut committer).expect_err("no right");
    assert!(begun.elapsed() < mock.config.transaction_timeout, "it is said, and not waited for");
    assert!(!committer.is_worth_retrying(&error), "{error}");
    let said = error.to_string();
    for part in ["add a topic to the transaction: ", &mock.config.topics.clean, "lacks this right: give it"] {
        assert!(said.contains(part), "expected {part:?}: {said}");
    }
}

fn failure(error: &Error) -> Expected {
    match error {
        Error::Fenced { .. } => Expected::Fenced,
        Error::RecordsRefused { .. } => Expected::Refused,
        Error::Broker { class: ErrorClass::Abortable, .. } => Expected::Aborted,
        Error::Broker { class: ErrorClass::Fatal, .. } => Expected::Fatal,
        other => panic!("{other}"),
    }
}

pub(crate) fn an_abort_has_its_outcomes() {
    let mut wrong = Vec::new();
    for (code, times, expected) in ABORT_CASES {
        let mock = mock();
        let mut committer = committer(&mock);
        committer.recover(None).expect("recovered");
        committer.begin().expect("begun");
        committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
        // An abort sends a request only after records were sent.
        thread::sleep(Duration::from_millis(300));
        mock.cluster.request_errors(Api::EndTxn, &vec![*code; *times]);
        let aborted = committer.abort();
        let got = aborted.as_ref().err().map(failure);
        if got != *expected {
            wrong.push(format!("EndTxn of an abort, {code:?} x{times}: {aborted:?}, expected {expected:?}"));
        }
        if got.is_some() {
            assert!(matches!(committer.begin(), Err(Error::Refused(_))), "only recovery may follow");
            committer.recover(None).expect("recovered");
        }
        batch(&mut committer).expect("and it goes on");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(crate) fn a_group_without_its_coordinator_holds_nobody() {
    let mock = mock_of(2);
    let coordinated_by = |broker| {
        mock.cluster.coordinator(MockCoordinator::Transaction("g".to_owned()), 1).expect("a coordinator");
        mock.cluster.coordinator(MockCoordinator::Group("g".to_owned()), broker).expect("a coordinator");
    };
    coordinated_by(2);
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");

    // The client's own call would never return here.
    mock.cluster.broker_down(2).expect("down");
    let begun = Instant::now();
    let undecided = batch(&mut committer);
    let took = begun.elapsed();
    let said = format!("{undecided:?}");
    assert!(
        matches!(undecided, Err(Error::Broker { class: ErrorClass::Abortable, .. })) && said.contains("no answer in 10s"),
        "{said}"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");

    // While the coordinator is away, no new producer is made. The batch goes on once the group has another coordinator.
    let away = committer.retry(b"j").expect_err("the group has no coordinator");
    assert!(committer.is_worth_retrying(&away), "{away}");
    coordinated_by(1);
    // The mock shows records of a transaction that was never committed, so its answer about the batch means nothing.
    committer.retry(b"j").expect("recovered");
    batch(&mut committer).expect("committed");
    mock.cluster.broker_up(2).expect("up");
    batch(&mut committer).expect("committed");
}

pub(crate) fn a_recovery_that_fails_forgets_nothing() {
    let mock = mock();
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
    batch(&mut committer).expect("committed");
    mock.cluster.request_errors(Api::EndTxn, &[Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT]);
    batch(&mut committer).expect_err("undecided");
    let journal = &mock.config.topics.journal;
    mock.cluster.topic_error(journal, Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).expect("an error");
    let away = committer.retry(b"j").expect_err("no journal");
    assert!(committer.is_worth_retrying(&away), "{away}");
    mock.cluster.topic_error(journal, Code::RD_KAFKA_RESP_ERR_NO_ERROR).expect("none");
    // The two records before it are its own, not those of another process.
    committer.retry(b"j").expect("recovered");
    batch(&mut committer).expect("committed");
}

pub(crate) fn a_commit_outlasts_brokers_that_come_back() {
    let mut mock = mock();
    let mut committer = committer(&mock);
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
    mock.cluster.broker_down(-1).expect("down");
    // The mock cannot leave this thread, so the committer does.
    thread::scope(|scope| {
        let waiting = scope.spawn(|| batch_surely(&mut committer));
        thread::sleep(Duration::from_secs(3));
        mock.cluster.broker_up(-1).expect("up");
        waiting.join().expect("committed once they are back");
    });
    batch(&mut committer).expect("and it goes on");
    // A source that has lost its brokers returns nothing, counts the errors, and goes on.
    mock.cluster.broker_down(-1).expect("down");
    for _ in 0..20 {
        assert!(mock.source.read(crate::stage::ALL).expect("no error").is_empty());
    }
    assert!(mock.source.counts().transport_errors > 0);

    // If brokers do not come back, the commit ends in time, and it is unknown whether it took place.
    mock.cluster.broker_up(-1).expect("up");
    batch_surely(&mut committer);
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
    mock.cluster.broker_down(-1).expect("down");
    let begun = Instant::now();
    let undecided = committer.commit(&Positions(vec![3]), b"j");
    assert!(matches!(undecided, Err(Error::Broker { class: ErrorClass::Abortable, .. })), "{undecided:?}");
    assert!(begun.elapsed() < 2 * mock.config.transaction_timeout, "{:?}", begun.elapsed());
    // If the call had no answer there is nothing to abort; if it had one in time, the abort fails as the call did.
    if let Err(error) = committer.abort() {
        assert_eq!(failure(&error), Expected::Aborted, "{error}");
    }
    assert!(matches!(committer.begin(), Err(Error::Refused(_))), "only recovery may follow");
    mock.cluster.broker_up(-1).expect("up");
    committer.recover(None).expect("recovered");
    batch(&mut committer).expect("committed");
}
