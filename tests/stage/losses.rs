//! Records of the input that are gone: before they were read, or after they were decided. What is
//! said, and how does the group go on?

use std::{
    fs,
    time::{Duration, UNIX_EPOCH},
};

use pipeline::journal::Journal;
use testkit::{
    broker::{self, Client, Cluster, Message, unique},
    stream,
};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic, renamed},
    process::{LONG, Process},
};

/// An input whose cleaner keeps the last record of each key, as soon as a segment is over.
fn compacted(client: &Client) -> InputTopic {
    let topic = unique("compacted");
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "100"),
    ];
    client.create_topic(&topic, 1, &settings);
    InputTopic { client: client.clone(), topic, values: vec![Vec::new()] }
}

/// Produces documents under keys of these numbers. `said` makes them differ from those of other
/// calls.
fn produce(input: &mut InputTopic, said: &str, keys: impl IntoIterator<Item = usize>) {
    let message = |key: usize| {
        let text = format!("page {key} says {said}: the quick brown fox number {key} jumps over the {said} dog of house {key}");
        let line = serde_json::json!({"id": format!("{said}-{key}"), "url": format!("https://s{key}.example/"), "text": text});
        Message { key: Some(format!("k{key}").into_bytes()), ..Message::to(0, line.to_string()) }
    };
    input.add_messages(0, &keys.into_iter().map(message).collect::<Vec<_>>());
}

/// Produces records until the cleaner has removed all but `left` of those before `end`; returns
/// what is left of them.
fn wait_cleaned(client: &Client, input: &mut InputTopic, end: usize, left: usize) -> Vec<i64> {
    let held = |input: &InputTopic| {
        let offsets = client.consume_all(&input.topic).into_iter().map(|record| record.offset);
        offsets.filter(|offset| *offset < end as i64).collect::<Vec<_>>()
    };
    for round in 0.. {
        let offsets = held(input);
        if offsets.len() == left {
            return offsets;
        }
        assert!(round < 100, "{} records before {end}, expected {left}", offsets.len());
        // A segment is over when a record comes after its time.
        std::thread::sleep(std::time::Duration::from_millis(300));
        produce(input, &format!("filler{round}"), [10_000 + round]);
    }
    unreachable!("the loop returns")
}

/// Starts the group with these arguments, waits until it has decided everything, and ends it.
pub(crate) fn finish_with(group: &Group, input: &InputTopic, state: &str, arguments: &[&str]) -> String {
    let mut process = begin_with(group, state, arguments);
    process.wait_active();
    group.wait_done(input, &mut process);
    let log = process.log();
    process.stop();
    log
}

fn begin_with(group: &Group, state: &str, arguments: &[&str]) -> Process {
    let mut command = group.command(state);
    command.args(arguments);
    group.begin(command)
}

/// Starts the group, which must refuse with these words.
pub(crate) fn refused(group: &Group, state: &str, arguments: &[&str], expected: &[&str]) {
    let mut process = begin_with(group, state, arguments);
    let status = process.end_within(LONG);
    assert!(!status.success(), "{status}: {}", process.log());
    for part in expected {
        assert!(process.log().contains(part), "expected {part:?}: {}", process.log());
    }
}

pub(crate) fn what_a_cleaner_removed_after_it_was_decided_is_told(client: &Client) {
    let mut input = compacted(client);
    produce(&mut input, "first", 0..40);
    let group = Group::new(&input, "cleaned");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    assert!(process.log().contains("is compacted: of records with the same key"), "{}", process.log());
    // Forty documents are no reason for a snapshot: the state begins with the first one again.
    process.kill();
    produce(&mut input, "second", (0..10).chain(20..30));
    wait_cleaned(client, &mut input, 40, 20);
    refused(&group, "a", &[], &["no longer holds", "of the records at offsets 0 to", "the first of them 0", "--accept-loss"]);
    let log = finish_with(&group, &input, "a", &["--accept-loss"]);
    assert!(log.contains("went on without documents"), "{log}");
    // Nothing of the input is lost: what was gone had been decided.
    let mut positions: Vec<String> = Output::of(&group).positions().collect();
    let all = positions.len();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!((positions.len(), all), (all, input.values[0].len() - cleaned_unread(client, &input, &positions)));
    // From its own snapshot it goes on as ever.
    produce(&mut input, "third", 100..110);
    group.finish(&input, "a");
    print_figures(&format!("20 of 40 decided records cleaned away: told, and then {all} decided once each"));
}

