//! Tests of the tests: with a safety of the protocol switched off, the checks must fail. Checks
//! that cannot see a broken protocol would show nothing.

use std::{thread, time::Duration};

use testkit::broker::{Client, Consumed};

use crate::{
    account::{Output, print_figures},
    crashes::{die_at, reference},
    group::Group,
    standby::zombie,
};

/// The number of processes that die inside a batch, at most, until one leaves a part of it.
const DEATHS_MAX: usize = 15;

pub(crate) fn a_broken_transaction_is_noticed(client: &Client) {
    let reference = reference(client);
    let group = Group::new(&reference.input, "torn");
    let mutation = ("WEIR_MUTATION", "no_transaction");
    for _ in 0..DEATHS_MAX {
        // On the way into standing still the client has time to send what was produced; the journal record is not among it.
        let mut process = group.start_with("a", &[mutation, ("WEIR_FREEZE", "kafka.produced:3")]);
        process.wait_frozen();
        process.kill();
        if Output::of(&group).positions().count() > group.reading_order().len() {
            break;
        }
    }
    die_at(&group, &reference.input, &[], &[mutation]);
    let why = Output::of(&group).verify(&reference.input).err().expect("torn batches are noticed");
    assert!(why.contains("more than once"), "{why}");
    print_figures(&format!("without transactions: {why}"));
}

pub(crate) fn a_lost_watermark_is_noticed(client: &Client) {
    let reference = reference(client);
    let group = Group::new(&reference.input, "again");
    die_at(&group, &reference.input, &["kafka.begun", "kafka.committed"], &[("WEIR_MUTATION", "no_watermark")]);
    let why = Output::of(&group).verify(&reference.input).err().expect("records decided again are noticed");
    assert!(why.contains("more than once"), "{why}");
    print_figures(&format!("without the watermark: {why}"));
}

pub(crate) fn a_missing_fence_is_noticed(client: &Client) {
    let (group, _input, _zombie, _successor) = zombie(client, "kafka.produced", &[("WEIR_MUTATION", "no_fence")]);
    // Of the topics only this one comes to rest: both processes go on saying how far everything is settled.
    let decisions = group.topic("decisions");
    for _ in 0..60 {
        thread::sleep(Duration::from_millis(500));
        let mut positions: Vec<String> = client.consume_all(&decisions).iter().map(position).collect();
        let all = positions.len();
        positions.sort_unstable();
        positions.dedup();
        if positions.len() < all {
            print_figures(&format!("without the fence: {} of {all} decisions are second ones", all - positions.len()));
            return;
        }
    }
    panic!("two active processes, and nobody noticed");
}

fn position(decision: &Consumed) -> String {
    String::from_utf8_lossy(decision.key.as_deref().unwrap_or_default()).into_owned()
}
