//! Re-deciding: a second group decides along the first group's journal, into fresh topics, and
//! writes the same bytes.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _, thread, time::Duration};

use pipeline::journal::Journal;
use testkit::{
    broker::{Client, Consumed, Message},
    random::Random,
    stream,
};

use crate::{
    account::{Output, json, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

/// The topics that must hold the same in both groups.
const TOPICS: [&str; 7] = ["clean", "quarantine", "duplicates", "decisions", "recalls", "alarms", "dead_letters"];
/// The kill points of the second group's processes.
const POINTS: [&str; 8] = [
    "kafka.recover_fenced:1",
    "kafka.first_produced:2",
    "kafka.produced:3",
    "kafka.offsets_sent:3",
    "kafka.before_commit:4",
    "kafka.committed:3",
    "snapshot.tmp_written:2",
    "snapshot.renamed:2",
];

/// Produces documents with keys. Records without a key would go to any partition of an output.
fn add_keyed(input: &mut InputTopic, seed: u64, documents: usize) {
    for (partition, lines) in stream::lines(seed, documents, input.values.len()).into_iter().enumerate() {
        let message = |(n, line): (usize, Vec<u8>)| {
            let value = String::from_utf8(line).expect("text").replacen("\"id\":\"d", &format!("\"id\":\"{seed}-d"), 1);
            let headers = vec![("from".to_owned(), Some(format!("{partition}/{n}").into_bytes()))];
            let key = Some(format!("{seed}-{partition}-{n}").into_bytes());
            Message { key, headers, ..Message::to(partition as i32, value) }
        };
        let messages: Vec<_> = lines.into_iter().enumerate().map(message).collect();
        input.add_messages(partition, &messages);
    }
}

/// Returns a group for re-deciding what another group has decided.
fn second(input: &InputTopic, sets: &[&str]) -> Group {
    sets.iter().fold(Group::new(input, "again"), |group, set| group.with(set))
}

fn start(group: &Group, followed: &str, variables: &[(&str, &str)]) -> Process {
    let mut command = group.command("a");
    command.arg(format!("--from-journal={followed}")).envs(variables.iter().copied());
    group.begin(command)
}

/// Runs the second group until it ends by itself; returns its log.
fn finish(group: &Group, followed: &str) -> String {
    let mut process = start(group, followed, &[]);
    let status = process.end_within(LONG);
    assert!(status.success(), "{status}: {}", process.log());
    process.log()
}

/// Returns the records of a topic by partition. Offsets are left out, because transactions leave
/// gaps in them, and so are settled watermarks, which depend on the clock.
fn held(group: &Group, topic: &str) -> BTreeMap<i32, Vec<Consumed>> {
    let mut held: BTreeMap<i32, Vec<Consumed>> = BTreeMap::new();
    for record in group.client.consume_all(&group.topic(topic)) {
        if topic != "recalls" || json(&record.value)["action"] != "settled" {
            held.entry(record.partition).or_default().push(Consumed { offset: 0, ..record });
        }
    }
    held
}

/// Checks that both groups hold the same, record by record, with keys and headers; returns how many
/// records they hold.
fn same(group: &Group, first: &Group) -> usize {
    let mut records = 0;
    for topic in TOPICS {
        let (got, expected) = (held(group, topic), held(first, topic));
        assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "partitions of {topic}");
        for (partition, expected) in expected {
            let got = &got[&partition];
            let at = (0..expected.len().min(got.len())).find(|&at| got[at] != expected[at]);
            if let Some(at) = at {
                panic!("{topic}/{partition}: record {at}:\n got {:?}\nwant {:?}", got[at], expected[at]);
            }
            assert_eq!(got.len(), expected.len(), "{topic}/{partition}");
            records += got.len();
        }
    }
    records
}

/// Returns everything that a group has written, heartbeats in its journal included.
fn everything(group: &Group) -> Vec<Vec<Consumed>> {
    TOPICS.iter().chain(&["journal"]).map(|topic| group.client.consume_all(&group.topic(topic))).collect()
}

/// Returns the batches of a group's journal, and whether its last record says that its writer has
/// ended.
fn batches(group: &Group) -> (Vec<Journal>, bool) {
    let records = group.client.consume_all(&group.topic("journal"));
    let journals: Vec<_> = records.iter().map(|record| Journal::decode(&record.value).expect("a journal record")).collect();
    let is_last = journals.last().is_some_and(|journal| journal.is_last);
    (journals.into_iter().filter(|journal| !journal.votes.is_empty()).collect(), is_last)
}

pub(crate) fn the_same_bytes_into_fresh_topics(client: &Client) {
    let mut input = InputTopic::empty(client, 3);
    let sets = ["kafka.partitions=3"];
    let first = sets.iter().fold(Group::new(&input, "first"), |group, set| group.with(set));
    let mut random = Random::new(81);
    for round in 0..3 {
        add_keyed(&mut input, 810 + round, 1_000);
        let mut process = first.start("a");
        process.wait_active();
        thread::sleep(Duration::from_millis(300 + random.below(700) as u64));
        process.kill();
    }
    first.finish(&input, "a");
    let undisturbed = Output::of(&first);
    let figures = undisturbed.verify(&input).expect("whole");
    assert!(undisturbed.recalls.len() > 20 && undisturbed.dead_letters.len() > 30, "the input tests nothing: {figures}");
    assert!(held(&first, "alarms").values().flatten().count() > 0, "the input tests nothing: {figures}");
    assert_eq!(held(&first, "clean").len(), 3, "one partition tests little");

    let group = second(&input, &sets);
    let journal = first.topic("journal");
    let mut killed = 0;
    for _ in 0..2 {
        let mut process = start(&group, &journal, &[]);
        process.wait_active();
        thread::sleep(Duration::from_millis(100 + random.below(600) as u64));
        assert!(process.ended().is_none(), "it ended before it was killed: {}", process.log());
        process.kill();
        killed += 1;
    }
    for point in POINTS {
        let mut process = start(&group, &journal, &[("WEIR_KILL", point)]);
        let status = process.end_within(LONG);
        assert_eq!(status.signal(), Some(6), "{point}: {status}: {}", process.log());
        killed += 1;
    }
    let mut process = start(&group, &journal, &[]);
    process.wait_active();
    thread::sleep(Duration::from_millis(200));
    process.signal("TERM");
    let (status, stopped) = (process.end_within(LONG), process.log());
    assert!(status.success() && stopped.contains("given again it goes on"), "{status}: {stopped}");
    let log = finish(&group, &journal);
    let documents = first.reading_order().len();
    assert!(
        log.contains("decided again, to where the journal ended") && log.contains(&format!("documents={documents} ")),
        "{log}"
    );

    let records = same(&group, &first);
    let ((mine, is_last), (theirs, _)) = (batches(&group), batches(&first));
    assert!(is_last, "the last batch is marked as the end");
    let shape = |journals: Vec<Journal>| journals.into_iter().map(|j| (j.first_seqno, j.runs, j.votes)).collect::<Vec<_>>();
    assert_eq!(shape(mine), shape(theirs), "batch by batch");

    // Given again it does nothing.
    let before = everything(&group);
    assert!(finish(&group, &journal).contains("nothing is left"));
    assert!(everything(&group) == before, "a second time writes something");

    // It is a group as any other.
    add_keyed(&mut input, 819, 300);
    group.finish(&input, "a");
    Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("decided again, killed {killed} times: the same {records} records; {figures}"));
}

