//! The output contract: which files there are, what their lines hold, and that every record is
//! accounted for exactly once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    corpus::corpus,
    weir::{Replay, Tree, folder, lines, outputs, reference, text},
};

/// Returns the folder that each document belongs in: by its route, and then by recalls and restores
/// in their order.
fn fates(tree: &Tree) -> BTreeMap<String, &'static str> {
    let folder = |decision: &Value| match text(decision, "route") {
        "clean" => "clean",
        "quarantine" => "quarantine",
        "duplicate" => "duplicates",
        other => panic!("route {other}"),
    };
    let decisions = lines(tree, "decisions.jsonl");
    let mut fates: BTreeMap<String, &str> = decisions.iter().map(|d| (text(d, "id").to_owned(), folder(d))).collect();
    assert_eq!(fates.len(), decisions.len(), "ids of the corpus differ");
    for recall in lines(tree, "recalls.jsonl") {
        let id = text(&recall, "id");
        let before = fates.get(id).copied().unwrap_or_else(|| panic!("no decision on {id}"));
        let after = match text(&recall, "action") {
            "recall" => "quarantine",
            "restore" => "clean",
            other => panic!("action {other}"),
        };
        assert!(before == "duplicates" || (before, after) == ("clean", "quarantine"), "{id}: {before} becomes {after}");
        fates.insert(id.to_owned(), after);
    }
    fates
}

/// Returns the ids in each corpus folder, with their lines.
fn corpora(tree: &Tree) -> BTreeMap<&'static str, Vec<(String, Vec<u8>)>> {
    let mut out = BTreeMap::new();
    for folder in ["clean", "quarantine", "duplicates"] {
        let files = tree.iter().filter(|(name, _)| name.starts_with(&format!("{folder}/")));
        let lines = files.flat_map(|(_, bytes)| bytes.split_inclusive(|byte| *byte == b'\n')).map(|line| {
            let line = line.strip_suffix(b"\n").expect("every line ends");
            let page: Value = serde_json::from_slice(line).expect("JSON");
            (text(&page, "id").to_owned(), line.to_vec())
        });
        out.insert(folder, lines.collect());
    }
    out
}

fn position(line: &Value) -> (String, u64) {
    let (file, offset) = text(line, "position").rsplit_once('#').expect("file#offset");
    (file.to_owned(), offset.parse().expect("a number"))
}

#[test]
fn every_file_is_there() {
    let tree = reference("none");
    let top: BTreeSet<&str> = tree.keys().map(|name| name.split('/').next().unwrap_or(name)).collect();
    let expected = [
        "alarms.jsonl",
        "clean",
        "clusters.jsonl",
        "dead-letters.jsonl",
        "decisions.jsonl",
        "duplicates",
        "quarantine",
        "recalls.jsonl",
        "report.json",
    ];
    assert_eq!(top.into_iter().collect::<Vec<_>>(), expected);
    for (packed, suffix) in [("gzip", ".jsonl.gz"), ("zstd", ".jsonl.zst")] {
        let other = reference(packed);
        let names: Vec<String> =
            tree.keys().map(|n| if n.contains('/') { n.replace(".jsonl", suffix) } else { n.clone() }).collect();
        assert_eq!(other.keys().cloned().collect::<Vec<_>>(), names, "{packed}");
        for (name, bytes) in other {
            let plain = &tree[&name.replace(suffix, ".jsonl")];
            let unpacked = match packed {
                _ if !name.ends_with(suffix) => bytes.clone(),
                "gzip" => {
                    let mut out = Vec::new();
                    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes.as_slice()), &mut out).expect("gzip");
                    out
                }
                _ => zstd::decode_all(bytes.as_slice()).expect("zstd"),
            };
            assert!(unpacked == *plain, "{name} unpacked is not {}", name.replace(suffix, ".jsonl"));
        }
    }
    let home = folder();
    let replay = Replay::to(&home.path().join("out")).with(["--limit", "30"]);
    replay.succeed();
    assert!(replay.output.join("timings.json").is_file());
    let few = outputs(&replay.output);
    for name in ["decisions", "recalls", "alarms", "dead-letters"] {
        assert!(few.contains_key(&format!("{name}.jsonl")), "{name}.jsonl is there even if it is empty");
    }
}

