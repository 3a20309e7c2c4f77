//! A process is asked to end, with the brokers there or gone; and a broker goes and comes back.

use std::{
    thread,
    time::{Duration, Instant},
};

use testkit::broker::{Client, Cluster};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::LONG,
};

/// The default of `kafka.shutdown_seconds`.
const SHUTDOWN: Duration = Duration::from_secs(20);

pub(crate) fn a_signal_drains(client: &Client) {
    let input = InputTopic::of(client, 41, 2_000, 3);
    let group = Group::new(&input, "drains");
    let mut times = Vec::new();
    for signal in ["TERM", "INT"] {
        let mut process = group.start("a");
        process.wait_active();
        thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        process.signal(signal);
        let status = process.end_within(LONG);
        times.push(begun.elapsed());
        assert!(status.success(), "{signal}: {status}: {}", process.log());
        assert!(times.iter().all(|time| *time < SHUTDOWN), "{times:?}");
    }
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("as if it had never ended");
    print_figures(&format!("two signals in full work, drained in {times:.1?}: {figures}"));
}

pub(crate) fn a_second_signal_ends_it_at_once(client: &Client) {
    let input = InputTopic::of(client, 42, 900, 1);
    let group = Group::new(&input, "second");
    let mut process = group.start("a");
    process.wait_active();
    process.signal("STOP");
    // Both are there when it goes on: the second one finds the first not yet obeyed.
    process.signal("TERM");
    process.signal("INT");
    process.signal("CONT");
    process.end_within(LONG);
    group.finish(&input, "a");
    let output = Output::of(&group);
    output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("as if nothing had happened");
}

pub(crate) fn brokers_that_go_are_no_end_and_hold_nobody(mut cluster: Cluster) {
    let client = cluster.client();
    let mut input = InputTopic::of(&client, 43, 600, 2);
    let group = Group::new(&input, "gone").with("kafka.shutdown_seconds=3");

    let mut process = group.start("a");
    process.wait_active();
    group.wait_done(&input, &mut process);
    input.add(44, 600);
    cluster.kill(0);
    thread::sleep(Duration::from_secs(3));
    assert!(process.ended().is_none(), "a broker that goes is no end: {}", process.log());
    cluster.restart(0).and_then(|()| cluster.wait_up()).expect("it is back");
    let begun = Instant::now();
    input.add(45, 300);
    group.wait_done(&input, &mut process);
    let back = begun.elapsed();

    input.add(46, 600);
    cluster.kill(0);
    thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    process.signal("TERM");
    let status = process.end_within(LONG);
    let ended = begun.elapsed();
    assert!(!status.success(), "what it could not drain it must not call drained: {}", process.log());
    assert!(ended < Duration::from_secs(3 + 5), "kafka.shutdown_seconds is 3, it took {ended:?}");
    drop(process);
    cluster.restart(0).and_then(|()| cluster.wait_up()).expect("it is back");

    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("as if nothing had happened");
    print_figures(&format!(
        "broker killed and back, all decided {back:.1?} later; gone for good, ended {ended:.1?} after SIGTERM (3 s): {figures}"
    ));
}
