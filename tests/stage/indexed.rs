//! `weir run --index`: a group knows a corpus that existed before it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use testkit::broker::Client;

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

fn json(line: &[u8]) -> Value {
    serde_json::from_slice(line).expect("JSON")
}

/// Starts a process of the group that is given the index.
fn start(group: &Group, index: &str, state: &str) -> Process {
    let mut command = group.command(state);
    command.arg("--index").arg(group.state(index));
    group.begin(command)
}

pub(crate) fn copies_of_an_indexed_corpus_are_duplicates(client: &Client) {
    let mut input = InputTopic::of(client, 61, 300, 1);
    let group = Group::new(&input, "indexed");
    // The corpus is the first half of what will come again.
    let corpus: Vec<Vec<u8>> = input.values[0][..150].iter().flatten().filter(|line| line.starts_with(b"{")).cloned().collect();
    let ids: BTreeSet<String> =
        corpus.iter().filter_map(|line| Some(serde_json::from_slice::<Value>(line).ok()?["id"].as_str()?.to_owned())).collect();
    let file = group.state("corpus").with_extension("jsonl");
    fs::write(&file, corpus.join(&b'\n')).expect("written");
    let mut command = group.weir("unused");
    command.args(["index", "--state"]).arg(group.state("index")).arg(&file);
    let mut process = group.begin(command);
    assert!(process.end_within(LONG).success(), "{}", process.log());

    let mut process = start(&group, "index", "a");
    group.wait_done(&input, &mut process);
    process.kill();
    // Started anew, its own state goes on; a standby that follows from the first record on begins with the same index. It is
    // begun when the other one is active: else which of the two is may change.
    input.add(62, 200);
    let mut process = start(&group, "index", "a");
    group.wait_done(&input, &mut process);
    let mut command = group.command("b");
    command.arg("--from-journal").arg("--index").arg(group.state("index"));
    let mut standby = group.begin(command);
    process.stop();
    input.add(63, 200);
    group.wait_done(&input, &mut standby);
    standby.stop();

    let output = Output::of(&group);
    let decisions: Vec<Value> = output.decisions.iter().map(|line| json(line)).collect();
    let of_corpus: Vec<&Value> = decisions.iter().filter(|d| d["id"].as_str().is_some_and(|id| ids.contains(id))).collect();
    let copies: Vec<&&Value> = of_corpus.iter().filter(|d| d["route"] == "duplicate").collect();
    assert!(copies.len() * 10 > of_corpus.len() * 6, "{} of {} are copies", copies.len(), of_corpus.len());
    assert!(of_corpus.iter().all(|d| d["route"] != "clean"), "what the corpus has is not let through again");
    assert!(copies.iter().all(|d| d["findings"][0]["match"].as_str().is_some_and(|id| ids.contains(id))), "{copies:?}");
    assert!(decisions.iter().any(|d| d["route"] == "clean"));
    let records = input.values[0].len();
    assert!(decisions.len() <= records && decisions.len() + output.dead_letters.len() + 20 > records, "none lost, none doubled");

    // Without it the sequence numbers do not fit, and a folder that is no index is none.
    let mut command = group.command("c");
    command.arg("--from-journal");
    let mut lost = group.begin(command);
    assert!(!lost.end_within(LONG).success() && lost.log().contains("the state at 0"), "{}", lost.log());
    let mut empty = start(&group, "nothing", "d");
    assert!(!empty.end_within(LONG).success() && empty.log().contains("expected one made by `weir index`"), "{}", empty.log());
    print_figures(&format!("{} of {} documents of an indexed corpus were duplicates", copies.len(), of_corpus.len()));
}
