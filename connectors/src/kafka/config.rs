//! Which brokers, topics and limits, and which client properties are ours?
//!
//! Plain values: where they come from (a file, the environment, a secret) is the caller's matter. A property of the client
//! that exactly-once rests on is refused by name instead of being overruled in silence.

use std::{collections::BTreeMap, fmt, time::Duration};

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaConfRes};

use crate::{committer::Channel, error::Error, limits::Limits};

/// Properties of the client that are set here, and what to use instead.
const OURS: &[(&str, &str)] = &[
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

/// Where reading begins in a partition for which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record there is.
    Earliest,
    /// Behind the newest record there is.
    Latest,
}

/// What values are where a record's `content-type` does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueFormat {
    /// One JSON document (`application/json`).
    #[default]
    Json,
    /// A page without an HTTP head (`text/html`).
    Html,
    /// One WARC record (`application/warc`).
    Warc,
}

impl ValueFormat {
    /// Of a `content-type`, parameters left out; `None` if it is not one of ours.
    #[must_use]
    pub fn of_content_type(value: &[u8]) -> Option<Self> {
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        [(&b"application/json"[..], Self::Json), (b"text/html", Self::Html), (b"application/warc", Self::Warc)]
            .into_iter()
            .find_map(|(name, format)| kind.eq_ignore_ascii_case(name).then_some(format))
    }
}

/// Names of the topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Read from, in this order.
    pub input: Vec<String>,
    /// Into the corpus.
    pub clean: String,
    /// Withheld.
    pub quarantine: String,
    /// Copies of clean documents.
    pub duplicates: String,
    /// One line a document.
    pub decisions: String,
    /// One line a recall or restore.
    pub recalls: String,
    /// One line an alarm.
    pub alarms: String,
    /// Records that are no documents.
    pub dead_letters: String,
    /// One record a batch: the reading order.
    pub journal: String,
}

impl Topics {
    /// Where a channel's records go.
    #[must_use]
    pub fn of(&self, channel: Channel) -> &str {
        match channel {
            Channel::Clean => &self.clean,
            Channel::Quarantine => &self.quarantine,
            Channel::Duplicate => &self.duplicates,
            Channel::Decisions => &self.decisions,
            Channel::Recalls => &self.recalls,
            Channel::Alarms => &self.alarms,
            Channel::DeadLetters => &self.dead_letters,
        }
    }

    /// Every topic written to, with the key that names it.
    pub fn outputs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Channel::ALL.into_iter().map(|channel| (Self::key(channel), self.of(channel))).chain([("journal", self.journal.as_str())])
    }

    /// The key of `kafka.topics` that names a channel's topic.
    #[must_use]
    pub fn key(channel: Channel) -> &'static str {
        match channel {
            Channel::DeadLetters => "dead_letters",
            other => other.name(),
        }
    }
}

/// How to work with a Kafka cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Group id and transactional id.
    pub group: String,
    /// Names of the topics.
    pub topics: Topics,
    /// Any property of librdkafka that is not ours, values resolved.
    pub client: BTreeMap<String, String>,
    /// Where to begin where the group has no committed offsets. `None` is refused when it would be needed.
    pub start: Option<Start>,
    /// Whether missing topics are made.
    pub create_topics: bool,
    /// Partitions of a topic that is made; the journal has one.
    pub create_partitions: u32,
    /// Replicas of a topic that is made; `None`: the cluster's default.
    pub create_replication: Option<u32>,
    /// What values are where a record does not say.
    pub format: ValueFormat,
    /// After this the broker aborts a transaction. No call waits longer, tries included.
    pub transaction_timeout: Duration,
    /// How often metadata is looked at for new partitions.
    pub metadata_every: Duration,
    /// How long a re-read waits for records that the journal names.
    pub run_timeout: Duration,
    /// Fetched ahead by the client, in bytes.
    pub prefetch_bytes_max: usize,
    /// Buffered for one partition, in records.
    pub buffer_records_max: usize,
    /// Buffered for one partition, in bytes. One record more is taken than fits.
    pub buffer_bytes_max: usize,
    /// Produced and not yet acknowledged, in bytes: a batch must fit.
    pub produce_bytes_max: usize,
    /// Bounds on a value.
    pub limits: Limits,
}

impl KafkaConfig {
    /// A configuration with the defaults of everything that has one.
    #[must_use]
    pub fn new(brokers: impl Into<String>, group: impl Into<String>, topics: Topics) -> Self {
        Self {
            brokers: brokers.into(),
            group: group.into(),
            topics,
            client: BTreeMap::new(),
            start: None,
            create_topics: false,
            create_partitions: 1,
            create_replication: None,
            format: ValueFormat::Json,
            transaction_timeout: Duration::from_mins(1),
            metadata_every: Duration::from_secs(10),
            run_timeout: Duration::from_secs(30),
            prefetch_bytes_max: 64 << 20,
            buffer_records_max: 8_192,
            buffer_bytes_max: 64 << 20,
            produce_bytes_max: 512 << 20,
            limits: Limits::default(),
        }
    }

