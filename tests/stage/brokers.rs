//! One of three brokers is away: it is killed while documents stream in, or it holds all outputs
//! and is suspended.

use std::{
    thread,
    time::{Duration, Instant},
};

use testkit::{broker::Cluster, stream};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::Process,
};

/// The words that a failed commit, which is then tried again, leaves in the log.
const AGAIN: &str = "the commit failed";
/// The brokers, as they number themselves, that hold the input and the outputs where the outputs
/// are to be blocked.
const OF_INPUT: i32 = 1;
const OF_OUTPUTS: i32 = 3;

/// An input that documents stream into.
struct Stream {
    input: InputTopic,
    seed: u64,
}

impl Stream {
    /// Produces documents for some seconds, one part each second.
    fn pour(&mut self, seconds: u64, documents: usize) {
        for _ in 0..seconds {
            self.seed += 1;
            self.input.add(self.seed, documents);
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Waits until everything is decided; returns how long that took.
    fn decided(&self, group: &Group, process: &mut Process) -> Duration {
        let begun = Instant::now();
        group.wait_done(&self.input, process);
        begun.elapsed()
    }
}

fn verified(group: &Group, input: &InputTopic) -> String {
    let output = Output::of(group);
    let figures = output.verify(input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(group, input).expect("what an undisturbed run says of the same order");
    figures.to_string()
}

/// One broker after the other is killed with SIGKILL while documents stream in, is away for a
/// while, and comes back.
fn killed_in_turn(cluster: &mut Cluster, seed: u64, kills: usize, away: u64) {
    let client = cluster.client();
    let mut stream = Stream { input: InputTopic::of(&client, seed, 300, 3), seed: seed * 1_000 };
    let group = Group::new(&stream.input, "rolling");
    let mut process = group.start("a");
    process.wait_active();
    stream.decided(&group, &mut process);
    let (mut stall, mut without, mut with) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for kill in 0..kills {
        client.wait_in_sync();
        let begun = Instant::now();
        cluster.kill(kill % 3);
        stream.pour(1, 60);
        stream.decided(&group, &mut process);
        stall = stall.max(begun.elapsed());
        stream.pour(away, 60);
        // Two of three are enough: nobody waits for the one that is gone.
        without = without.max(stream.decided(&group, &mut process));
        stream.pour(1, 60);
        cluster.restart(kill % 3).and_then(|()| cluster.wait_up()).expect("it is back");
        stream.pour(1, 60);
        with = with.max(stream.decided(&group, &mut process));
    }
    let again = process.log().matches(AGAIN).count();
    process.stop();
    print_figures(&format!(
        "{kills} times one of three brokers killed, {away} s of documents while it was away; longest stall {stall:.1?}, 4 s of \
         them until the cluster gives a broker up; all decided at most {without:.1?} after that without it, {with:.1?} after it \
         was back; {again} commits tried again: {}",
        verified(&group, &stream.input)
    ));
}

/// All outputs are on a broker that is suspended, while documents go on coming through the other
/// brokers.
fn output_blocked(cluster: &Cluster, seed: u64, seconds: u64) {
    const PADDING: usize = 40_000;
    let client = cluster.client_without(OF_OUTPUTS as usize - 1);
    let mut input = InputTopic::on(OF_INPUT, &client, 3);
    let group = Group::new(&input, "blocked").with("kafka.prefetch_bytes_max=2097152");
    let group = group.with("kafka.buffer_bytes_max=2097152").with("kafka.produce_bytes_max=8388608");
    for key in ["clean", "quarantine", "duplicates", "decisions", "recalls", "alarms", "dead_letters", "journal"] {
        client.create_topic_on(OF_OUTPUTS, &group.topic(key), 1);
    }
    let mut process = group.start("a");
    process.wait_active();
    // Warm: as much as will be in hand when nothing moves.
    let warm = pour_padded(&mut input, seed + 1, 600, PADDING);
    group.wait_done(&input, &mut process);
    let before = process.rss();
    cluster.freeze(OF_OUTPUTS as usize - 1);
    let begun = Instant::now();
    let (mut poured, mut most, mut round) = (0, 0, seed + 2);
    while begun.elapsed() < Duration::from_secs(seconds) {
        if poured < 64 << 20 {
            poured += pour_padded(&mut input, round, 200, PADDING);
            round += 1;
        }
        most = most.max(process.rss());
        assert!(process.ended().is_none(), "an output that is blocked is no end: {}", process.log());
        thread::sleep(Duration::from_secs(1));
    }
    assert!(!group.is_done(&input), "nothing was blocked");
    cluster.thaw(OF_OUTPUTS as usize - 1);
    let begun = Instant::now();
    group.wait_done(&input, &mut process);
    let took = begun.elapsed();
    let (again, after) = (process.log().matches(AGAIN).count(), process.rss());
    process.stop();
    let mib = |bytes: usize| bytes >> 20;
    // All buffers together may hold 2 + 3 x 2 + 8 MiB, and the batch in hand 2.5 MiB.
    assert!(most < before + (24 << 20), "{} MiB before, {} MiB at most", mib(before), mib(most));
    print_figures(&format!(
        "outputs blocked for {seconds} s while {} MiB came: RSS {} MiB before (warm after {} MiB), at most {} MiB, {} MiB after; \
         all decided {took:.1?} later, {again} commits tried again: {}",
        mib(poured),
        mib(before),
        mib(warm),
        mib(most),
        mib(after),
        verified(&group, &input)
    ));
}

/// Produces documents with a field that nothing reads; returns how many bytes they have.
fn pour_padded(input: &mut InputTopic, seed: u64, documents: usize, padding: usize) -> usize {
    let padding = format!("{{\"padding\":\"{}\",\"id\":\"{seed}-d", "x".repeat(padding));
    let mut bytes = 0;
    for (partition, lines) in stream::lines(seed, documents, input.values.len()).into_iter().enumerate() {
        let lines = lines.into_iter().map(|line| {
            let line = String::from_utf8(line).expect("text").replacen("{\"id\":\"d", &padding, 1).into_bytes();
            bytes += line.len();
            line
        });
        input.add_lines(partition, lines);
    }
    bytes
}

pub(crate) fn one_of_three_is_frozen_and_one_is_killed(mut cluster: Cluster) {
    output_blocked(&cluster, 81, 15);
    killed_in_turn(&mut cluster, 82, 1, 3);
}

pub(crate) fn three_are_killed_in_turn_twice_round(mut cluster: Cluster) {
    killed_in_turn(&mut cluster, 83, 6, 12);
}

pub(crate) fn outputs_are_blocked_for_a_minute(cluster: &Cluster) {
    output_blocked(cluster, 84, 60);
}