pub(crate) fn what_does_not_fit_is_refused(client: &Client) {
    let input = InputTopic::of(client, 82, 300, 2);
    let first = Group::new(&input, "first");
    first.finish(&input, "a");
    let journal = first.topic("journal");
    let refused = |group: &Group, followed: &str, why: &str| {
        let mut process = start(group, followed, &[]);
        let status = process.end_within(LONG);
        assert!(!status.success() && process.log().contains(why), "{status}, expected {why:?}: {}", process.log());
    };
    let other = second(&input, &["policy.quarantine_score=0.4"]);
    refused(&other, &journal, "written under another configuration or background");
    assert!(everything(&other).iter().all(Vec::is_empty), "a refusal writes nothing");
    let group = second(&input, &[]);
    refused(&group, &group.topic("journal"), "own topic (kafka.topics.journal)");
    refused(&group, &first.topic("decisions"), "offset");
    refused(&group, "there-is-no-such-journal", "there is no such topic");
    // A group that has decided something else cannot go on along this journal.
    let elsewhere = InputTopic::of(client, 83, 300, 2);
    let stranger = Group::new(&elsewhere, "stranger");
    stranger.finish(&elsewhere, "a");
    refused(&stranger, &journal, "expected a group that has followed it");
    // Of another input.
    refused(&second(&elsewhere, &[]), &journal, "kafka.topics.input names its topic no more; put it back");
}

