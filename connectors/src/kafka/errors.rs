//! May a failed call be tried again, must the batch be aborted, or must the process end?
//!
//! A transactional call says so itself (fatal before abortable before retriable), and what says nothing is fatal: nobody
//! knows then whether going on is safe. The other calls return a bare code; a table says what it means, and a code that
//! it does not name has the outcome of its call's row without a code.
//!
//! | outcome | then |
//! |---|---|
//! | `Retry` | the same call again, within the transaction's time |
//! | `Abort` | abort, go back to the snapshot, recover (a new producer, a new epoch), go on |
//! | `Fatal` | leave, exit non-zero; a successor fences and recovers |
//!
//! A transactional call that is still undecided after its time is an `Abort`: whether it took place is found out by
//! recovery, from the journal, with a new producer. Trying on with the old one could tear a transaction.

//!
//! What that makes of each call and class of errors, retries of the client included. Tests have a row for each call and class:
//! `tests/kafka/errors` for whoever writes, `tests/kafka/looking` for whoever reads or asks, the tests below for what a mock
//! cannot be made to say.
//!
//! | call | retriable, transport | timed out | unknown | bad record, group | no right | fenced |
//! |---|---|---|---|---|---|---|
//! | fence | done | done | done | - | `Fatal` | `Fatal` |
//! | begin | - | - | `Fatal` | - | - | - |
//! | produce, deliver | done | done | `Abort` | `Abort` | `Abort` | `Fenced` |
//! | add partitions | done | `Abort` | `Abort` | - | topic: `Abort`, id: `Fatal` | `Fenced` |
//! | add offsets, send them | done | done | `Abort` | `Abort` | group: `Abort`, id: `Fatal` | `Fenced` |
//! | commit | done | `Abort` | `Abort` | - | `Fatal` | `Fenced` |
//! | abort | done | `Abort` | `Abort` | - | `Fatal` | `Fenced` |
//! | read | done | done | done | out of range: ends | `Fatal` | - |
//! | look, committed offsets | done | done | done | - | `Fatal` | - |
//!
//! `Abort` of a commit or an abort may have taken place at the coordinator: the recovery that follows reads the journal.
//! Offsets for a group whose coordinator is away may have no answer at all: `Abort` after ten seconds.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::Error;

/// What may be done about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The same call again.
    Retry,
    /// Abort the batch, recover, go on.
    Abort,
    /// End the process.
    Fatal,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `init_transactions`: the fence.
    Init,
    /// `begin_transaction`.
    Begin,
    /// Handing a record to the producer.
    Produce,
    /// A report that a record was (not) delivered.
    Delivery,
    /// `send_offsets_to_transaction`.
    Offsets,
    /// `commit_transaction`.
    Commit,
    /// `abort_transaction`.
    Abort,
    /// Polling a consumer.
    Read,
    /// Metadata, watermarks, committed offsets, settings of topics.
    Look,
}

impl Call {
    /// For messages: "`action`: reason".
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Init => "fence earlier processes (init_transactions)",
            Self::Begin => "begin a transaction",
            Self::Produce => "produce",
            Self::Delivery => "deliver a record",
            Self::Offsets => "add offsets to the transaction",
            Self::Commit => "commit the transaction",
            Self::Abort => "abort the transaction",
            Self::Read => "read",
            Self::Look => "ask the brokers",
        }
    }
}

/// Outcomes of bare codes, the first row that fits. `None`: any other code of that call.
pub(super) const TABLE: &[(Call, Option<Code>, Outcome)] = &[
    (Call::Produce, Some(Code::QueueFull), Outcome::Retry), // acknowledgements make room
    (Call::Produce, Some(Code::Fatal), Outcome::Fatal),
    (Call::Produce, Some(Code::Fenced), Outcome::Fatal),
    (Call::Produce, Some(Code::State), Outcome::Abort), // a record before it failed
    (Call::Produce, Some(Code::MessageSizeTooLarge), Outcome::Abort),
    (Call::Produce, None, Outcome::Abort), // nothing of an aborted transaction is ever seen
    (Call::Delivery, Some(Code::Fatal), Outcome::Fatal),
    (Call::Delivery, Some(Code::Fenced), Outcome::Fatal),
    (Call::Delivery, Some(Code::ProducerFenced), Outcome::Fatal),
    (Call::Delivery, Some(Code::InvalidProducerEpoch), Outcome::Fatal),
    (Call::Delivery, Some(Code::OutOfOrderSequenceNumber), Outcome::Fatal),
    (Call::Delivery, None, Outcome::Abort),
    (Call::Commit, Some(Code::OperationTimedOut), Outcome::Retry), // the queue was not empty yet
    (Call::Read, Some(Code::Fatal), Outcome::Fatal),
    (Call::Read, Some(Code::TopicAuthorizationFailed), Outcome::Fatal),
    (Call::Read, Some(Code::GroupAuthorizationFailed), Outcome::Fatal),
    (Call::Read, Some(Code::AutoOffsetReset), Outcome::Fatal), // out of range: never skip in silence
    (Call::Read, Some(Code::OffsetOutOfRange), Outcome::Fatal),
    (Call::Read, None, Outcome::Retry), // the client recovers by itself; logged and counted
    (Call::Look, Some(Code::Fatal), Outcome::Fatal),
    (Call::Look, Some(Code::TopicAuthorizationFailed), Outcome::Fatal),
    (Call::Look, Some(Code::GroupAuthorizationFailed), Outcome::Fatal),
    (Call::Look, Some(Code::ClusterAuthorizationFailed), Outcome::Fatal),
    (Call::Look, None, Outcome::Retry),
];