/// Returns how many records were removed before anybody read them: later ones of the same key were
/// there.
fn cleaned_unread(client: &Client, input: &InputTopic, decided: &[String]) -> usize {
    let held: Vec<i64> = client.consume_all(&input.topic).into_iter().map(|record| record.offset).collect();
    let is_unread = |offset: &usize| {
        let position = format!("{}/0/{offset}", input.topic);
        decided.binary_search(&position).is_err() && !held.contains(&(*offset as i64))
    };
    (0..input.values[0].len()).filter(is_unread).count()
}

pub(crate) fn gaps_from_the_beginning_are_read_as_they_are(client: &Client) {
    let mut input = compacted(client);
    produce(&mut input, "first", 0..30);
    produce(&mut input, "second", (0..30).step_by(2));
    wait_cleaned(client, &mut input, 30, 15);
    let held: Vec<i64> = client.consume_all(&input.topic).into_iter().map(|record| record.offset).collect();
    for (offset, value) in input.values[0].iter_mut().enumerate() {
        value.take_if(|_| !held.contains(&(offset as i64)));
    }
    let group = Group::new(&input, "gaps");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    process.kill();
    let mut process = group.start("a");
    process.wait_active();
    process.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state");
    print_figures(&format!("a compacted topic with gaps from the beginning: {figures}"));
}

pub(crate) fn a_beginning_is_asked_once_in_a_groups_life(client: &Client) {
    let mut input = InputTopic::empty(client, 2);
    let group = Group::new(&input, "beginnings").with("kafka.start=latest");
    let mut process = group.start("a");
    process.wait_active();
    process.stop();
    // The group's offsets expire while nobody runs, and only then a record comes.
    client.forget_group(&group.name);
    input.add(91, 50);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing is passed over");
    // A new standby has it from the journal.
    let mut other = InputTopic::empty(client, 2);
    let group = Group::new(&other, "journaled").with("kafka.start=latest");
    let mut process = group.start("a");
    process.wait_active();
    process.stop();
    client.forget_group(&group.name);
    other.add(92, 50);
    finish_with(&group, &other, "b", &["--from-journal"]);
    Output::of(&group).verify(&other).expect("nothing is passed over");
    print_figures(&format!("latest, and no committed offsets any more: {figures}"));
}

pub(crate) fn what_retention_took_is_counted_and_the_state_kept(client: &Client) {
    let mut input = InputTopic::of(client, 93, 300, 1);
    let group = Group::new(&input, "retention");
    group.finish(&input, "a");
    let decided = input.values[0].len();
    input.add(94, 300);
    client.delete_records(&input.topic, 0, decided as i64 + 10);
    refused(&group, "a", &[], &["retention has removed 10 offsets that were not read", "--accept-loss"]);
    let log = finish_with(&group, &input, "a", &["--accept-loss"]);
    assert!(log.contains("LOST") && log.contains("offsets=10"), "{log}");
    assert!(log.contains(&format!("documents={decided}")), "the state is kept: {log}");
    input.values[0][decided..decided + 10].fill(None);
    Output::of(&group).verify(&input).expect("nothing else lost, nothing doubled");
    let told = |group: &Group| {
        let records = client.consume_all(&group.topic("journal"));
        let losses = records.iter().flat_map(|record| Journal::decode(&record.value).expect("a journal record").losses);
        losses.map(|loss| (loss.from, loss.to)).collect::<Vec<_>>()
    };
    assert_eq!(told(&group), [(decided as u64, decided as u64 + 10)]);
    // A restart needs no flag any more, and a lost state is learned again, but for what is gone.
    input.add(95, 100);
    group.finish(&input, "a");
    fs::remove_dir_all(group.state("a")).expect("a state to lose");
    refused(&group, "a", &["--from-journal"], &["offsets that were decided after the state was saved", "--accept-loss"]);
    let log = finish_with(&group, &input, "a", &["--from-journal", "--accept-loss"]);
    assert!(
        log.contains(&format!("went on without documents that were decided and could not be read again documents={decided}")),
        "{log}"
    );
    input.add(96, 100);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing else lost, nothing doubled");
    print_figures(&format!("retention took 10 unread records: told in log and journal, {figures}"));
}