    /// Checks what needs no broker, all problems at once.
    ///
    /// # Errors
    /// [`Error::Refused`], a line a problem.
    pub fn check(&self) -> Result<(), Error> {
        let problems: Vec<String> = self.problems().into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        refuse("the Kafka configuration", &problems)
    }

    /// What is wrong, as far as no broker is needed to say it: the key and why.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for (key, value) in [("kafka.brokers", &self.brokers), ("kafka.group", &self.group)] {
            if value.trim().is_empty() {
                problems.push((key.to_owned(), "got nothing, expected a name".to_owned()));
            }
        }
        for (name, value) in &self.client {
            problems.extend(property_problem(name, Some(value)).map(|why| (format!("kafka.client.{name}"), why)));
        }
        if self.topics.input.is_empty() {
            problems.push(("kafka.topics.input".to_owned(), "got no topic, expected at least one".to_owned()));
        }
        let named = self.topics.outputs().chain(self.topics.input.iter().map(|name| ("input", name.as_str())));
        problems.extend(named.filter_map(|(key, name)| topic_problem(name).map(|why| (format!("kafka.topics.{key}"), why))));
        problems.extend(self.doubled().into_iter().map(|(key, why)| (format!("kafka.topics.{key}"), why)));
        problems
    }

    /// Topics named twice: an input that is an output would feed itself; the journal must be alone.
    fn doubled(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (i, name) in self.topics.input.iter().enumerate() {
            if self.topics.input[..i].contains(name) {
                problems.push(("input", format!("{name:?} is named twice")));
            }
            if let Some((key, _)) = self.topics.outputs().find(|(_, output)| output == name) {
                problems.push((key, format!("{name:?} is also an input: the stage would read what it writes")));
            }
        }
        for (key, name) in self.topics.outputs().filter(|(key, _)| *key != "journal") {
            if name == self.topics.journal {
                problems.push((key, format!("{name:?} is also the journal, expected a topic of its own")));
            }
        }
        problems
    }
}

/// Why a property of the client cannot be set so; `None` for the value: it is not known yet. Never with the value, which
/// may be a secret.
#[must_use]
pub fn property_problem(name: &str, value: Option<&str>) -> Option<String> {
    if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
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

/// Names of client properties only: values may be secrets.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("topics", &self.topics)
            .field("client", &self.client.keys().collect::<Vec<_>>())
            .field("start", &self.start)
            .field("create_topics", &self.create_topics)
            .field("transaction_timeout", &self.transaction_timeout)
            .finish_non_exhaustive()
    }
}

/// Why a topic cannot have this name: Kafka's own rule.
#[must_use]
pub fn topic_problem(name: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let bad = name.is_empty() || name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(legal);
    bad.then(|| format!("got {name:?}, expected 1 to 249 letters, digits, '.', '_' or '-'"))
}

/// One error of all problems.
pub(super) fn refuse(of: &str, problems: &[String]) -> Result<(), Error> {
    match problems {
        [] => Ok(()),
        [one] => Err(Error::Refused(format!("{of}: {one}"))),
        many => Err(Error::Refused(format!("{of}: {} problems\n  {}", many.len(), many.join("\n  ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn config() -> KafkaConfig {
        let topics = Topics {
            input: vec!["crawl".to_owned()],
            clean: "crawl.clean".to_owned(),
            quarantine: "crawl.quarantine".to_owned(),
            duplicates: "crawl.duplicates".to_owned(),
            decisions: "crawl.decisions".to_owned(),
            recalls: "crawl.recalls".to_owned(),
            alarms: "crawl.alarms".to_owned(),
            dead_letters: "crawl.dead-letters".to_owned(),
            journal: "crawl.journal".to_owned(),
        };
        KafkaConfig::new("127.0.0.1:9092", "weir", topics)
    }

    fn problem(change: impl FnOnce(&mut KafkaConfig)) -> String {
        let mut config = config();
        change(&mut config);
        config.check().expect_err("a problem").to_string()
    }

    #[test]
    fn what_is_ours_is_refused_by_name() {
        config().check().expect("the plain one is fine");
        for (key, why) in OURS {
            let text = problem(|c| drop(c.client.insert((*key).to_owned(), "1".to_owned())));
            assert!(text.contains(&format!("kafka.client.{key}: cannot")) && text.contains(why), "{text}");
        }
        let mut free = config();
        free.client.insert("security.protocol".to_owned(), "ssl".to_owned());
        free.check().expect("any other is free");
    }

    #[test]
    fn all_problems_come_at_once() {
        let text = problem(|c| {
            c.brokers.clear();
            c.topics.clean = "crawl".to_owned();
            c.topics.alarms = "a b".to_owned();
            c.topics.recalls = "crawl.journal".to_owned();
            c.client.insert("transactional.id".to_owned(), "x".to_owned());
        });
        for part in ["5 problems", "kafka.brokers", "topics.clean", "topics.alarms", "topics.recalls", "transactional.id"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn no_value_of_a_property_is_shown() {
        let mut config = config();
        config.client.insert("sasl.password".to_owned(), "hunter2".to_owned());
        let shown = format!("{config:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
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
