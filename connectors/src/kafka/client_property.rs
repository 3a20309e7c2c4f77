//! What is the value of a property of the client, and which properties must not be set?
//!
//! Values of `[kafka.client]` may say where they are to be found, `env:NAME` or `file:PATH`. They
//! are looked up once, when the program begins ([`super::KafkaConfig::resolve`]). A property that
//! holds a secret takes nothing else, so no configuration file holds one, and no value is ever
//! shown. A property that exactly-once delivery rests on is refused by name instead of being
//! overruled in silence.

use std::{borrow::Cow, ffi::OsString, fmt, fs::File, io::Read};

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaConfRes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Most bytes of a file that holds one value. Chains of certificates have some KiB.
const VALUE_BYTES_MAX: u64 = 256 << 10;
/// Parts of the names of properties that hold secrets.
const SECRET_NAMES: [&str; 4] = ["password", "passphrase", "secret", "key.pem"];

/// What is said of a secret that stands in a configuration.
const EXPOSED_SECRET: &str = "got the secret itself, expected where it is: \"env:NAME\" or \"file:PATH\"";

/// Properties that weir sets itself, and why or where instead.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "kafka.brokers says it"),
    ("metadata.broker.list", "kafka.brokers says it"),
    ("group.id", "kafka.group says it"),
    ("group.instance.id", "partitions are assigned, the group has no members"),
    ("group.protocol", "partitions are assigned, the group has no members"),
    ("transactional.id", "it is the group's name: the fence is the lock"),
    ("transaction.timeout.ms", "kafka.transaction_timeout_seconds says it"),
    ("enable.idempotence", "transactions need it"),
    ("acks", "transactions need all"),
    ("request.required.acks", "transactions need all"),
    ("max.in.flight", "transactions need at most 5"),
    ("max.in.flight.requests.per.connection", "transactions need at most 5"),
    ("message.timeout.ms", "it follows the transaction's"),
    ("delivery.timeout.ms", "it follows the transaction's"),
    ("batch.size", "it follows the topics' max.message.bytes"),
    ("enable.auto.commit", "offsets are committed in the transaction"),
    ("auto.commit.enable", "offsets are committed in the transaction"),
    ("enable.auto.offset.store", "offsets are committed in the transaction"),
    ("auto.offset.reset", "kafka.start says it, and nothing is skipped in silence later"),
    ("isolation.level", "only committed records are read"),
    ("enable.partition.eof", "ends of partitions are looked at here"),
    ("partition.assignment.strategy", "partitions are assigned, the group has no members"),
    ("allow.auto.create.topics", "kafka.create_topics says it"),
    ("queued.max.messages.kbytes", "kafka.prefetch_bytes_max says it"),
    ("queue.buffering.max.kbytes", "kafka.produce_bytes_max says it"),
    ("queue.buffering.max.messages", "kafka.produce_bytes_max bounds it"),
    ("statistics.interval.ms", "the source reads the statistics"),
    ("test.mock.num.brokers", "it fakes the brokers"),
];

/// The value of a property of the client, or where it is to be found.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientProperty {
    /// The value itself.
    Value(String),
    /// `env:NAME`: the value is in this environment variable.
    Variable(String),
    /// `file:PATH`: the value is in this file, without the line break at its end.
    File(String),
}

impl ClientProperty {
    /// Returns the value; `None` if it has not been looked up.
    pub(super) fn value(&self) -> Option<&str> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// Returns the property called `name` with its value, which `variable` finds in the
    /// environment.
    ///
    /// # Errors
    /// With what is wrong: the value is not where it should be, or the client does not take it.
    pub(super) fn look_up(&self, name: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let value = match self {
            Self::Value(_) => return Ok(self.clone()),
            Self::Variable(variable_name) => from_variable(variable_name, variable)?,
            Self::File(path) => from_file(path)?,
        };
        match refusal(name, Some(&value)) {
            None => Ok(Self::Value(value)),
            Some(why) => Err(format!("{}: {why}", self.written())),
        }
    }

