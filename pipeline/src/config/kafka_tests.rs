use std::time::Duration;

use connectors::kafka::{ClientProperty, StartPosition, ValueFormat};

use super::*;

fn loaded(sets: &[&str]) -> Loaded {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    load_with_origins(None, &sets, std::iter::empty()).expect("sound")
}

fn resolve(loaded: &Loaded) -> Result<KafkaConfig, Vec<String>> {
    let variable = |name: &str| match name {
        "WORD" => Some(OsString::from("hunter2")),
        "NUMBER" => Some(OsString::from("twelve")),
        "ZERO" => Some(OsString::from("a\0b")),
        _ => None,
    };
    loaded.kafka_with(&variable).map_err(|problems| problems.0)
}

fn value(text: &str) -> ClientProperty {
    ClientProperty::Value(text.to_owned())
}

#[test]
fn the_defaults_are_those_of_the_connectors() {
    let got = resolve(&loaded(&["kafka.brokers=b:1"])).expect("resolved");
    assert_eq!(got, KafkaConfig { brokers: Some("b:1".to_owned()), ..KafkaConfig::default() });
    got.check().expect("as the connectors want it");
}

#[test]
fn every_key_arrives() {
    let sets = [
        "kafka.brokers=a:1,b:2",
        "kafka.group=g",
        "kafka.start=latest",
        "kafka.create_topics=true",
        "kafka.partitions=3",
        "kafka.replication=2",
        "kafka.format=warc",
        "kafka.takeover_after_seconds=18",
        "kafka.heartbeat_ms=1900",
        "kafka.settle_after_seconds=20",
        "kafka.shutdown_seconds=21",
        "kafka.transaction_timeout_seconds=11",
        "kafka.metadata_seconds=12",
        "kafka.run_timeout_seconds=13",
        "kafka.prefetch_bytes_max=14000000",
        "kafka.buffer_records_max=15",
        "kafka.buffer_bytes_max=16",
        "kafka.produce_bytes_max=17000000",
        "kafka.topics.input=[\"i\", \"j\"]",
        "kafka.topics.dead_letters=dead",
        "kafka.client.sasl.password=env:WORD",
        "kafka.client.linger.ms=5",
    ];
    let got = resolve(&loaded(&sets)).expect("resolved");
    let seconds = Duration::from_secs;
    let start = Some(StartPosition::Latest);
    assert_eq!((got.brokers(), &*got.group, got.start, got.create_topics), ("a:1,b:2", "g", start, true));
    assert_eq!((got.partitions, got.replication, got.format), (3, Some(2), ValueFormat::Warc));
    assert_eq!((got.takeover_after, got.heartbeat), (seconds(18), Duration::from_millis(1900)));
    assert_eq!((got.settle_after, got.shutdown), (seconds(20), seconds(21)));
    assert_eq!((got.transaction_timeout, got.metadata_every, got.run_timeout), (seconds(11), seconds(12), seconds(13)));
    assert_eq!((got.prefetch_bytes_max, got.buffer_records_max), (14_000_000, 15));
    assert_eq!((got.buffer_bytes_max, got.produce_bytes_max), (16, 17_000_000));
    assert_eq!((&got.topics.input[..], &*got.topics.dead_letters), (&["i".to_owned(), "j".to_owned()][..], "dead"));
    assert_eq!((&got.client["sasl.password"], &got.client["linger.ms"]), (&value("hunter2"), &value("5")));
}

#[test]
fn what_is_missing_is_said_at_once_and_no_value_is_shown() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("good"), "word\r\n").expect("written");
    std::fs::write(path("binary"), b"\xff\xfe").expect("written");
    std::fs::write(path("long"), "x".repeat(300 << 10)).expect("written");
    let sets = [
        "kafka.client.client.id=env:GONE".to_owned(),
        "kafka.client.linger.ms=env:NUMBER".to_owned(),
        "kafka.client.sasl.password=env:ZERO".to_owned(),
        format!("kafka.client.sasl.username=file:{}", path("good")),
        format!("kafka.client.ssl.ca.pem=file:{}", path("gone")),
        format!("kafka.client.ssl.certificate.pem=file:{}", path("long")),
        format!("kafka.client.ssl.key.pem=file:{}", path("binary")),
    ];
    let mut loaded = loaded(&sets.iter().map(String::as_str).collect::<Vec<_>>());
    let problems = resolve(&loaded).expect_err("refused");
    let starts = [
        "default: kafka.brokers: not set, expected host:port",
        "--set kafka.client.client.id: kafka.client.client.id: env:GONE: there is no such variable",
        "--set kafka.client.linger.ms: kafka.client.linger.ms: env:NUMBER: has a value that the client does not take",
        "--set kafka.client.sasl.password: kafka.client.sasl.password: env:ZERO: got a zero byte",
        &format!("--set kafka.client.ssl.ca.pem: kafka.client.ssl.ca.pem: file:{}: No such file", path("gone")),
        &format!("--set kafka.client.ssl.certificate.pem: kafka.client.ssl.certificate.pem: file:{}: more than", path("long")),
        &format!("--set kafka.client.ssl.key.pem: kafka.client.ssl.key.pem: file:{}: ", path("binary")),
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
        assert!(!problem.contains("twelve"), "{problem}");
    }
    loaded.config.kafka.brokers = Some("b:1".to_owned());
    loaded.config.kafka.client.retain(|name, _| name == "sasl.username");
    assert_eq!(resolve(&loaded).expect("resolved").client["sasl.username"], value("word"));
}

#[test]
fn references_are_shown_and_values_are_not() {
    let loaded = loaded(&["kafka.client.sasl.password=env:WORD", "kafka.client.sasl.username=alice"]);
    let shown = crate::config::show::resolved(&loaded);
    assert!(
        shown.contains("\"sasl.password\" = \"env:WORD\"  # --set kafka.client.sasl.password; not set by default"),
        "{shown}"
    );
    let debug = format!("{:?}", loaded.config.kafka.client);
    assert_eq!(debug, r#"{"sasl.password": env:WORD, "sasl.username": ***}"#);
}

#[test]
fn no_key_of_the_stage_affects_verdicts() {
    use crate::config::digest::{VerdictOptions, verdict_digest};
    let digest =
        |loaded: &Loaded| verdict_digest(&VerdictOptions::of(&loaded.config), &[0; 32], operators::text::Seed(1), [""; 0]);
    let sets =
        ["kafka.brokers=b:1", "kafka.group=g", "kafka.start=latest", "state.directory=/x", "metrics.listen=", "settle.topic=t"];
    assert_eq!(digest(&loaded(&sets)), digest(&loaded(&[])));
    assert_ne!(digest(&loaded(&["engine.border=32"])), digest(&loaded(&[])));
}
