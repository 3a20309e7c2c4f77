//! Which records of the input topics come next?
//!
//! Partitions are assigned, never subscribed. They are numbered in the order in which they were
//! found, and one that is found while reading is appended. A record's offset is Kafka's. Offsets
//! without a record (tombstones, markers, aborted records) are passed over: the next record's
//! offset is simply further on, and [`super::input_partitions`] keeps up to where nothing more
//! came.
//!
//! A broker that goes away is no error here: the client comes back by itself, and reading returns
//! nothing meanwhile. An error is what would skip or repeat records: a topic that is gone or was
//! made anew, an offset out of range, rights withdrawn.
//!
//! **State** for each partition at most `buffer_records_max` records or `buffer_bytes_max` bytes,
//! and one record more; in the client at most `prefetch_bytes_max`, and one answer of a broker
//! more. **Cost** one copy of each record.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use rdkafka::{consumer::BaseConsumer, error::KafkaError};

use super::{
    buffer::QueueBounds,
    config::KafkaConfig,
    consumer::{assign, pause, resume, tolerate},
    errors::refuse_all,
    identity::{LastRecord, changed_partitions},
    input_partitions::{InputPartition, InputPartitions},
    lag_meter::LagMeter,
    message::{TakenMessage, take},
    offsets::{CommittedOffset, committed_offsets},
    partition_watch::{Listing, PartitionWatch, list},
    query::{PartitionExtent, PartitionKey},
    receiver::{MessageReceiver, SourceCounts},
    reports::{ReportingConsumer, Reports},
    start_offset::{StartOffset, StartProblem, StartRules, ends_before, start_offset},
};
use crate::{
    error::{Error, ErrorClass},
    limits::Limits,
    position::{Partition, Positions},
    source::{KnownPartition, Limit, Loss, Record, Source},
};

/// Longest wait of [`Source::read`] when there is nothing.
const WAIT: Duration = Duration::from_millis(100);
/// Time between two readings of the client's statistics.
const STATISTICS_EVERY: Duration = Duration::from_millis(500);
/// When nothing more of a run has come for so long, the end of its partition is asked for.
const SHORT_AFTER: Duration = Duration::from_secs(2);
/// A topic or partition that is missing in so many queries in a row is gone. In fewer it may only
/// be unknown to a broker that has just started.
const MISSING_QUERIES: u32 = 3;

/// Reads the input topics.
pub struct KafkaSource {
    config: Arc<KafkaConfig>,
    /// Fetches the records, from the last seek or rest on; made when something is to be read. It must
    /// be polled from then on, else its statistics pile up.
    consumer: Option<ReportingConsumer>,
    is_sought: bool,
    /// Asks for ends of partitions. A question of the client that fetches would wait for its fetches.
    queries: Arc<ReportingConsumer>,
    /// Asks for committed offsets, whether transactions are open or not.
    committed: BaseConsumer,
    watch: PartitionWatch,
    reports: Arc<Reports>,
    names: Vec<String>,
    receiver: MessageReceiver,
    paused: Vec<bool>,
    /// The partition that a re-read waits for. It is not paused, however full its buffer is.
    wanted: Option<usize>,
    /// Whether reading goes on where records are gone.
    accepts_loss: bool,
    /// Where the last seek could not go.
    losses: Vec<Loss>,
    /// Partitions that were made anew, as the user accepts. They begin with their oldest record,
    /// wherever a re-read along the journal comes to.
    anew: Vec<PartitionKey>,
    /// Whether it was said that another tool has set offsets.
    told_of_tool: bool,
    missing: u32,
    statistics_read: Instant,
}

impl KafkaSource {
    /// Connects and lists the partitions. Reading begins with [`Source::seek`]. `limits` bound each
    /// record.
    ///
    /// # Errors
    /// If the configuration is refused, no broker answers or a topic is missing.
    pub fn new(config: &KafkaConfig, limits: Limits) -> Result<Self, Error> {
        config.check()?;
        let config = Arc::new(config.clone());
        let reports = Arc::new(Reports::default());
        let queries = Arc::new(config.group_client(&reports)?);
        let found = list(&queries, &config.topics.input)?;
        let known = found.iter().cloned().collect();
        let watch = PartitionWatch::start(Arc::clone(&queries), config.topics.input.clone(), known, config.metadata_every)?;
        let bounds = QueueBounds { records: config.buffer_records_max.max(1), bytes: config.buffer_bytes_max.max(1) };
        let receiver = MessageReceiver::new(config.format, limits, bounds);
        let now = Instant::now();
        let mut source = Self {
            consumer: None,
            is_sought: false,
            committed: config.offset_client()?,
            config,
            queries,
            watch,
            reports,
            names: Vec::new(),
            receiver,
            paused: Vec::new(),
            wanted: None,
            accepts_loss: false,
            losses: Vec::new(),
            anew: Vec::new(),
            told_of_tool: false,
            missing: 0,
            statistics_read: now,
        };
        source.renumber(found.into_iter().map(|(topic, id)| InputPartition::new(&topic, id, true)).collect());
        Ok(source)
    }

