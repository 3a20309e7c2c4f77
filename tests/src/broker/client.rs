//! What tests do with brokers: make and change topics, produce records, read everything, look at
//! committed offsets.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    message::{Header, Headers, OwnedHeaders},
    metadata::MetadataTopic,
    producer::{BaseProducer, BaseRecord, Producer},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A record to produce.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The partition; `None` means the one that the key's hash chooses.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The time in milliseconds since 1970; `None` means now.
    pub time_ms: Option<i64>,
}

impl Message {
    /// Makes a record that has a value and nothing else.
    pub fn value(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// Makes a record that has a value and a partition.
    pub fn to(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition: Some(partition), ..Self::value(value) }
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; empty for a tombstone.
    pub value: Vec<u8>,
    /// Its headers.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Talks to brokers. Panics where something fails: it is for tests.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
}

impl Client {
    /// A client of the brokers at `address`.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    /// `host:port`, several with commas.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("an administrator's client")
    }

    fn consumer(&self, group: &str, isolation: &str) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("isolation.level", isolation);
        // The end of a partition is told by an answer without records. Where something is written more often than answers
        // wait for it, half a second by default, there would be none: a live stage's journal would have no end.
        config.set("fetch.wait.max.ms", "20");
        config.set("enable.partition.eof", "true").set("auto.offset.reset", "error").create().expect("a consumer")
    }

    /// Waits until `brokers` brokers are seen.
    ///
    /// # Errors
    /// If they are not in time.
    pub fn wait_up(&self, brokers: usize, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        let mut config = self.config();
        config.set("log_level", "0");
        let consumer: BaseConsumer = config.create().map_err(|error| error.to_string())?;
        loop {
            let seen = consumer.fetch_metadata(None, Duration::from_millis(500)).map_or(0, |metadata| metadata.brokers().len());
            if seen >= brokers {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!("{seen} brokers of {brokers} are up after {within:?}"));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until every partition has a leader and all its replicas are in sync. Then a broker can
    /// be killed without loss.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    pub fn wait_in_sync(&self) {
        let consumer: BaseConsumer = self.config().create().expect("a consumer");
        let deadline = Instant::now() + 3 * TIMEOUT;
        loop {
            let metadata = consumer.fetch_metadata(None, TIMEOUT).expect("metadata");
            let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            if partitions.all(|partition| partition.leader() >= 0 && partition.isr().len() == partition.replicas().len()) {
                return;
            }
            assert!(Instant::now() < deadline, "replicas are not in sync again");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Makes a topic with the cluster's number of replicas, and waits until it is seen.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        self.create(name, partitions, TopicReplication::Fixed(-1), settings);
    }

    /// Makes a topic whose partitions are all on one broker; brokers are numbered from 1.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn create_topic_on(&self, broker: i32, name: &str, partitions: i32) {
        let broker = [broker];
        let placed = vec![&broker[..]; usize::try_from(partitions).expect("some partitions")];
        self.create(name, partitions, TopicReplication::Variable(&placed), &[("min.insync.replicas", "1")]);
    }

    fn create(&self, name: &str, partitions: i32, replication: TopicReplication<'_>, settings: &[(&str, &str)]) {
        let topic = NewTopic::new(name, partitions, replication);
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let made = wait(self.admin().create_topics([&topic], &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        made.expect("an answer").into_iter().for_each(|result| drop(result.expect("a topic")));
        self.wait_for(&format!("topic {name}"), || self.partitions(name) == partitions);
    }

    /// Removes a topic, and waits until it is gone.
    ///
    /// # Panics
    /// If it cannot be removed.
    pub fn delete_topic(&self, name: &str) {
        let gone = wait(self.admin().delete_topics(&[name], &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        gone.expect("an answer").into_iter().for_each(|result| drop(result.expect("a topic")));
        self.wait_for(&format!("the end of topic {name}"), || self.partitions(name) == 0);
    }

    /// Gives a topic more partitions.
    ///
    /// # Panics
    /// If that fails.
    pub fn grow_topic(&self, name: &str, partitions: i32) {
        let new = NewPartitions::new(name, usize::try_from(partitions).expect("some partitions"));
        let grown = wait(self.admin().create_partitions([&new], &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        grown.expect("an answer").into_iter().for_each(|result| drop(result.expect("a topic")));
        self.wait_for(&format!("{partitions} partitions of {name}"), || self.partitions(name) == partitions);
    }

    /// Removes a partition's records before an offset, as retention does.
    ///
    /// # Panics
    /// If that fails.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before)).expect("an offset");
        let deleted = wait(self.admin().delete_records(&list, &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        deleted.expect("an answer").elements().iter().for_each(|element| element.error().expect("records deleted"));
    }

    /// Changes settings of a topic; all others go back to their defaults.
    ///
    /// # Panics
    /// If that fails.
    pub fn set_topic(&self, name: &str, settings: &[(&str, &str)]) {
        let change = AlterConfig { specifier: ResourceSpecifier::Topic(name), entries: settings.iter().copied().collect() };
        let changed = wait(self.admin().alter_configs([&change], &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        changed.expect("an answer").into_iter().for_each(|result| drop(result.expect("settings")));
    }

    /// Returns the oldest offset of a partition, and the one behind its newest record, be it committed
    /// or not.
    ///
    /// # Panics
    /// If no broker answers.
    #[must_use]
    pub fn extent(&self, topic: &str, partition: i32) -> (i64, i64) {
        self.extent_of(topic, partition, "read_uncommitted")
    }

    /// Waits until no transaction is open in a topic. Its end is written a moment after it was
    /// committed.
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub fn wait_stable(&self, topic: &str) {
        let is_stable = |id| self.extent(topic, id) == self.extent_of(topic, id, "read_committed");
        self.wait_for(&format!("the end of transactions in {topic}"), || (0..self.partitions(topic)).all(is_stable));
    }

    fn extent_of(&self, topic: &str, partition: i32, isolation: &str) -> (i64, i64) {
        let consumer: BaseConsumer = self.config().set("isolation.level", isolation).create().expect("a consumer");
        let deadline = Instant::now() + TIMEOUT;
        // A partition that has just been made, or whose broker has just been started, may have no leader yet.
        loop {
            match consumer.fetch_watermarks(topic, partition, TIMEOUT) {
                Ok(extent) => return extent,
                Err(error) => assert!(Instant::now() < deadline, "offsets of {topic}/{partition}: {error}"),
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Commits an offset for a group that has no members, as tools do that reset offsets.
    ///
    /// # Panics
    /// If that fails.
    pub fn set_offset(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        self.set_committed(group, topic, partition, (offset, ""));
    }

    /// Commits an offset and a text beside it for a group that has no members.
    ///
    /// # Panics
    /// If that fails.
    pub fn set_committed(&self, group: &str, topic: &str, partition: i32, (offset, text): (i64, &str)) {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, partition);
        element.set_offset(Offset::Offset(offset)).expect("an offset");
        element.set_metadata(text);
        let (consumer, deadline) = (self.consumer(group, "read_committed"), Instant::now() + TIMEOUT);
        // A group's coordinator may be on its way, and a transaction of the group may be about to end.
        while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
            assert!(Instant::now() < deadline, "set an offset of {group}: {error}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Forgets what a group has committed, as brokers do seven days after its last commit.
    ///
    /// # Panics
    /// If that fails.
    pub fn forget_group(&self, group: &str) {
        let deleted = wait(self.admin().delete_groups(&[group], &AdminOptions::new().operation_timeout(Some(TIMEOUT))));
        deleted.expect("an answer").into_iter().for_each(|result| drop(result.expect("a group")));
    }

    /// Returns how many partitions a topic has; 0 if it does not exist.
    ///
    /// # Panics
    /// If no broker answers.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> i32 {
        let consumer: BaseConsumer = self.config().create().expect("a consumer");
        let metadata = consumer.fetch_metadata(None, TIMEOUT).expect("metadata");
        let found = metadata.topics().iter().find(|of| of.name() == topic && of.error().is_none());
        found.map_or(0, |of| i32::try_from(of.partitions().len()).expect("few partitions"))
    }

    /// Waits until a change is seen by all brokers, which takes a moment.
    ///
    /// # Panics
    /// If it does not come within 20 s.
    pub fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what} did not come within {TIMEOUT:?} at {}", self.address);
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Produces records, each acknowledged by all replicas.
    ///
    /// # Panics
    /// If one is not.
    pub fn produce(&self, topic: &str, messages: &[Message]) {
        let producer: BaseProducer = self.producer().create().expect("a producer");
        send_all(&producer, topic, messages);
        // A broker that is away takes its time to be given up.
        producer.flush(3 * TIMEOUT).expect("delivered");
    }

    /// Produces records as [`Self::produce`] does, each packed for itself.
    ///
    /// # Panics
    /// If that fails.
    pub fn produce_packed(&self, topic: &str, messages: &[Message]) {
        let mut config = self.producer();
        let producer: BaseProducer =
            config.set("compression.codec", "zstd").set("batch.num.messages", "1").create().expect("a producer");
        send_all(&producer, topic, messages);
        producer.flush(3 * TIMEOUT).expect("delivered");
    }

    /// Produces records in one transaction, and commits or aborts it.
    ///
    /// # Panics
    /// If that fails.
    pub fn produce_in_transaction(&self, id: &str, topic: &str, messages: &[Message], commit: bool) {
        let producer: BaseProducer = self.producer().set("transactional.id", id).create().expect("a producer");
        producer.init_transactions(TIMEOUT).expect("a producer's id");
        producer.begin_transaction().expect("a transaction");
        send_all(&producer, topic, messages);
        producer.flush(TIMEOUT).expect("delivered");
        let ended = if commit { producer.commit_transaction(TIMEOUT) } else { producer.abort_transaction(TIMEOUT) };
        ended.expect("ended");
    }

    /// Produces records in a transaction that is neither committed nor aborted until the value is
    /// dropped, which aborts it.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn open_transaction(&self, id: &str, topic: &str, messages: &[Message]) -> OpenTransaction {
        let producer: BaseProducer = self.producer().set("transactional.id", id).create().expect("a producer");
        producer.init_transactions(TIMEOUT).expect("a producer's id");
        producer.begin_transaction().expect("a transaction");
        send_all(&producer, topic, messages);
        producer.flush(TIMEOUT).expect("delivered");
        OpenTransaction(producer)
    }

    fn producer(&self) -> ClientConfig {
        let mut config = self.config();
        // A broker that is killed may have taken a record and not said so.
        config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "2").set("message.max.bytes", "100000000");
        config
    }

    /// Reads every committed record of a topic, in the order of partition and offset.
    ///
    /// # Panics
    /// If the topic cannot be read to its end.
    #[must_use]
    pub fn consume_all(&self, topic: &str) -> Vec<Consumed> {
        self.consume(topic, "read_committed")
    }

    /// Reads every record of a topic, those of aborted transactions too.
    ///
    /// # Panics
    /// If the topic cannot be read to its end.
    #[must_use]
    pub fn consume_uncommitted(&self, topic: &str) -> Vec<Consumed> {
        self.consume(topic, "read_uncommitted")
    }

    fn consume(&self, topic: &str, isolation: &str) -> Vec<Consumed> {
        let consumer = self.consumer("weir-test-reader", isolation);
        let partitions = self.partitions(topic);
        assert!(partitions > 0, "topic {topic} is not there");
        let mut list = TopicPartitionList::new();
        for id in 0..partitions {
            list.add_partition_offset(topic, id, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&list).expect("assigned");
        let (mut records, mut ended, deadline) = (Vec::new(), 0, Instant::now() + 3 * TIMEOUT);
        // Each partition says once that it has ended.
        while ended < partitions {
            assert!(Instant::now() < deadline, "{topic}: {ended} partitions of {partitions} read to their end");
            match consumer.poll(Duration::from_millis(200)) {
                None => {}
                Some(Ok(message)) => records.push(consumed(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => assert!(!matches!(error, KafkaError::MessageConsumptionFatal(_)), "{topic}: {error}"),
            }
        }
        records.sort_by_key(|record: &Consumed| (record.partition, record.offset));
        records
    }

    /// Returns the offset and the metadata text that a group has committed for each partition of a
    /// topic. It does not wait for an open transaction.
    ///
    /// # Panics
    /// If the brokers do not say.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, (i64, String)> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, self.partitions(topic) - 1);
        let (consumer, deadline) = (self.consumer(group, "read_uncommitted"), Instant::now() + TIMEOUT);
        // A group's coordinator may be on its way: one that has just been started, or the first of all.
        let list = loop {
            match consumer.committed_offsets(list.clone(), TIMEOUT) {
                Ok(list) => break list,
                Err(error) => assert!(Instant::now() < deadline, "committed offsets of {group}: {error}"),
            }
            thread::sleep(Duration::from_millis(100));
        };
        let elements = list.elements();
        let offsets = elements.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), (offset, element.metadata().to_owned()))),
            _ => None,
        });
        offsets.collect()
    }
}

/// A transaction that is aborted when this is dropped.
pub struct OpenTransaction(BaseProducer);

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        // The broker aborts it sooner or later.
        let _ = self.0.abort_transaction(TIMEOUT);
    }
}

fn send_all(producer: &BaseProducer, topic: &str, messages: &[Message]) {
    for message in messages {
        let headers = message
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (name, value)| headers.insert(Header { key: name, value: value.as_ref() }));
        let mut record = BaseRecord::<[u8], [u8], ()> {
            topic,
            partition: message.partition,
            payload: message.value.as_deref(),
            key: message.key.as_deref(),
            timestamp: message.time_ms,
            headers: Some(headers),
            delivery_opaque: (),
        };
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((error, back)) => {
                    assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
                    producer.poll(Duration::from_millis(5));
                    record = back;
                }
            }
        }
    }
}

fn consumed(message: &rdkafka::message::BorrowedMessage<'_>) -> Consumed {
    let header = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    Consumed {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().unwrap_or_default().to_vec(),
        headers: message.headers().map_or_else(Vec::new, |headers| headers.iter().map(header).collect()),
    }
}

/// Waits for the answer to an administrator's request.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::sleep(Duration::from_millis(2)),
        }
    }
}
