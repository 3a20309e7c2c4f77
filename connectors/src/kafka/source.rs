//! Records of Kafka's partitions, in runs.
//!
//! Partitions are assigned, never subscribed. Their numbers are the order in which they were found; one found while reading
//! is appended. A record's offset is Kafka's. What has no record (tombstones, markers, aborted records) is passed over: the
//! next record's offset is simply further on, and [`super::numbering`] keeps how far nothing more came.
//!
//! A broker that goes away is no error here: the client comes back by itself, meanwhile reading gives nothing. An error is
//! what would skip or repeat records: a topic that is gone or was made anew, an offset out of range, rights withdrawn.
//!
//! **State** per partition at most `buffer_records_max` records or `buffer_bytes_max` bytes and one record more; in the client
//! at most `prefetch_bytes_max` and one answer of a broker more. **Cost** one copy a record.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use rdkafka::{
    Message, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::BorrowedMessage,
    metadata::{MetadataPartition, MetadataTopic},
    topic_partition_list::Offset,
};

use super::{
    buffer::{Bounds, Buffers},
    client::{Reading, Reports},
    config::{KafkaConfig, refuse},
    errors::{self, Call, Outcome},
    message::{Taken, take},
    numbering::{Entry, Numbering},
    offsets,
    start::{Extent, Problem, look, resolve},
};
use crate::{
    error::Error,
    position::{Partition, Position, Positions},
    source::{Limit, Record, Source},
};

/// How long [`Source::read`] waits when there is nothing.
const WAIT: Duration = Duration::from_millis(100);
/// How often the client's statistics are looked at.
const STATISTICS_EVERY: Duration = Duration::from_millis(500);
/// So many statistics after an assignment may still speak of the one before.
const STATISTICS_STALE: u32 = 4;
/// A topic or partition that is missing so often in a row is gone; a broker that has just started may not know it yet.
const MISSING_LOOKS: u32 = 3;

/// What a source has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Null values passed over.
    pub tombstones: u64,
    /// Headers left out since their names are no text.
    pub headers_lost: u64,
    /// Messages that came from before the place being read: dropped.
    pub stale: u64,
    /// Times that a partition was paused since its buffer was full.
    pub pauses: u64,
    /// Errors that the client recovered from by itself.
    pub transport_errors: u64,
}

/// Reads the input topics.
pub struct KafkaSource {
    config: Arc<KafkaConfig>,
    consumer: Reading,
    reports: Arc<Reports>,
    names: Vec<String>,
    intake: Intake,
    paused: Vec<bool>,
    /// Not paused however full: a re-read waits for its records.
    wanted: Option<usize>,
    assigned: bool,
    looked: Instant,
    missing: u32,
    statistics_looked: Instant,
    statistics: u32,
}

/// Where messages go.
struct Intake {
    config: Arc<KafkaConfig>,
    numbering: Arc<Numbering>,
    numbers: BTreeMap<String, BTreeMap<i32, usize>>,
    /// The earliest offset that may come next.
    expected: Vec<u64>,
    buffers: Buffers,
    counts: SourceCounts,
}

impl KafkaSource {
    /// Connects and lists the partitions. Reading begins with [`Source::seek`].
    ///
    /// # Errors
    /// If the configuration is refused, no broker answers or a topic is missing.
    pub fn new(config: &KafkaConfig) -> Result<Self, Error> {
        config.check()?;
        let config = Arc::new(config.clone());
        let reports = Arc::new(Reports::default());
        let consumer = config.consumer(&reports)?;
        let bounds = Bounds { records: config.buffer_records_max.max(1), bytes: config.buffer_bytes_max.max(1) };
        let intake = Intake {
            config: Arc::clone(&config),
            numbering: Arc::default(),
            numbers: BTreeMap::new(),
            expected: Vec::new(),
            buffers: Buffers::new(bounds),
            counts: SourceCounts::default(),
        };
        let now = Instant::now();
        let mut source = Self {
            config,
            consumer,
            reports,
            names: Vec::new(),
            intake,
            paused: Vec::new(),
            wanted: None,
            assigned: false,
            looked: now,
            missing: 0,
            statistics_looked: now,
            statistics: 0,
        };
        let found = source.list()?;
        source.renumber(found.into_iter().map(|(topic, id)| Entry::new(&topic, id, true)).collect());
        Ok(source)
    }

    /// The numbering, for the committer.
    #[must_use]
    pub fn numbering(&self) -> Arc<Numbering> {
        Arc::clone(&self.intake.numbering)
    }

    /// Offset at which each partition begins; 0 before the first seek.
    #[must_use]
    pub fn beginnings(&self) -> Positions {
        self.intake.numbering.beginnings()
    }

