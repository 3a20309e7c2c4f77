//! Which options does `[kafka]` have, what are their defaults, and which values make no sense?
//!
//! This struct is the only place that says so: it is read from the configuration as it is, and
//! passed to every connector. Before it is used, [`KafkaConfig::resolve`] looks up the values of
//! client properties that are in the environment or in files. No option here affects verdicts.

use std::{collections::BTreeMap, ffi::OsString, fmt::Display, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    client_property::{ClientProperty, refusal},
    errors::refuse_all,
    topic_names::TopicNames,
};
use crate::error::Error;

/// Most partitions of a topic that is made: more is a slip.
const PARTITIONS_MOST: u32 = 10_000;
/// Most replicas of a topic that is made: brokers count them in 16 bits.
const REPLICATION_MOST: u32 = i16::MAX as u32;
/// Longest wait for anything: a day.
const WAIT_MOST: Duration = Duration::from_hours(24);
/// Longest transaction: what brokers take by default (`transaction.max.timeout.ms`).
const TRANSACTION_MOST: Duration = Duration::from_mins(15);
/// Most bytes of a queue of the client: what librdkafka takes, in KiB of 31 bits.
const CLIENT_BYTES_MOST: usize = 2_097_151 << 10;

/// Where reading begins in a partition for which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartPosition {
    /// At the oldest record there is.
    Earliest,
    /// Behind the newest record there is.
    Latest,
}

/// What values are where a record's `content-type` does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueFormat {
    /// One JSON document (`application/json`).
    #[default]
    Json,
    /// A page of HTML without an HTTP head (`text/html`).
    Html,
    /// One WARC record (`application/warc`).
    Warc,
}

impl ValueFormat {
    /// Returns the format that a `content-type` means, whatever its parameters; `None` if it is
    /// none of these.
    #[must_use]
    pub fn of_content_type(value: &[u8]) -> Option<Self> {
        let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        [(&b"application/json"[..], Self::Json), (b"text/html", Self::Html), (b"application/warc", Self::Warc)]
            .into_iter()
            .find_map(|(name, format)| media_type.eq_ignore_ascii_case(name).then_some(format))
    }
}

