//! Which values make no sense although their types are right?
//!
//! [`problems`] looks at each key alone, and [`conflicts`] at keys together. Nothing is read or
//! looked up.

use std::fmt::Display;

use connectors::kafka::topic_problem;

use super::options::Config;

/// The most tokens of a text: places are kept in 16 bits.
const TOKENS_MOST: usize = u16::MAX as usize;
/// The most bytes of a record or a text: places are kept in 32 bits.
const BYTES_MOST: usize = u32::MAX as usize;
/// The most sequence numbers of an epoch: late decisions wait for its end.
const EPOCH_MOST: u32 = 1 << 16;

/// Returns the path and a message for each value that is out of its range.
#[must_use]
pub fn problems(config: &Config) -> Vec<(String, String)> {
    let mut found = FoundProblems::default();
    found.range("input.record_bytes_max", config.input.record_bytes_max, 1, BYTES_MOST);
    found.range("input.text_bytes_max", config.input.text_bytes_max, 1, BYTES_MOST);
    found.range("input.tokens_max", config.input.tokens_max, 1, TOKENS_MOST);
    found.least("input.ratio_max", config.input.ratio_max, 1);
    found.range("engine.border", config.engine.epoch, 1, EPOCH_MOST);
    found.least("engine.batch_documents", config.engine.batch_documents, 1);
    found.least("engine.batch_bytes", config.engine.batch_bytes, 1);
    found.least("state.snapshot_documents", config.state.snapshot_documents, 1);
    found.least("state.snapshot_seconds", config.state.snapshot_seconds, 1);
    found.least("state.horizon_documents", config.state.horizon_documents, 1);
    found.least("output.part_records", config.output.part_records, 1);
    found.share("policy.quarantine_score", Some(config.policy.quarantine_score));
    fields(config, &mut found);
    operators(config, &mut found);
    stage(config, &mut found);
    found.0
}

fn fields(config: &Config, found: &mut FoundProblems) {
    let fields = &config.input.fields;
    let all = [
        ("text", &fields.text),
        ("id", &fields.id),
        ("url", &fields.url),
        ("time", &fields.time),
        ("label", &fields.label),
        ("language", &fields.language),
        ("contributor", &fields.contributor),
    ];
    for (key, path) in all {
        if path.as_deref() == Some("") {
            found.add(&format!("input.fields.{key}"), "got an empty path, expected one such as `data.content.text`");
        }
    }
}

fn operators(config: &Config, found: &mut FoundProblems) {
    for (name, table) in config.operators.tables() {
        found.of(name, table.problems());
    }
}

/// Checks the options of the Kafka stage.
fn stage(config: &Config, found: &mut FoundProblems) {
    found.0.extend(config.kafka.problems());
    let listen = &config.metrics.listen;
    let port = listen.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    if !listen.is_empty() && port.is_none() {
        found.add("metrics.listen", &format!("got {listen:?}, expected host:port, or nothing for none"));
    }
    if let Some(why) = topic_problem(&config.settle.topic) {
        found.add("settle.topic", &why);
    }
    if config.settle.group.trim().is_empty() {
        found.add("settle.group", "got nothing, expected a name");
    }
    if config.state.directory.as_os_str().is_empty() {
        found.add("state.directory", "got nothing, expected a folder");
    }
}

/// Returns a path and a message for each pair of values that do not go together. The path is that
/// of a key that is not at its default, where there is one, because that is the key to change.
#[must_use]
pub fn conflicts(config: &Config) -> Vec<(String, String)> {
    let usual = Config::default();
    let mut found = FoundProblems::default();
    let (epoch, snapshot) = (config.engine.epoch, config.state.snapshot_documents);
    if epoch > 0 && !snapshot.is_multiple_of(epoch) || snapshot < epoch {
        let message = format!("snapshots every {snapshot} documents, expected a multiple of engine.border, which is {epoch}");
        let path = if epoch == usual.engine.epoch { "state.snapshot_documents" } else { "engine.border" };
        found.add(path, &message);
    }
    let (record, text) = (config.input.record_bytes_max, config.input.text_bytes_max);
    if text > record {
        let message = format!("texts of up to {text} bytes, expected no more than input.record_bytes_max, which is {record}");
        let path = if text == usual.input.text_bytes_max { "input.record_bytes_max" } else { "input.text_bytes_max" };
        found.add(path, &message);
    }
    stage_conflicts(config, &usual, &mut found);
    found.0
}

