//! May a failed call be tried again, must the transaction be aborted, or must the process end?
//!
//! A transactional call says so itself: fatal counts before abortable, and abortable before
//! retriable. One that says nothing is fatal, because nobody knows then whether going on is safe.
//! All other calls return a bare code. A table says what it means; a code that the table does not
//! name has the class of its call's row without a code.
//!
//! | class | then |
//! |---|---|
//! | `Retriable` | the same call is made again, within the transaction's time |
//! | `Abortable` | abort, go back to the snapshot, recover (with a new producer and a new epoch), go on |
//! | `Fatal` | the process ends with an error; a successor fences it and recovers |
//! | `Record` | abort, put a dead letter in the place of the record, go on; else end, naming topic and record |
//!
//! A transactional call that is still undecided when its time is over is `Abortable`: recovery
//! finds out from the journal, with a new producer, whether it took place. Trying again with the
//! old producer could tear a transaction.
//!
//! What becomes of each call for each class of errors, once the client has made its own tries (A is
//! `Abortable`, F is `Fatal`, and "done" means that trying again succeeds). Each call and class has
//! a row in a test: `tests/kafka/errors` for calls that write, `tests/kafka/querying` for calls
//! that read or ask, and the tests below for what a mock cannot be made to say.
//!
//! | call | retriable, transport | timed out | unknown | bad record, group | no right | fenced |
//! |---|---|---|---|---|---|---|
//! | fence | done | done | done | - | F | F |
//! | begin | - | - | F | - | - | - |
//! | produce, deliver | done | done | A | `Record`; policy: F | F | `Fenced` |
//! | add partitions | done | A | A | - | F | `Fenced` |
//! | add offsets, send them | done | done | A | A | F | `Fenced` |
//! | commit | done | A | A | - | F | `Fenced` |
//! | abort | done | A | A | - | F | `Fenced` |
//! | read | done | done | done | out of range: ends | F | - |
//! | query, committed offsets | done | done | done | - | F | - |
//!
//! A commit or an abort that is `Abortable` may have taken place at the coordinator; the recovery
//! that follows reads the journal. Adding offsets may have no answer at all while a group's
//! coordinator is away: `Abortable` after ten seconds.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::{Error, ErrorClass};

/// A call to the brokers, as far as classes of errors differ between calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `init_transactions`, which fences earlier processes.
    Init,
    /// `begin_transaction`.
    Begin,
    /// Handing a record to the producer.
    Produce,
    /// Adding the topics of its records to the transaction, which the client does by itself.
    AddTopics,
    /// The report that a record was delivered or not.
    Delivery,
    /// `send_offsets_to_transaction`.
    Offsets,
    /// `commit_transaction`.
    Commit,
    /// `abort_transaction`.
    Abort,
    /// Polling a consumer.
    Read,
    /// A query for metadata, ends of partitions, committed offsets or settings of topics.
    Query,
}

impl Call {
    /// Returns what a message says was tried: "`action`: reason".
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Init => "fence earlier processes (init_transactions)",
            Self::Begin => "begin a transaction",
            Self::Produce => "produce",
            Self::AddTopics => "add a topic to the transaction",
            Self::Delivery => "deliver a record",
            Self::Offsets => "add offsets to the transaction",
            Self::Commit => "commit the transaction",
            Self::Abort => "abort the transaction",
            Self::Read => "read",
            Self::Query => "ask the brokers",
        }
    }
}

