//! Topics of a test's own, with a source and a committer over them.

use std::time::{Duration, Instant};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    kafka::{KafkaCommitter, KafkaConfig, KafkaSource, StartPosition, TopicLimits, TopicNames, WithoutSnapshot, check_topics},
    limits::Limits,
    position::Positions,
    source::{Limit, Payload, Record, Source},
};
use testkit::broker::{Client, Message, unique};

/// No limit on a read.
pub(crate) const ALL: Limit = Limit { records: 100_000, bytes: usize::MAX };

/// A group, its topics, and how large their records may be.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) config: KafkaConfig,
    pub(crate) limits: TopicLimits,
    pub(crate) record_limits: Limits,
}

/// Returns names of topics that no other test has.
pub(crate) fn names(test: &str) -> TopicNames {
    let base = unique(test);
    let of = |name: &str| format!("{base}.{name}");
    TopicNames {
        input: vec![of("in")],
        clean: of("clean"),
        quarantine: of("quarantine"),
        duplicates: of("duplicates"),
        decisions: of("decisions"),
        recalls: of("recalls"),
        alarms: of("alarms"),
        dead_letters: of("dead-letters"),
        journal: of("journal"),
    }
}

impl Stage {
    /// Makes an input of this many partitions, and all outputs.
    pub(crate) fn new(client: &Client, test: &str, partitions: i32) -> Self {
        Self::with(client, test, partitions, &[])
    }

    /// Does the same with settings of the input topic.
    pub(crate) fn with(client: &Client, test: &str, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let topics = names(test);
        client.create_topic(&topics.input[0], partitions, settings);
        let group = topics.journal.replace(".journal", "");
        let mut config = KafkaConfig::new(client.address(), group, topics);
        config.create_topics = true;
        config.start = Some(StartPosition::Earliest);
        config.transaction_timeout = Duration::from_secs(20);
        let limits = check_topics(&config).expect("topics").limits;
        Self { client: client.clone(), config, limits, record_limits: Limits::default() }
    }

    pub(crate) fn input(&self) -> &str {
        &self.config.topics.input[0]
    }

    /// Makes a source at the very beginning.
    pub(crate) fn source(&self) -> KafkaSource {
        let mut source = KafkaSource::new(&self.config, self.record_limits).expect("a source");
        source.seek(&Positions::default()).expect("sought");
        source
    }

    pub(crate) fn committer(&self, source: &KafkaSource) -> KafkaCommitter {
        self.committer_that(source, WithoutSnapshot::Refuse)
    }

    pub(crate) fn committer_that(&self, source: &KafkaSource, without: WithoutSnapshot) -> KafkaCommitter {
        KafkaCommitter::new(&self.config, self.limits.clone(), source.input_partitions(), without).expect("a committer")
    }

    /// Produces lines `0..count` into a partition.
    pub(crate) fn fill(&self, partition: i32, count: usize) {
        let lines: Vec<_> = (0..count).map(|i| Message::to(partition, format!("{partition}-{i}"))).collect();
        self.client.produce(self.input(), &lines);
    }

    /// Returns the committed values of an output.
    pub(crate) fn values(&self, channel: Channel) -> Vec<String> {
        let records = self.client.consume_all(self.config.topics.of(channel));
        records.into_iter().map(|record| String::from_utf8(record.value).expect("text")).collect()
    }

    /// Returns the committed journal records.
    pub(crate) fn journal(&self) -> Vec<String> {
        let records = self.client.consume_all(&self.config.topics.journal);
        records.into_iter().map(|record| String::from_utf8(record.value).expect("text")).collect()
    }
}

/// Commits a batch with a clean record for each value.
pub(crate) fn commit(committer: &mut KafkaCommitter, values: &[&str], positions: &Positions, journal: &str) {
    committer.begin().expect("begun");
    for value in values {
        committer.write(&Outgoing::plain(Channel::Clean, value.as_bytes())).expect("written");
    }
    committer.commit(positions, journal.as_bytes()).expect("committed");
}

/// Reads until there are this many records.
pub(crate) fn read(source: &mut KafkaSource, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "{} records came of {count}", records.len());
        records.extend(source.read(Limit { records: count - records.len(), bytes: usize::MAX }).expect("read"));
    }
    records
}

/// Returns a record's line.
pub(crate) fn line(record: &Record) -> String {
    match &record.payload {
        Payload::Line(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("{other:?} is no line"),
    }
}

/// Returns the lines of records.
pub(crate) fn lines(records: &[Record]) -> Vec<String> {
    records.iter().map(line).collect()
}

/// Returns the positions behind records.
pub(crate) fn after(records: &[Record]) -> Positions {
    let mut positions = Positions::default();
    for record in records {
        positions.advance(record.position);
    }
    positions
}
