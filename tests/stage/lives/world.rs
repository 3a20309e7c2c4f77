//! What was produced in a life, and what has become of it outside of the stage?
//!
//! This is what the oracle knows. Every record has a place, and a document has an id that no other
//! one has, whatever topic is made anew at the same place.

use std::{collections::BTreeSet, time::UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::{
    broker::{Client, Message, unique},
    random::Random,
    stream,
};

use crate::group::renamed;

/// Publishers that one version of the rules or another denies.
pub(super) const DENIED: usize = 4;
/// Keys of a compacted topic: few, so that its cleaner has work.
const KEYS: usize = 12;
const PARTITIONS_MAX: usize = 4;
const MINUTE_MS: usize = 60_000;

/// What has become of a record outside of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there, so it must be decided.
    Due,
    /// It was removed by retention. If it was not decided before, the stage must tell that it is lost.
    Removed,
    /// It was removed by retention when nothing of its partition had been read.
    RemovedUnseen,
    /// Its topic was deleted.
    Gone,
}

/// A record.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// `topic/partition/offset`.
    pub(super) position: String,
    topic: usize,
    pub(super) partition: usize,
    pub(super) offset: u64,
    /// How often its topic had been made anew before.
    pub(super) generation: usize,
    /// The id, if it is a document.
    pub(super) id: Option<String>,
    key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
    /// The number of its publisher among those that are denied sometimes.
    pub(super) denied: Option<usize>,
    pub(super) fate: Fate,
}

/// A topic of the input.
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: usize,
    pub(super) is_compacted: bool,
    generation: usize,
    /// The most partitions that a topic of this name had.
    partitions_most: usize,
}

/// The input, and all that was ever in it.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) topics: Vec<Topic>,
    pub(super) sent: Vec<Sent>,
    seed: u64,
    batches: u64,
}

impl World {
    pub(super) fn new(client: &Client, seed: u64) -> Self {
        Self { client: client.clone(), topics: Vec::new(), sent: Vec::new(), seed, batches: 0 }
    }

    /// Makes a topic; returns its number.
    pub(super) fn add_topic(&mut self, partitions: usize, is_compacted: bool) -> usize {
        let topic = Topic { name: unique("crawl"), partitions, is_compacted, generation: 0, partitions_most: partitions };
        self.create(&topic);
        self.topics.push(topic);
        self.topics.len() - 1
    }

    fn create(&self, topic: &Topic) {
        let mut settings = vec![("max.message.bytes", "4000000")];
        if topic.is_compacted {
            settings.extend([
                // So that records can be deleted as well.
                ("cleanup.policy", "compact,delete"),
                ("segment.ms", "200"),
                ("min.cleanable.dirty.ratio", "0.01"),
                ("max.compaction.lag.ms", "200"),
            ]);
        }
        self.client.create_topic(&topic.name, i32::try_from(topic.partitions).expect("few"), &settings);
    }

    /// Produces about `documents` records to a topic, some of them in a transaction, behind one that
    /// is aborted.
    pub(super) fn produce(&mut self, random: &mut Random, topic: usize, documents: usize) {
        self.batches += 1;
        let batch = self.seed % 1_000_000 * 1_000 + self.batches;
        let Topic { name, partitions, is_compacted, generation, .. } = &self.topics[topic];
        let mut lines = stream::lines(batch, documents, *partitions);
        for number in 0..DENIED {
            lines[random.below(*partitions)].push(denied(batch, number));
        }
        let ends: Vec<i64> = (0..*partitions).map(|id| self.client.extent(name, id as i32).1).collect();
        let is_transaction = random.one_in(4);
        let time_ms = random.one_in(3).then(|| by_another_clock(random));
        let aborted = if is_transaction { 1 + random.below(3) } else { 0 };
        let (mut messages, mut sent) = (Vec::new(), Vec::new());
        for (partition, lines) in lines.into_iter().enumerate() {
            // The aborted records and their marker come first, in partition 0.
            let skipped = if partition == 0 && aborted > 0 { aborted as u64 + 1 } else { 0 };
            for (n, line) in lines.into_iter().enumerate() {
                let value = renamed(line, batch);
                let offset = ends[partition] as u64 + skipped + n as u64;
                let key = is_compacted.then(|| format!("k{}", random.below(KEYS)).into_bytes());
                let fields: Value = serde_json::from_slice(&value).unwrap_or_default();
                let denied = fields["url"].as_str().and_then(|url| url.strip_prefix("https://denied"));
                sent.push(Sent {
                    position: format!("{name}/{partition}/{offset}"),
                    topic,
                    partition,
                    offset,
                    generation: *generation,
                    id: fields["id"].as_str().map(str::to_owned),
                    key: key.clone(),
                    value: value.clone(),
                    denied: denied.and_then(|rest| rest.split('.').next()?.parse().ok()),
                    fate: Fate::Due,
                });
                messages.push(Message { key, time_ms, ..Message::to(partition as i32, value) });
            }
        }
        if is_transaction {
            let id = unique("crawler");
            let nothing: Vec<_> =
                (0..aborted).map(|_| Message { key: Some(b"k0".to_vec()), ..Message::to(0, "aborted") }).collect();
            self.client.produce_in_transaction(&id, name, &nothing, false);
            self.client.wait_stable(name);
            self.client.produce_in_transaction(&id, name, &messages, true);
            self.client.wait_stable(name);
        } else {
            self.client.produce(name, &messages);
        }
        self.sent.extend(sent);
    }