/// A stage that takes no snapshot by documents reads everything, is killed, and finds its input gone.
pub(crate) fn a_quiet_stage_outlives_its_retention(client: &Client) {
    let mut input = InputTopic::of(client, 99, 60, 1);
    let group = Group::new(&input, "quiet").with("state.snapshot_documents=128000").with("state.snapshot_seconds=1");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    let snapshot = group.state("a").join(format!("state/snapshots/{:012}.snapshot", group.reading_order().len()));
    client.wait_for("a snapshot by time", || snapshot.exists());
    process.kill();
    client.delete_records(&input.topic, 0, input.values[0].len() as i64);
    input.add(100, 60);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("killed, and all that it had read is gone: {figures}"));
}

/// A crawler whose clock is slow writes records that are older than the retention: the broker removes
/// them as soon as it looks, read or not.
pub(crate) fn records_of_a_slow_clock_expire_and_are_told(client: &Client) {
    let mut input = InputTopic::empty(client, 1);
    client.set_topic(&input.topic, &[("retention.ms", "86400000")]);
    let group = Group::new(&input, "slow-clock");
    let mut process = group.start("a");
    process.wait_active();
    process.stop();
    let at = |days: u64, seed: u64| {
        let ago = Duration::from_hours(24 * days);
        let time = UNIX_EPOCH.elapsed().expect("after 1970").saturating_sub(ago).as_millis() as i64;
        let lines = stream::lines(seed, 40, 1).remove(0).into_iter().map(|line| renamed(line, seed));
        lines.map(|line| Message { time_ms: Some(time), ..Message::to(0, line) }).collect::<Vec<_>>()
    };
    // A segment expires once its newest record is old, so no other records come before them.
    input.add_messages(0, &at(30, 122));
    client.wait_for("retention", || client.extent(&input.topic, 0).0 > 0);
    let low = usize::try_from(client.extent(&input.topic, 0).0).expect("an offset");
    input.add_messages(0, &at(0, 123));
    refused(&group, "a", &[], &[&format!("retention has removed {low} offsets that were not read"), "--accept-loss"]);
    finish_with(&group, &input, "a", &["--accept-loss"]);
    input.values[0][..low].fill(None);
    let figures = Output::of(&group).verify(&input).expect("nothing else lost, nothing doubled");
    print_figures(&format!("{low} records of a clock that is a month slow expired unread, and were told: {figures}"));
}

/// The topic has the same name and more records than were read, and they are others.
pub(crate) fn a_topic_made_anew_is_known_by_its_records(client: &Client) {
    let mut input = InputTopic::of(client, 101, 100, 1);
    let group = Group::new(&input, "anew");
    group.finish(&input, "a");
    let old = Output::of(&group).positions().count();
    client.delete_topic(&input.topic);
    client.create_topic(&input.topic, 1, &[("max.message.bytes", "4000000")]);
    input.values = vec![Vec::new()];
    input.add(102, 400);
    refused(&group, "a", &[], &["holds another record at offset", "the topic was made anew", "--accept-loss"]);
    let log = finish_with(&group, &input, "a", &["--accept-loss"]);
    assert!(log.contains("LOST"), "{log}");
    let decided = Output::of(&group).positions().count() - old;
    assert_eq!(decided, input.values[0].len(), "every record of the new topic is decided");
    // From there on it is the topic as any other.
    input.add(103, 100);
    group.finish(&input, "a");
    let decided = Output::of(&group).positions().count() - old;
    assert_eq!(decided, input.values[0].len());
    print_figures(&format!("a topic made anew that has grown beyond the old one: told, and its {decided} records decided"));
}

