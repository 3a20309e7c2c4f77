//! Does `weir replay --to kafka` publish each record once, though its process is killed at every
//! step and at random?

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use testkit::{
    broker::{Client, Consumed, Message, unique},
    random::Random,
};

/// The variable that makes this test binary run as weir.
pub(crate) const AS_WEIR: &str = "WEIR_TEST_AS_WEIR";
/// The kill points that a commit passes, in order.
const POINTS: [&str; 8] = [
    "kafka.begun",
    "kafka.first_produced",
    "kafka.produced",
    "kafka.offsets_sent",
    "kafka.half_produced",
    "kafka.flushed",
    "kafka.before_commit",
    "kafka.committed",
];
/// Lines of the archive: three batches.
const LINES: usize = 20_000;
const WARC_RECORDS: usize = 50;
/// One of this many lines of a file is longer than the topic takes.
const OVERSIZE_EVERY: usize = 4_000;
/// Bytes of which packing leaves three quarters.
const OVERSIZE: usize = 60_000;

struct Archive {
    home: tempfile::TempDir,
    /// The values that must be in the topic, by file and offset.
    expected: BTreeMap<(String, u64), Vec<u8>>,
    topic: String,
    client: Client,
}

impl Archive {
    /// Two files of lines and one of WARC; some lines are too long for the topic, one for weir.
    fn new(client: &Client, test: &str, partitions: i32) -> Self {
        let home = tempfile::tempdir().expect("temporary folder");
        let archive = home.path().join("archive");
        fs::create_dir(&archive).expect("made");
        let mut expected = BTreeMap::new();
        for file in 0..2 {
            let (name, mut text) = (format!("{file}.jsonl"), String::new());
            for n in 0..LINES / 2 {
                let oversize =
                    if n % OVERSIZE_EVERY == OVERSIZE_EVERY - 1 { Random::new(n as u64).text(OVERSIZE) } else { String::new() };
                let line =
                    format!("{{\"url\":\"http://s{}.example/\",\"id\":\"{file}-{n}\",\"text\":\"page {n} {oversize}\"}}", n % 97);
                if oversize.is_empty() {
                    expected.insert((name.clone(), n as u64), line.clone().into_bytes());
                }
                text = text + &line + "\n";
            }
            fs::write(archive.join(name), text).expect("written");
        }
        let mut warc = Vec::new();
        for n in 0..WARC_RECORDS {
            let record =
                format!("WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{n}>\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n");
            expected.insert(("2.warc".to_owned(), n as u64), record.clone().into_bytes());
            warc.extend(record.into_bytes());
        }
        fs::write(archive.join("2.warc"), warc).expect("written");
        let topic = unique(test);
        client.create_topic(&topic, partitions, &[("max.message.bytes", "30000")]);
        Self { home, expected, topic, client: client.clone() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self) -> Command {
        self.command_to("out")
    }

    fn command_to(&self, output: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WEIR_")) {
            command.env_remove(name);
        }
        command.env(AS_WEIR, "1").args(["replay", "--to", "kafka", "--output"]).arg(self.path(output));
        for set in [
            format!("kafka.brokers={}", self.client.address()),
            format!("kafka.group={}", self.topic),
            format!("kafka.topics.input=[\"{}\"]", self.topic),
        ] {
            command.args(["--set", &set]);
        }
        command.arg(self.path("archive")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn succeed(&self) -> String {
        let ended = self.command().output().expect("weir runs");
        assert!(ended.status.success(), "{:?}: {}", ended.status, said(&ended));
        String::from_utf8(ended.stdout).expect("text")
    }

    /// Checks that every record and every dead letter is there once.
    #[track_caller]
    fn assert_published(&self, what: &str) {
        let records = self.client.consume_all(&self.topic);
        let mut seen = BTreeMap::new();
        for record in &records {
            let place = (header(record, "weir-source-file"), header(record, "weir-source-offset").parse().expect("a number"));
            assert!(seen.insert(place.clone(), record.value.clone()).is_none(), "{what}: {place:?} is doubled");
        }
        let lost = self.expected.keys().filter(|place| !seen.contains_key(*place)).count();
        assert_eq!((lost, seen.len()), (0, self.expected.len()), "{what}: lost, published");
        assert!(seen == self.expected, "{what}: other bytes");
        assert_eq!(self.dead_letters(), 2 * (LINES / 2 / OVERSIZE_EVERY), "{what}: dead letters");
    }

    /// Returns the dead letters of all processes together. None may be twice in one folder.
    fn dead_letters(&self) -> usize {
        let mut all = BTreeSet::new();
        for folder in ["out", "zombie"].map(|name| self.path(name)).into_iter().filter(|folder| folder.is_dir()) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
                assert!(text.lines().all(|line| line.contains("record_too_large_for_topic")));
                assert_eq!(text.lines().collect::<BTreeSet<_>>().len(), text.lines().count(), "none is there twice");
                all.extend(text.lines().map(str::to_owned));
            }
        }
        all.len()
    }
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

fn header(record: &Consumed, name: &str) -> String {
    let value = record.headers.iter().find(|(of, _)| of == name).and_then(|(_, value)| value.clone());
    String::from_utf8(value.unwrap_or_else(|| panic!("no {name}"))).expect("text")
}

pub(crate) fn archives_are_published_once(client: &Client) {
    let archive = Archive::new(client, "publish", 3);
    let said = archive.succeed();
    let count = archive.expected.len();
    assert!(said.contains(&format!("{count} records published on {}", archive.topic)), "{said}");
    archive.assert_published("undisturbed");
    let records = client.consume_all(&archive.topic);
    let mut partitions: BTreeMap<Vec<u8>, BTreeSet<i32>> = BTreeMap::new();
    for record in &records {
        let kind = if header(record, "weir-source-file") == "2.warc" { "application/warc" } else { "application/json" };
        assert_eq!(header(record, "content-type"), kind);
        partitions.entry(record.key.clone().expect("a key")).or_default().insert(record.partition);
    }
    assert_eq!(partitions.len(), 97 + WARC_RECORDS, "hosts, and ids where there is no address");
    assert!(partitions.values().all(|of| of.len() == 1), "the pages of a site are in one partition");
    // In their order within it.
    let mut last: BTreeMap<(i32, String), u64> = BTreeMap::new();
    for record in &records {
        let offset = header(record, "weir-source-offset").parse().expect("a number");
        let before = last.insert((record.partition, header(record, "weir-source-file")), offset);
        assert!(before.is_none_or(|before| before < offset));
    }

    assert!(archive.succeed().contains("nothing to do"), "a second time");
    archive.assert_published("a second time");
}

pub(crate) fn killed_at_every_step_nothing_is_lost_or_doubled(client: &Client) {
    for (n, point) in POINTS.iter().enumerate() {
        let archive = Archive::new(client, "publish-killed", 2);
        // The first process ends in its first or second batch, the second process in its first.
        for nth in [1 + n % 2, 1] {
            let ended = archive.command().env("WEIR_KILL", format!("{point}:{nth}")).output().expect("weir runs");
            assert_eq!(ended.status.signal(), Some(6), "{point}:{nth} was never passed: {}", said(&ended));
        }
        archive.succeed();
        archive.assert_published(point);
    }
}

pub(crate) fn killed_at_random_nothing_is_lost_or_doubled(client: &Client) {
    let measured = Archive::new(client, "publish-measured", 3);
    let began = Instant::now();
    measured.succeed();
    let whole = began.elapsed();
    let (mut random, mut killed, rounds) = (Random::new(7), 0, 4);
    for round in 0..rounds {
        let archive = Archive::new(client, "publish-random", 3);
        for _ in 0..2 {
            let mut process = archive.command().spawn().expect("weir runs");
            thread::sleep(whole.mul_f64(random.below(1000) as f64 / 1000.0));
            process.kill().expect("a signal is sent");
            killed += usize::from(process.wait().expect("it ends").signal() == Some(9));
        }
        archive.succeed();
        archive.assert_published(&format!("round {round} of random kills"));
    }
    assert!(killed >= rounds, "only {killed} kills of {} came before the end", 2 * rounds);
}

/// A publisher that was stopped in a transaction harms nothing when it goes on behind its
/// successor.
pub(crate) fn a_second_publisher_fences_the_first(client: &Client) {
    let signal = |process: u32, name: &str| {
        let done = Command::new("kill").args([name, &process.to_string()]).status().expect("a signal is sent");
        assert!(done.success());
    };
    let archive = Archive::new(client, "publish-zombie", 1);
    let first = archive.command_to("zombie").spawn().expect("weir runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.consume_uncommitted(&archive.topic).is_empty() {
        assert!(Instant::now() < deadline, "it never began");
    }
    signal(first.id(), "-STOP");
    archive.succeed();
    signal(first.id(), "-CONT");
    let ended = first.wait_with_output().expect("it ends");
    archive.assert_published("with a zombie");
    assert!(ended.status.success() || said(&ended).contains("fenced"), "{:?}: {}", ended.status, said(&ended));
}

/// A page that is too large plain leaves as small as it came, and only where the broker packs anew
/// it is left out.
pub(crate) fn a_page_that_fits_only_packed_is_published_whole(client: &Client) {
    let mut archive = Archive::new(client, "publish-packed", 1);
    let page = |id: &str, text: &str| format!("{{\"id\":\"{id}\",\"text\":\"{text}\"}}");
    let long = page("long", &"a page tells of a bridge ".repeat(20_000));
    fs::remove_dir_all(archive.path("archive")).expect("removed");
    fs::create_dir(archive.path("archive")).expect("made");
    fs::write(archive.path("archive/0.jsonl"), [&page("a", "one"), "\n", &long, "\n", &page("b", "two")].concat())
        .expect("written");
    archive.succeed();
    let values =
        |archive: &Archive| client.consume_all(&archive.topic).into_iter().map(|record| record.value).collect::<Vec<_>>();
    assert_eq!(values(&archive), [page("a", "one"), long, page("b", "two")].map(String::into_bytes));
    assert_eq!(archive.dead_letters(), 0);
    archive.topic = unique("publish-unpacked");
    client.create_topic(&archive.topic, 1, &[("max.message.bytes", "30000"), ("compression.type", "uncompressed")]);
    archive.succeed();
    assert_eq!(values(&archive), [page("a", "one"), page("b", "two")].map(String::into_bytes));
    assert_eq!(archive.dead_letters(), 1);
}

pub(crate) fn what_cannot_be_published_is_said(client: &Client) {
    let archive = Archive::new(client, "publish-refused", 1);
    let run = |arguments: &[&str]| {
        let ended = archive.command().args(arguments).output().expect("weir runs");
        (ended.status.code(), said(&ended))
    };
    let missing = format!("kafka.topics.input=[\"{}-none\"]", archive.topic);
    for (arguments, code, why) in [
        (&["--set", &missing][..], 1, "there is no such topic"),
        (&["--background", "x"], 1, "got --background with --to kafka"),
        (&["-"], 1, "expected files"),
        (&["--set", "kafka.client.sasl.password=env:NOBODY_SET_THIS"], 78, "there is no such variable"),
    ] {
        let (got, said) = run(arguments);
        assert!(got == Some(code) && said.contains(why), "{arguments:?}: {got:?}: {said}");
    }
    assert!(client.consume_all(&archive.topic).is_empty());
    // Records of others in the topic do not matter; --force publishes everything again, and --limit a part.
    client.produce(&archive.topic, &[Message::value("{}")]);
    let (code, _) = run(&["--limit", "9000"]);
    assert_eq!((code, client.consume_all(&archive.topic).len()), (Some(0), 1 + 9_000 - 2));
    archive.succeed();
    assert_eq!(client.consume_all(&archive.topic).len(), 1 + archive.expected.len());
    let (code, _) = run(&["--limit", "100", "--force"]);
    assert_eq!((code, client.consume_all(&archive.topic).len()), (Some(0), 101 + archive.expected.len()));
}