#[test]
fn decisions_stand_in_input_order_with_every_field() {
    let tree = reference("none");
    let report: Value = serde_json::from_slice(&tree["report.json"]).expect("a report");
    let mut earlier: BTreeSet<String> = BTreeSet::new();
    let (mut last, mut matches) = (None, 0);
    for decision in lines(tree, "decisions.jsonl") {
        let at = position(&decision);
        assert!(last.as_ref().is_none_or(|last| *last < at), "{last:?} before {at:?}");
        last = Some(at);
        assert_eq!(decision["v"], 1);
        assert!(text(&decision, "url").starts_with("http") && !text(&decision, "domain").is_empty(), "{decision}");
        assert!(["clean", "quarantine", "duplicate"].contains(&text(&decision, "route")), "{decision}");
        assert_eq!(decision["verdict_digest"], report["verdict_digest"]);
        assert!(text(&decision, "engine").starts_with("weir "), "{decision}");
        assert!(decision["provenance"].is_object() && decision["score"].is_f64(), "{decision}");
        let findings = decision["findings"].as_array().expect("a list");
        assert!(text(&decision, "route") == "clean" || !findings.is_empty(), "withheld for no reason: {decision}");
        for finding in findings {
            assert!(!text(finding, "operator").is_empty() && !text(finding, "reason").is_empty(), "{finding}");
            assert!((0.0..=1.0).contains(&finding["score"].as_f64().expect("a number")), "{finding}");
            if finding.get("match").is_some() {
                assert!(earlier.contains(text(finding, "match")), "{finding} names no earlier document");
                matches += 1;
            }
        }
        if text(&decision, "route") == "duplicate" {
            assert!(findings.iter().any(|f| f.get("match").is_some()), "a copy of nothing: {decision}");
        }
        earlier.insert(text(&decision, "id").to_owned());
    }
    assert!(matches > 20, "{matches} matches");
}

#[test]
fn every_document_lies_in_its_place_exactly_once() {
    let tree = reference("none");
    let fates = fates(tree);
    let mut seen = BTreeMap::new();
    for (folder, lines) in corpora(tree) {
        assert!(lines.len() > 20, "{folder}: {} documents", lines.len());
        for (id, _) in lines {
            assert_eq!(fates.get(&id), Some(&folder), "{id} lies in {folder}");
            assert_eq!(seen.insert(id.clone(), folder), None, "{id} lies in two places");
        }
    }
    assert_eq!(seen.len(), fates.len(), "documents that lie nowhere");
    let recalls = lines(tree, "recalls.jsonl");
    let restored: Vec<&Value> = recalls.iter().filter(|r| text(r, "action") == "restore").collect();
    assert!(
        recalls.len() - restored.len() > 20 && !restored.is_empty(),
        "{} recalls, {} restores",
        recalls.len(),
        restored.len()
    );
    for restore in &restored {
        assert_eq!(fates.get(text(restore, "match")), Some(&"quarantine"), "{restore}: its original was recalled");
    }
    assert!(restored.iter().any(|r| seen.get(text(r, "id")) == Some(&"clean")), "some copy ends in clean/");
}

#[test]
fn lines_leave_as_they_came() {
    let tree = reference("none");
    let came: BTreeMap<String, &Vec<u8>> = corpus()
        .lines
        .iter()
        .filter_map(|line| {
            let page: Value = serde_json::from_slice(line).ok()?;
            Some((page["id"].as_str()?.to_owned(), line))
        })
        .collect();
    let decisions: BTreeMap<String, Value> =
        lines(tree, "decisions.jsonl").into_iter().map(|d| (text(&d, "id").to_owned(), d)).collect();
    let (mut verbatim, mut archived) = (0, 0);
    for (id, line) in corpora(tree).into_values().flatten() {
        if let Some(came) = came.get(&id) {
            assert!(line == **came, "{id} was changed");
            verbatim += 1;
        } else {
            let page: Value = serde_json::from_slice(&line).expect("JSON");
            assert!(!text(&page, "text").is_empty() && text(&page, "fetched_at").starts_with("20"), "{page}");
            assert_eq!(page["url"], decisions[&id]["url"]);
            assert_eq!(page["provenance"], decisions[&id]["provenance"]);
            archived += 1;
        }
    }
    assert!(verbatim > 900 && archived > 100, "{verbatim} lines, {archived} archived pages");
}

