//! Are the topics there, and as they must be?
//!
//! Asked once, before anything is read or written; all problems come in one error. What is only unwise is a warning.
//!
//! | topic | must | made with |
//! |---|---|---|
//! | input | exist | the cluster's settings |
//! | outputs | exist, take 64 KiB at least, `min.insync.replicas` within its replicas | `cleanup.policy=delete`, `message.timestamp.type=LogAppendTime`, `max.message.bytes` of the inputs and 64 KiB more |
//! | journal | the same, one partition, not compacted | the same, one partition, `retention.ms=-1`, `retention.bytes=-1`: it is never deleted |
//!
//! A topic whose time is the broker's takes records of any age: old ones neither are refused nor expire at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode as Code,
};

use super::{
    client::{Admin, wait},
    config::{KafkaConfig, Topics, refuse},
    errors::{self, Call},
    reach::reach,
    start::look,
};
use crate::{
    committer::{Channel, Outgoing},
    error::Error,
};

/// What an output must take at least: a journal record of a full batch, a line that names a cut record.
const MESSAGE_BYTES_MIN: usize = 64 << 10;
/// What the stage's headers add to a record at most.
const HEADERS_BYTES: usize = 64 << 10;
/// `max.message.bytes` where a broker does not say.
const MESSAGE_BYTES_DEFAULT: usize = 1_048_588;
/// Largest batch by default.
const BATCH_BYTES: usize = 1_000_000;
/// How long new topics may take to be seen by all.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// What the topics take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// By channel, in bytes of a record with key and headers.
    channels: [usize; Channel::ALL.len()],
    /// The journal's.
    journal: usize,
}

impl TopicLimits {
    /// The same for all: for tests, and where nothing could be asked.
    #[must_use]
    pub fn uniform(bytes: usize) -> Self {
        Self { channels: [bytes; Channel::ALL.len()], journal: bytes }
    }

    /// The most bytes a channel's record may have, key and headers included.
    #[must_use]
    pub fn of(&self, channel: Channel) -> usize {
        self.channels[channel as usize]
    }

    /// The most bytes a journal record may have.
    #[must_use]
    pub fn journal(&self) -> usize {
        self.journal
    }

    /// Whether a record's topic takes it. Compression is not counted on.
    #[must_use]
    pub fn fits(&self, record: &Outgoing<'_>) -> bool {
        record.bytes() <= self.of(record.channel)
    }

    /// For the producer: the most of all.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.channels.into_iter().chain([self.journal]).max().unwrap_or(MESSAGE_BYTES_DEFAULT).clamp(1_000, 1_000_000_000)
    }

    /// For the producer: a batch must not be larger than the least of all.
    pub(super) fn batch_bytes_max(&self) -> usize {
        self.channels.into_iter().chain([self.journal, BATCH_BYTES]).min().unwrap_or(BATCH_BYTES).max(1_000)
    }
}

/// Topics that are as they must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What they take.
    pub limits: TopicLimits,
    /// What is unwise.
    pub warnings: Vec<String>,
    /// Topics that were made.
    pub created: Vec<String>,
}

/// What the brokers say of a topic.
struct Described {
    partitions: usize,
    replicas: usize,
    settings: BTreeMap<String, String>,
}

impl Described {
    fn number(&self, setting: &str) -> Option<i64> {
        self.settings.get(setting)?.parse().ok()
    }

