//! The Kafka stage's part of the configuration, and what the client is given for it.
//!
//! Values of `[kafka.client]` may be `env:NAME` or `file:PATH`. They are looked up when they are used ([`Kafka::resolve`]),
//! never kept, never shown; a property that holds a secret takes nothing else. No key here affects verdicts.

use std::{collections::BTreeMap, ffi::OsString, fmt, fs::File, io::Read, time::Duration};

use connectors::{
    kafka::{self, KafkaConfig, property_problem},
    limits::Limits,
};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{origin::Origin, problems::Problems};

/// Most bytes of a file that holds one value: chains of certificates have some KiB.
const VALUE_BYTES_MAX: u64 = 256 << 10;
/// What the names of properties contain that hold secrets.
const SECRET: [&str; 4] = ["password", "passphrase", "secret", "key.pem"];

/// `[kafka]`: brokers, group and how the stage behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// `host:port`, several with commas.
    pub brokers: Option<String>,
    /// Group id, and transactional id: of the processes of one group one is active.
    pub group: String,
    /// Where to begin in a partition for which the group has no committed offset: `earliest` or `latest`. Needed there, and
    /// not guessed.
    pub start: Option<Start>,
    /// Make topics that are missing.
    pub create_topics: bool,
    /// Partitions of a topic that is made; the journal has one.
    pub partitions: u32,
    /// Replicas of a topic that is made. Unset: the cluster's default.
    pub replication: Option<u32>,
    /// What values are where a record's `content-type` header does not say: `json`, `html` or `warc`.
    pub format: Format,
    /// Seconds without a sign of the active process after which a standby takes over.
    pub takeover_after_seconds: u32,
    /// Milliseconds between signs of life of the active process.
    pub heartbeat_ms: u32,
    /// Seconds without input after which every document counts as settled.
    pub settle_after_seconds: u32,
    /// Seconds that an orderly end may take.
    pub shutdown_seconds: u32,
    /// Seconds after which the brokers abort a transaction. No call waits longer, tries included.
    pub transaction_timeout_seconds: u32,
    /// Seconds between looks for new partitions.
    pub metadata_seconds: u32,
    /// Seconds that a re-read waits for records that the journal names.
    pub run_timeout_seconds: u32,
    /// Fetched ahead by the client, in bytes.
    pub prefetch_bytes_max: usize,
    /// Buffered for one partition, in records.
    pub buffer_records_max: usize,
    /// Buffered for one partition, in bytes.
    pub buffer_bytes_max: usize,
    /// Produced and not yet acknowledged, in bytes: a batch must fit.
    pub produce_bytes_max: usize,
    /// Names of the topics.
    pub topics: Topics,
    /// Any property of librdkafka that is not set here.
    pub client: BTreeMap<String, Property>,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: None,
            group: "weir".to_owned(),
            start: None,
            create_topics: false,
            partitions: 1,
            replication: None,
            format: Format::Json,
            // Ten missed signs of life: a pause of the disk or the collector of a broker is no death.
            takeover_after_seconds: 10,
            heartbeat_ms: 1000,
            settle_after_seconds: 3600,
            // Less than the 30 s that an orchestrator waits before it kills.
            shutdown_seconds: 20,
            // A broker that restarts is back within a minute.
            transaction_timeout_seconds: 60,
            metadata_seconds: 10,
            run_timeout_seconds: 30,
            prefetch_bytes_max: 64 << 20,
            buffer_records_max: 8_192,
            buffer_bytes_max: 64 << 20,
            // A batch of 64 MiB, its decisions and dead letters, several times over.
            produce_bytes_max: 512 << 20,
            topics: Topics::default(),
            client: BTreeMap::new(),
        }
    }
}

/// Where reading begins where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the oldest record there is.
    Earliest,
    /// Behind the newest record there is.
    Latest,
}

/// What values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document.
    #[default]
    Json,
    /// A page of HTML.
    Html,
    /// One WARC record.
    Warc,
}

/// `[kafka.topics]`: their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Topics {
    /// Read from.
    pub input: Vec<String>,
    /// Into the corpus.
    pub clean: String,
    /// Withheld.
    pub quarantine: String,
    /// Copies of clean documents.
    pub duplicates: String,
    /// One line a document.
    pub decisions: String,
    /// One line a recall or restore, and how far everything is settled.
    pub recalls: String,
    /// One line an alarm.
    pub alarms: String,
    /// Records that are no documents.
    pub dead_letters: String,
    /// The reading order: one partition, kept for ever.
    pub journal: String,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            input: vec!["crawl".to_owned()],
            clean: "crawl.clean".to_owned(),
            quarantine: "crawl.quarantine".to_owned(),
            duplicates: "crawl.duplicates".to_owned(),
            decisions: "crawl.decisions".to_owned(),
            recalls: "crawl.recalls".to_owned(),
            alarms: "crawl.alarms".to_owned(),
            dead_letters: "crawl.dead-letters".to_owned(),
            journal: "crawl.journal".to_owned(),
        }
    }
}

