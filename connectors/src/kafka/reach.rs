//! Can the brokers be talked to, and if not, which key is to be looked at?
//!
//! The client tries on for ever, whatever keeps it off, and says why to its log alone: a question then ends with "timed out".
//! So each command asks here first. What the client says meanwhile is sorted by cause, and the error names the key:
//!
//! | the client says | key | given up after |
//! |---|---|---|
//! | the brokers refuse the name, the secret or the mechanism | `kafka.client.sasl.*` | 3 s |
//! | their certificate is not trusted, or is of another host | `kafka.client.ssl.ca.location`, `kafka.brokers` | 3 s |
//! | they speak TLS and we do not, or the other way round, or they want SASL | `kafka.client.security.protocol` | 15 s |
//! | anything else: no such host, nobody listens, no answer | `kafka.brokers` | 15 s |
//!
//! Host names are checked against certificates unless `ssl.endpoint.identification.algorithm` is `none`: the client's default.
//! No message holds a secret: the client never repeats one.

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
    errors::{self, Call, Outcome},
};
use crate::error::Error;

/// For brokers that do not answer, or not in our protocol.
const REACH_TIMEOUT: Duration = Duration::from_secs(15);
/// For brokers that refuse, or that we do not trust.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(3);
/// One try.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two tries, in which the client says what it has to say.
const LISTEN: Duration = Duration::from_millis(100);

/// Why brokers cannot be talked to; a later one explains more than an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Away,
    Protocol,
    Certificate,
    Mechanism,
    Credentials,
}

/// What the client says where the cause is known, in lower case.
const SAID: &[(&str, Cause)] = &[
    ("unsupported sasl mechanism", Cause::Mechanism),
    ("sasl authentication error", Cause::Credentials),
    ("authentication failed", Cause::Credentials),
    ("certificate verify failed", Cause::Certificate),
    ("wrong version number", Cause::Protocol),
    ("connecting to a plaintext broker", Cause::Protocol),
    ("security.protocol", Cause::Protocol),
    // Closed before a word was exchanged, or at the first one that asked for something.
    ("in state apiversion_query", Cause::Protocol),
    ("ssl connection closed by peer", Cause::Protocol),
];

impl Cause {
    fn of(said: &str) -> Self {
        let said = said.to_lowercase();
        SAID.iter().find(|(part, _)| said.contains(part)).map_or(Self::Away, |(_, cause)| *cause)
    }

    /// What to look at.
    fn hint(self) -> &'static str {
        match self {
            Self::Away => "nobody answers; look at kafka.brokers",
            Self::Protocol => "the brokers speak another protocol; look at kafka.client.security.protocol",
            // The client does not say which of the two.
            Self::Certificate => {
                "the brokers' certificate is not trusted, or is of another host; look at kafka.client.ssl.ca.location and at \
                 the names in kafka.brokers"
            }
            Self::Mechanism => "the brokers do not know the mechanism; look at kafka.client.sasl.mechanism",
            Self::Credentials => {
                "the brokers refuse the credentials; look at kafka.client.sasl.username, kafka.client.sasl.password and \
                 kafka.client.sasl.mechanism"
            }
        }
    }
}

/// What to look at where the client says this; `None` where it says nothing that a key could change.
pub(super) fn hint(said: &str) -> Option<&'static str> {
    let cause = Cause::of(said);
    (cause != Cause::Away).then(|| cause.hint())
}

/// Hears what the client says, and keeps what explains most.
#[derive(Debug, Default)]
struct Listener(Mutex<Option<(Cause, String)>>);

impl Listener {
    fn hear(&self, said: &str) {
        let cause = Cause::of(said);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(known, _)| cause > *known) {
            *kept = Some((cause, said.to_owned()));
        }
    }

    fn heard(&self) -> Option<(Cause, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Listener {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A connection that came to nothing; the rest is chatter.
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
/// [`Error::Broker`] with what the client said and the key to look at: `Fatal` if the brokers refuse, `Retry` if they are away.
pub(super) fn reach(config: &KafkaConfig) -> Result<(), Error> {
    let mut client = config.client();
    client.set("group.id", &config.group).set_log_level(RDKafkaLogLevel::Info);
    let consumer: BaseConsumer<Listener> = client.create_with_context(Listener::default()).map_err(errors::not_made)?;
    let begun = Instant::now();
    loop {
        let Err(error) = consumer.fetch_metadata(None, TRY_TIMEOUT) else { return Ok(()) };
        if errors::classify(Call::Look, &error) == Outcome::Fatal {
            return Err(errors::failed(Call::Look, &error, None));
        }
        // Nothing is assigned: no record can come.
        drop(consumer.poll(LISTEN));
        let (cause, said) = consumer.context().heard().unwrap_or_else(|| (Cause::Away, error.to_string()));
        let (within, outcome) = match cause {
            Cause::Away => (REACH_TIMEOUT, Outcome::Retry),
            // A broker that is just going away closes connections, too.
            Cause::Protocol => (REACH_TIMEOUT, Outcome::Fatal),
            _ => (REFUSED_TIMEOUT, Outcome::Fatal),
        };
        if begun.elapsed() >= within {
            let (brokers, hint) = (&config.brokers, cause.hint());
            return Err(Error::Broker { action: "reach the brokers", outcome, reason: format!("{brokers}: {hint}: {said}") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_names_a_key() {
        for (said, key) in [
            ("SASL authentication error: Authentication failed (after 3ms in state AUTH_REQ)", "sasl.password"),
            ("SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: PLAIN", "sasl.mechanism"),
            ("SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate", "ca.location"),
            ("Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol", "security.protocol"),
            ("Disconnected: connection closed by peer (after 12ms in state APIVERSION_QUERY)", "security.protocol"),
            ("Connect to ipv4#127.0.0.1:1 failed: Connection refused", "kafka.brokers"),
        ] {
            assert!(Cause::of(said).hint().contains(key), "{said}: {:?}", Cause::of(said));
        }
        assert_eq!(hint("Connection refused"), None);
    }

    #[test]
    fn what_explains_most_is_kept() {
        let listener = Listener::default();
        for said in ["1/1 brokers are down", "certificate verify failed", "Connection refused"] {
            listener.hear(said);
        }
        assert_eq!(listener.heard().map(|(cause, _)| cause), Some(Cause::Certificate));
    }
}