    fn message_bytes_max(&self) -> usize {
        self.number("max.message.bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(MESSAGE_BYTES_DEFAULT)
    }
}

/// Checks all topics; makes the missing ones if `create_topics` says so.
///
/// # Errors
/// [`Error::Refused`] with every problem; [`Error::Broker`] if the brokers do not answer.
pub fn check_topics(config: &KafkaConfig) -> Result<Checked, Error> {
    config.check()?;
    reach(config)?;
    let admin: Admin = config.admin_config().create().map_err(errors::not_made)?;
    let named: BTreeSet<&str> =
        config.topics.input.iter().map(String::as_str).chain(config.topics.outputs().map(|(_, name)| name)).collect();
    let mut described = describe(&admin, &named)?;
    let missing: Vec<&str> = named.iter().copied().filter(|name| !described.contains_key(*name)).collect();
    if !missing.is_empty() && config.create_topics {
        create(config, &admin, &missing, &described)?;
        described = describe_new(&admin, &named)?;
    }
    let mut problems = Vec::new();
    if !config.create_topics {
        let why = "there is no such topic, and kafka.create_topics is false";
        problems.extend(missing.iter().map(|name| format!("{name}: {why}")));
    }
    let mut warnings = Vec::new();
    let ceiling = message_bytes_ceiling(config, &mut problems);
    for (_, name) in config.topics.outputs() {
        if let Some(topic) = described.get(name) {
            check_output(name, topic, name == config.topics.journal, ceiling, (&mut problems, &mut warnings));
        }
    }
    warn_of_large_input(config, &described, ceiling, &mut warnings);
    refuse("topics", &problems)?;
    let limit = |name: &str| described.get(name).map_or(MESSAGE_BYTES_DEFAULT, Described::message_bytes_max).min(ceiling);
    let limits = TopicLimits {
        channels: Channel::ALL.map(|channel| limit(config.topics.of(channel))),
        journal: limit(&config.topics.journal),
    };
    let created = if config.create_topics { missing.into_iter().map(str::to_owned).collect() } else { Vec::new() };
    Ok(Checked { limits, warnings, created })
}

/// What every one of `outputs` takes. All topics must be there, outputs at least once they were made if `create_topics` says
/// so, and an output must take whatever an input takes: a record that cannot be passed on would stop everything behind it.
pub(super) fn relay_bytes_max(config: &KafkaConfig, admin: &Admin, inputs: &[&str], outputs: &[&str]) -> Result<usize, Error> {
    let names = inputs.iter().chain(outputs).copied().collect();
    let mut described = describe(admin, &names)?;
    let lacking: Vec<&str> = outputs.iter().copied().filter(|name| !described.contains_key(*name)).collect();
    if !lacking.is_empty() && config.create_topics && inputs.iter().all(|name| described.contains_key(*name)) {
        // A topic that is made takes what the inputs do, and a little more.
        let input = inputs.iter().map(|name| (*name).to_owned()).collect();
        let of_relay = KafkaConfig { topics: Topics { input, ..Topics::default() }, ..config.clone() };
        create(&of_relay, admin, &lacking, &described)?;
        described = describe_new(admin, &names)?;
    }
    let missing = names.iter().filter(|name| !described.contains_key(**name));
    refuse("topics", &missing.map(|name| format!("{name}: there is no such topic")).collect::<Vec<_>>())?;
    let limit = |name: &&str| described.get(*name).map(Described::message_bytes_max);
    let (most, least) = (inputs.iter().filter_map(limit).max(), outputs.iter().filter_map(limit).min());
    match (most, least) {
        (Some(most), Some(least)) if most > least => Err(Error::Refused(format!(
            "{} takes records of {least} bytes (max.message.bytes), expected at least {most}, as {} does",
            outputs.join(" or "),
            inputs.join(" or "),
        ))),
        (_, least) => Ok(least.unwrap_or(MESSAGE_BYTES_DEFAULT)),
    }
}

/// What one input topic takes, for a publisher; makes it if it is missing and `create_topics` says so. The stage's own
/// topics are not looked at: whoever publishes need not have a right to them.
///
/// # Errors
/// As [`check_topics`].
pub(super) fn check_input(config: &KafkaConfig, topic: &str) -> Result<TopicLimits, Error> {
    config.check()?;
    reach(config)?;
    let admin: Admin = config.admin_config().create().map_err(errors::not_made)?;
    let named = BTreeSet::from([topic]);
    let mut described = describe(&admin, &named)?;
    if described.is_empty() && config.create_topics {
        create(config, &admin, &[topic], &described)?;
        described = describe_new(&admin, &named)?;
    }
    let mut problems = Vec::new();
    let ceiling = message_bytes_ceiling(config, &mut problems);
    if described.is_empty() {
        problems.push(format!("{topic}: there is no such topic, and kafka.create_topics is false"));
    }
    refuse("topics", &problems)?;
    let bytes = described.get(topic).map_or(MESSAGE_BYTES_DEFAULT, Described::message_bytes_max);
    Ok(TopicLimits::uniform(bytes.min(ceiling)))
}

/// The user's bound on produced records, if there is one.
fn message_bytes_ceiling(config: &KafkaConfig, problems: &mut Vec<String>) -> usize {
    match config.client.get("message.max.bytes").map(|text| (text, text.parse::<usize>())) {
        None => usize::MAX,
        Some((_, Ok(bytes))) => bytes,
        Some((text, Err(_))) => {
            problems.push(format!("kafka.client: message.max.bytes is {text:?}, expected a number of bytes"));
            usize::MAX
        }
    }
}

fn check_output(
    name: &str,
    topic: &Described,
    journal: bool,
    ceiling: usize,
    (problems, warnings): (&mut Vec<String>, &mut Vec<String>),
) {
    let bytes = topic.message_bytes_max();
    if bytes.min(ceiling) < MESSAGE_BYTES_MIN {
        problems.push(format!(
            "{name}: takes records of {} bytes (max.message.bytes {bytes}, client {}), expected at least {MESSAGE_BYTES_MIN}",
            bytes.min(ceiling),
            if ceiling == usize::MAX { "unbounded".to_owned() } else { ceiling.to_string() },
        ));
    }
    let in_sync = topic.number("min.insync.replicas").unwrap_or(1);
    if i64::try_from(topic.replicas).is_ok_and(|replicas| in_sync > replicas) {
        problems
            .push(format!("{name}: has {} replicas, but min.insync.replicas is {in_sync}: no write can succeed", topic.replicas));
    } else if topic.replicas == 1 {
        warnings.push(format!("{name} has one replica: it is lost with its broker"));
    } else if in_sync < 2 {
        warnings.push(format!("{name} has min.insync.replicas={in_sync}: what is committed may be lost with one broker"));
    }
    let compacted = topic.settings.get("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
    if journal {
        if topic.partitions != 1 {
            problems.push(format!("{name}: the journal has {} partitions, expected 1", topic.partitions));
        }
        if compacted {
            problems.push(format!("{name}: the journal is compacted, expected cleanup.policy=delete"));
        }
        if ["retention.ms", "retention.bytes"].iter().any(|of| topic.number(of).is_some_and(|bound| bound >= 0)) {
            warnings.push(format!(
                "{name}: the journal's retention is bounded; a state older than its oldest record cannot be restored"
            ));
        }
    } else if compacted {
        warnings.push(format!("{name} is compacted: of records with the same key only the last one stays"));
    }
}

fn warn_of_large_input(
    config: &KafkaConfig,
    described: &BTreeMap<String, Described>,
    ceiling: usize,
    warnings: &mut Vec<String>,
) {
    let output = described.get(&config.topics.clean).map_or(usize::MAX, Described::message_bytes_max).min(ceiling);
    for name in &config.topics.input {
        let input = described.get(name).map_or(0, Described::message_bytes_max);
        if input > output {
            let clean = &config.topics.clean;
            warnings.push(format!(
                "{name} takes records of {input} bytes, {clean} only of {output}: larger ones become dead letters"
            ));
        }
    }
}

/// Metadata and settings of those topics that are there.
fn describe(admin: &Admin, names: &BTreeSet<&str>) -> Result<BTreeMap<String, Described>, Error> {
    // All of the cluster: asking for a topic by name could make it.
    let metadata = look(|timeout| admin.inner().fetch_metadata(None, timeout))?;
    let mut described = BTreeMap::new();
    for topic in metadata.topics().iter().filter(|topic| names.contains(topic.name()) && topic.error().is_none()) {
        let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        let of = Described { partitions: topic.partitions().len(), replicas, settings: BTreeMap::new() };
        described.insert(topic.name().to_owned(), of);
    }
    let there: Vec<String> = described.keys().cloned().collect();
    if there.is_empty() {
        return Ok(described);
    }
    let asked: Vec<ResourceSpecifier<'_>> = there.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let answers = look(|timeout| wait(admin.describe_configs(asked.iter(), &options(timeout))))?;
    for answer in answers {
        let ConfigResource { specifier, entries } = match answer {
            Ok(resource) => resource,
            Err(code) => {
                tracing::warn!(error = %code, "the settings of a topic cannot be read; the brokers' defaults are taken for true");
                continue;
            }
        };
        if let OwnedResourceSpecifier::Topic(name) = specifier
            && let Some(topic) = described.get_mut(&name)
        {
            topic.settings = entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
        }
    }
    Ok(described)
}

fn options(timeout: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout))
}