fn stage_conflicts(config: &Config, usual: &Config, found: &mut FoundProblems) {
    let (kafka, settle) = (&config.kafka, &config.settle);
    let (takeover, heartbeat) = (kafka.takeover_after, kafka.heartbeat);
    // One late sign of life does not mean that the process is dead.
    if heartbeat * 2 > takeover {
        let (takeover, every) = (takeover.as_secs(), heartbeat.as_millis());
        let message = format!(
            "a standby takes over after {takeover} s and a sign of life comes every {every} ms, expected two of them in that time"
        );
        let changed = heartbeat != usual.kafka.heartbeat;
        found.add(if changed { "kafka.heartbeat_ms" } else { "kafka.takeover_after_seconds" }, &message);
    }
    let inputs = kafka.topics.input.iter().map(|name| ("input", name.as_str()));
    let named = inputs.chain(kafka.topics.outputs());
    let late = late_recalls(&settle.topic);
    for (key, name) in named.filter(|(_, name)| *name == settle.topic || *name == late) {
        found.add("settle.topic", &format!("got {name:?}, which is kafka.topics.{key}, expected a topic of its own"));
    }
    if settle.group == kafka.group {
        let message = format!("got {:?}, which is also kafka.group: each would fence the other", settle.group);
        found.add(if settle.group == usual.settle.group { "kafka.group" } else { "settle.group" }, &message);
    }
}

/// The topic of recalls that come too late, beside that of settled documents.
#[must_use]
pub fn late_recalls(settled: &str) -> String {
    format!("{settled}.late-recalls")
}

/// The problems found so far: path and message.
#[derive(Default)]
struct FoundProblems(Vec<(String, String)>);

impl FoundProblems {
    fn add(&mut self, path: &str, message: &str) {
        self.0.push((path.to_owned(), message.to_owned()));
    }

