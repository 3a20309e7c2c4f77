//! The journal is deleted and made again, while processes run and while none does. Who notices, and
//! how does the group go on?

use testkit::broker::Client;

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    losses::{finish_with, refused},
    process::LONG,
};

fn begin_anew(client: &Client, group: &Group) {
    let journal = group.topic("journal");
    client.delete_topic(&journal);
    client.create_topic(&journal, 1, &[("retention.ms", "-1")]);
}

pub(crate) fn a_standby_behind_a_journal_begun_anew_fences_nobody(client: &Client) {
    let mut input = InputTopic::of(client, 131, 300, 2);
    let group = Group::new(&input, "begun-anew").with("kafka.takeover_after_seconds=30");
    let mut active = group.start("a");
    group.wait_done(&input, &mut active);
    let mut standby = group.start_from_journal("b");
    standby.wait_logged("standby");
    // Frozen, the active process gives no sign of life, and what is silent is not its journal.
    active.signal("STOP");
    active.wait_frozen();
    begin_anew(client, &group);
    let status = standby.end_within(LONG);
    assert!(!status.success() && standby.log().contains("journal"), "{status}: {}", standby.log());
    assert!(!standby.is_active(), "{}", standby.log());
    active.signal("CONT");
    input.add(132, 100);
    group.wait_done(&input, &mut active);
    active.wait_logged("the journal was begun anew");
    input.add(133, 20);
    group.wait_done(&input, &mut active);
    // Its snapshot goes with the new journal.
    active.kill();
    input.add(134, 100);
    group.finish(&input, "a");
    // The other state does not: it is told, and what helps.
    refused(&group, "b", &[], &["it was made anew", "--accept-loss", "copy of the active process's state.directory"]);
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("a journal begun anew under a standby and an active process: {figures}"));
}

pub(crate) fn a_state_outlives_its_journal(client: &Client) {
    let mut input = InputTopic::of(client, 135, 300, 2);
    let group = Group::new(&input, "outlived");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    // What was decided after the last snapshot is told by no journal any more.
    process.kill();
    begin_anew(client, &group);
    input.add(136, 200);
    refused(&group, "a", &[], &["it was made anew", "--accept-loss keeps the state"]);
    let log = finish_with(&group, &input, "a", &["--accept-loss"]);
    assert!(log.contains("decided and that no journal tells"), "{log}");
    input.add(137, 100);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled, no number twice");
    print_figures(&format!("a journal made anew while nobody ran: {figures}"));
}