/// The partitions of two topics are numbered in the order in which they appeared, which is not the
/// order of their names.
pub(crate) fn partitions_are_numbered_as_they_came(client: &Client) {
    let (mut one, two) = (InputTopic::of(client, 84, 300, 1), InputTopic::of(client, 85, 300, 1));
    let topics = format!("kafka.topics.input=[\"{}\", \"{}\"]", one.topic, two.topic);
    let first = Group::new(&one, "first").with(&topics);
    let mut process = first.start("a");
    let decided = |documents: usize| first.reading_order().len() >= documents;
    let records = |input: &InputTopic| input.values.iter().map(Vec::len).sum::<usize>();
    process.wait_active();
    client.wait_for("two topics", || decided(600));
    client.grow_topic(&one.topic, 2);
    one.values.push(Vec::new());
    add_keyed(&mut one, 86, 300);
    let all = records(&one) + records(&two);
    client.wait_for("a partition more", || decided(all));
    process.kill();
    let named: Vec<_> = batches(&first).0.into_iter().flat_map(|journal| journal.partitions).collect();
    let third = format!("{}/1", one.topic);
    let group = second(&one, &[&topics]);
    finish(&group, &first.topic("journal"));
    let (mine, theirs) = (Output::of(&group), Output::of(&first));
    mine.same_as(&theirs).expect("the same bytes");
    assert_eq!(mine.positions().filter(|position| position.starts_with(&third)).count(), one.values[1].len());
    // The numbers are in its own journal as well.
    let mut process = group.start_from_journal("b");
    process.wait_active();
    process.stop();
    print_figures(&format!("partitions in the order in which they came: {} names in batches", named.len()));
}

/// A group began behind the oldest record. A second group along its journal begins there too.
pub(crate) fn a_later_beginning_is_kept(client: &Client) {
    let mut input = InputTopic::of(client, 87, 200, 2);
    let passed = input.values.iter().map(Vec::len).collect::<Vec<_>>();
    let first = Group::new(&input, "first").with("kafka.start=latest");
    let mut process = first.start("a");
    process.wait_active();
    add_keyed(&mut input, 88, 400);
    first.wait_done(&input, &mut process);
    process.stop();
    let group = second(&input, &[]);
    let mut process = start(&group, &first.topic("journal"), &[("WEIR_KILL", "kafka.committed:4")]);
    assert_eq!(process.end_within(LONG).signal(), Some(6), "{}", process.log());
    finish(&group, &first.topic("journal"));
    let (mine, theirs) = (Output::of(&group), Output::of(&first));
    mine.same_as(&theirs).expect("the same bytes");
    let decided = input.values.iter().map(Vec::len).sum::<usize>() - passed.iter().sum::<usize>();
    assert_eq!(group.reading_order().len(), decided, "what the first group passed over is passed over");
}
