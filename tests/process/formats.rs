//! Other formats than JSON lines and rows: records of archives in the output, Dolma attributes,
//! conversations.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use flate2::{bufread::GzDecoder, read::MultiGzDecoder};
use serde_json::Value;

use crate::{
    corpus::{corpus, joined, write},
    kills::die_at,
    weir::{Replay, assert_same, folder, lines, outputs, text, weir},
};

pub(crate) const CORPUS: [&str; 3] = ["clean", "quarantine", "duplicates"];

pub(crate) fn leaving_as(format: &str) -> [String; 2] {
    ["--set".to_owned(), format!("output.format={format}")]
}

#[test]
fn archives_leave_as_their_records() {
    let home = folder();
    let archive = corpus().crawl.join("a.warc");
    let replay = |name: &str| Replay::of([&archive], &home.path().join(name));
    replay("lines").succeed();
    replay("records").with(leaving_as("warc")).succeed();
    let (as_lines, tree) = (outputs(&home.path().join("lines")), outputs(&home.path().join("records")));
    assert_eq!(as_lines["decisions.jsonl"], tree["decisions.jsonl"]);
    let original = fs::read(&archive).expect("there");
    let mut records = 0;
    for (name, bytes) in tree.iter().filter(|(name, _)| CORPUS.iter().any(|folder| name.starts_with(folder))) {
        assert!(name.ends_with(".warc.gz"), "{name}");
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let mut member = GzDecoder::new(rest);
            let mut record = Vec::new();
            member.read_to_end(&mut record).expect("a member");
            rest = member.into_inner();
            assert!(record.starts_with(b"WARC/1.") && record.ends_with(b"\r\n\r\n"), "one record a member");
            assert!(original.windows(record.len()).any(|window| window == record), "its bytes are the archive's");
            records += 1;
        }
    }
    assert_eq!(records, lines(&tree, "decisions.jsonl").len());
    // They can be filtered again, and die like any other.
    let killed = replay("killed").with(leaving_as("warc"));
    for (point, nth) in [("commit.done", 1), ("publish.tmp_written", 1), ("publish.renamed", 1)] {
        die_at(&killed, point, nth);
    }
    killed.succeed();
    assert_same(&outputs(&killed.output), &tree, "killed with archives in and out");
    let explained = explain(&killed.output, text(&lines(&tree, "decisions.jsonl")[0], "id"));
    assert!(!explained.contains("cannot be"), "{explained}");
}

pub(crate) fn explain(output: &Path, id: &str) -> String {
    let arguments =
        ["--config".as_ref(), corpus().config.as_os_str(), "explain".as_ref(), "--output".as_ref(), output.as_os_str()];
    let ended = weir(arguments).arg(id).output().expect("weir runs");
    assert!(ended.status.success(), "{id}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("UTF-8")
}

#[test]
fn attributes_are_in_step_with_their_file() {
    let home = folder();
    let input = home.path().join("documents");
    fs::create_dir(&input).expect("a folder");
    fs::copy(corpus().crawl.join("b.jsonl.gz"), input.join("b.jsonl.gz")).expect("copied");
    fs::copy(corpus().crawl.join("c.jsonl"), input.join("c.jsonl")).expect("copied");
    let replay = Replay::of([&input], &home.path().join("out")).with(["--set", "output.dolma_attributes=true"]);
    die_at(&replay, "replay.decided", 1);
    replay.succeed();
    let tree = outputs(&replay.output);
    let decisions = lines(&tree, "decisions.jsonl");
    let decisions: BTreeMap<&str, &Value> = decisions.iter().map(|d| (text(d, "id"), d)).collect();
    let recalled: Vec<String> =
        lines(&tree, "recalls.jsonl").iter().filter(|r| r["action"] == "recall").map(|r| text(r, "id").to_owned()).collect();
    let (mut found, mut spans) = (0, 0);
    for name in ["b.jsonl.gz", "c.jsonl"] {
        let documents = unpacked(&fs::read(input.join(name)).expect("there"));
        let attributes = unpacked(&tree[&format!("attributes/weir/{name}")]);
        let documents: Vec<&str> = documents.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(attributes.lines().count(), documents.len(), "{name}");
        for (line, document) in attributes.lines().zip(documents) {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let attributes = line["attributes"].as_object().expect("an object");
            let Some(decision) = line["id"].as_str().and_then(|id| decisions.get(id)) else {
                assert!(attributes.is_empty(), "{line}");
                continue;
            };
            let document: Value = serde_json::from_str(document).expect("a document");
            assert_eq!(line["id"], document["id"]);
            let body = text(&document, "text");
            for finding in decision["findings"].as_array().expect("a list") {
                let name = format!("weir__{}__{}", text(finding, "operator"), text(finding, "reason"));
                found += 1;
                let got = attributes[&name].as_array().expect("spans");
                for span in finding["spans"].as_array().into_iter().flatten() {
                    let bytes = |n: usize| span[n].as_u64().expect("a number") as usize;
                    let is_it = |got: &&Value| {
                        let at = |n: usize| got[n].as_u64().expect("a number") as usize;
                        let characters: String = body.chars().skip(at(0)).take(at(1) - at(0)).collect();
                        characters == body[bytes(0)..bytes(1)]
                    };
                    assert!(got.iter().any(|got| is_it(&got)), "{span} of {got:?}");
                    spans += 1;
                }
            }
            let is_recalled = recalled.iter().any(|id| *id == text(decision, "id"));
            assert!(
                !is_recalled || attributes.values().filter_map(|spans| spans.as_array()).flatten().any(|span| span[2] == 1.0)
            );
        }
    }
    assert!(found > 20 && spans > 10, "{found} findings, {spans} spans");
    let refused = Replay::of(["-"], &home.path().join("stdin")).with(["--set", "output.dolma_attributes=true"]).fail(1);
    assert!(refused.contains("output.dolma_attributes, expected files"), "{refused}");
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes).read_to_string(&mut text).expect("sound");
        return text;
    }
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn contributors_are_publishers() {
    let home = folder();
    let conversation = |n: usize| {
        let contributor = ["Ada", "ben"][n % 2];
        let line = serde_json::json!({"id": n.to_string(), "contributor": contributor, "messages": [
            {"role": "user", "content": format!("question number {n} about gardens and walls")},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "assistant", "content": [{"type": "text", "text": format!("answer {n}, at some length")}]},
        ]});
        line.to_string().into_bytes()
    };
    let input = home.path().join("chats.jsonl");
    write(&input, &joined(&(0..20).map(conversation).collect::<Vec<_>>()));
    let output = home.path().join("out");
    Replay::of([&input], &output).succeed();
    let tree = outputs(&output);
    let decisions = lines(&tree, "decisions.jsonl");
    assert_eq!(decisions.len(), 20);
    for (n, decision) in decisions.iter().enumerate() {
        assert_eq!(text(decision, "domain"), ["contributor:ada", "contributor:ben"][n % 2]);
        assert_eq!(text(&decision["provenance"], "schema"), "conversation");
    }
}