/// No snapshot has seen the last record that was read: only the journal tells.
pub(crate) fn a_topic_made_anew_is_known_from_the_journal_alone(client: &Client) {
    for (what, records, says) in
        [("longer", 400, "holds other records at offsets"), ("shorter", 5, "ends at offset 5, expected at least")]
    {
        let mut input = InputTopic::of(client, 108, 100, 1);
        let group = Group::new(&input, "early").with("state.snapshot_documents=128000");
        let mut process = group.start("a");
        group.wait_done(&input, &mut process);
        process.kill();
        let old = Output::of(&group).positions().count();
        client.delete_topic(&input.topic);
        client.create_topic(&input.topic, 1, &[("max.message.bytes", "4000000")]);
        input.values = vec![Vec::new()];
        input.add(109, records);
        refused(&group, "a", &[], &[says, "made anew", "--accept-loss"]);
        let mut process = begin_with(&group, "a", &["--accept-loss"]);
        process.wait_active();
        let decided = || Output::of(&group).positions().count() - old;
        client.wait_for("the records of the new topic", || decided() == input.values[0].len());
        // Killed before any snapshot, and begun along the journal: what is new stays known.
        process.kill();
        input.add(110, 50);
        let mut process = begin_with(&group, "a", &["--accept-loss"]);
        process.wait_active();
        client.wait_for("what came then", || decided() == input.values[0].len());
        process.stop();
        print_figures(&format!("{what} than the topic before it, and no snapshot: told, and its {} records decided", decided()));
    }
}

pub(crate) fn another_cluster_is_named(other: &Cluster) {
    let client = broker::shared().expect("the usual broker");
    let input = InputTopic::of(&client, 113, 60, 1);
    let group = Group::new(&input, "moved");
    group.finish(&input, "a");
    let before = Output::of(&group);
    // A topic of the same name is there as well, and the others are made.
    other.client().create_topic(&input.topic, 1, &[]);
    let mut process = group.begin(group.command_with("a", &[&format!("kafka.brokers={}", other.address())]));
    let status = process.end_within(LONG);
    assert!(!status.success(), "{status}: {}", process.log());
    for part in ["the brokers are cluster b3RoZXJvdGhlcm90aGVybw, expected", "kafka.brokers"] {
        assert!(process.log().contains(part), "expected {part:?}: {}", process.log());
    }
    // At the right address it goes on.
    group.finish(&input, "a");
    Output::of(&group).same_as(&before).expect("a refusal writes nothing");
}

pub(crate) fn what_belongs_to_others_is_named(client: &Client) {
    let mut one = InputTopic::of(client, 104, 60, 1);
    let other = InputTopic::of(client, 105, 60, 1);
    let both = format!("kafka.topics.input=[\"{}\", \"{}\"]", one.topic, other.topic);
    let group = Group::new(&one, "others");
    let mut process = group.begin(group.command_with("a", &[&both]));
    process.wait_active();
    client.wait_for("two topics", || group.reading_order().len() == one.values[0].len() + other.values[0].len());
    process.stop();
    refused(&group, "a", &[], &[&format!("{}/0 was read before, and kafka.topics.input names its topic no more", other.topic)]);
    let mut command = group.command_with("a", &[&both, "kafka.group=elsewhere"]);
    command.arg("--accept-loss");
    let mut process = group.begin(command);
    let status = process.end_within(LONG);
    assert!(!status.success() && process.log().contains("the state belongs to group"), "{status}: {}", process.log());
    // A topic that is added is read from its oldest record on.
    let added = InputTopic::of(client, 106, 60, 1);
    let all = format!("kafka.topics.input=[\"{}\", \"{}\", \"{}\"]", one.topic, other.topic, added.topic);
    one.add(107, 60);
    let mut process = group.begin(group.command_with("a", &[&all, "kafka.start=latest"]));
    process.wait_active();
    let records = [&one, &other, &added].map(|input| input.values[0].len()).iter().sum::<usize>();
    client.wait_for("three topics", || group.reading_order().len() == records);
    process.stop();
    print_figures(&format!("a topic taken out and put back, one added, another group: {records} records decided once each"));
}