/// `[kafka]`: how to reach the brokers, and how the processes of a group share the work.
///
/// The connectors leave `takeover_after`, `heartbeat`, `settle_after` and `shutdown` to whoever
/// runs the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port` of one or more brokers, with commas between them.
    pub brokers: Option<String>,
    /// Group id, and transactional id: of the processes of one group, one is active.
    pub group: String,
    /// Where to begin in a partition for which the group has no committed offset. It is needed
    /// there, and not guessed.
    pub start: Option<StartPosition>,
    /// Whether topics that are missing are made.
    pub create_topics: bool,
    /// Partitions of a topic that is made. The journal always has one.
    pub partitions: u32,
    /// Replicas of a topic that is made. Unset means the cluster's default.
    pub replication: Option<u32>,
    /// What values are where a record's `content-type` header does not say.
    pub format: ValueFormat,
    /// Silence of the active process after which a standby takes over.
    #[serde(rename = "takeover_after_seconds", with = "seconds")]
    pub takeover_after: Duration,
    /// Time between signs of life of the active process.
    #[serde(rename = "heartbeat_ms", with = "milliseconds")]
    pub heartbeat: Duration,
    /// Time without input after which everything that was read counts as settled.
    #[serde(rename = "settle_after_seconds", with = "seconds")]
    pub settle_after: Duration,
    /// Time that an orderly end may take.
    #[serde(rename = "shutdown_seconds", with = "seconds")]
    pub shutdown: Duration,
    /// Time after which the brokers abort a transaction. No call waits longer, all its tries
    /// included.
    #[serde(rename = "transaction_timeout_seconds", with = "seconds")]
    pub transaction_timeout: Duration,
    /// Time between two queries for new partitions.
    #[serde(rename = "metadata_seconds", with = "seconds")]
    pub metadata_every: Duration,
    /// Time that a re-read waits for records that the journal names.
    #[serde(rename = "run_timeout_seconds", with = "seconds")]
    pub run_timeout: Duration,
    /// Bytes that the client fetches ahead.
    pub prefetch_bytes_max: usize,
    /// Records buffered for one partition.
    pub buffer_records_max: usize,
    /// Bytes buffered for one partition. One record more is taken than fits.
    pub buffer_bytes_max: usize,
    /// Bytes produced and not yet acknowledged. A batch must fit.
    pub produce_bytes_max: usize,
    /// Names of the topics.
    pub topics: TopicNames,
    /// Any property of librdkafka that is not set here.
    pub client: BTreeMap<String, ClientProperty>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: None,
            group: "weir".to_owned(),
            start: None,
            create_topics: false,
            partitions: 1,
            replication: None,
            format: ValueFormat::Json,
            // Ten missed signs of life: a pause of the disk or of a broker's garbage collector is no death.
            takeover_after: Duration::from_secs(10),
            heartbeat: Duration::from_secs(3),
            settle_after: Duration::from_hours(1),
            // Less than the 30 s that an orchestrator waits before it kills.
            shutdown: Duration::from_secs(20),
            // A broker that restarts is back within a minute.
            transaction_timeout: Duration::from_mins(1),
            metadata_every: Duration::from_secs(10),
            run_timeout: Duration::from_secs(30),
            prefetch_bytes_max: 64 << 20,
            buffer_records_max: 8_192,
            buffer_bytes_max: 64 << 20,
            // A batch of 64 MiB with its decisions and dead letters, several times over.
            produce_bytes_max: 512 << 20,
            topics: TopicNames::default(),
            client: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    /// Makes a configuration with the defaults of everything that has one.
    #[must_use]
    pub fn new(brokers: impl Into<String>, group: impl Into<String>, topics: TopicNames) -> Self {
        Self { brokers: Some(brokers.into()), group: group.into(), topics, ..Self::default() }
    }

    /// Returns the brokers' addresses; empty if none are set, which [`Self::check`] refuses.
    #[must_use]
    pub fn brokers(&self) -> &str {
        self.brokers.as_deref().unwrap_or_default()
    }

    /// Returns what is wrong with the configuration as it is written: the key and why. Nothing is
    /// looked up, and brokers may be missing, as not every command needs them.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        self.all_problems(|name, property| property.problem(name))
    }

    /// Returns the configuration with the values of all client properties. `variable` looks into
    /// the environment.
    ///
    /// # Errors
    /// With every problem, the key and why: brokers that are not set, values that are not where
    /// they should be.
    pub fn resolve(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Vec<(String, String)>> {
        let mut problems: Vec<_> = self.missing_brokers().into_iter().collect();
        problems.extend(self.missing_values(variable));
        let looked_up =
            |(name, property): (&String, &ClientProperty)| Some((name.clone(), property.look_up(name, variable).ok()?));
        let client = self.client.iter().filter_map(looked_up).collect();
        if problems.is_empty() { Ok(Self { client, ..self.clone() }) } else { Err(problems) }
    }

    /// Returns the client properties whose values are not where they should be: the key and why.
    #[must_use]
    pub fn missing_values(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<(String, String)> {
        let missing = |(name, property): (&String, &ClientProperty)| {
            let why = property.look_up(name, variable).err()?;
            Some((format!("kafka.client.{name}"), why))
        };
        self.client.iter().filter_map(missing).collect()
    }

    /// Checks what needs no broker, all problems at once.
    ///
    /// # Errors
    /// [`Error::Refused`] with a line for each problem.
    pub fn check(&self) -> Result<(), Error> {
        let mut problems = self.all_problems(|name, property| refusal(name, property.value()));
        problems.extend(self.missing_brokers());
        let lines: Vec<String> = problems.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        refuse_all("the Kafka configuration", &lines)
    }

    fn missing_brokers(&self) -> Option<(String, String)> {
        let missing = || ("kafka.brokers".to_owned(), "not set, expected host:port, several with commas".to_owned());
        self.brokers.is_none().then(missing)
    }

    fn all_problems(&self, of_property: impl Fn(&str, &ClientProperty) -> Option<String>) -> Vec<(String, String)> {
        let mut problems = self.out_of_range();
        for (key, value) in [("brokers", self.brokers.as_deref()), ("group", Some(&*self.group))] {
            if value.is_some_and(|value| value.trim().is_empty()) {
                problems.push((key.to_owned(), "got nothing, expected a name".to_owned()));
            }
        }
        let properties = self.client.iter();
        let wrong = properties.filter_map(|(name, property)| Some((format!("client.{name}"), of_property(name, property)?)));
        let topics = self.topics.problems().into_iter().map(|(key, why)| (format!("topics.{key}"), why));
        problems.extend(topics.chain(wrong));
        problems.into_iter().map(|(key, why)| (format!("kafka.{key}"), why)).collect()
    }

    /// Returns numbers and times out of their ranges, by their keys below `kafka`.
    fn out_of_range(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        within("partitions", self.partitions, 1, PARTITIONS_MOST, &mut found);
        if let Some(replication) = self.replication {
            within("replication", replication, 1, REPLICATION_MOST, &mut found);
        }
        seconds_within("takeover_after_seconds", self.takeover_after, WAIT_MOST, &mut found);
        within("heartbeat_ms", self.heartbeat.as_millis(), 10, WAIT_MOST.as_millis(), &mut found);
        seconds_within("settle_after_seconds", self.settle_after, Duration::from_secs(u32::MAX.into()), &mut found);
        seconds_within("shutdown_seconds", self.shutdown, WAIT_MOST, &mut found);
        seconds_within("transaction_timeout_seconds", self.transaction_timeout, TRANSACTION_MOST, &mut found);
        seconds_within("metadata_seconds", self.metadata_every, WAIT_MOST, &mut found);
        seconds_within("run_timeout_seconds", self.run_timeout, WAIT_MOST, &mut found);
        within("prefetch_bytes_max", self.prefetch_bytes_max, 1 << 20, CLIENT_BYTES_MOST, &mut found);
        within("produce_bytes_max", self.produce_bytes_max, 1 << 20, CLIENT_BYTES_MOST, &mut found);
        for (key, got) in [("buffer_records_max", self.buffer_records_max), ("buffer_bytes_max", self.buffer_bytes_max)] {
            if got == 0 {
                found.push((key.to_owned(), "got 0, expected at least 1".to_owned()));
            }
        }
        found
    }
}

fn within<T: PartialOrd + Display + Copy>(key: &str, got: T, least: T, most: T, found: &mut Vec<(String, String)>) {
    if got < least || got > most {
        found.push((key.to_owned(), format!("got {got}, expected {least} to {most}")));
    }
}

/// Times of less than a second are allowed: a configuration cannot say them, but a test can.
fn seconds_within(key: &str, got: Duration, most: Duration, found: &mut Vec<(String, String)>) {
    if got.is_zero() || got > most {
        found.push((key.to_owned(), format!("got {}, expected 1 to {}", got.as_secs(), most.as_secs())));
    }
}

/// Times that a configuration says in whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        time.as_secs().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u32::deserialize(deserializer).map(|seconds| Duration::from_secs(seconds.into()))
    }
}

