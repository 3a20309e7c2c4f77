//! Are the topics there, and are they as they must be?
//!
//! This is asked once, before anything is read or written. All problems come in one error; what is
//! only unwise is a warning.
//!
//! | topic | must | is made with |
//! |---|---|---|
//! | input | exist | the cluster's settings |
//! | outputs | exist, take 64 KiB at least, `min.insync.replicas` within its replicas | `cleanup.policy=delete`, `message.timestamp.type=LogAppendTime`, `max.message.bytes` of the inputs and 64 KiB more |
//! | journal | the same, one partition, not compacted | the same, one partition, `retention.ms=-1`, `retention.bytes=-1`: it is never deleted |
//!
//! A record's time in an output is the broker's, so that records of old pages are neither refused
//! nor expire at once.

use std::collections::BTreeSet;

use super::{
    admin::{TopicAdmin, TopicDescription, TopicDescriptions, TopicPlan},
    client_property::ClientProperty,
    config::KafkaConfig,
    errors::refuse_all,
    probe::probe_brokers,
    topic_limits::{MESSAGE_BYTES_DEFAULT, TopicLimits},
};
use crate::{committer::Channel, error::Error};

/// What an output must take at least: a journal record of a full batch, or a line that names a
/// record that was cut off.
const MESSAGE_BYTES_MIN: usize = 64 << 10;

/// What was found out about topics that are as they must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedTopics {
    /// The most bytes that their records may have.
    pub limits: TopicLimits,
    /// What is unwise, though allowed.
    pub warnings: Vec<String>,
    /// Names of the topics that were made.
    pub created: Vec<String>,
}

