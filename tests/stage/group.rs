//! A group of processes and its topics.
//!
//! Several groups may read one input. Their positions are then the same, and what they write can be
//! compared byte by byte.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pipeline::journal::Journal;
use tempfile::TempDir;
use testkit::{
    broker::{Client, Message, unique},
    stream::{self, SMALL_CONFIG},
};

use crate::process::{LONG, Process, weir};

/// Added to [`SMALL_CONFIG`]: a snapshot after every 64th document, and so batches of at most 64;
/// heartbeats and takeovers as fast as they can be configured.
const CONFIG: &str = "
engine.threads = 2
state.snapshot_documents = 64
[kafka]
start = \"earliest\"
create_topics = true
heartbeat_ms = 200
takeover_after_seconds = 1
metadata_seconds = 1
";

/// The name of the same configuration without a background.
const WITHOUT_BACKGROUND: &str = "without-background.toml";

/// Returns the path of the configuration of all tests. It lies beside their background in cargo's
/// folder for tests.
fn config() -> &'static Path {
    static CONFIG_PATH: OnceLock<PathBuf> = OnceLock::new();
    CONFIG_PATH.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stage");
        fs::create_dir_all(&home).expect("cargo's folder for tests");
        // Other runs of the suite may read them now: the same bytes, renamed into place.
        let write = |name: &str, bytes: &[u8]| {
            let (path, aside) = (home.join(name), home.join(format!("{name}.{}", std::process::id())));
            fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, &path)).expect("written");
            path
        };
        let background = write("background.weir", &stream::world().background.save());
        write(WITHOUT_BACKGROUND, format!("{SMALL_CONFIG}{CONFIG}").as_bytes());
        write(
            "weir.toml",
            format!("{SMALL_CONFIG}{CONFIG}[background]\npath = {:?}\n", background.display().to_string()).as_bytes(),
        )
    })
}

/// Makes a temporary folder, in memory where the system has such a place: no test here is about
/// disks.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// An input topic and everything that was produced into it.
#[derive(Clone, Debug)]
pub(crate) struct InputTopic {
    pub(crate) client: Client,
    pub(crate) topic: String,
    /// The values by partition and offset; `None` is a tombstone.
    pub(crate) values: Vec<Vec<Option<Vec<u8>>>>,
}

impl InputTopic {
    /// Makes an empty topic.
    pub(crate) fn empty(client: &Client, partitions: usize) -> Self {
        let topic = unique("crawl");
        client.create_topic(&topic, i32::try_from(partitions).expect("few"), &[("max.message.bytes", "4000000")]);
        Self { client: client.clone(), topic, values: vec![Vec::new(); partitions] }
    }

    /// Makes an empty topic on one broker alone.
    pub(crate) fn on(broker: i32, client: &Client, partitions: usize) -> Self {
        let topic = unique("crawl");
        client.create_topic_on(broker, &topic, i32::try_from(partitions).expect("few"));
        Self { client: client.clone(), topic, values: vec![Vec::new(); partitions] }
    }

    /// Makes an empty topic of which the broker keeps some hundred megabytes.
    pub(crate) fn kept_short(client: &Client, partitions: usize) -> Self {
        let topic = unique("crawl");
        keep_short(client, &topic, i32::try_from(partitions).expect("few"));
        Self { client: client.clone(), topic, values: vec![Vec::new(); partitions] }
    }

    /// Makes a topic and produces `documents` documents.
    pub(crate) fn of(client: &Client, seed: u64, documents: usize, partitions: usize) -> Self {
        let mut input = Self::empty(client, partitions);
        input.add(seed, documents);
        input
    }

    /// Produces more documents. Their ids begin with `seed`, so that they are new.
    pub(crate) fn add(&mut self, seed: u64, documents: usize) {
        for (partition, lines) in stream::lines(seed, documents, self.values.len()).into_iter().enumerate() {
            self.add_lines(partition, lines.into_iter().map(|line| renamed(line, seed)));
        }
    }