fn create(config: &KafkaConfig, admin: &Admin, missing: &[&str], described: &BTreeMap<String, Described>) -> Result<(), Error> {
    let largest = config.topics.input.iter().filter_map(|name| described.get(name)).map(Described::message_bytes_max).max();
    let bytes = (largest.unwrap_or(MESSAGE_BYTES_DEFAULT) + HEADERS_BYTES).to_string();
    let partitions = i32::try_from(config.create_partitions.max(1)).unwrap_or(i32::MAX);
    let replicas = config.create_replication.and_then(|replicas| i32::try_from(replicas).ok()).unwrap_or(-1);
    let new = missing.iter().map(|name| {
        let journal = *name == config.topics.journal;
        let topic = NewTopic::new(name, if journal { 1 } else { partitions }, TopicReplication::Fixed(replicas));
        if config.topics.input.iter().any(|input| input == name) {
            return topic;
        }
        let topic = topic.set("cleanup.policy", "delete").set("message.timestamp.type", "LogAppendTime");
        let topic = topic.set("max.message.bytes", &bytes);
        if journal { topic.set("retention.ms", "-1").set("retention.bytes", "-1") } else { topic }
    });
    let new: Vec<NewTopic<'_>> = new.collect();
    let results = wait(admin.create_topics(new.iter(), &options(SEEN_WITHIN)));
    let results = results.map_err(|error| errors::failed(Call::Look, &error, None))?;
    // Another process may have been quicker.
    let failed = results.into_iter().filter_map(Result::err).filter(|(_, code)| *code != Code::TopicAlreadyExists);
    let problems: Vec<String> = failed.map(|(name, code)| format!("{name}: cannot be made: {code}")).collect();
    refuse("topics", &problems)
}