/// Checks all topics, and makes the missing ones if `create_topics` says so.
///
/// # Errors
/// [`Error::Refused`] with every problem; [`Error::Broker`] if the brokers do not answer.
pub fn check_topics(config: &KafkaConfig) -> Result<CheckedTopics, Error> {
    config.check()?;
    probe_brokers(config)?;
    let admin = TopicAdmin::new(config)?;
    let inputs: Vec<&str> = config.topics.input.iter().map(String::as_str).collect();
    let names: BTreeSet<&str> = inputs.iter().copied().chain(config.topics.outputs().map(|(_, name)| name)).collect();
    let mut described = admin.describe(&names)?;
    let missing: Vec<&str> = names.iter().copied().filter(|name| !described.contains_key(*name)).collect();
    if !missing.is_empty() && config.create_topics {
        let plan = TopicPlan { inputs: &inputs, journal: Some(&config.topics.journal) };
        described = admin.create(&missing, plan, &described, &names)?;
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
    warn_of_compacted_input(config, &described, &mut warnings);
    refuse_all("topics", &problems)?;
    let limits = limits_of(config, &described, ceiling);
    let created = if config.create_topics { missing.into_iter().map(str::to_owned).collect() } else { Vec::new() };
    Ok(CheckedTopics { limits, warnings, created })
}

fn limits_of(config: &KafkaConfig, described: &TopicDescriptions, ceiling: usize) -> TopicLimits {
    let limit = |name: &str| described.get(name).map_or(MESSAGE_BYTES_DEFAULT, TopicDescription::message_bytes_max).min(ceiling);
    TopicLimits::new(Channel::ALL.map(|channel| limit(config.topics.of(channel))), limit(&config.topics.journal))
}

/// Reads the limits of the outputs again: somebody may have changed them.
pub(super) fn read_limits(config: &KafkaConfig) -> Result<TopicLimits, Error> {
    let names: BTreeSet<&str> = config.topics.outputs().map(|(_, name)| name).collect();
    let described = TopicAdmin::new(config)?.describe(&names)?;
    Ok(limits_of(config, &described, message_bytes_ceiling(config, &mut Vec::new())))
}

/// Checks the topics of a forwarder, and returns the most bytes that every one of `outputs` takes.
/// Inputs must be there, and outputs too unless `create_topics` says that they are made. An output
/// must take whatever an input takes: a record that cannot be passed on would hold up everything
/// behind it.
pub(super) fn forwarded_bytes_max(config: &KafkaConfig, inputs: &[&str], outputs: &[&str]) -> Result<usize, Error> {
    let admin = TopicAdmin::new(config)?;
    let names = inputs.iter().chain(outputs).copied().collect();
    let mut described = admin.describe(&names)?;
    let lacking: Vec<&str> = outputs.iter().copied().filter(|name| !described.contains_key(*name)).collect();
    if !lacking.is_empty() && config.create_topics && inputs.iter().all(|name| described.contains_key(*name)) {
        described = admin.create(&lacking, TopicPlan { inputs, journal: None }, &described, &names)?;
    }
    let missing = names.iter().filter(|name| !described.contains_key(**name));
    refuse_all("topics", &missing.map(|name| format!("{name}: there is no such topic")).collect::<Vec<_>>())?;
    let limit = |name: &&str| described.get(*name).map(TopicDescription::message_bytes_max);
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

/// Checks the one input topic of a publisher, and makes it if it is missing and `create_topics`
/// says so. Other topics are not looked at: a publisher need not have a right to them.
///
/// # Errors
/// As [`check_topics`].
pub(super) fn check_input(config: &KafkaConfig, topic: &str) -> Result<TopicLimits, Error> {
    config.check()?;
    probe_brokers(config)?;
    let admin = TopicAdmin::new(config)?;
    let names = BTreeSet::from([topic]);
    let mut described = admin.describe(&names)?;
    if described.is_empty() && config.create_topics {
        described = admin.create(&[topic], TopicPlan { inputs: &[topic], journal: None }, &described, &names)?;
    }
    let mut problems = Vec::new();
    let ceiling = message_bytes_ceiling(config, &mut problems);
    if described.is_empty() {
        problems.push(format!("{topic}: there is no such topic, and kafka.create_topics is false"));
    }
    refuse_all("topics", &problems)?;
    let bytes = described.get(topic).map_or(MESSAGE_BYTES_DEFAULT, TopicDescription::message_bytes_max);
    Ok(TopicLimits::uniform(bytes.min(ceiling)))
}

/// Returns the user's own limit on produced records, or no limit. One that is no number is a
/// problem.
fn message_bytes_ceiling(config: &KafkaConfig, problems: &mut Vec<String>) -> usize {
    let limit = config.client.get("message.max.bytes").and_then(ClientProperty::value);
    match limit.map(|text| (text, text.parse::<usize>())) {
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
    topic: &TopicDescription,
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

fn warn_of_large_input(config: &KafkaConfig, described: &TopicDescriptions, ceiling: usize, warnings: &mut Vec<String>) {
    let output = described.get(&config.topics.clean).map_or(usize::MAX, TopicDescription::message_bytes_max).min(ceiling);
    for name in &config.topics.input {
        let input = described.get(name).map_or(0, TopicDescription::message_bytes_max);
        if input > output {
            let clean = &config.topics.clean;
            warnings.push(format!(
                "{name} takes records of {input} bytes, {clean} only of {output}: larger ones become dead letters"
            ));
        }
    }
}

fn warn_of_compacted_input(config: &KafkaConfig, described: &TopicDescriptions, warnings: &mut Vec<String>) {
    let is_compacted = |name: &&String| {
        let policy = described.get(name.as_str()).and_then(|topic| topic.settings.get("cleanup.policy"));
        policy.is_some_and(|policy| policy.contains("compact"))
    };
    warnings.extend(config.topics.input.iter().filter(is_compacted).map(|name| {
        format!(
            "{name} is compacted: of records with the same key only the last one is sure to be read, and after a kill the state \
             may need a record that the cleaner has removed; expected cleanup.policy=delete"
        )
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(partitions: usize, replicas: usize, settings: &[(&str, &str)], journal: bool) -> (Vec<String>, Vec<String>) {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let topic = TopicDescription { partitions, replicas, settings };
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
}
