//! `weir recall apply` takes recalled documents out of a corpus on disk, by the stage's recalls
//! topic as it is at the moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use testkit::broker::{Client, Message, unique};

use crate::{
    account::{json, print_figures, text},
    crashes::reference,
    group::{Group, InputTopic, folder},
};

/// Runs `weir recall apply` on the corpus in a folder.
fn apply(group: &Group, home: &Path, arguments: &[&str]) -> Command {
    let mut command = group.weir("recalls");
    command.args(["recall", "apply"]).args(arguments).arg("--removed").arg(home.join("removed")).arg(home.join("corpus"));
    command
}

fn log(ended: &Output) -> String {
    format!("{}: {}{}", ended.status, String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}

#[track_caller]
fn applied(mut command: Command) -> String {
    let ended = command.stdout(std::process::Stdio::piped()).output().expect("weir runs");
    assert!(ended.status.success(), "{}", log(&ended));
    String::from_utf8(ended.stdout).expect("text")
}

/// Returns the figure in a row of the report.
#[track_caller]
fn figure(report: &str, row: &str) -> usize {
    let line = report.lines().find(|line| line.trim_start().starts_with(row));
    let words = line.and_then(|line| line.trim_start().strip_prefix(row)).map(str::split_whitespace);
    words.and_then(|mut words| words.next()?.parse().ok()).unwrap_or_else(|| panic!("no {row:?} in {report}"))
}

fn corpus(home: &Path, lines: impl IntoIterator<Item = Vec<u8>>) {
    fs::create_dir_all(home.join("corpus")).expect("made");
    let bytes: Vec<u8> = lines.into_iter().flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
    fs::write(home.join("corpus/clean.jsonl"), bytes).expect("written");
}

fn ids(path: &Path) -> BTreeSet<String> {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| text(&json(line), "id")).collect()
}

pub(crate) fn recalls_come_from_their_topic(client: &Client) {
    let group = &reference(client).group;
    let clean: Vec<Vec<u8>> = client.consume_all(&group.topic("clean")).into_iter().map(|record| record.value).collect();
    let topic = client.consume_all(&group.topic("recalls"));
    let lines: Vec<Value> = topic.iter().map(|record| json(&record.value)).collect();
    let mut fates = BTreeMap::new();
    for line in lines.iter().filter(|line| line["action"] != "settled") {
        fates.insert(text(line, "id"), line["action"] == "recall");
    }
    let recalled: BTreeSet<String> = fates.into_iter().filter(|(_, recalled)| *recalled).map(|(id, _)| id).collect();
    let home = folder();
    corpus(home.path(), clean.clone());
    let before = ids(&home.path().join("corpus/clean.jsonl"));
    let expected: BTreeSet<String> = before.intersection(&recalled).cloned().collect();
    assert!(expected.len() > 10, "too few recalls to show anything");

    let report = applied(apply(group, home.path(), &["--recalls-topic"]));
    assert_eq!(figure(&report, "from topic"), lines.len(), "{report}");
    assert_eq!((figure(&report, "recalled"), figure(&report, "removed")), (recalled.len(), expected.len()), "{report}");
    let after = ids(&home.path().join("corpus/clean.jsonl"));
    assert!(after.is_disjoint(&recalled) && after.len() + expected.len() == before.len(), "{report}");
    let report = applied(apply(group, home.path(), &[&format!("--recalls-topic={}", group.topic("recalls"))]));
    assert_eq!(
        (figure(&report, "removed"), figure(&report, "kept")),
        (0, after.len()),
        "a second time changes nothing: {report}"
    );

    // The same as by a file that was exported.
    let exported = folder();
    corpus(exported.path(), clean);
    let bytes: Vec<u8> = topic.into_iter().flat_map(|record| [record.value, b"\n".to_vec()].concat()).collect();
    let file = exported.path().join("recalls.jsonl");
    fs::write(&file, bytes).expect("written");
    applied(apply(group, exported.path(), &["--recalls", &file.display().to_string()]));
    let kept = |home: &Path| fs::read(home.join("corpus/clean.jsonl")).expect("there");
    assert!(kept(home.path()) == kept(exported.path()), "topic and file differ");
    print_figures(&format!(
        "{} recalls of {} records of the topic took {} documents out",
        recalled.len(),
        lines.len(),
        expected.len()
    ));
}

fn line(action: &str, id: &str) -> Message {
    Message::to(0, format!(r#"{{"v":1,"action":"{action}","id":"{id}","position":"{id}/0/0"}}"#))
}

pub(crate) fn only_what_is_committed_counts_and_what_is_wrong_is_refused(client: &Client) {
    let input = InputTopic::empty(client, 1);
    let group = Group::new(&input, "applies");
    let topic = group.topic("recalls");
    client.create_topic(&topic, 2, &[]);
    let producer = unique("applier");
    client.produce_in_transaction(&producer, &topic, &[line("recall", "old")], true);
    client.produce_in_transaction(&producer, &topic, &[line("recall", "a"), line("recall", "b"), line("recall", "c")], true);
    client.produce_in_transaction(&producer, &topic, &[line("restore", "b")], true);
    client.produce_in_transaction(&producer, &topic, &[line("recall", "aborted")], false);
    let home = folder();
    let documents = || ["old", "a", "b", "c", "d", "aborted"].map(|id| format!(r#"{{"id":"{id}","text":"x"}}"#).into_bytes());
    corpus(home.path(), documents());
    let file = home.path().join("recalls.jsonl");
    // The topic's word comes later than the file's.
    fs::write(&file, br#"{"v":1,"action":"recall","id":"b","position":"b/0/0"}"#.as_slice()).expect("written");
    let all = |home: &Path| ids(&home.join("corpus/clean.jsonl")).into_iter().collect::<Vec<_>>();
    // Expired: whoever asks the topic alone is told.
    client.delete_records(&topic, 0, 2);
    let report = applied(apply(&group, home.path(), &["--recalls", &file.display().to_string(), "--recalls-topic"]));
    assert_eq!((figure(&report, "from topic"), figure(&report, "expired")), (4, 2), "{report}");
    assert_eq!(all(home.path()), ["aborted", "b", "d", "old"], "{report}");

    corpus(home.path(), documents());
    let refused = |set: &str, arguments: &[&str], why: &str| {
        let mut command = group.weir("recalls");
        command.args(["--set", set, "recall", "apply"]).args(arguments);
        let ended = command.arg("--removed").arg(home.path().join("removed")).arg(home.path().join("corpus")).output();
        let ended = ended.expect("weir runs");
        assert!(!ended.status.success() && log(&ended).contains(why), "expected {why:?}: {}", log(&ended));
        assert_eq!(all(home.path()).len(), 6, "a refusal changes nothing");
    };
    let usual = "kafka.group=any";
    refused(usual, &["--recalls-topic=there-is-none"], "there is no such topic");
    refused("kafka.brokers=127.0.0.1:1", &["--recalls-topic"], "recalls of topic");
    refused(usual, &[], "--recalls");
    client.produce(&topic, &[Message::to(1, "{}")]);
    refused(usual, &["--recalls-topic"], "expected all records on partition 0");
    let broken = unique("broken");
    client.create_topic(&broken, 1, &[]);
    client.produce(&broken, &[line("recall", "a"), Message::to(0, r#"{"v":1,"action":"recall","id":"d"}"#)]);
    refused(usual, &[&format!("--recalls-topic={broken}")], "offset 1: got a recall without id or position");
}
