//! Which settings of topics does `weir run` refuse when it starts, and which topics does it make?

use connectors::{
    committer::{Channel, Outgoing},
    error::Error,
    kafka::{ClientProperty, KafkaConfig, check_topics},
};
use testkit::broker::Client;

use crate::stage::names;

fn problem(config: &KafkaConfig) -> String {
    match check_topics(config) {
        Err(Error::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn all_problems_come_at_once(client: &Client) {
    let topics = names("problems");
    client.create_topic(&topics.input[0], 1, &[]);
    client.create_topic(&topics.clean, 1, &[("max.message.bytes", "2000")]);
    client.create_topic(&topics.journal, 2, &[("cleanup.policy", "compact")]);
    client.create_topic(&topics.recalls, 1, &[("min.insync.replicas", "2")]);
    let mut config = KafkaConfig::new(client.address(), "g", topics.clone());
    let text = problem(&config);
    for part in [
        format!("{}: there is no such topic", topics.alarms),
        format!("{}: there is no such topic", topics.quarantine),
        format!("{}: takes records of 2000 bytes", topics.clean),
        format!("{}: the journal has 2 partitions", topics.journal),
        format!("{}: the journal is compacted", topics.journal),
        format!("{}: has 1 replicas, but min.insync.replicas is 2", topics.recalls),
    ] {
        assert!(text.contains(&part), "{part} in {text}");
    }
    config.topics.clean = topics.input[0].clone();
    assert!(problem(&config).contains("also an input"));
    config.topics.clean = topics.clean;
    config.client.insert("isolation.level".to_owned(), ClientProperty::Value("read_uncommitted".to_owned()));
    assert!(problem(&config).contains("isolation.level"));
}

pub(crate) fn missing_topics_are_made_as_stated(client: &Client) {
    let topics = names("made");
    client.create_topic(&topics.input[0], 1, &[("max.message.bytes", "3000000")]);
    let mut config = KafkaConfig::new(client.address(), "g", topics.clone());
    (config.create_topics, config.partitions) = (true, 3);
    let checked = check_topics(&config).expect("made");
    assert_eq!(checked.created.len(), 8);
    assert_eq!(checked.limits.of(Channel::Clean), 3_000_000 + (64 << 10), "what comes in goes out, headers and all");
    assert!(!checked.warnings.iter().any(|warning| warning.contains("retention")), "the journal is kept for ever");
    assert_eq!((client.partitions(&topics.clean), client.partitions(&topics.journal)), (3, 1));
    // The time of an output is the broker's, so a record of 1999 is neither refused nor removed at once.
    let old = testkit::broker::Message { time_ms: Some(915_148_800_000), ..testkit::broker::Message::value("old") };
    client.produce(&topics.clean, &[old]);
    let again = check_topics(&config).expect("there");
    assert!(again.created.is_empty() && again.limits == checked.limits);
}

pub(crate) fn limits_are_those_of_the_topics(client: &Client) {
    let topics = names("limits");
    client.create_topic(&topics.input[0], 1, &[("max.message.bytes", "9000000")]);
    client.create_topic(&topics.clean, 1, &[("max.message.bytes", "70000")]);
    let mut config = KafkaConfig::new(client.address(), "g", topics.clone());
    config.create_topics = true;
    let checked = check_topics(&config).expect("there");
    let value = vec![b'x'; 80_000];
    assert!(!checked.limits.fits(&Outgoing::plain(Channel::Clean, &value)));
    assert!(checked.limits.fits(&Outgoing::plain(Channel::Quarantine, &value)));
    assert!(checked.warnings.iter().any(|warning| warning.contains("larger ones become dead letters")), "{:?}", checked.warnings);
    config.client.insert("message.max.bytes".to_owned(), ClientProperty::Value("75000".to_owned()));
    let bounded = check_topics(&config).expect("there").limits;
    assert_eq!((bounded.of(Channel::Clean), bounded.of(Channel::Quarantine)), (70_000, 75_000));
    config.client.insert("message.max.bytes".to_owned(), ClientProperty::Value("5000".to_owned()));
    assert!(problem(&config).contains("takes records of 5000 bytes"));
}