    /// What the group has committed, as positions; `None` if nothing. Ask after the fence, else a transaction may be open.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn committed(&self) -> Result<Option<Positions>, Error> {
        let committed = offsets::fetch(&self.consumer, &self.keys())?;
        if committed.is_empty() {
            return Ok(None);
        }
        let next = |key: &(String, i32)| committed.get(key).map_or(0, |c| c.position.unwrap_or(c.offset));
        Ok(Some(Positions(self.keys().iter().map(next).collect())))
    }

    /// Records of each partition that are committed and were not handed over yet; `None` while not known.
    #[must_use]
    pub fn lag(&self) -> Vec<(&str, Option<u64>)> {
        let entries = self.intake.numbering.lock();
        let numbered = self.names.iter().zip(entries.iter()).enumerate();
        let lag = numbered.map(|(number, (name, entry))| {
            let held = self.intake.buffers.held(number as Partition) as u64;
            let fetched = self.reports.fetched(&entry.topic, entry.id);
            let ahead = fetched.and_then(|f| f.high).map(|high| high.saturating_sub(entry.passed));
            (name.as_str(), ahead.map(|ahead| ahead + held))
        });
        lag.collect()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> SourceCounts {
        let transport_errors = self.reports.transport_errors.load(Ordering::Relaxed);
        SourceCounts { transport_errors, ..self.intake.counts }
    }

    /// Bytes held and not yet handed over.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.intake.buffers.bytes()
    }

    fn keys(&self) -> Vec<(String, i32)> {
        self.intake.numbering.lock().iter().map(|entry| (entry.topic.clone(), entry.id)).collect()
    }

    /// Every partition of the input topics, in the order of topics and partitions.
    fn list(&self) -> Result<Vec<(String, i32)>, Error> {
        let mut found = Vec::new();
        for topic in &self.config.topics.input {
            let metadata = look(|timeout| self.consumer.fetch_metadata(Some(topic), timeout))?;
            let topics = metadata.topics().iter().filter(|of| of.name() == topic && of.error().is_none());
            let mut ids: Vec<i32> = topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
            if ids.is_empty() {
                return Err(Error::Changed(format!("the input topic {topic} is not there")));
            }
            ids.sort_unstable();
            found.extend(ids.into_iter().map(|id| (topic.clone(), id)));
        }
        Ok(found)
    }

    fn renumber(&mut self, entries: Vec<Entry>) {
        self.names = entries.iter().map(Entry::name).collect();
        self.intake.numbers.clear();
        for (number, entry) in entries.iter().enumerate() {
            self.intake.numbers.entry(entry.topic.clone()).or_default().insert(entry.id, number);
        }
        self.intake.expected = vec![0; entries.len()];
        self.intake.buffers.reset(entries.len());
        self.paused = vec![false; entries.len()];
        *self.intake.numbering.lock() = entries;
        self.assigned = false;
    }

    /// Fetches every partition from the earliest offset that may come next.
    fn assign(&mut self) -> Result<(), Error> {
        let failed = |error| errors::failed(Call::Read, &error, None);
        let mut list = TopicPartitionList::new();
        for ((topic, id), &expected) in self.keys().iter().zip(&self.intake.expected) {
            let offset = Offset::Offset(i64::try_from(expected).unwrap_or(i64::MAX));
            list.add_partition_offset(topic, *id, offset).map_err(failed)?;
        }
        self.consumer.assign(&list).map_err(failed)?;
        self.paused.fill(false);
        self.assigned = true;
        self.statistics = 0;
        self.reports.forget_fetched();
        Ok(())
    }

    /// Takes one message or event; false if there was none.
    fn poll(&mut self, wait: Duration) -> Result<bool, Error> {
        let number = match self.consumer.poll(wait) {
            None => return Ok(false),
            Some(Ok(message)) => self.intake.accept(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => None,
            Some(Err(error)) => {
                self.forgive(&error)?;
                None
            }
        };
        if let Some(number) = number
            && self.intake.buffers.is_full(number)
            && self.wanted != Some(number)
            && !mem::replace(&mut self.paused[number], true)
        {
            self.intake.counts.pauses += 1;
            self.switch(number, Consumer::pause)?;
        }
        Ok(true)
    }

    /// Counts an error that the client recovers from; any other ends reading.
    fn forgive(&self, error: &KafkaError) -> Result<(), Error> {
        match (error.rdkafka_error_code(), errors::classify(Call::Read, error)) {
            (Some(Code::AutoOffsetReset | Code::OffsetOutOfRange), _) => {
                Err(Error::Changed(format!("an offset of the input is out of range: {error}")))
            }
            (_, Outcome::Retry) => {
                self.reports.transport(error, "while reading");
                Ok(())
            }
            _ => Err(errors::failed(Call::Read, error, self.consumer.client().fatal_error())),
        }
    }

    fn switch(
        &self,
        number: usize,
        change: impl Fn(&Reading, &TopicPartitionList) -> rdkafka::error::KafkaResult<()>,
    ) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        if let Some(entry) = self.intake.numbering.lock().get(number) {
            list.add_partition(&entry.topic, entry.id);
        }
        change(&self.consumer, &list).map_err(|error| errors::failed(Call::Read, &error, None))
    }

    fn resume(&mut self) -> Result<(), Error> {
        for number in 0..self.paused.len() {
            let due = self.intake.buffers.has_room(number) || self.wanted == Some(number);
            if self.paused[number] && due {
                self.switch(number, Consumer::resume)?;
                self.paused[number] = false;
            }
        }
        Ok(())
    }

    /// Looks for new partitions and for the ends that were reached, each when it is due.
    fn look_around(&mut self) -> Result<(), Error> {
        if !self.assigned {
            return Err(Error::Refused("read: the source has not been sought".to_owned()));
        }
        if self.statistics_looked.elapsed() >= STATISTICS_EVERY {
            self.statistics_looked = Instant::now();
            self.statistics += 1;
            if self.statistics > STATISTICS_STALE {
                self.intake.pass_over(&self.reports);
            }
        }
        if self.looked.elapsed() >= self.config.metadata_every {
            self.look_for_partitions()?;
            self.looked = Instant::now();
        }
        Ok(())
    }

    fn look_for_partitions(&mut self) -> Result<(), Error> {
        let found = match self.list() {
            Ok(found) => found,
            Err(Error::Changed(why)) => return self.miss(why),
            Err(Error::Broker { outcome: Outcome::Retry, reason, .. }) => {
                tracing::warn!(reason, "no metadata of the input topics; reading goes on with the partitions known");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(name) = self.keys().iter().find(|key| !found.contains(key)).map(|(topic, id)| format!("{topic}/{id}")) {
            return self.miss(format!("the input partition {name} is not there any more"));
        }
        self.missing = 0;
        let known = self.keys();
        let new: Vec<_> = found.into_iter().filter(|key| !known.contains(key)).collect();
        for (topic, id) in &new {
            let low = Extent::of(&self.consumer, topic, *id)?.low;
            tracing::info!(topic, partition = id, offset = low, "a new input partition");
            self.intake.grow(topic, *id, low);
            self.names.push(format!("{topic}/{id}"));
            self.paused.push(false);
        }
        if new.is_empty() { Ok(()) } else { self.assign() }
    }

    fn miss(&mut self, why: String) -> Result<(), Error> {
        self.missing += 1;
        if self.missing >= MISSING_LOOKS { Err(Error::Changed(why)) } else { Ok(()) }
    }

    /// Where each partition begins when the engine stands at `positions`; all that is wrong at once.
    fn begin(&self, positions: &Positions) -> Result<Vec<super::start::Begin>, Error> {
        // Not bound to transactions that are open: what is written beside the offsets was decided before them.
        let committed = offsets::fetch(&self.config.glancer()?, &self.keys())?;
        let (mut begins, mut changes, mut without) = (Vec::new(), Vec::new(), Vec::new());
        let entries = self.intake.numbering.lock().clone();
        for (number, entry) in entries.iter().enumerate() {
            let extent = Extent::of(&self.consumer, &entry.topic, entry.id)?;
            let committed = committed.get(&(entry.topic.clone(), entry.id)).copied();
            match resolve(entry, positions.next(number as Partition), extent, committed, self.config.start) {
                Ok(begin) => begins.push(begin),
                Err(Problem::NoStart) => without.push(entry.name()),
                Err(Problem::Changed(why)) => changes.push(why),
            }
        }
        if !without.is_empty() {
            let why = "nothing is committed: kafka.start says where to begin, expected \"earliest\" or \"latest\"";
            refuse("the Kafka configuration", &[format!("group {}, {}: {why}", self.config.group, without.join(", "))])?;
        }
        if changes.is_empty() { Ok(begins) } else { Err(Error::Changed(changes.join("; "))) }
    }
}

impl Intake {
    /// Takes a message in; the number of its partition if it became a record.
    fn accept(&mut self, message: &BorrowedMessage<'_>) -> Option<usize> {
        let number = *self.numbers.get(message.topic())?.get(&message.partition())?;
        let offset = u64::try_from(message.offset()).ok()?;
        if offset < self.expected[number] {
            self.counts.stale += 1;
            return None;
        }
        self.expected[number] = offset + 1;
        let taken = take(message, self.config.format, &self.config.limits);
        let mut entries = self.numbering.lock();
        entries[number].passed = offset + 1;
        match taken {
            Taken::Tombstone => {
                self.counts.tombstones += 1;
                None
            }
            Taken::Record { payload, envelope, headers_lost } => {
                entries[number].behind = offset + 1;
                drop(entries);
                self.counts.headers_lost += headers_lost;
                let position = Position { partition: number as Partition, offset };
                self.buffers.push(Record { envelope: Some(Box::new(envelope)), ..Record::new(position, offset, payload) });
                Some(number)
            }
        }
    }

    /// Passes over what the client has found to hold no record.
    fn pass_over(&mut self, reports: &Reports) {
        for entry in self.numbering.lock().iter_mut() {
            if let Some(end) = reports.fetched(&entry.topic, entry.id).and_then(|fetched| fetched.end) {
                entry.passed = entry.passed.max(end);
            }
        }
    }

    fn grow(&mut self, topic: &str, id: i32, low: u64) {
        let mut entries = self.numbering.lock();
        self.numbers.entry(topic.to_owned()).or_default().insert(id, entries.len());
        entries.push(Entry { beginning: Some(low), passed: low, ..Entry::new(topic, id, false) });
        self.expected.push(low);
        self.buffers.grow();
    }
}

impl Source for KafkaSource {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    /// Partitions that are not among `names` were found later: without a position they are read from their oldest record.
    fn keep_numbers(&mut self, names: &[String]) -> Result<(), Error> {
        let mut left = mem::take(&mut *self.intake.numbering.lock());
        let all = left.clone();
        let mut entries = Vec::with_capacity(left.len());
        for name in names {
            let Some(at) = left.iter().position(|entry| entry.name() == *name) else {
                self.renumber(all);
                return Err(Error::Changed(format!("the input partition {name} is not there any more")));
            };
            entries.push(Entry { first: true, ..left.remove(at) });
        }
        let first = names.is_empty();
        entries.extend(left.into_iter().map(|entry| Entry { first: entry.first && first, ..entry }));
        self.renumber(entries);
        Ok(())
    }

    fn seek(&mut self, positions: &Positions) -> Result<(), Error> {
        if let Some(beyond) = positions.0.iter().skip(self.names.len()).find(|next| **next > 0) {
            let (got, expected) = (self.names.len(), positions.0.len());
            return Err(Error::Changed(format!(
                "the input has {got} partitions, expected {expected}, the last of them at {beyond} or less"
            )));
        }
        let begins = self.begin(positions)?;
        self.intake.buffers.reset(self.names.len());
        self.wanted = None;
        for (number, (entry, begin)) in self.intake.numbering.lock().iter_mut().zip(&begins).enumerate() {
            entry.beginning = Some(begin.beginning);
            (entry.behind, entry.passed) = (positions.next(number as Partition), begin.at);
            self.intake.expected[number] = begin.at;
        }
        self.assign()
    }

    /// What has arrived, at once; where nothing has, what arrives within 100 ms; empty if nothing does.
    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        self.look_around()?;
        self.wanted = None;
        self.resume()?;
        let deadline = Instant::now() + WAIT;
        while !self.intake.buffers.is_enough(limit) {
            let nothing = self.intake.buffers.records() == 0;
            let wait = if nothing { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let came = self.poll(wait)?;
            if !came && (!nothing || wait.is_zero()) {
                break;
            }
        }
        Ok(self.intake.buffers.take(limit))
    }

    /// Waits for the records, as long as `run_timeout` without one of them.
    fn read_run(&mut self, partition: Partition, count: usize) -> Result<Vec<Record>, Error> {
        self.look_around()?;
        let number = partition as usize;
        let name = self.names.get(number).cloned();
        let name = name.ok_or_else(|| Error::Changed(format!("the input has no partition number {partition}")))?;
        self.wanted = Some(number);
        self.resume()?;
        let mut held = self.intake.buffers.held(partition);
        let mut since = Instant::now();
        while held < count {
            self.poll(WAIT)?;
            let now = self.intake.buffers.held(partition);
            if now > held {
                (held, since) = (now, Instant::now());
            } else if since.elapsed() >= self.config.run_timeout {
                let waited = self.config.run_timeout.as_secs_f32();
                return Err(Error::Broker {
                    action: "read again along the journal",
                    outcome: Outcome::Abort,
                    reason: format!("{name} gave {held} records, expected {count}, and no more came in {waited} s"),
                });
            }
        }
        Ok(self.intake.buffers.take_of(partition, count))
    }
}