/// Times that a configuration says in whole milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u32::deserialize(deserializer).map(|milliseconds| Duration::from_millis(milliseconds.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn config() -> KafkaConfig {
        KafkaConfig::new("127.0.0.1:9092", "weir", TopicNames::default())
    }

    fn set(config: &mut KafkaConfig, name: &str, value: &str) {
        config.client.insert(name.to_owned(), ClientProperty::Value(value.to_owned()));
    }

    #[test]
    fn what_is_ours_is_refused_by_name() {
        let mut config = config();
        config.check().expect("the plain one is fine");
        set(&mut config, "transactional.id", "1");
        let text = config.check().expect_err("refused").to_string();
        assert!(text.contains("kafka.client.transactional.id: cannot be set: it is the group's name"), "{text}");
        config.client.clear();
        set(&mut config, "security.protocol", "ssl");
        config.check().expect("any other is free");
    }

    #[test]
    fn all_problems_come_at_once() {
        let mut config = config();
        config.brokers = Some(String::new());
        config.topics.clean = "crawl".to_owned();
        config.topics.alarms = "a b".to_owned();
        config.topics.recalls = "crawl.journal".to_owned();
        config.run_timeout = Duration::ZERO;
        set(&mut config, "transactional.id", "x");
        let text = config.check().expect_err("problems").to_string();
        let parts = [
            "6 problems",
            "kafka.brokers",
            "topics.clean",
            "topics.alarms",
            "topics.recalls",
            "kafka.run_timeout_seconds: got 0, expected 1 to 86400",
            "transactional.id",
        ];
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
        let without = KafkaConfig { brokers: None, ..KafkaConfig::default() };
        assert_eq!(without.problems(), [], "not every command needs brokers");
        assert!(without.check().expect_err("but a connector does").to_string().contains("kafka.brokers: not set"));
    }

    #[test]
    fn no_value_of_a_property_is_shown() {
        let mut config = config();
        set(&mut config, "sasl.password", "hunter2");
        let shown = format!("{config:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
        config.check().expect("a value that was looked up may be a secret");
        assert_eq!(config.problems().len(), 1, "one that stands in a configuration may not");
    }

    #[test]
    fn content_types() {
        for (value, expected) in [
            (&b"application/json"[..], Some(ValueFormat::Json)),
            (b"Text/HTML; charset=latin1", Some(ValueFormat::Html)),
            (b" application/warc ;x", Some(ValueFormat::Warc)),
            (b"application/octet-stream", None),
            (b"", None),
            (b"\xff;", None),
        ] {
            assert_eq!(ValueFormat::of_content_type(value), expected, "{value:?}");
        }
    }
}