    /// Tells what is wrong with the property called `name` as it is written in a configuration.
    pub(super) fn problem(&self, name: &str) -> Option<String> {
        let exposed = || (self.value().is_some() && is_secret_property(name)).then(|| EXPOSED_SECRET.to_owned());
        refusal(name, self.value()).or_else(exposed)
    }

    /// Returns what a configuration says.
    fn written(&self) -> Cow<'_, str> {
        match self {
            Self::Value(value) => value.into(),
            Self::Variable(name) => format!("env:{name}").into(),
            Self::File(path) => format!("file:{path}").into(),
        }
    }

    fn read(text: &str) -> Self {
        if let Some(name) = text.strip_prefix("env:") {
            Self::Variable(name.to_owned())
        } else if let Some(path) = text.strip_prefix("file:") {
            Self::File(path.to_owned())
        } else {
            Self::Value(text.to_owned())
        }
    }
}

/// Shows where a value is, but no value: it may be a secret.
impl fmt::Debug for ClientProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.value().is_some() { "***".into() } else { self.written() }.as_ref())
    }
}

impl Serialize for ClientProperty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for ClientProperty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ClientProperty;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number or true or false")
            }
            fn visit_str<E>(self, value: &str) -> Result<ClientProperty, E> {
                Ok(ClientProperty::read(value))
            }
            fn visit_bool<E>(self, value: bool) -> Result<ClientProperty, E> {
                Ok(ClientProperty::Value(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<ClientProperty, E> {
                Ok(ClientProperty::Value(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<ClientProperty, E> {
                Ok(ClientProperty::Value(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<ClientProperty, E> {
                Ok(ClientProperty::Value(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn from_variable(name: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<String, String> {
    match variable(name).map(OsString::into_string) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) => Err(format!("env:{name}: the variable is no UTF-8, expected text")),
        None => Err(format!("env:{name}: there is no such variable")),
    }
}

fn from_file(path: &str) -> Result<String, String> {
    let failed = |why: &dyn fmt::Display| format!("file:{path}: {why}, expected a file that can be read");
    let mut text = String::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(VALUE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if text.len() as u64 > VALUE_BYTES_MAX {
        return Err(format!("file:{path}: more than {VALUE_BYTES_MAX} bytes, expected one value"));
    }
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    Ok(text)
}

/// Tells whether a property of this name holds a secret.
#[must_use]
pub fn is_secret_property(name: &str) -> bool {
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Tells why a property cannot have this value; without a value, why it cannot be set at all. The
/// value is never repeated, since it may be a secret.
pub(super) fn refusal(name: &str, value: Option<&str>) -> Option<String> {
    if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        return Some(format!("cannot be set: {why}"));
    }
    // The client panics on such strings.
    if name.contains('\0') || value.is_some_and(|value| value.contains('\0')) {
        return Some("got a zero byte, expected none".to_owned());
    }
    let tried = ClientConfig::new().set(name, value.unwrap_or_default()).create_native_config();
    match tried {
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some("the client knows no such property".to_owned())
        }
        Err(_) if value.is_some() => Some("has a value that the client does not take".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_refused_by_name() {
        for (name, why) in RESERVED {
            let refused = refusal(name, Some("1")).expect("refused");
            assert!(refused.starts_with("cannot be set") && refused.contains(why), "{name}: {refused}");
        }
        assert_eq!(refusal("security.protocol", Some("ssl")), None, "any other is free");
    }

    #[test]
    fn a_value_that_was_looked_up_is_no_reference_again() {
        let variable = |name: &str| (name == "WORD").then(|| OsString::from("env:OTHER"));
        let property = ClientProperty::read("env:WORD").look_up("sasl.password", &variable).expect("found");
        assert_eq!(property.value(), Some("env:OTHER"));
        assert_eq!(format!("{property:?}"), "***");
    }
}
