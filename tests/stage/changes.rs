//! Changes outside of the stage: partitions are added, topics are made anew, retention removes
//! records, the state is lost.

use std::fs;

use testkit::broker::{Client, Message};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::LONG,
};

pub(crate) fn a_new_partition_is_taken_up(client: &Client) {
    let mut input = InputTopic::of(client, 51, 300, 1);
    let group = Group::new(&input, "grows");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    client.grow_topic(&input.topic, 2);
    input.values.push(Vec::new());
    input.add(52, 300);
    group.wait_done(&input, &mut process);
    // Its number is in the journal: a restart and a re-read know it.
    process.kill();
    input.add(53, 300);
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state");
    assert!(input.values[1].len() > 200);
    print_figures(&format!("a partition more: {figures}"));
}

/// Starts the group, which must refuse with these words.
fn refused(group: &Group, expected: &str) {
    let mut process = group.start("a");
    let status = process.end_within(LONG);
    assert!(!status.success() && process.log().contains(expected), "{status}, expected {expected:?}: {}", process.log());
}

pub(crate) fn what_is_no_longer_there_is_refused(client: &Client) {
    let mut input = InputTopic::of(client, 54, 300, 1);
    let group = Group::new(&input, "lost");
    group.finish(&input, "a");
    let before = Output::of(&group);
    let decided = input.values[0].len();
    input.add(55, 300);
    client.delete_records(&input.topic, 0, decided as i64 + 10);
    refused(&group, "retention has removed 10 offsets");
    client.delete_topic(&input.topic);
    client.create_topic(&input.topic, 1, &[]);
    client.produce(&input.topic, &[Message::to(0, "{\"id\":\"new\",\"text\":\"a record of another topic\"}")]);
    refused(&group, "made anew");
    Output::of(&group).same_as(&before).expect("a refusal writes nothing");
}

pub(crate) fn a_topic_that_goes_ends_the_process(client: &Client) {
    let input = InputTopic::of(client, 56, 300, 1);
    let group = Group::new(&input, "goes");
    let mut process = group.start("a");
    group.wait_done(&input, &mut process);
    client.delete_topic(&input.topic);
    let status = process.end_within(LONG);
    assert!(
        !status.success() && process.log().contains("not there any more") || process.log().contains("is not there"),
        "{status}: {}",
        process.log()
    );
    Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
}

pub(crate) fn a_lost_state_is_learned_again_from_the_journal(client: &Client) {
    let mut input = InputTopic::of(client, 57, 1_200, 3);
    let group = Group::new(&input, "learned");
    group.finish(&input, "a");
    fs::remove_dir_all(group.state("a")).expect("a state to lose");
    refused(&group, "--from-journal");
    let mut process = group.start_from_journal("a");
    process.wait_active();
    input.add(58, 600);
    group.wait_done(&input, &mut process);
    process.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("the state that was lost, to the bit");
    print_figures(&format!("state lost and learned again: {figures}"));
}

pub(crate) fn a_loss_that_is_accepted_loses_no_record(client: &Client) {
    let mut input = InputTopic::of(client, 59, 600, 2);
    let group = Group::new(&input, "accepted");
    group.finish(&input, "a");
    fs::remove_dir_all(group.state("a")).expect("a state to lose");
    input.add(60, 300);
    let mut command = group.command("a");
    command.arg("--accept-loss");
    let mut process = group.begin(command);
    group.wait_done(&input, &mut process);
    process.kill();
    input.add(61, 300);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled, no number twice");
    print_figures(&format!("a state lost for good: {figures}"));
}