/// Classes of bare codes. The first row that fits counts; a row with `None` fits any code of its
/// call.
pub(super) const CODE_CLASSES: &[(Call, Option<Code>, ErrorClass)] = &[
    (Call::Produce, Some(Code::QueueFull), ErrorClass::Retriable), // acknowledgements make room
    (Call::Produce, Some(Code::Fatal), ErrorClass::Fatal),
    (Call::Produce, Some(Code::Fenced), ErrorClass::Fatal),
    (Call::Produce, Some(Code::State), ErrorClass::Abortable), // a record before it failed
    (Call::Produce, Some(Code::MessageSizeTooLarge), ErrorClass::Abortable),
    (Call::Produce, None, ErrorClass::Abortable), // nothing of an aborted transaction is ever seen
    (Call::Delivery, Some(Code::Fatal), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::Fenced), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::ProducerFenced), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::InvalidProducerEpoch), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::OutOfOrderSequenceNumber), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::InvalidRecord), ErrorClass::Record), // such as one without a key, for a compacted topic
    (Call::Delivery, Some(Code::MessageSizeTooLarge), ErrorClass::Record),
    (Call::Delivery, Some(Code::InvalidTimestamp), ErrorClass::Record), // of several, the client says "invalid record"
    (Call::Delivery, Some(Code::PolicyViolation), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::UnsupportedForMessageFormat), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::TopicAuthorizationFailed), ErrorClass::Fatal),
    (Call::Delivery, Some(Code::ClusterAuthorizationFailed), ErrorClass::Fatal),
    (Call::Delivery, None, ErrorClass::Abortable),
    (Call::Commit, Some(Code::OperationTimedOut), ErrorClass::Retriable), // the queue was not empty yet
    (Call::Read, Some(Code::Fatal), ErrorClass::Fatal),
    (Call::Read, Some(Code::TopicAuthorizationFailed), ErrorClass::Fatal),
    (Call::Read, Some(Code::GroupAuthorizationFailed), ErrorClass::Fatal),
    (Call::Read, Some(Code::AutoOffsetReset), ErrorClass::Fatal), // out of range: never skip in silence
    (Call::Read, Some(Code::OffsetOutOfRange), ErrorClass::Fatal),
    (Call::Read, None, ErrorClass::Retriable), // the client recovers by itself; logged and counted
    (Call::Query, Some(Code::Fatal), ErrorClass::Fatal),
    (Call::Query, Some(Code::TopicAuthorizationFailed), ErrorClass::Fatal),
    (Call::Query, Some(Code::GroupAuthorizationFailed), ErrorClass::Fatal),
    (Call::Query, Some(Code::ClusterAuthorizationFailed), ErrorClass::Fatal),
    (Call::Query, None, ErrorClass::Retriable),
];

/// Returns what may be done about `error` of `call`.
#[must_use]
pub fn classify(call: Call, error: &KafkaError) -> ErrorClass {
    if let KafkaError::Transaction(error) = error {
        return if error.is_fatal() || is_fence(error.code()) || is_forbidden(error.code()) {
            ErrorClass::Fatal
        } else if error.txn_requires_abort() {
            ErrorClass::Abortable
        } else if error.is_retriable() {
            ErrorClass::Retriable
        } else {
            ErrorClass::Fatal
        };
    }
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        return ErrorClass::Fatal;
    }
    let code = error.rdkafka_error_code();
    let row = CODE_CLASSES.iter().find(|(of, row, _)| *of == call && (row.is_none() || *row == code));
    row.map_or(ErrorClass::Fatal, |(_, _, class)| *class)
}

