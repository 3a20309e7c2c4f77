//! Why can the brokers not be talked to, and which configuration key is to be looked at?
//!
//! The client says only in words why a connection fails. This file sorts those words by cause.

/// Why brokers cannot be talked to. A later cause explains more than an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ConnectionProblem {
    /// No such host, nobody listens, or no answer: whatever the client's words do not say more
    /// about.
    NoAnswer,
    /// The brokers speak TLS and we do not, or the other way round, or they want SASL.
    Protocol,
    /// The brokers' certificate is not trusted, or is of another host.
    Certificate,
    /// The brokers do not know the SASL mechanism.
    Mechanism,
    /// The brokers refuse the name or the secret.
    Credentials,
}

/// Parts of the client's messages, in lower case, and the cause they tell. The first one that
/// occurs counts.
const MESSAGES: &[(&str, ConnectionProblem)] = &[
    ("unsupported sasl mechanism", ConnectionProblem::Mechanism),
    ("sasl authentication error", ConnectionProblem::Credentials),
    ("authentication failed", ConnectionProblem::Credentials),
    ("certificate verify failed", ConnectionProblem::Certificate),
    ("wrong version number", ConnectionProblem::Protocol),
    ("connecting to a plaintext broker", ConnectionProblem::Protocol),
    ("security.protocol", ConnectionProblem::Protocol),
    // The connection was closed before anything was exchanged, or at the first request.
    ("in state apiversion_query", ConnectionProblem::Protocol),
    ("ssl connection closed by peer", ConnectionProblem::Protocol),
];

impl ConnectionProblem {
    /// Returns the cause that a message of the client tells.
    pub(super) fn of_message(message: &str) -> Self {
        let message = message.to_lowercase();
        MESSAGES.iter().find(|(part, _)| message.contains(part)).map_or(Self::NoAnswer, |(_, cause)| *cause)
    }

    /// Returns what to tell the user, with the keys to look at.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NoAnswer => "nobody answers; look at kafka.brokers",
            Self::Protocol => "the brokers speak another protocol; look at kafka.client.security.protocol",
            // The client does not say which of the two it is.
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

/// Returns advice on a message of the client; `None` where no key could change what it says.
pub(super) fn advice_on(message: &str) -> Option<&'static str> {
    let problem = ConnectionProblem::of_message(message);
    (problem != ConnectionProblem::NoAnswer).then(|| problem.advice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_names_a_key() {
        for (message, key) in [
            ("SASL authentication error: Authentication failed (after 3ms in state AUTH_REQ)", "sasl.password"),
            ("SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: PLAIN", "sasl.mechanism"),
            ("SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate", "ca.location"),
            ("Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol", "security.protocol"),
            ("Disconnected: connection closed by peer (after 12ms in state APIVERSION_QUERY)", "security.protocol"),
            ("Connect to ipv4#127.0.0.1:1 failed: Connection refused", "kafka.brokers"),
        ] {
            let problem = ConnectionProblem::of_message(message);
            assert!(problem.advice().contains(key), "{message}: {problem:?}");
        }
        assert_eq!(advice_on("Connection refused"), None);
    }
}