    /// Adds what an operator finds wrong with its own keys.
    fn of(&mut self, operator: &str, problems: Vec<(&'static str, String)>) {
        for (key, message) in problems {
            self.add(&format!("operators.{operator}.{key}"), &message);
        }
    }

    /// Expects a value from `least` to `most`.
    fn range<T: PartialOrd + Display + Copy>(&mut self, path: &str, got: T, least: T, most: T) {
        if got < least || got > most {
            self.add(path, &format!("got {got}, expected {least} to {most}"));
        }
    }

    /// Expects a value of at least `least`.
    fn least<T: PartialOrd + Display + Copy>(&mut self, path: &str, got: T, least: T) {
        if got < least {
            self.add(path, &format!("got {got}, expected at least {least}"));
        }
    }

    /// Expects a share of one that is not zero.
    fn share(&mut self, path: &str, got: Option<f64>) {
        if let Some(got) = got.filter(|&got| !(got > 0.0 && got <= 1.0)) {
            self.add(path, &format!("got {got}, expected more than 0 and at most 1"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn paths(found: &[(String, String)]) -> Vec<&str> {
        found.iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn defaults_are_sound() {
        assert_eq!(problems(&Config::default()), []);
        assert_eq!(conflicts(&Config::default()), []);
    }

    #[test]
    fn every_range_is_checked_at_both_ends() {
        let mut config = Config::default();
        config.engine.epoch = 0;
        config.engine.batch_documents = 0;
        config.input.tokens_max = 65_536;
        config.output.part_records = 0;
        config.policy.quarantine_score = 0.0;
        config.operators.near_dup.words_min = 1;
        config.operators.gibberish.threshold = Some(1.5);
        config.input.fields.text = Some(String::new());
        let expected = [
            "input.tokens_max",
            "engine.border",
            "engine.batch_documents",
            "output.part_records",
            "policy.quarantine_score",
            "input.fields.text",
            "operators.gibberish.threshold",
            "operators.near_dup.words_min",
        ];
        assert_eq!(paths(&problems(&config)), expected);
        config = Config::default();
        (config.engine.epoch, config.input.tokens_max, config.policy.quarantine_score) = (65_536, 65_535, 1.0);
        assert_eq!(problems(&config), []);
        config.policy.quarantine_score = f64::NAN;
        config.engine.epoch = 65_537;
        assert_eq!(paths(&problems(&config)), ["engine.border", "policy.quarantine_score"]);
    }

    #[test]
    fn conflicts_name_the_key_that_was_changed() {
        let mut config = Config::default();
        config.engine.epoch = 100;
        config.input.record_bytes_max = 1000;
        assert_eq!(paths(&conflicts(&config)), ["engine.border", "input.record_bytes_max"]);
        config = Config::default();
        config.state.snapshot_documents = 32;
        config.input.text_bytes_max = 1 << 30;
        assert_eq!(paths(&conflicts(&config)), ["state.snapshot_documents", "input.text_bytes_max"]);
        config.state.snapshot_documents = 64;
        assert_eq!(paths(&conflicts(&config)), ["input.text_bytes_max"]);
    }

    #[test]
    fn the_stage_is_checked_as_well() {
        let mut config = Config::default();
        let kafka = &mut config.kafka;
        (kafka.partitions, kafka.replication) = (0, Some(0));
        (kafka.heartbeat, kafka.shutdown) = (Duration::from_millis(9), Duration::ZERO);
        kafka.transaction_timeout = Duration::from_secs(901);
        (kafka.prefetch_bytes_max, kafka.buffer_records_max) = (1, 0);
        (kafka.brokers, kafka.topics.clean, kafka.topics.alarms) = (Some(String::new()), "crawl".into(), "a b".into());
        (config.metrics.listen, config.settle.topic, config.settle.group) = ("9464".into(), "a/b".into(), String::new());
        config.state.directory = "".into();
        let expected = [
            "kafka.partitions",
            "kafka.replication",
            "kafka.heartbeat_ms",
            "kafka.shutdown_seconds",
            "kafka.transaction_timeout_seconds",
            "kafka.prefetch_bytes_max",
            "kafka.buffer_records_max",
            "kafka.brokers",
            "kafka.topics.alarms",
            "kafka.topics.clean",
            "metrics.listen",
            "settle.topic",
            "settle.group",
            "state.directory",
        ];
        assert_eq!(paths(&problems(&config)), expected);
        for listen in ["", "[::1]:9464", "localhost:0", "0.0.0.0:65535"] {
            config.metrics.listen = listen.into();
            assert!(!paths(&problems(&config)).contains(&"metrics.listen"), "{listen}");
        }
        for listen in [":9464", "host:", "host:65536", "host"] {
            config.metrics.listen = listen.into();
            assert!(paths(&problems(&config)).contains(&"metrics.listen"), "{listen}");
        }
    }

    #[test]
    fn parts_of_the_stage_must_go_together() {
        let mut config = Config::default();
        config.kafka.heartbeat = Duration::from_secs(5);
        assert_eq!(conflicts(&config), []);
        config.kafka.heartbeat = Duration::from_millis(5001);
        config.kafka.topics.input.push("crawl.settled".to_owned());
        config.kafka.topics.alarms = "crawl.settled.late-recalls".to_owned();
        config.kafka.group = "weir-settle".to_owned();
        assert_eq!(paths(&conflicts(&config)), ["kafka.heartbeat_ms", "settle.topic", "settle.topic", "kafka.group"]);
        config = Config::default();
        config.kafka.takeover_after = Duration::from_secs(1);
        config.settle.topic = "crawl.journal".to_owned();
        config.settle.group = "weir".to_owned();
        assert_eq!(paths(&conflicts(&config)), ["kafka.takeover_after_seconds", "settle.topic", "settle.group"]);
    }
}
