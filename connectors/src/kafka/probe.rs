//! Do the brokers answer? Every command asks this first, so that an error names the key to look at.
//!
//! The client tries to connect for ever, whatever keeps it from it, and says why only in its log: a
//! query then ends with "timed out". So the probe listens to what the client says meanwhile, and
//! sorts it by cause ([`ConnectionProblem`]):
//!
//! | cause | key | given up after |
//! |---|---|---|
//! | the brokers refuse the name, the secret or the mechanism | `kafka.client.sasl.*` | 3 s |
//! | their certificate is not trusted, or is of another host | `kafka.client.ssl.ca.location`, `kafka.brokers` | 3 s |
//! | they speak TLS and we do not, or the other way round, or they want SASL | `kafka.client.security.protocol` | 15 s |
//! | anything else: no such host, nobody listens, no answer | `kafka.brokers` | 15 s |
//!
//! Host names are checked against certificates unless `ssl.endpoint.identification.algorithm` is
//! `none`; this is the client's default. No message holds a secret, since the client never repeats
//! one.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
};

use super::{
    config::KafkaConfig,
    connection_problem::ConnectionProblem,
    errors::{self, Call},
};
use crate::error::{Error, ErrorClass};

/// Time given to brokers that do not answer, or answer in another protocol.
const NO_ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Time given to brokers that refuse us, or that we do not trust.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(3);
/// Time of one try.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two tries, in which the client's messages are listened to.
const LISTEN: Duration = Duration::from_millis(100);

/// Listens to the client's messages and keeps the one that explains most.
#[derive(Debug, Default)]
struct Listener(Mutex<Option<(ConnectionProblem, String)>>);

impl Listener {
    fn hear(&self, message: &str) {
        let problem = ConnectionProblem::of_message(message);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(known, _)| problem > *known) {
            *kept = Some((problem, message.to_owned()));
        }
    }

    fn heard(&self) -> Option<(ConnectionProblem, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Listener {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // This facility tells of connections that failed; the other ones do not matter here.
        if facility == "FAIL" {
            self.hear(message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear(&format!("{reason} ({error})"));
    }
}

impl ConsumerContext for Listener {}

/// Waits until the brokers answer.
///
/// # Errors
/// [`Error::Broker`] with what the client said and the key to look at: `Fatal` if the brokers
/// refuse, `Retriable` if nobody answers.
pub(super) fn probe_brokers(config: &KafkaConfig) -> Result<(), Error> {
    let mut client = config.client_config()?;
    client.set("group.id", &config.group).set_log_level(RDKafkaLogLevel::Info);
    let consumer: BaseConsumer<Listener> = client.create_with_context(Listener::default()).map_err(errors::client_not_made)?;
    let begun = Instant::now();
    loop {
        let Err(error) = consumer.fetch_metadata(None, TRY_TIMEOUT) else { return Ok(()) };
        if errors::classify(Call::Query, &error) == ErrorClass::Fatal {
            return Err(errors::failed(Call::Query, &error, None));
        }
        // Nothing is assigned, so no record can come.
        drop(consumer.poll(LISTEN));
        let (problem, message) = consumer.context().heard().unwrap_or_else(|| (ConnectionProblem::NoAnswer, error.to_string()));
        let (within, class) = match problem {
            ConnectionProblem::NoAnswer => (NO_ANSWER_TIMEOUT, ErrorClass::Retriable),
            // A broker that is just going away closes connections, too.
            ConnectionProblem::Protocol => (NO_ANSWER_TIMEOUT, ErrorClass::Fatal),
            _ => (REFUSED_TIMEOUT, ErrorClass::Fatal),
        };
        if begun.elapsed() >= within {
            let (brokers, advice) = (config.brokers(), problem.advice());
            return Err(Error::Broker { action: "reach the brokers", class, reason: format!("{brokers}: {advice}: {message}") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_explains_most_is_kept() {
        let listener = Listener::default();
        for message in ["1/1 brokers are down", "certificate verify failed", "Connection refused"] {
            listener.hear(message);
        }
        assert_eq!(listener.heard().map(|(problem, _)| problem), Some(ConnectionProblem::Certificate));
    }
}