    /// From here on reading goes on at the oldest record where those before it are gone
    /// ([`Source::losses`]), and a re-read goes on without what is gone.
    #[must_use]
    pub fn accepting_loss(mut self, accepts: bool) -> Self {
        self.accepts_loss = accepts;
        self
    }

    /// Returns the table of input partitions, which the committer shares.
    #[must_use]
    pub fn input_partitions(&self) -> Arc<InputPartitions> {
        Arc::clone(&self.receiver.input_partitions)
    }

    /// Returns the offset at which each partition begins; 0 before the first seek.
    #[must_use]
    pub fn beginnings(&self) -> Positions {
        self.receiver.input_partitions.beginnings()
    }

    /// Returns what the group has committed, as positions; `None` if nothing. Before earlier
    /// processes are fenced, one of them may still have a transaction open.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn committed(&self) -> Result<Option<Positions>, Error> {
        let committed = committed_offsets(&*self.queries, &self.keys())?;
        if committed.is_empty() {
            return Ok(None);
        }
        let next = |key: &(String, i32)| committed.get(key).map_or(0, |c| c.position.unwrap_or(c.offset));
        Ok(Some(Positions(self.keys().iter().map(next).collect())))
    }

    /// Makes a meter of how much of the input waits, which may be used on another thread.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn lag_meter(&self) -> Result<LagMeter, Error> {
        LagMeter::new(&self.config, self.input_partitions())
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn counts(&self) -> SourceCounts {
        let transport_errors = self.reports.transport_errors.load(Ordering::Relaxed);
        SourceCounts { transport_errors, ..self.receiver.counts }
    }

    /// Returns the bytes that are buffered and not yet handed over.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.receiver.buffers.bytes()
    }

    fn keys(&self) -> Vec<PartitionKey> {
        self.receiver.input_partitions.keys()
    }

    fn renumber(&mut self, partitions: Vec<InputPartition>) {
        self.names = partitions.iter().map(InputPartition::name).collect();
        self.paused = vec![false; partitions.len()];
        self.receiver.renumber(partitions);
        (self.consumer, self.is_sought) = (None, false);
    }

    /// Begins to fetch every partition, from the earliest offset that may come next, if none is
    /// fetched.
    fn fetch_all(&mut self) -> Result<(), Error> {
        if self.consumer.is_some() {
            return Ok(());
        }
        if !self.is_sought {
            return Err(not_sought());
        }
        let consumer = self.config.consumer(&self.reports)?;
        let keys = self.keys();
        let from = keys.iter().zip(&self.receiver.expected);
        assign(&consumer, from.map(|((topic, id), expected)| (&**topic, *id, *expected)))?;
        self.paused.fill(false);
        self.reports.forget_fetched();
        self.consumer = Some(consumer);
        Ok(())
    }

    fn consumer(&self) -> Result<&ReportingConsumer, Error> {
        self.consumer.as_ref().ok_or_else(not_sought)
    }

    /// Takes one message or event. Returns false if there was none.
    fn poll(&mut self, wait: Duration) -> Result<bool, Error> {
        let Some(consumer) = &self.consumer else { return Err(not_sought()) };
        let number = match consumer.poll(wait) {
            None => return Ok(false),
            Some(Ok(message)) => self.receiver.accept(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => None,
            Some(Err(error)) => {
                tolerate(&error, consumer, &self.reports, "an offset of the input", "while reading")?;
                None
            }
        };
        if let Some(number) = number
            && self.receiver.buffers.is_full(number)
            && self.wanted != Some(number)
            && !mem::replace(&mut self.paused[number], true)
        {
            self.receiver.counts.pauses += 1;
            self.switch(number, pause)?;
        }
        Ok(true)
    }

    fn switch(&self, number: usize, change: impl Fn(&ReportingConsumer, &str, i32) -> Result<(), Error>) -> Result<(), Error> {
        match self.keys().get(number) {
            Some((topic, id)) => change(self.consumer()?, topic, *id),
            None => Ok(()),
        }
    }

    /// Fetches paused partitions again that have room, or that a re-read waits for.
    fn resume_paused(&mut self) -> Result<(), Error> {
        for number in 0..self.paused.len() {
            let due = self.receiver.buffers.has_room(number) || self.wanted == Some(number);
            if self.paused[number] && due {
                self.switch(number, resume)?;
                self.paused[number] = false;
                self.reports.forget_fetched_of(&self.receiver.input_partitions.keys()[number]);
            }
        }
        Ok(())
    }

    /// Finds new partitions, and reads from the statistics which ends were reached, each when it is
    /// due.
    fn refresh(&mut self) -> Result<(), Error> {
        self.fetch_all()?;
        if self.statistics_read.elapsed() >= STATISTICS_EVERY {
            self.statistics_read = Instant::now();
            self.receiver.pass_over(&self.reports, &self.paused);
        }
        match self.watch.newest() {
            Some(listing) => self.take_new_partitions(listing),
            None => Ok(()),
        }
    }

    fn take_new_partitions(&mut self, listing: Result<Listing, Error>) -> Result<(), Error> {
        let found: BTreeMap<PartitionKey, Option<u64>> = match listing {
            Ok(found) => found.into_iter().collect(),
            Err(Error::Changed(why)) => return self.miss(why),
            Err(Error::Broker { class: ErrorClass::Retriable, reason, .. }) => {
                tracing::warn!(reason, "no metadata of the input topics; reading goes on with the partitions known");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let known: BTreeSet<PartitionKey> = self.keys().into_iter().collect();
        if let Some((topic, id)) = known.iter().find(|key| !found.contains_key(*key)) {
            return self.miss(missing_partition(topic, *id));
        }
        self.missing = 0;
        let new = found.into_iter().filter_map(|(key, low)| low.filter(|_| !known.contains(&key)).map(|low| (key, low)));
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        assign(self.consumer()?, new.iter().map(|((topic, id), low)| (&**topic, *id, *low)))?;
        for ((topic, id), low) in &new {
            tracing::info!(topic, partition = id, offset = low, "a new input partition");
            self.receiver.grow(topic, *id, *low);
            self.names.push(format!("{topic}/{id}"));
            self.paused.push(false);
        }
        Ok(())
    }

    fn miss(&mut self, why: String) -> Result<(), Error> {
        self.missing += 1;
        if self.missing >= MISSING_QUERIES { Err(Error::Changed(why)) } else { Ok(()) }
    }

    /// Tells whether a partition is another one than was read before, and nothing of it was read.
    fn is_anew(&self, partition: Partition) -> bool {
        let is_it = |key: PartitionKey| self.anew.contains(&key);
        self.losses.iter().any(|loss| loss.partition == partition && loss.to < loss.from)
            || self.accepts_loss && self.keys().into_iter().nth(partition as usize).is_some_and(is_it)
    }

    /// Returns where a partition ends, if that is before `expected`.
    fn end_before(&self, number: usize, expected: u64) -> Result<Option<u64>, Error> {
        let Some((topic, id)) = self.keys().into_iter().nth(number) else { return Ok(None) };
        let high = PartitionExtent::of(&self.queries, &topic, id)?.high;
        Ok(Some(high).filter(|high| *high < expected))
    }

    /// Returns the partitions whose last record before `positions` is another one now. Each is
    /// compared once, when its process begins.
    fn made_anew(&mut self, positions: &Positions, extents: &[PartitionExtent]) -> Result<Vec<PartitionKey>, Error> {
        let mut last = BTreeMap::new();
        for (number, (partition, extent)) in self.receiver.input_partitions.lock().iter_mut().zip(extents).enumerate() {
            let before = positions.next(number as Partition).checked_sub(1);
            if let (Some(digest), Some(offset)) = (partition.last.take(), before)
                && (extent.low..extent.high).contains(&offset)
            {
                last.insert(partition.key(), LastRecord { offset, digest });
            }
        }
        let (format, limits) = (self.config.format, &self.receiver.limits);
        changed_partitions(&self.config, &self.reports, last, |message| match take(message, format, limits) {
            TakenMessage::Record { payload, .. } => Some(payload.digest()),
            TakenMessage::Tombstone => None,
        })
    }

    /// Returns where each partition is read from when the engine stands at `positions`. All
    /// problems come in one error.
    fn begin(&mut self, positions: &Positions, extents: &[PartitionExtent]) -> Result<Vec<StartOffset>, Error> {
        // Open transactions do not matter: the texts beside the offsets were decided before them.
        let committed = committed_offsets(&self.committed, &self.keys())?;
        let (mut begins, mut changes, mut without) = (Vec::new(), Vec::new(), Vec::new());
        let partitions = self.receiver.input_partitions.lock().clone();
        for (number, (partition, &extent)) in partitions.iter().zip(extents).enumerate() {
            let committed = committed.get(&partition.key()).copied();
            let position = positions.next(number as Partition);
            if position > 0
                && !self.told_of_tool
                && let Some(CommittedOffset { offset, begin: None, .. }) = committed
            {
                let partition = partition.name();
                tracing::warn!(
                    partition,
                    offset,
                    position,
                    "another tool has set the group's offsets; the state's positions count"
                );
                self.told_of_tool = true;
            }
            if position > 0 && self.anew.contains(&partition.key()) {
                if self.accepts_loss {
                    begins.push(StartOffset { beginning: extent.low, at: extent.low, lost_from: Some(position) });
                } else {
                    changes.push(format!(
                        "{} holds another record at offset {} than was read there: the topic was made anew; --accept-loss takes it \
                         for a new topic and reads it from its oldest record on",
                        partition.name(),
                        position - 1
                    ));
                }
                continue;
            }
            let rules = StartRules { start: self.config.start, accepts_loss: self.accepts_loss };
            match start_offset(partition, position, extent, committed, rules) {
                Ok(begin) => begins.push(begin),
                Err(StartProblem::NoStart) => without.push(partition.name()),
                Err(StartProblem::Changed(why)) => changes.push(why),
            }
        }
        if !without.is_empty() {
            let why = "nothing is committed: kafka.start says where to begin, expected \"earliest\" or \"latest\"";
            refuse_all("the Kafka configuration", &[format!("group {}, {}: {why}", self.config.group, without.join(", "))])?;
        }
        if changes.is_empty() { Ok(begins) } else { Err(Error::Changed(changes.join("; "))) }
    }
}

fn not_sought() -> Error {
    Error::Refused("read: the source has not been sought".to_owned())
}

/// What is said of an input partition that is gone.
fn missing_partition(topic: &str, id: i32) -> String {
    format!(
        "the input partition {topic}/{id} is not there any more; make it again: the topic {topic} needs at least {} partitions, as \
         it had when it was read",
        id + 1
    )
}

impl Source for KafkaSource {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    fn known_partitions(&self) -> Vec<KnownPartition> {
        let partitions = self.receiver.input_partitions.lock();
        let known = |partition: &InputPartition| KnownPartition {
            name: partition.name(),
            beginning: partition.beginning,
            last: partition.last,
        };
        partitions.iter().map(known).collect()
    }

    /// Keeps the numbers of an earlier run, and its beginnings. Partitions that are not among
    /// `known` were found later: without a position they are read from their oldest record.
    fn keep_numbers(&mut self, known: &[KnownPartition]) -> Result<(), Error> {
        let mut left = mem::take(&mut *self.receiver.input_partitions.lock());
        let all = left.clone();
        let mut partitions = Vec::with_capacity(left.len());
        for KnownPartition { name, beginning, last } in known {
            let Some(at) = left.iter().position(|partition| partition.name() == *name) else {
                self.renumber(all);
                let place = name.rsplit_once('/').and_then(|(topic, id)| Some((topic, id.parse().ok()?)));
                let ours = place.filter(|(topic, _)| self.config.topics.input.iter().any(|of| of == topic));
                return Err(Error::Changed(match ours {
                    Some((topic, id)) => missing_partition(topic, id),
                    None => format!(
                        "the input partition {name} was read before, and kafka.topics.input names its topic no more; put it back: \
                         a topic to which nothing is written costs nothing"
                    ),
                }));
            };
            let partition = left.remove(at);
            partitions.push(InputPartition {
                first: true,
                beginning: beginning.or(partition.beginning),
                last: *last,
                ..partition
            });
        }
        let first = known.is_empty();
        // Of those that were found later, `kafka.start` may have been asked before it was known that they were.
        partitions.extend(left.into_iter().map(|partition| InputPartition {
            first: partition.first && first,
            beginning: partition.beginning.filter(|_| first || !partition.first),
            ..partition
        }));
        self.renumber(partitions);
        Ok(())
    }

    fn seek(&mut self, positions: &Positions) -> Result<(), Error> {
        if let Some(beyond) = positions.0.iter().skip(self.names.len()).find(|next| **next > 0) {
            let (got, expected) = (self.names.len(), positions.0.len());
            return Err(Error::Changed(format!(
                "the input has {got} partitions, expected {expected}, the last of them at {beyond} or less"
            )));
        }
        let extents = PartitionExtent::of_all(&self.queries, &self.keys())?;
        let anew = self.made_anew(positions, &extents)?;
        self.anew.extend(anew);
        let begins = self.begin(positions, &extents)?;
        self.receiver.buffers.reset(self.names.len());
        self.wanted = None;
        self.losses.clear();
        for (number, (partition, begin)) in self.receiver.input_partitions.lock().iter_mut().zip(&begins).enumerate() {
            self.losses.extend(begin.lost_from.map(|from| Loss { partition: number as Partition, from, to: begin.at }));
            partition.beginning = Some(begin.beginning);
            (partition.behind, partition.passed) = (positions.next(number as Partition), begin.at);
            self.receiver.expected[number] = begin.at;
        }
        // The one before must be gone before a new one reports.
        (self.consumer, self.is_sought) = (None, true);
        Ok(())
    }

    fn rest(&mut self) {
        self.consumer = None;
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
    }

    fn set_made_anew(&mut self, partition: Partition, is_anew: bool) {
        if let Some(key) = self.keys().into_iter().nth(partition as usize) {
            self.anew.retain(|of| *of != key);
            self.anew.extend(is_anew.then_some(key));
        }
    }

    /// Returns what has arrived at once. If nothing has, it waits 100 ms for something; the result
    /// may be empty.
    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        self.refresh()?;
        self.anew.clear();
        self.wanted = None;
        self.resume_paused()?;
        let deadline = Instant::now() + WAIT;
        while !self.receiver.buffers.is_enough(limit) {
            let nothing = self.receiver.buffers.records() == 0;
            let wait = if nothing { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let came = self.poll(wait)?;
            if !came && (!nothing || wait.is_zero()) {
                break;
            }
        }
        Ok(self.receiver.buffers.take(limit))
    }

    /// Waits until the partition is read up to the end of `offsets`, but no longer than
    /// `run_timeout` for anything to come.
    fn read_run(&mut self, partition: Partition, offsets: Range<u64>) -> Result<Vec<Record>, Error> {
        let number = partition as usize;
        let name = self.names.get(number).cloned();
        let name = name.ok_or_else(|| Error::Changed(format!("the input has no partition number {partition}")))?;
        if self.is_anew(partition) {
            return Ok(Vec::new());
        }
        self.refresh()?;
        self.wanted = Some(number);
        self.resume_paused()?;
        let (mut passed, mut since, mut looked) = (0, Instant::now(), false);
        loop {
            self.refresh()?;
            let now = self.receiver.input_partitions.lock()[number].passed;
            if now >= offsets.end {
                break;
            }
            if now > passed {
                (passed, since, looked) = (now, Instant::now(), false);
            }
            let is_over = since.elapsed() >= self.config.run_timeout;
            if is_over || !looked && since.elapsed() >= SHORT_AFTER {
                looked = true;
                if let Some(high) = self.end_before(number, offsets.end)? {
                    if self.accepts_loss {
                        self.set_made_anew(partition, true);
                        break;
                    }
                    return Err(Error::Changed(ends_before(&name, high, offsets.end)));
                }
            }
            if is_over {
                if self.accepts_loss {
                    break;
                }
                let (end, waited) = (offsets.end, self.config.run_timeout.as_secs_f32());
                return Err(Error::Broker {
                    action: "read again along the journal",
                    class: ErrorClass::Abortable,
                    reason: format!("{name} gave records to offset {now}, expected to {end}, and no more came in {waited} s"),
                });
            }
            self.poll(WAIT)?;
        }
        Ok(self.receiver.buffers.take_before(partition, offsets.end))
    }
}
