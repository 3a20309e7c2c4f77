//! Outputs that take less than the stage writes: what becomes of a record that its topic refuses for
//! good?

use testkit::{
    broker::{Client, Message, rights::Rights},
    random::Random,
};

use crate::{
    account::{Output, REFUSED, TOO_LARGE, header, json, print_figures},
    group::{Group, InputTopic},
    losses::refused,
    process::LONG,
};

/// A document with so many bytes more, of which packing leaves three quarters.
fn line(id: usize, padding: usize) -> Vec<u8> {
    let text = format!("page {id} tells of bridge number {id} and of the {id} stones of its pier");
    let page = serde_json::json!({"id": format!("d{id}"), "text": text, "padding": Random::new(id as u64).text(padding)});
    page.to_string().into_bytes()
}

/// The codes of the dead letters, by the positions of their records.
fn dead_letters(output: &Output) -> Vec<(String, String)> {
    let of = |name, record| header(record, name).unwrap_or_default();
    output.dead_letters.iter().map(|record| (of("weir-position", record), of("weir-code", record))).collect()
}

pub(crate) fn a_record_without_a_key_for_a_compacted_topic_is_a_dead_letter(client: &Client) {
    let mut input = InputTopic::empty(client, 1);
    let group = Group::new(&input, "keyless");
    client.create_topic(&group.topic("clean"), 1, &[("cleanup.policy", "compact")]);
    let keyed = |id: usize| Message { key: Some(format!("k{id}").into_bytes()), ..Message::to(0, line(id, 0)) };
    let messages: Vec<_> =
        (0..40).map(|id| if [7, 23].contains(&id) { Message::to(0, line(id, 0)) } else { keyed(id) }).collect();
    input.add_messages(0, &messages);
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let expected = [7, 23].map(|offset| (format!("{}/0/{offset}", input.topic), REFUSED.to_owned()));
    assert_eq!(dead_letters(&output), expected);
    let told = output.decisions.iter().filter(|line| json(line)["dead_letter"] == REFUSED).count();
    assert_eq!(told, 2, "their decisions say so");
    print_figures(&format!("two records without a key and a compacted topic: {figures}"));
}

pub(crate) fn a_limit_that_is_lowered_is_read_again(client: &Client) {
    let mut input = InputTopic::empty(client, 1);
    let group = Group::new(&input, "lowered");
    let mut process = group.start("a");
    process.wait_active();
    input.add_lines(0, [line(0, 90_000)]);
    group.wait_done(&input, &mut process);
    client.set_topic(&group.topic("clean"), &[("max.message.bytes", "70000")]);
    input.add_lines(0, (1..60).map(|id| line(id, if id % 20 == 0 { 150_000 } else { 9_000 })));
    group.wait_done(&input, &mut process);
    process.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let expected = [20, 40].map(|offset| (format!("{}/0/{offset}", input.topic), TOO_LARGE.to_owned()));
    assert_eq!(dead_letters(&output), expected);
    print_figures(&format!("max.message.bytes lowered while it runs: {figures}"));
}

pub(crate) fn a_time_that_is_refused_makes_dead_letters(client: &Client) {
    let mut input = InputTopic::empty(client, 1);
    let group = Group::new(&input, "refused");
    let settings = [("message.timestamp.type", "CreateTime"), ("message.timestamp.before.max.ms", "0")];
    client.create_topic(&group.topic("clean"), 1, &settings);
    input.add_lines(0, (0..20).map(|id| line(id, 0)));
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let refused = dead_letters(&output).iter().filter(|(_, code)| code == REFUSED).count();
    assert!(refused > 0, "the topic takes every time, so nothing was tested");
    print_figures(&format!("a topic that refuses the time of {refused} records: {figures}"));
}

/// The right to write to one of the outputs goes while the stage runs.
pub(crate) fn a_right_that_is_withdrawn_ends_the_process(rights: &Rights) {
    let mut input = InputTopic::empty(&rights.cluster.client(), 1);
    let group = Group::new(&input, "forbidden");
    let mut process = group.start("a");
    input.add_lines(0, (0..20).map(|id| line(id, 0)));
    group.wait_done(&input, &mut process);
    let clean = group.topic("clean");
    rights.forbid_writing(&clean);
    input.add_lines(0, (20..40).map(|id| line(id, 0)));
    let status = process.end_within(LONG);
    let says = ["add a topic to the transaction", &clean, "lacks this right: give it, and start weir again"];
    assert!(!status.success() && says.iter().all(|part| process.log().contains(part)), "{status}: {}", process.log());
    refused(&group, "a", &[], &says);
    rights.allow_writing(&clean);
    group.finish(&input, "a");
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("the right to write to an output withdrawn and given back: {figures}"));
}