    /// Produces values.
    pub(crate) fn add_lines(&mut self, partition: usize, lines: impl IntoIterator<Item = Vec<u8>>) {
        let id = i32::try_from(partition).expect("few");
        let messages: Vec<_> = lines.into_iter().map(|line| Message::to(id, line)).collect();
        self.add_messages(partition, &messages);
    }

    /// Produces records of one partition.
    pub(crate) fn add_messages(&mut self, partition: usize, messages: &[Message]) {
        self.client.produce(&self.topic, messages);
        self.values[partition].extend(messages.iter().map(|message| message.value.clone()));
    }

    /// Produces records of one partition, each packed for itself.
    pub(crate) fn add_packed(&mut self, partition: usize, messages: &[Message]) {
        self.client.produce_packed(&self.topic, messages);
        self.values[partition].extend(messages.iter().map(|message| message.value.clone()));
    }

    /// Returns the value at a position.
    pub(crate) fn value(&self, partition: usize, offset: u64) -> &[u8] {
        self.values[partition][offset as usize].as_deref().expect("no tombstone")
    }
}

/// Gives a line's document an id that tells it from those of other seeds.
pub(crate) fn renamed(line: Vec<u8>, seed: u64) -> Vec<u8> {
    match String::from_utf8(line) {
        Ok(text) => text.replacen("\"id\":\"d", &format!("\"id\":\"{seed}-d"), 1).into_bytes(),
        Err(bytes) => bytes.into_bytes(),
    }
}

/// Makes a topic of which the broker keeps some hundred megabytes.
pub(crate) fn keep_short(client: &Client, topic: &str, partitions: i32) {
    client.create_topic(topic, partitions, &[("retention.bytes", "200000000"), ("segment.bytes", "50000000")]);
}

/// A group: its output topics, and a folder of state for each of its processes.
pub(crate) struct Group {
    pub(crate) client: Client,
    pub(crate) name: String,
    input: String,
    home: TempDir,
    config: PathBuf,
    sets: Vec<String>,
    started: AtomicUsize,
}

impl Group {
    pub(crate) fn new(input: &InputTopic, test: &str) -> Self {
        let name = unique(test);
        let of = |key: &str| format!("kafka.topics.{key}={name}.{key}");
        let mut sets: Vec<String> =
            ["clean", "quarantine", "duplicates", "decisions", "recalls", "alarms", "dead_letters", "journal"].map(of).into();
        sets.push(format!("kafka.brokers={}", input.client.address()));
        sets.push(format!("kafka.topics.input=[\"{}\"]", input.topic));
        sets.push(format!("kafka.group={name}"));
        let (client, input) = (input.client.clone(), input.topic.clone());
        Self { client, name, input, home: folder(), config: config().to_owned(), sets, started: AtomicUsize::new(0) }
    }

    /// Makes a group without a background.
    pub(crate) fn without_background(input: &InputTopic, test: &str) -> Self {
        let group = Self::new(input, test);
        Self { config: config().with_file_name(WITHOUT_BACKGROUND), ..group }
    }

    /// Sets a key of the configuration.
    pub(crate) fn with(mut self, set: &str) -> Self {
        self.sets.push(set.to_owned());
        self
    }

