//! `weir recall apply` is killed at every step between two files and run again; and it is applied
//! to the recalls of a real run.

use std::{collections::BTreeSet, fs, os::unix::process::ExitStatusExt as _, path::Path, process::Command};

use connectors::kill;
use serde_json::Value;

use crate::{
    corpus::corpus,
    weir::{Replay, Tree, folder, lines, outputs, reference, stderr, text, tree, weir},
};

/// The lines of the crawl in several files, and the recalls of a run over them.
fn prepare(home: &Path) -> BTreeSet<String> {
    let files = tree(&corpus().crawl);
    let plain = files.iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "jsonl"));
    let crawl: Vec<&[u8]> = plain.flat_map(|(_, bytes)| bytes.split_inclusive(|byte| *byte == b'\n')).collect();
    let recalled: BTreeSet<String> = lines(reference("none"), "recalls.jsonl")
        .iter()
        .filter(|line| text(line, "action") == "recall")
        .map(|line| text(line, "id").to_owned())
        .collect();
    assert!(recalled.len() >= 3, "the crawl has too few recalls to show anything: {}", recalled.len());
    fs::create_dir_all(home.join("corpus")).expect("made");
    for (n, part) in crawl.chunks(crawl.len().div_ceil(3)).enumerate() {
        // A recalled document in each file, so that each changes.
        let first = recalled.iter().nth(n).expect("several");
        let extra = format!("{{\"id\":{first:?},\"text\":\"once more\"}}\n");
        let bytes = [&part.concat()[..], b"\n", extra.as_bytes()].concat();
        fs::write(home.join(format!("corpus/{n}.jsonl")), bytes).expect("written");
    }
    fs::write(home.join("recalls.jsonl"), &reference("none")["recalls.jsonl"]).expect("written");
    recalled
}

fn apply(home: &Path) -> Command {
    let path = |name: &str| home.join(name).into_os_string();
    let removed = path("removed");
    weir([
        "recall".into(),
        "apply".into(),
        "--recalls".into(),
        path("recalls.jsonl"),
        "--removed".into(),
        removed,
        path("corpus"),
    ])
}

fn succeed(home: &Path) -> String {
    let ended = apply(home).output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    String::from_utf8(ended.stdout).expect("text")
}

fn outcome(home: &Path) -> (Tree, Tree) {
    let mut removed = tree(&home.join("removed"));
    removed.retain(|name, _| !name.starts_with(".weir/"));
    (tree(&home.join("corpus")), removed)
}

#[test]
fn killed_between_files_it_ends_the_same() {
    let undisturbed = folder();
    let recalled = prepare(undisturbed.path());
    let before = tree(&undisturbed.path().join("corpus"));
    let said_first = succeed(undisturbed.path());
    let expected = outcome(undisturbed.path());
    assert_eq!(expected.1.len(), 3, "a file of removed lines for each: {said_first}");

    // Nothing is lost, nothing is left that should go.
    let count = |tree: &Tree| tree.values().map(|bytes| bytes.split(|byte| *byte == b'\n').count() - 1).sum::<usize>();
    assert_eq!(count(&before), count(&expected.0) + count(&expected.1));
    let ids = |tree: &Tree| -> BTreeSet<String> {
        // Some lines of the crawl are no JSON.
        let lines = tree.values().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
        lines.filter_map(|line| Some(serde_json::from_slice::<Value>(line).ok()?["id"].as_str()?.to_owned())).collect()
    };
    assert!(ids(&expected.0).is_disjoint(&recalled));
    assert!(ids(&expected.1).is_subset(&recalled) && !ids(&expected.1).is_empty());

    for point in kill::REWRITE_POINTS {
        for nth in 1..=3 {
            let home = folder();
            prepare(home.path());
            let ended = apply(home.path()).env("WEIR_KILL", format!("{point}:{nth}")).output().expect("weir runs");
            assert_eq!(ended.status.signal(), Some(6), "{point}:{nth} was never passed: {}", stderr(&ended));
            succeed(home.path());
            assert!(outcome(home.path()) == expected, "killed at {point}:{nth}");
        }
    }

    let again = succeed(undisturbed.path());
    assert!(outcome(undisturbed.path()) == expected, "a second time changes nothing");
    assert!(again.contains("removed          0"), "{again}");
}

#[test]
fn usage_is_asked_for() {
    let home = folder();
    prepare(home.path());
    let path = |name: &str| home.path().join(name).into_os_string();
    let without = weir(["recall".into(), "apply".into(), "--recalls".into(), path("recalls.jsonl"), path("corpus")]);
    let ended = { without }.output().expect("weir runs");
    assert_eq!(ended.status.code(), Some(2), "{}", stderr(&ended));
    let dry = ["recall".into(), "apply".into(), "--dry-run".into(), "--recalls".into(), path("recalls.jsonl"), path("corpus")];
    let before = tree(home.path());
    let ended = weir(dry).output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    assert_eq!(tree(home.path()), before, "a dry run leaves everything as it was");
}

#[test]
fn the_documents_of_an_allowed_publisher_stay() {
    let recalled = lines(reference("none"), "recalls.jsonl");
    let recall = recalled.iter().find(|line| text(line, "operator") == "trigger_spike").expect("a recall by an alarm");
    let (domain, id) = (text(recall, "domain"), text(recall, "id"));
    let home = folder();
    let (allow, output) = (home.path().join("allow.txt"), home.path().join("out"));
    fs::write(&allow, domain).expect("written");
    let set = format!("policy.allow_files=['{}']", allow.display());
    Replay::to(&output).packed("none").with(["--set", &set]).succeed();
    let written = outputs(&output);
    let of_it = |line: &&Value| text(line, "domain") == domain;
    let lines_of = lines(&written, "recalls.jsonl");
    let (own, others): (Vec<&Value>, Vec<&Value>) = lines_of.iter().partition(of_it);
    let overruled: Vec<&Value> = own.into_iter().filter(|line| text(line, "operator") == "trigger_spike").collect();
    assert!(!overruled.is_empty() && overruled.iter().all(|line| text(line, "action") == "overruled"), "{overruled:?}");
    let rule = serde_json::json!({"list": "policy.allow_files", "file": allow.display().to_string(), "line": 1, "entry": domain});
    assert!(overruled.iter().all(|line| line["overruled_by"] == rule && line["alarm"].is_string()), "{overruled:?}");
    assert!(others.iter().any(|line| text(line, "action") == "recall"), "the alarm takes back what others have published");
    let holds = |series: &str| {
        let files = written.iter().filter(|(name, _)| name.starts_with(series));
        files
            .flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n'))
            .any(|line| String::from_utf8_lossy(line).contains(&format!("{id:?}")))
    };
    assert_eq!((holds("clean/"), holds("quarantine/")), (true, false), "{id} stays in the corpus");
    let explained = weir(["explain", "--output", &output.display().to_string(), id]).output().expect("weir runs");
    let page = String::from_utf8_lossy(&explained.stdout).into_owned();
    for want in ["stays, since its publisher is allowed", "in the end  clean (in the corpus)"] {
        assert!(page.contains(want), "{want}: {page}");
    }
}