#[test]
fn the_report_accounts_for_every_record() {
    let tree = reference("none");
    let report: Value = serde_json::from_slice(&tree["report.json"]).expect("a report");
    let count = |name: &str| report["counts"][name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"));
    assert_eq!(report["identity_holds"], true);
    let parts = ["clean", "quarantine", "duplicate", "dead_letters", "without_text"];
    assert_eq!(count("received"), parts.iter().map(|part| count(part)).sum::<u64>());
    let decisions = lines(tree, "decisions.jsonl");
    for route in ["clean", "quarantine", "duplicate"] {
        assert_eq!(decisions.iter().filter(|d| text(d, "route") == route).count() as u64, count(route), "{route}");
    }
    let recalls = lines(tree, "recalls.jsonl");
    for (action, name) in [("recall", "recalled"), ("restore", "restored")] {
        assert_eq!(recalls.iter().filter(|r| text(r, "action") == action).count() as u64, count(name), "{action}");
    }
    assert_eq!(lines(tree, "dead-letters.jsonl").len() as u64, count("dead_letters"));
    let alarms = lines(tree, "alarms.jsonl");
    assert_eq!(alarms.len() as u64, report["alarms"].as_u64().expect("a number"));
    assert!(alarms.len() > 2, "{} alarms, as many as are looked for: none was given up", alarms.len());
    assert_eq!(corpora(tree)["clean"].len() as u64, report["final_clean"].as_u64().expect("a number"));
    let is_page = |line: &&Vec<u8>| serde_json::from_slice::<Value>(line).is_ok_and(|page| page["text"].is_string());
    let pages = corpus().lines.iter().filter(is_page).count();
    assert_eq!(count("dead_letters"), (corpus().lines.len() - pages) as u64);
    assert!(count("dead_letters") > 10 && count("without_text") > 0, "{report}");
}

#[test]
fn clusters_count_what_is_not_in_the_corpus() {
    let tree = reference("none");
    let (corpora, clusters) = (corpora(tree), lines(tree, "clusters.jsonl"));
    let copies: u64 = clusters.iter().map(|c| c["cluster_size"].as_u64().expect("a number") - 1).sum();
    assert_eq!(copies, corpora["duplicates"].len() as u64);
    assert!(copies > 10 && clusters.iter().all(|c| c["cluster_size"].as_u64() > Some(1) && c["publishers"].as_u64() > Some(0)));
    let kept: BTreeSet<&str> = clusters.iter().map(|cluster| text(cluster, "id")).collect();
    let clean: BTreeSet<&str> = corpora["clean"].iter().map(|(id, _)| id.as_str()).collect();
    assert!(kept.len() == clusters.len() && kept.is_subset(&clean), "a line for each kept document");
}

#[test]
fn dead_letters_say_where_and_why() {
    let tree = reference("none");
    for letter in lines(tree, "dead-letters.jsonl") {
        let (file, offset) = position(&letter);
        let before = if file == "b.jsonl.gz" { 0 } else { corpus().lines.len() / 2 };
        let line = &corpus().lines[before + offset as usize];
        assert_eq!(text(&letter, "bytes").as_bytes(), line.as_slice(), "{letter}");
        assert_eq!(letter["length"], line.len());
        assert!(!text(&letter, "code").is_empty() && !text(&letter, "message").is_empty(), "{letter}");
    }
}

#[test]
fn alarms_name_their_carriers_and_recalls_their_alarm() {
    let tree = reference("none");
    let decisions: BTreeSet<String> = lines(tree, "decisions.jsonl").iter().map(|d| text(d, "id").to_owned()).collect();
    let mut alarms = BTreeMap::new();
    for alarm in lines(tree, "alarms.jsonl") {
        let members: BTreeSet<String> =
            alarm["members"].as_array().expect("a list").iter().map(|m| m.as_str().expect("an id").to_owned()).collect();
        assert!(members.len() > 3 && members.is_subset(&decisions), "{alarm}");
        for number in ["k", "domains", "expected", "coherence"] {
            assert!(alarm[number].is_number(), "{number} in {alarm}");
        }
        assert!(!text(&alarm, "phrase").is_empty() && text(&alarm, "operator") == "trigger_spike", "{alarm}");
        alarms.insert(text(&alarm, "alarm").to_owned(), members);
    }
    assert!(!alarms.is_empty());
    let mut recalled = 0;
    for recall in lines(tree, "recalls.jsonl").iter().filter(|r| text(r, "action") == "recall") {
        let members = alarms.get(text(recall, "alarm")).unwrap_or_else(|| panic!("{recall} names no alarm"));
        assert!(members.contains(text(recall, "id")), "{recall} is no member of its alarm");
        recalled += 1;
    }
    assert!(recalled > 0);
}

#[test]
fn annotating_writes_the_same_decisions_and_no_corpus() {
    let tree = reference("none");
    for more in [vec!["--annotate-only"], vec!["--set", "output.annotate_only=true"]] {
        let home = folder();
        let replay = Replay::to(&home.path().join("out")).with(more);
        replay.succeed();
        let got = outputs(&replay.output);
        let expected: Tree = tree.iter().filter(|(name, _)| !name.contains('/')).map(|(n, b)| (n.clone(), b.clone())).collect();
        crate::weir::assert_same(&got, &expected, "annotated");
        assert!(!replay.output.join("clean").exists() && !replay.output.join(".weir/staged").exists());
    }
}