/// What may be done about `error` of `call`.
#[must_use]
pub fn classify(call: Call, error: &KafkaError) -> Outcome {
    if let KafkaError::Transaction(said) = error {
        return if said.is_fatal() || is_fence(said.code()) {
            Outcome::Fatal
        } else if said.txn_requires_abort() {
            Outcome::Abort
        } else if said.is_retriable() {
            Outcome::Retry
        } else {
            Outcome::Fatal
        };
    }
    if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        return Outcome::Fatal;
    }
    let code = error.rdkafka_error_code();
    let row = TABLE.iter().find(|(of, row, _)| *of == call && (row.is_none() || *row == code));
    row.map_or(Outcome::Fatal, |(_, _, outcome)| *outcome)
}

/// Whether a code says that a newer process has taken over.
pub(super) fn is_fence(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// The error that a call ends with, its retries behind it. `fatal` is what the client says of itself if it can do no more:
/// then this call's own code is only a consequence, such as "purged".
pub(super) fn failed(call: Call, error: &KafkaError, fatal: Option<(Code, String)>) -> Error {
    let outcome = if fatal.is_some() { Outcome::Fatal } else { classify(call, error) };
    let code = fatal.as_ref().map(|(code, _)| *code).or(error.rdkafka_error_code());
    let reason = match fatal {
        Some((_, said)) => format!("{error}: {said}"),
        None => error.to_string(),
    };
    if outcome == Outcome::Fatal && code.is_some_and(is_fence) {
        return Error::Fenced { action: call.action(), reason };
    }
    Error::Broker { action: call.action(), outcome, reason }
}

/// Why a call that was tried again and again has ended.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    /// Its time is over: it may or may not take place yet.
    pub(super) undecided: bool,
}

impl Failed {
    /// A call whose time is over.
    pub(super) fn undecided(call: Call, reason: String) -> Self {
        Self { error: Error::Broker { action: call.action(), outcome: Outcome::Abort, reason }, undecided: true }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, undecided: false }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// A client that could not be made. Never with the value: it may be a secret.
pub(super) fn not_made(error: KafkaError) -> Error {
    Error::Refused(match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("kafka.client: {key:?} has a value that the client does not take"),
        other => format!("make a Kafka client: {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(call: Call, code: Code) -> KafkaError {
        match call {
            Call::Read => KafkaError::MessageConsumption(code),
            Call::Look => KafkaError::MetadataFetch(code),
            Call::Commit => KafkaError::Flush(code),
            _ => KafkaError::MessageProduction(code),
        }
    }

    #[test]
    fn every_row_is_reached() {
        for (call, code, outcome) in TABLE {
            // A code that no row names.
            let code = code.unwrap_or(Code::BrokerTransportFailure);
            assert_eq!(classify(*call, &bare(*call, code)), *outcome, "{call:?} {code:?}");
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (i, (call, code, _)) in TABLE.iter().enumerate() {
            let hidden = TABLE[..i].iter().any(|(of, row, _)| of == call && (row.is_none() || row == code));
            assert!(!hidden, "row {i}: {call:?} {code:?}");
        }
    }

    #[test]
    fn what_no_row_names_is_fatal() {
        for call in [Call::Init, Call::Begin, Call::Offsets, Call::Commit, Call::Abort] {
            assert_eq!(classify(call, &bare(Call::Produce, Code::InvalidTransactionalState)), Outcome::Fatal, "{call:?}");
        }
        assert_eq!(classify(Call::Read, &KafkaError::MessageConsumptionFatal(Code::Unknown)), Outcome::Fatal);
    }

    #[test]
    fn a_fence_is_an_error_of_its_own() {
        let said = |code| failed(Call::Delivery, &bare(Call::Delivery, code), None);
        assert!(matches!(said(Code::ProducerFenced), Error::Fenced { .. }));
        assert!(matches!(said(Code::OutOfOrderSequenceNumber), Error::Broker { outcome: Outcome::Fatal, .. }));
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
        let text = not_made(error).to_string();
        assert!(text.contains("sasl.password") && !text.contains("hunter2"), "{text}");
    }
}
