//! How are topics described and made?
//!
//! Nothing here decides whether a topic is as it must be.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode as Code,
};

use super::{
    config::KafkaConfig,
    errors::{self, Call, refuse_all},
    query::query_with_retry,
    topic_limits::MESSAGE_BYTES_DEFAULT,
};
use crate::error::Error;

/// Bytes that the stage's headers add to a record at most.
const HEADERS_BYTES: usize = 64 << 10;
/// Longest time until all brokers know a new topic.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// What the brokers say of a topic.
pub(super) struct TopicDescription {
    pub(super) partitions: usize,
    /// Replicas of the partition that has the fewest.
    pub(super) replicas: usize,
    pub(super) settings: BTreeMap<String, String>,
}

impl TopicDescription {
    /// Returns the value of a setting that is a number.
    pub(super) fn number(&self, setting: &str) -> Option<i64> {
        self.settings.get(setting)?.parse().ok()
    }

    /// Returns the most bytes of a record, as the topic's settings say.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.number("max.message.bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(MESSAGE_BYTES_DEFAULT)
    }
}

/// Descriptions of those topics that are there, by name.
pub(super) type TopicDescriptions = BTreeMap<String, TopicDescription>;

/// How missing topics are made.
#[derive(Clone, Copy)]
pub(super) struct TopicPlan<'a> {
    /// Topics that are read: they are made with the cluster's settings.
    pub(super) inputs: &'a [&'a str],
    /// The journal, if one is among the topics: it gets one partition, and is never deleted.
    pub(super) journal: Option<&'a str>,
}

/// Describes and makes topics.
pub(super) struct TopicAdmin<'a> {
    config: &'a KafkaConfig,
    client: AdminClient<DefaultClientContext>,
}

impl<'a> TopicAdmin<'a> {
    pub(super) fn new(config: &'a KafkaConfig) -> Result<Self, Error> {
        Ok(Self { config, client: config.client_config()?.create().map_err(errors::client_not_made)? })
    }

    /// Describes those topics that are there.
    pub(super) fn describe(&self, names: &BTreeSet<&str>) -> Result<TopicDescriptions, Error> {
        // All topics of the cluster are asked for: asking for one by name could make it.
        let metadata = query_with_retry(|timeout| self.client.inner().fetch_metadata(None, timeout))?;
        let mut described = TopicDescriptions::new();
        for topic in metadata.topics().iter().filter(|topic| names.contains(topic.name()) && topic.error().is_none()) {
            let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            let description = TopicDescription { partitions: topic.partitions().len(), replicas, settings: BTreeMap::new() };
            described.insert(topic.name().to_owned(), description);
        }
        let there: Vec<String> = described.keys().cloned().collect();
        if there.is_empty() {
            return Ok(described);
        }
        let asked: Vec<ResourceSpecifier<'_>> = there.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let answers = query_with_retry(|timeout| wait(self.client.describe_configs(asked.iter(), &options(timeout))))?;
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

    /// Makes the topics `missing` and describes all of `names` once the brokers know them. Outputs
    /// take whatever the inputs in `described` take, and the stage's headers.
    pub(super) fn create(
        &self,
        missing: &[&str],
        plan: TopicPlan<'_>,
        described: &TopicDescriptions,
        names: &BTreeSet<&str>,
    ) -> Result<TopicDescriptions, Error> {
        let inputs = plan.inputs.iter().filter_map(|name| described.get(*name));
        let largest = inputs.map(TopicDescription::message_bytes_max).max();
        let bytes = (largest.unwrap_or(MESSAGE_BYTES_DEFAULT) + HEADERS_BYTES).to_string();
        let partitions = i32::try_from(self.config.partitions.max(1)).unwrap_or(i32::MAX);
        let replicas = self.config.replication.and_then(|replicas| i32::try_from(replicas).ok()).unwrap_or(-1);
        let new = missing.iter().map(|name| {
            let is_journal = plan.journal == Some(*name);
            let topic = NewTopic::new(name, if is_journal { 1 } else { partitions }, TopicReplication::Fixed(replicas));
            if plan.inputs.contains(name) {
                return topic;
            }
            let topic = topic.set("cleanup.policy", "delete").set("message.timestamp.type", "LogAppendTime");
            let topic = topic.set("max.message.bytes", &bytes);
            if is_journal { topic.set("retention.ms", "-1").set("retention.bytes", "-1") } else { topic }
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        let results = wait(self.client.create_topics(new.iter(), &options(SEEN_WITHIN)));
        let results = results.map_err(|error| errors::failed(Call::Query, &error, None))?;
        // Another process may have been quicker.
        let failed = results.into_iter().filter_map(Result::err).filter(|(_, code)| *code != Code::TopicAlreadyExists);
        let problems: Vec<String> = failed.map(|(name, code)| format!("{name}: cannot be made: {code}")).collect();
        refuse_all("topics", &problems)?;
        self.describe_all(names)
    }

    /// Waits until all of `names` can be described.
    fn describe_all(&self, names: &BTreeSet<&str>) -> Result<TopicDescriptions, Error> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            let described = self.describe(names)?;
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
}

fn options(timeout: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout))
}

/// Waits for a future on this thread. The few administrative calls are the only futures here, so no
/// runtime is needed.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