    /// Returns the name of an output topic.
    pub(crate) fn topic(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    /// Returns the command `weir run` with a folder of state of this name.
    pub(crate) fn command(&self, state: &str) -> Command {
        self.command_with(state, &[])
    }

    /// Returns the same command with more keys of the configuration.
    pub(crate) fn command_with(&self, state: &str, sets: &[&str]) -> Command {
        let mut command = self.weir(state);
        command.args(sets.iter().flat_map(|set| ["--set", set])).arg("run");
        command
    }

    /// Returns the command `weir settle`, which forwards to the topic `settled`.
    pub(crate) fn settle_command(&self) -> Command {
        let mut command = self.configured();
        let (topic, group) = (self.topic("settled"), self.topic("settle"));
        command.args(["--set", &format!("settle.topic={topic}"), "--set", &format!("settle.group={group}"), "settle"]);
        command
    }

    /// Returns the command `weir` with the group's configuration and a folder of state of this
    /// name.
    pub(crate) fn weir(&self, state: &str) -> Command {
        let mut command = self.configured();
        command.arg("--set").arg(format!("state.directory={}", self.state(state).display()));
        command
    }

    /// Returns the command `weir` with the group's configuration.
    fn configured(&self) -> Command {
        let mut command = weir(["--config".as_ref(), self.config.as_os_str()]);
        // Several processes of a group stand on this machine.
        command.args(["--set", "metrics.listen="]);
        for set in &self.sets {
            command.arg("--set").arg(set);
        }
        command.env("WEIR_LOG", "warn,pipeline=info,connectors=info");
        command
    }

    /// Starts a process.
    pub(crate) fn start(&self, state: &str) -> Process {
        self.begin(self.command(state))
    }

    /// Starts a process that may have to learn everything from the journal.
    pub(crate) fn start_from_journal(&self, state: &str) -> Process {
        let mut command = self.command(state);
        command.arg("--from-journal");
        self.begin(command)
    }

    /// Starts a process with environment variables, such as a kill point or a mutation.
    pub(crate) fn start_with(&self, state: &str, variables: &[(&str, &str)]) -> Process {
        let mut command = self.command(state);
        command.envs(variables.iter().copied());
        self.begin(command)
    }

    /// Starts a command as one of this group's processes.
    pub(crate) fn begin(&self, command: Command) -> Process {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        Process::start(command, &self.home.path().join(format!("log-{number}")))
    }

    /// Returns the folder in which a process keeps its state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("state-{name}"))
    }

    /// Returns how many records of the input were read and committed.
    pub(crate) fn decided(&self) -> u64 {
        let committed = self.client.committed(&self.name, &self.input);
        committed.values().map(|(offset, _)| u64::try_from(*offset).unwrap_or(0)).sum()
    }

    /// Tells whether every record of the input was read and committed.
    pub(crate) fn is_done(&self, input: &InputTopic) -> bool {
        let committed = self.client.committed(&self.name, &self.input);
        let at = |partition: usize| committed.get(&(partition as i32)).map_or(0, |(offset, _)| *offset);
        input.values.iter().enumerate().all(|(partition, values)| at(partition) >= values.len() as i64)
    }

    /// Waits until everything is decided. The process may not end before.
    pub(crate) fn wait_done(&self, input: &InputTopic, process: &mut Process) {
        let begun = Instant::now();
        while !self.is_done(input) {
            let ended = process.ended();
            assert!(ended.is_none(), "ended before the input: {ended:?}: {}", process.log());
            assert!(begun.elapsed() < LONG, "no end: {:?}: {}", self.committed(), process.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn committed(&self) -> impl std::fmt::Debug {
        self.client.committed(&self.name, &self.input)
    }

    /// Runs a process until everything is decided, and then ends it.
    pub(crate) fn finish(&self, input: &InputTopic, state: &str) {
        let mut process = self.start(state);
        self.wait_done(input, &mut process);
        process.stop();
    }

    /// Returns the positions in the order of reading, which the journal records.
    pub(crate) fn reading_order(&self) -> Vec<(usize, u64)> {
        let mut order = Vec::new();
        for record in self.client.consume_all(&self.topic("journal")) {
            for run in Journal::decode(&record.value).expect("a journal record").runs {
                order.extend((run.first..).take(run.count as usize).map(|offset| (run.partition as usize, offset)));
            }
        }
        order
    }
}

/// Runs `weir replay` over lines in this order, without a broker; returns the folder that it wrote.
pub(crate) fn replay<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> TempDir {
    let home = folder();
    let bytes: Vec<u8> = lines.into_iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect();
    fs::write(home.path().join("in.jsonl"), bytes).expect("written");
    let mut command = weir(["--config".as_ref(), config().as_os_str()]);
    command.args(["replay", "--output"]).arg(home.path().join("out")).arg(home.path().join("in.jsonl"));
    let ended = Process::start(command, &home.path().join("log")).end_within(LONG);
    assert!(ended.success(), "{}", fs::read_to_string(home.path().join("log")).unwrap_or_default());
    home
}
