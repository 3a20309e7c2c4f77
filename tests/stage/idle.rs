//! Partitions and brokers that are quiet: how soon is a process active, and does it read?

use std::{
    thread,
    time::{Duration, Instant},
};

use testkit::broker::{Client, Cluster};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
};

/// How long the broker stands still.
const STILL: Duration = Duration::from_secs(20);

pub(crate) fn many_idle_partitions_are_sought_at_once(client: &Client) {
    let mut input = InputTopic::empty(client, 200);
    let group = Group::new(&input, "many");
    let begun = Instant::now();
    let mut process = group.start("a");
    process.wait_active();
    let first = begun.elapsed();
    input.add_lines(199, [b"{\"id\":\"last\",\"text\":\"one record in the last of two hundred partitions\"}".to_vec()]);
    group.wait_done(&input, &mut process);
    process.stop();
    let begun = Instant::now();
    let mut process = group.start("a");
    process.wait_active();
    let again = begun.elapsed();
    process.stop();
    // Asked one by one on the client that fetches, each takes about .45 s: 90 s.
    assert!(again < Duration::from_secs(45), "{again:?} for 200 idle partitions");
    Output::of(&group).verify(&input).expect("decided");
    print_figures(&format!("200 idle partitions: active {first:.1?} after the first start, {again:.1?} after the second"));
}

/// What the client reports twice a second piles up if nobody takes it.
pub(crate) fn a_standby_that_waits_does_not_grow(client: &Client) {
    let mut input = InputTopic::empty(client, 200);
    let group = Group::new(&input, "waiting").with("kafka.takeover_after_seconds=600");
    let mut active = group.start("a");
    active.wait_active();
    input.add_lines(0, [b"{\"id\":\"first\",\"text\":\"one record of two hundred partitions\"}".to_vec()]);
    group.wait_done(&input, &mut active);
    let mut standby = group.start_from_journal("b");
    standby.wait_logged("standby");
    thread::sleep(Duration::from_secs(20));
    let before = standby.rss();
    thread::sleep(Duration::from_mins(1));
    let grown = standby.rss().saturating_sub(before);
    active.stop();
    standby.wait_active();
    standby.stop();
    // Statistics of a minute are some 30 MB.
    assert!(grown < 8 << 20, "a standby that has nothing to do has grown by {grown} bytes in a minute");
    print_figures(&format!("a standby of 200 idle partitions grows by {} KiB in a minute", grown >> 10));
}

/// On a machine that does nothing else this takes less than five seconds.
pub(crate) fn five_hundred_idle_partitions_are_measured(client: &Client) {
    let input = InputTopic::empty(client, 500);
    let group = Group::new(&input, "idlest");
    let mut process = group.start("a");
    process.wait_active();
    process.stop();
    let mut took: Vec<Duration> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            let mut process = group.start("a");
            process.wait_active();
            let took = begun.elapsed();
            process.stop();
            took
        })
        .collect();
    took.sort_unstable();
    print_figures(&format!(
        "500 idle partitions: active after {:.1?} (median of {}, {took:.1?})",
        took[took.len() / 2],
        took.len()
    ));
}

pub(crate) fn a_broker_that_stood_still_is_read_from_at_once(cluster: &Cluster) {
    let client = cluster.client();
    let mut input = InputTopic::of(&client, 97, 200, 2);
    let group = Group::new(&input, "still");
    let mut process = group.start("a");
    process.wait_active();
    group.wait_done(&input, &mut process);
    cluster.freeze(0);
    thread::sleep(STILL);
    assert!(process.ended().is_none(), "a broker that stands still is no end: {}", process.log());
    cluster.thaw(0);
    let begun = Instant::now();
    input.add(98, 200);
    group.wait_done(&input, &mut process);
    let took = begun.elapsed();
    process.stop();
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("the broker stood still for {STILL:?}, all decided {took:.1?} later: {figures}"));
}
