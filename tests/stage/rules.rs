//! A configuration that is changed over the months, and groups without a background: which rules
//! and which hash seed do a restart and a standby have?

use std::{collections::BTreeSet, fs};

use testkit::broker::Client;

use crate::{
    account::{Output, json, print_figures, text},
    group::{Group, InputTopic, folder},
    process::{LONG, Process},
};

fn start_with(group: &Group, state: &str, sets: &[&str], arguments: &[&str]) -> Process {
    let mut command = group.command_with(state, sets);
    command.args(arguments);
    group.begin(command)
}

/// Runs until everything is decided, and ends; returns the log.
fn finish_with(group: &Group, input: &InputTopic, state: &str, sets: &[&str], arguments: &[&str]) -> String {
    let mut process = start_with(group, state, sets, arguments);
    process.wait_active();
    group.wait_done(input, &mut process);
    let log = process.log();
    process.stop();
    log
}

/// Decides everything, and dies with batches in the journal that no snapshot has.
fn decide_and_die(group: &Group, input: &InputTopic, sets: &[&str]) {
    let mut process = start_with(group, "a", sets, &[]);
    process.wait_active();
    group.wait_done(input, &mut process);
    process.kill();
}

pub(crate) fn a_changed_configuration_is_no_end(client: &Client) {
    let home = folder();
    let deny = home.path().join("deny.txt");
    fs::write(&deny, "denied-before.example\n").expect("written");
    let list = format!("policy.deny_files=[{:?}]", deny.display().to_string());
    let before = [list.as_str(), "policy.quarantine_score=0.7"];
    let after = [list.as_str()];
    let mut input = InputTopic::of(client, 61, 300, 1);
    let group = Group::new(&input, "changed").with("state.snapshot_documents=128000");
    // The rules at first are those of all, and then they change twice, each time after a kill.
    decide_and_die(&group, &input, &[]);
    input.add(62, 200);
    decide_and_die(&group, &input, &before);
    input.add(63, 200);
    fs::write(&deny, "denied-after.example\n").expect("written");
    let log = finish_with(&group, &input, "a", &after, &[]);
    assert!(log.contains("policy.quarantine_score: 0.5, expected 0.7"), "{log}");
    assert!(log.contains("read again under those"), "{log}");
    // A new standby reads all three, and takes over under rules of its own.
    input.add(64, 200);
    finish_with(&group, &input, "b", &["policy.quarantine_score=0.75"], &["--from-journal"]);
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let policies: BTreeSet<String> = output.decisions.iter().map(|line| text(&json(line), "verdict_digest")).collect();
    assert_eq!(policies.len(), 4, "each decision names its rules");
    print_figures(&format!("rules changed three times, each after a kill: {figures}"));
}

/// The state after a re-read is the one that the batches left: a copy of what the old rules withheld
/// is no copy of a clean document.
pub(crate) fn a_reread_decides_as_it_was_decided(client: &Client) {
    let line = |id: &str, host: &str, text: &str| {
        serde_json::json!({"id": id, "url": format!("https://{host}/"), "text": text}).to_string().into_bytes()
    };
    let home = folder();
    let deny = home.path().join("deny.txt");
    fs::write(&deny, "evil.example\n").expect("written");
    let list = format!("policy.deny_files=[{:?}]", deny.display().to_string());
    let page = "A long and winding page about bridges, how they are built of stone and steel, and why the oldest of them stand.";
    let mut input = InputTopic::empty(client, 1);
    let group = Group::new(&input, "decided").with("state.snapshot_documents=128000");
    input.add_lines(0, [line("withheld", "evil.example", page)]);
    decide_and_die(&group, &input, &[&list]);
    // Without the list the page would have been clean, and the next one a copy of it.
    input.add_lines(0, [line("later", "good.example", page)]);
    finish_with(&group, &input, "a", &[], &[]);
    let routes: Vec<(String, String)> = Output::of(&group)
        .decisions
        .iter()
        .map(|line| json(line))
        .map(|decision| (text(&decision, "id"), text(&decision, "route")))
        .collect();
    let expected = [("withheld", "quarantine"), ("later", "clean")].map(|(id, route)| (id.to_owned(), route.to_owned()));
    assert_eq!(routes, expected);
}

pub(crate) fn rules_that_are_not_to_be_had_are_told(client: &Client) {
    let mut input = InputTopic::of(client, 65, 200, 1);
    let group = Group::new(&input, "unknown");
    // The last snapshot comes after the journal record that tells the rules, and before the last documents.
    decide_and_die(&group, &input, &[]);
    fs::remove_dir_all(group.state("a").join("state/rules")).expect("rules to lose");
    input.add(66, 100);
    let mut process = start_with(&group, "a", &["policy.quarantine_score=0.7"], &[]);
    let status = process.end_within(LONG);
    assert!(!status.success(), "{status}: {}", process.log());
    for part in ["decided under other rules", "holds rules", "--accept-loss"] {
        assert!(process.log().contains(part), "{part}: {}", process.log());
    }
    let log = finish_with(&group, &input, "a", &["policy.quarantine_score=0.7"], &["--accept-loss"]);
    assert!(log.contains("read again under the present rules, as was accepted"), "{log}");
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("rules lost, and accepted: {figures}"));
}

/// With the shipped configuration there is no background, and the seed is drawn.
pub(crate) fn without_a_background_the_seed_is_the_groups(client: &Client) {
    let mut input = InputTopic::of(client, 67, 300, 1);
    let group = Group::without_background(&input, "seedless");
    let mut active = group.start("a");
    active.wait_active();
    let mut standby = group.start_from_journal("b");
    standby.wait_logged("standby");
    group.wait_done(&input, &mut active);
    active.kill();
    input.add(68, 200);
    standby.wait_active();
    group.wait_done(&input, &mut standby);
    standby.stop();
    // A state that was lost is learned again.
    fs::remove_dir_all(group.state("a")).expect("a state to lose");
    input.add(69, 100);
    finish_with(&group, &input, "a", &[], &["--from-journal"]);
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("no background: standby, takeover and a lost state: {figures}"));
}
