//! Processes are killed at every step of a commit and of a recovery, and at random times.
//! Afterwards everything is as if nothing had happened.

use std::{os::unix::process::ExitStatusExt as _, sync::OnceLock, thread, time::Duration};

use connectors::kill::KAFKA_POINTS;
use testkit::{broker::Client, random::Random};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::LONG,
};

/// Kill points of a snapshot, which the stage passes between two commits.
const SNAPSHOT_POINTS: [&str; 3] = ["snapshot.logs_synced", "snapshot.tmp_written", "snapshot.renamed"];
/// The signal of a process that aborts at its kill point.
const ABORTED: i32 = 6;

/// Returns the passage of a kill point at which a process dies. The first passage of a commit's
/// points belongs to the heartbeat with which every process begins.
fn passage(point: &str) -> u32 {
    match point {
        _ if point.starts_with("kafka.recover_") => 1,
        "kafka.first_produced" => 2,
        _ if SNAPSHOT_POINTS.contains(&point) => 2,
        _ => 3,
    }
}

/// A group that nothing has disturbed.
pub(crate) struct UndisturbedGroup {
    pub(crate) input: InputTopic,
    pub(crate) group: Group,
    pub(crate) output: Output,
}

/// Returns an input that no test changes, and what an undisturbed group writes of it. The first
/// call makes it.
pub(crate) fn reference(client: &Client) -> &'static UndisturbedGroup {
    static REFERENCE: OnceLock<UndisturbedGroup> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let input = InputTopic::of(client, 5, 3_000, 1);
        let group = Group::new(&input, "undisturbed");
        group.finish(&input, "a");
        let output = Output::of(&group);
        let figures = output.verify(&input).expect("undisturbed");
        assert!(output.recalls.len() > 20 && output.dead_letters.len() > 50, "the input tests nothing: {figures}");
        UndisturbedGroup { input, group, output }
    })
}

/// Starts a process of the group for each of these points, which it dies at, and then one that ends
/// in order.
pub(crate) fn die_at(group: &Group, input: &InputTopic, points: &[&str], variables: &[(&str, &str)]) {
    for point in points {
        let kill = format!("{point}:{}", passage(point));
        let mut process = group.start_with("a", &[&[("WEIR_KILL", kill.as_str())], variables].concat());
        let status = process.end_within(LONG);
        assert_eq!(status.signal(), Some(ABORTED), "{kill}: {status}: {}", process.log());
    }
    let mut process = group.start_with("a", variables);
    group.wait_done(input, &mut process);
    process.stop();
}

fn every_step(client: &Client, rounds: usize) {
    let UndisturbedGroup { input, output: undisturbed, .. } = reference(client);
    for _ in 0..rounds {
        let group = Group::new(input, "killed");
        let points = [KAFKA_POINTS, &SNAPSHOT_POINTS].concat();
        die_at(&group, input, &points, &[]);
        let output = Output::of(&group);
        let figures = output.verify(input).expect("nothing lost, nothing doubled");
        output.same_as(undisturbed).expect("the bytes of an undisturbed run");
        print_figures(&format!("killed at each of {} steps: {figures}", points.len()));
    }
}

pub(crate) fn killed_at_every_step(client: &Client) {
    every_step(client, 1);
}

pub(crate) fn killed_at_every_step_twenty_times(client: &Client) {
    every_step(client, 20);
}

/// A process over three partitions is killed again and again. The journal records the order in
/// which it read.
fn at_random(client: &Client, seed: u64, kills: usize) {
    let mut input = InputTopic::of(client, seed, 600, 3);
    let group = Group::new(&input, "random");
    let mut random = Random::new(seed);
    let mut active = 0;
    for round in 0..kills {
        let mut process = group.start("a");
        input.add(seed * 1_000 + round as u64, 200);
        if round % 3 > 0 {
            process.wait_active();
        }
        thread::sleep(Duration::from_millis(random.below(1_500) as u64));
        assert!(process.ended().is_none(), "{}", process.log());
        active += usize::from(process.is_active());
        process.kill();
    }
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("what an undisturbed run says of the same order");
    assert!(active > kills / 2, "only {active} of {kills} kills hit an active process");
    print_figures(&format!("killed {kills} times at random, {active} times while active: {figures}"));
}

pub(crate) fn killed_at_random_times(client: &Client) {
    at_random(client, 11, 8);
}

pub(crate) fn killed_at_random_times_for_long(client: &Client) {
    at_random(client, 12, 60);
}