/// Tells whether a code says that a newer process has taken over.
pub(super) fn is_fence(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// Tells whether a code says that the right to do something is missing. No other try helps.
fn is_forbidden(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// What helps where a right is missing.
const GIVE_THE_RIGHT: &str = "the user that weir connects as lacks this right: give it, and start weir again";

/// Returns the error that a call ends with after all its tries. `fatal` is the client's own fatal
/// error, if it has one: then this call's code is only a consequence, such as "purged".
pub(super) fn failed(call: Call, error: &KafkaError, fatal: Option<(Code, String)>) -> Error {
    let class = if fatal.is_some() { ErrorClass::Fatal } else { classify(call, error) };
    let code = fatal.as_ref().map(|(code, _)| *code).or(error.rdkafka_error_code());
    let reason = match fatal {
        Some((_, message)) => format!("{error}: {message}"),
        None => error.to_string(),
    };
    if class == ErrorClass::Fatal && code.is_some_and(is_fence) {
        return Error::Fenced { action: call.action(), reason };
    }
    let reason = if code.is_some_and(is_forbidden) { format!("{reason}; {GIVE_THE_RIGHT}") } else { reason };
    Error::Broker { action: call.action(), class, reason }
}

/// Why a call has failed after all its tries.
#[derive(Debug)]
pub(super) struct FailedCall {
    pub(super) error: Error,
    /// Whether the call may still take place, because it had no answer in its time.
    pub(super) undecided: bool,
}

impl FailedCall {
    /// Tells whether it has a cause of its own, which no record explains.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.error, Error::Fenced { .. } | Error::Broker { class: ErrorClass::Fatal, .. })
    }

    /// Names the topic in the message.
    pub(super) fn of_topic(self, topic: &str) -> Self {
        match self.error {
            Error::Broker { action, class, reason } => {
                Self { error: Error::Broker { action, class, reason: format!("{topic}: {reason}") }, ..self }
            }
            error => Self { error, ..self },
        }
    }

    /// Makes the failure of a call that had no answer in its time.
    pub(super) fn undecided(call: Call, reason: String) -> Self {
        Self { error: Error::Broker { action: call.action(), class: ErrorClass::Abortable, reason }, undecided: true }
    }
}

impl From<Error> for FailedCall {
    fn from(error: Error) -> Self {
        Self { error, undecided: false }
    }
}

impl From<FailedCall> for Error {
    fn from(failed: FailedCall) -> Self {
        failed.error
    }
}

/// Returns the error for a client that could not be made. It never holds a property's value, which
/// may be a secret.
pub(super) fn client_not_made(error: KafkaError) -> Error {
    Error::Refused(match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("kafka.client: {key:?} has a value that the client does not take"),
        other => format!("make a Kafka client: {other}"),
    })
}

/// Makes one error of all problems with `of`; none without problems.
pub(super) fn refuse_all(of: &str, problems: &[String]) -> Result<(), Error> {
    match problems {
        [] => Ok(()),
        [one] => Err(Error::Refused(format!("{of}: {one}"))),
        many => Err(Error::Refused(format!("{of}: {} problems\n  {}", many.len(), many.join("\n  ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(call: Call, code: Code) -> KafkaError {
        match call {
            Call::Read => KafkaError::MessageConsumption(code),
            Call::Query => KafkaError::MetadataFetch(code),
            Call::Commit => KafkaError::Flush(code),
            _ => KafkaError::MessageProduction(code),
        }
    }

    #[test]
    fn every_row_is_reached() {
        for (call, code, class) in CODE_CLASSES {
            // A code that no row names.
            let code = code.unwrap_or(Code::BrokerTransportFailure);
            assert_eq!(classify(*call, &bare(*call, code)), *class, "{call:?} {code:?}");
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (i, (call, code, _)) in CODE_CLASSES.iter().enumerate() {
            let hidden = CODE_CLASSES[..i].iter().any(|(of, row, _)| of == call && (row.is_none() || row == code));
            assert!(!hidden, "row {i}: {call:?} {code:?}");
        }
    }

    #[test]
    fn what_no_row_names_is_fatal() {
        for call in [Call::Init, Call::Begin, Call::Offsets, Call::Commit, Call::Abort] {
            assert_eq!(classify(call, &bare(Call::Produce, Code::InvalidTransactionalState)), ErrorClass::Fatal, "{call:?}");
        }
        assert_eq!(classify(Call::Read, &KafkaError::MessageConsumptionFatal(Code::Unknown)), ErrorClass::Fatal);
    }

    #[test]
    fn a_fence_is_an_error_of_its_own() {
        let said = |code| failed(Call::Delivery, &bare(Call::Delivery, code), None);
        assert!(matches!(said(Code::ProducerFenced), Error::Fenced { .. }));
        assert!(matches!(said(Code::OutOfOrderSequenceNumber), Error::Broker { class: ErrorClass::Fatal, .. }));
        for code in [Code::Fatal, Code::PurgeQueue] {
            let by_client = failed(Call::Delivery, &bare(Call::Delivery, code), Some((Code::Fenced, "newer".to_owned())));
            assert!(matches!(by_client, Error::Fenced { .. }), "{by_client}");
        }
    }

    #[test]
    fn no_secret_in_an_error() {
        let error = KafkaError::ClientConfig(
            rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "hunter2".to_owned(),
            "sasl.password".to_owned(),
            "hunter2".to_owned(),
        );
        let text = client_not_made(error).to_string();
        assert!(text.contains("sasl.password") && !text.contains("hunter2"), "{text}");
    }
}