/// Waits until new topics are seen.
fn describe_new(
    admin: &rdkafka::admin::AdminClient<DefaultClientContext>,
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Described>, Error> {
    let deadline = Instant::now() + SEEN_WITHIN;
    loop {
        let described = describe(admin, names)?;
        if described.len() == names.len() {
            return Ok(described);
        }
        if Instant::now() >= deadline {
            let seen = described.len();
            return Err(Error::Refused(format!("topics: {seen} are seen after they were made, expected {}", names.len())));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::EnvelopeHeader;

    fn problems(partitions: usize, replicas: usize, settings: &[(&str, &str)], journal: bool) -> (Vec<String>, Vec<String>) {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let topic = Described { partitions, replicas, settings };
        check_output("t", &topic, journal, usize::MAX, (&mut problems, &mut warnings));
        (problems, warnings)
    }

    #[test]
    fn what_an_output_must_be() {
        let fine =
            [("min.insync.replicas", "2"), ("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
        assert_eq!(problems(1, 3, &fine, true), (vec![], vec![]));
        for (partitions, replicas, settings, journal, got) in [
            (1, 1, &[("min.insync.replicas", "2")][..], false, "no write can succeed"),
            (1, 3, &[("max.message.bytes", "1000")][..], false, "takes records of 1000 bytes"),
            (3, 3, &[][..], true, "3 partitions, expected 1"),
            (1, 3, &[("cleanup.policy", "compact,delete")][..], true, "is compacted"),
        ] {
            let (problems, _) = problems(partitions, replicas, settings, journal);
            assert!(problems.len() == 1 && problems[0].contains(got), "{got}: {problems:?}");
        }
        for (settings, journal, got) in [
            (&[("min.insync.replicas", "1")][..], false, "min.insync.replicas=1"),
            (
                &[("min.insync.replicas", "2"), ("retention.ms", "604800000"), ("retention.bytes", "-1")][..],
                true,
                "retention is bounded",
            ),
            (&[("min.insync.replicas", "2"), ("cleanup.policy", "compact")][..], false, "is compacted"),
        ] {
            let (problems, warnings) = problems(1, 3, settings, journal);
            assert!(problems.is_empty() && warnings.len() == 1 && warnings[0].contains(got), "{got}: {problems:?} {warnings:?}");
        }
    }

    #[test]
    fn a_record_is_measured_with_all_that_belongs_to_it() {
        let headers = [EnvelopeHeader { name: "n".repeat(10), value: Some(vec![0; 20]) }];
        let record = Outgoing { channel: Channel::Clean, key: Some(&[0; 30]), headers: &headers, value: &[0; 40] };
        assert_eq!(record.bytes(), 100 + 10 + 93);
        assert!(TopicLimits::uniform(record.bytes()).fits(&record));
        assert!(!TopicLimits::uniform(record.bytes() - 1).fits(&record));
    }

    #[test]
    fn a_producer_is_bounded_by_most_and_least() {
        let mut limits = TopicLimits::uniform(2_000_000);
        limits.journal = 5_000_000;
        limits.channels[3] = 70_000;
        assert_eq!((limits.message_bytes_max(), limits.batch_bytes_max()), (5_000_000, 70_000));
    }
}