    /// Gives a topic one partition more; false if it has enough.
    pub(super) fn grow(&mut self, topic: usize) -> bool {
        let topic = &mut self.topics[topic];
        if topic.partitions == PARTITIONS_MAX {
            return false;
        }
        topic.partitions += 1;
        topic.partitions_most = topic.partitions_most.max(topic.partitions);
        self.client.grow_topic(&topic.name, topic.partitions as i32);
        true
    }

    /// Gives topics that were made anew with fewer partitions as many as they had.
    pub(super) fn grow_as_before(&mut self) {
        for topic in self.topics.iter_mut().filter(|topic| topic.partitions < topic.partitions_most) {
            topic.partitions = topic.partitions_most;
            self.client.grow_topic(&topic.name, topic.partitions as i32);
        }
    }

    /// Deletes a topic and makes it anew.
    pub(super) fn make_anew(&mut self, topic: usize, partitions: usize) {
        self.client.delete_topic(&self.topics[topic].name);
        for sent in self.sent.iter_mut().filter(|sent| sent.topic == topic) {
            sent.fate = Fate::Gone;
        }
        let anew = &mut self.topics[topic];
        (anew.partitions, anew.generation) = (partitions, anew.generation + 1);
        anew.partitions_most = anew.partitions_most.max(partitions);
        self.create(&self.topics[topic]);
    }

    /// Removes a share of a partition's records, as retention does; `decided` are the ids and
    /// positions that were decided before. Returns the offset before which all are gone.
    pub(super) fn retain(&mut self, random: &mut Random, topic: usize, decided: &BTreeSet<String>) -> (usize, i64) {
        let Topic { name, partitions, .. } = &self.topics[topic];
        let partition = random.below(*partitions);
        let (low, high) = self.client.extent(name, partition as i32);
        let before = low + random.below((high - low) as usize + 1) as i64;
        self.client.delete_records(name, partition as i32, before);
        let is_there = |sent: &Sent| sent.topic == topic && sent.partition == partition && sent.fate != Fate::Gone;
        // Ids alone are those of this generation of the topic.
        let was_read = self.sent.iter().any(|sent| is_there(sent) && sent.id.as_ref().is_some_and(|id| decided.contains(id)));
        for sent in self.sent.iter_mut().filter(|sent| is_there(sent) && (sent.offset as i64) < before) {
            sent.fate = match sent.fate {
                Fate::Due if was_read => Fate::Removed,
                Fate::Due => Fate::RemovedUnseen,
                fate => fate,
            };
        }
        (partition, before)
    }

    /// Returns whether a cleaner may have removed a record: a later one has its key.
    pub(super) fn may_be_cleaned(&self, sent: &Sent) -> bool {
        let supersedes = |later: &Sent| {
            let place = |sent: &Sent| (sent.topic, sent.generation, sent.partition);
            place(later) == place(sent) && later.offset > sent.offset && later.key == sent.key
        };
        self.topics[sent.topic].is_compacted && self.sent.iter().any(supersedes)
    }
}

impl Sent {
    /// What an output calls it by: its id, or its position if it is no document.
    pub(super) fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.position)
    }
}

/// A time in milliseconds since 1970 by the clock of a crawler that goes wrong: slow by days, though not
/// by so many that retention takes the record, or fast by no more than a broker takes.
fn by_another_clock(random: &mut Random) -> i64 {
    let now = UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64;
    now + random.below(50 * MINUTE_MS) as i64 - if random.one_in(2) { random.below(6 * 24 * 60 * MINUTE_MS) as i64 } else { 0 }
}

/// A page of a publisher that some rules deny.
fn denied(batch: u64, number: usize) -> Vec<u8> {
    let url = format!("https://denied{number}.example/{batch}");
    let text = format!("Report {batch} of office {number} counts {} crates and {} barrels.", batch % 977, batch % 613);
    json!({"id": format!("denied-{batch}-{number}"), "url": url, "text": text}).to_string().into_bytes()
}

/// The publisher that a version of the rules denies.
pub(super) fn denied_by(version: usize) -> usize {
    version % DENIED
}
