//! `weir settle` as a process behind `weir run`: it is killed, asked to end, and replaced while it
//! is suspended. Every clean document that was not recalled, and every copy that was restored, is
//! forwarded once.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt as _,
    thread,
    time::{Duration, Instant},
};

use testkit::{
    broker::{Client, Consumed},
    random::Random,
};

use crate::{
    account::{header, json, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

/// A kill point inside a transaction: the offsets are sent, and the records where there were any.
const POINT: &str = "kafka.half_produced:1";
/// The signal of a process that aborts at its kill point.
const ABORTED: i32 = 6;
/// The default of `kafka.shutdown_seconds`.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// What happens to a process.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Killed,
    KilledInside,
    Asked(&'static str),
    Replaced,
}

const FATES: [Fate; 5] = [Fate::KilledInside, Fate::Asked("TERM"), Fate::Killed, Fate::Asked("INT"), Fate::Replaced];

struct Settling<'a> {
    group: &'a Group,
    input: InputTopic,
    random: Random,
    seed: u64,
}

impl Settling<'_> {
    fn start(&self, variables: &[(&str, &str)]) -> Process {
        let mut command = self.group.settle_command();
        command.envs(variables.iter().copied());
        let mut process = self.group.begin(command);
        process.wait_logged(" settling ");
        process
    }

    fn add(&mut self) {
        self.seed += 1;
        self.input.add(self.seed, 120);
    }

    fn live(&mut self, fate: Fate) {
        if fate == Fate::KilledInside {
            let mut process = self.start(&[("WEIR_KILL", POINT)]);
            self.add();
            let status = process.end_within(LONG);
            assert_eq!(status.signal(), Some(ABORTED), "{POINT} was never passed: {}", process.log());
            return;
        }
        let mut process = self.start(&[]);
        self.add();
        thread::sleep(Duration::from_millis(self.random.below(1_500) as u64));
        assert!(process.ended().is_none(), "{}", process.log());
        match fate {
            Fate::Asked(signal) => {
                let begun = Instant::now();
                process.signal(signal);
                let status = process.end_within(SHUTDOWN);
                assert!(status.success(), "{signal}: {status} after {:?}: {}", begun.elapsed(), process.log());
            }
            Fate::Replaced => self.replace(process),
            Fate::Killed | Fate::KilledInside => process.kill(),
        }
    }

    /// The process is suspended, another one takes its place, and it is resumed.
    fn replace(&mut self, mut zombie: Process) {
        zombie.signal("STOP");
        zombie.wait_frozen();
        let before = self.forwarded();
        let mut successor = self.start(&[]);
        self.add();
        let begun = Instant::now();
        while self.forwarded() <= before {
            assert!(begun.elapsed() < LONG && successor.ended().is_none(), "nothing goes on: {}", successor.log());
            thread::sleep(Duration::from_millis(100));
        }
        zombie.signal("CONT");
        self.add();
        let status = zombie.end_within(LONG);
        assert!(status.code() == Some(1) && zombie.log().contains("fenced"), "{status}: {}", zombie.log());
        assert!(successor.ended().is_none(), "the zombie has harmed its successor: {}", successor.log());
        successor.stop();
    }

    fn forwarded(&self) -> usize {
        self.group.client.consume_all(&self.group.topic("settled")).len()
    }
}

/// Returns records by their sequence numbers, of which none may occur twice.
fn by_seqno(records: Vec<Consumed>) -> BTreeMap<u32, Consumed> {
    let mut all = BTreeMap::new();
    for record in records {
        let seqno = seqno(&record);
        let placeless = Consumed { partition: 0, offset: 0, ..record };
        assert!(all.insert(seqno, placeless).is_none(), "sequence number {seqno} is there twice");
    }
    all
}

fn seqno(record: &Consumed) -> u32 {
    header(record, "weir-ordinal").and_then(|seqno| seqno.parse().ok()).expect("a sequence number")
}

/// Returns what must be forwarded once everything is settled, and how many documents were recalled
/// and restored.
fn expected(group: &Group) -> (BTreeMap<u32, Consumed>, usize, usize) {
    let read = |key: &str| group.client.consume_all(&group.topic(key));
    let mut fates = BTreeMap::new();
    for record in read("recalls") {
        let action = json(&record.value)["action"].as_str().expect("an action").to_owned();
        if action != "settled" {
            fates.insert(seqno(&record), action);
        }
    }
    let (mut clean, mut copies) = (by_seqno(read("clean")), by_seqno(read("duplicates")));
    let all = clean.len();
    clean.retain(|seqno, _| fates.get(seqno).is_none_or(|action| action != "recall"));
    copies.retain(|seqno, _| fates.get(seqno).is_some_and(|action| action == "restore"));
    let (recalled, restored) = (all - clean.len(), copies.len());
    clean.extend(copies);
    (clean, recalled, restored)
}

fn settled_once(client: &Client, seed: u64, lives: usize) {
    let input = InputTopic::of(client, seed, 900, 3);
    let group = Group::new(&input, "settles");
    let mut stage = group.start("a");
    stage.wait_active();
    let mut settling = Settling { group: &group, input, random: Random::new(seed), seed: seed * 1_000 };
    for life in 0..lives {
        settling.live(FATES[life % FATES.len()]);
    }
    let input = settling.input.clone();
    group.wait_done(&input, &mut stage);
    stage.stop();

    // The input falls silent: after a second everything counts as settled.
    let mut stage = group.begin(group.command_with("a", &["kafka.settle_after_seconds=1"]));
    stage.wait_active();
    let (expected, recalled, restored) = expected(&group);
    assert!(recalled > 10, "the input tests nothing: {recalled} recalled, {restored} restored");
    let mut last = settling.start(&[]);
    let begun = Instant::now();
    while settling.forwarded() < expected.len() {
        let count = settling.forwarded();
        assert!(begun.elapsed() < LONG, "{count} of {} forwarded: {}", expected.len(), last.log());
        assert!(last.ended().is_none(), "{}", last.log());
        thread::sleep(Duration::from_millis(200));
    }
    // Once more what it may still have in hand.
    thread::sleep(Duration::from_secs(1));
    last.stop();
    stage.stop();
    let topic = group.topic("settled");
    let got = by_seqno(client.consume_all(&topic));
    assert!(got.keys().eq(expected.keys()), "{} forwarded, expected {}", got.len(), expected.len());
    assert!(got == expected, "a document was not forwarded as it came");
    assert!(client.consume_all(&format!("{topic}.late-recalls")).is_empty(), "a recall after its mark");
    let aborted = client.consume_uncommitted(&topic).len() - got.len();
    print_figures(&format!(
        "weir settle through {lives} lives (kill -9 at random and inside a transaction, SIGTERM, SIGINT, SIGSTOP and a \
         successor): {} forwarded, {recalled} recalled, {restored} restored, {aborted} aborted: 0 lost, 0 doubled",
        got.len()
    ));
}

pub(crate) fn settled_documents_are_forwarded_once(client: &Client) {
    settled_once(client, 91, FATES.len());
}

pub(crate) fn settled_documents_are_forwarded_once_for_long(client: &Client) {
    settled_once(client, 92, 40);
}