/// The value of a client's property: as it is, or where it is.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Property(String);

impl Property {
    /// What stands in the configuration.
    fn written(&self) -> &str {
        &self.0
    }

    /// Where the value is to be found; `None` if it is here.
    fn reference(&self) -> Option<Reference<'_>> {
        let variable = self.0.strip_prefix("env:").map(Reference::Variable);
        variable.or_else(|| self.0.strip_prefix("file:").map(Reference::File))
    }
}

/// References are shown, values are not: they may be secrets.
impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.reference().is_some() { self.written() } else { "***" })
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Property;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number or true or false")
            }
            fn visit_str<E>(self, value: &str) -> Result<Property, E> {
                Ok(Property(value.to_owned()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Property, E> {
                Ok(Property(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Property, E> {
                Ok(Property(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Property, E> {
                Ok(Property(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Property, E> {
                Ok(Property(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Reference<'a> {
    Variable(&'a str),
    File(&'a str),
}

impl Reference<'_> {
    /// The value, without the line break that ends a file.
    fn look_up(self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<String, String> {
        match self {
            Self::Variable(name) => match variable(name).map(OsString::into_string) {
                Some(Ok(value)) => Ok(value),
                Some(Err(_)) => Err(format!("env:{name}: the variable is no UTF-8, expected text")),
                None => Err(format!("env:{name}: there is no such variable")),
            },
            Self::File(path) => {
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
        }
    }
}

/// Whether a property of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|part| name.contains(part))
}

impl Kafka {
    /// What is wrong without looking anything up: path and message.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let brokers = self.brokers.clone().unwrap_or_else(|| "none".to_owned());
        let mut problems = self.without_client(brokers, Limits::default()).problems();
        for (name, property) in &self.client {
            let literal = property.reference().is_none();
            let why = match property_problem(name, literal.then(|| property.written())) {
                None if literal && is_secret(name) => {
                    Some("got the secret itself, expected where it is: \"env:NAME\" or \"file:PATH\"".to_owned())
                }
                why => why,
            };
            problems.extend(why.map(|why| (format!("kafka.client.{name}"), why)));
        }
        problems
    }

    /// What the connectors work with. `limits` bound a record; `variable` looks into the environment.
    ///
    /// # Errors
    /// With every problem: brokers that are not named, values that are not where they should be.
    pub fn resolve(
        &self,
        limits: Limits,
        origins: &BTreeMap<String, Origin>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<KafkaConfig, Problems> {
        let (client, mut problems) = self.properties(origins, variable);
        if self.brokers.is_none() {
            problems.insert(0, "default: kafka.brokers: not set, expected host:port, several with commas".to_owned());
        }
        let config = KafkaConfig { client, ..self.without_client(self.brokers.clone().unwrap_or_default(), limits) };
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// The client's properties, and what is wrong with them.
    pub(super) fn properties(
        &self,
        origins: &BTreeMap<String, Origin>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, property) in &self.client {
            let value = match property.reference() {
                None => Ok(property.written().to_owned()),
                Some(reference) => reference.look_up(variable).and_then(|value| match property_problem(name, Some(&value)) {
                    None => Ok(value),
                    Some(why) => Err(format!("{}: {why}", property.written())),
                }),
            };
            match value {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(why) => {
                    let path = format!("kafka.client.{name}");
                    let origin = origins.get(&path).map_or_else(|| "default".to_owned(), ToString::to_string);
                    problems.push(format!("{origin}: {path}: {why}"));
                }
            }
        }
        (values, problems)
    }

    fn without_client(&self, brokers: String, limits: Limits) -> KafkaConfig {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        KafkaConfig {
            start: self.start.map(|start| match start {
                Start::Earliest => kafka::Start::Earliest,
                Start::Latest => kafka::Start::Latest,
            }),
            create_topics: self.create_topics,
            create_partitions: self.partitions,
            create_replication: self.replication,
            format: match self.format {
                Format::Json => kafka::ValueFormat::Json,
                Format::Html => kafka::ValueFormat::Html,
                Format::Warc => kafka::ValueFormat::Warc,
            },
            transaction_timeout: seconds(self.transaction_timeout_seconds),
            metadata_every: seconds(self.metadata_seconds),
            run_timeout: seconds(self.run_timeout_seconds),
            prefetch_bytes_max: self.prefetch_bytes_max,
            buffer_records_max: self.buffer_records_max,
            buffer_bytes_max: self.buffer_bytes_max,
            produce_bytes_max: self.produce_bytes_max,
            limits,
            ..KafkaConfig::new(brokers, self.group.clone(), self.topics.resolve())
        }
    }
}

impl Topics {
    fn resolve(&self) -> kafka::Topics {
        let Self { input, clean, quarantine, duplicates, decisions, recalls, alarms, dead_letters, journal } = self.clone();
        kafka::Topics { input, clean, quarantine, duplicates, decisions, recalls, alarms, dead_letters, journal }
    }
}

#[cfg(test)]
#[path = "kafka_tests.rs"]
mod tests;
