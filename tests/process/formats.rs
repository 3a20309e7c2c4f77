//! Documents that come or leave as something else than lines: rows of Parquet, records of archives, attributes of Dolma.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use connectors::{
    limits::Limits,
    rows::Rows,
    source::{Columns, Payload},
};
use flate2::{bufread::GzDecoder, read::MultiGzDecoder};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    corpus::{corpus, joined, write},
    kills::die_at,
    weir::{Replay, Tree, assert_same, folder, lines, outputs, reference, text, weir},
};

const CORPUS: [&str; 3] = ["clean", "quarantine", "duplicates"];

fn leaving_as(format: &str) -> [String; 2] {
    ["--set".to_owned(), format!("output.format={format}")]
}

/// The rows of all tables in the corpus folders of an output, as lines, in no order.
fn rows(output: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in CORPUS.map(|name| output.join(name)).iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            assert_eq!(path.extension().and_then(|name| name.to_str()), Some("parquet"), "{}", path.display());
            let mut rows = Rows::open(File::open(&path).expect("there"), &Columns::All, Limits::default()).expect("readable");
            while let Some((row, payload)) = rows.next_frame().expect("readable") {
                let Payload::Row(line) = payload else { panic!("row {row} of {}: {payload:?}", path.display()) };
                lines.push(String::from_utf8(line).expect("JSON"));
            }
        }
    }
    lines.sort();
    lines
}

/// The crawl as tables: what a replay has made of it.
fn tables() -> &'static Path {
    static TABLES: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = TABLES.get_or_init(|| {
        let home = folder();
        let output = home.path().join("out");
        Replay::to(&output).with(leaving_as("parquet")).succeed();
        let tables = home.path().join("tables");
        fs::create_dir(&tables).expect("a folder");
        for name in CORPUS {
            fs::rename(output.join(name), tables.join(name)).expect("moved");
        }
        (home, tables)
    });
    path
}

#[test]
fn lines_and_archives_become_a_table() {
    let decisions = lines(reference("none"), "decisions.jsonl");
    let rows = rows(tables());
    assert_eq!(rows.len(), decisions.len());
    let by_id: BTreeMap<String, Value> = rows
        .iter()
        .map(|row| serde_json::from_str::<Value>(row).expect("JSON"))
        .map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row))
        .collect();
    let mut compared = 0;
    for line in &corpus().lines {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
        let Some(row) = line["id"].as_str().and_then(|id| by_id.get(id)) else { continue };
        let metadata: Value = serde_json::from_str(text(row, "metadata")).expect("JSON");
        assert_eq!((&row["text"], &row["url"]), (&line["text"], &line["url"]));
        for (key, value) in line.as_object().expect("an object").iter().filter(|(key, _)| *key != "text") {
            assert_eq!(metadata[key], *value, "{key}");
        }
        compared += 1;
    }
    assert!(compared > 800, "only {compared} lines were found again");
}

fn over_tables(output: &Path) -> Replay {
    Replay::of([tables()], output)
}

/// What an undisturbed run over the tables writes.
fn of_tables() -> &'static (Tree, TempDir) {
    static TREE: OnceLock<(Tree, TempDir)> = OnceLock::new();
    TREE.get_or_init(|| {
        let home = folder();
        let output = home.path().join("out");
        over_tables(&output).succeed();
        (outputs(&output), home)
    })
}

#[test]
fn rows_leave_as_the_rows_they_were() {
    let (tree, home) = of_tables();
    assert_eq!(rows(&home.path().join("out")), rows(tables()));
    // A table may be cut at any row, and rows of one table that goes on in the next file go on in one file.
    let parts = tree.keys().filter(|name| name.starts_with("clean/part-")).count();
    assert!(parts >= 3, "{:?}", tree.keys());
    let again = folder();
    over_tables(&again.path().join("out")).succeed();
    assert_same(&outputs(&again.path().join("out")), tree, "once more");
    // As lines they say the same, and nothing about verdicts has changed.
    let as_lines = folder();
    over_tables(&as_lines.path().join("out")).with(leaving_as("jsonl")).succeed();
    let as_lines = outputs(&as_lines.path().join("out"));
    assert_eq!(as_lines["decisions.jsonl"], tree["decisions.jsonl"]);
    let corpus = as_lines.iter().filter(|(name, _)| CORPUS.iter().any(|folder| name.starts_with(folder)));
    let mut got: Vec<String> =
        corpus.flat_map(|(_, bytes)| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    got.sort();
    assert_eq!(got, rows(tables()));
}

#[test]
fn killed_with_rows_in_and_out() {
    let (tree, _) = of_tables();
    let home = folder();
    let replay = over_tables(&home.path().join("out"));
    let lives: [(&str, u64); 12] = [
        ("commit.partial", 9),
        ("snapshot.renamed", 1),
        ("part.rolled", 1),
        ("snapshot.tmp_written", 1),
        ("mark.synced", 1),
        ("replay.decided", 1),
        ("publish.tmp_written", 1),
        ("publish.tmp_written", 2),
        ("publish.renamed", 1),
        ("publish.renamed", 2),
        ("publish.synced", 1),
        ("publish.removed", 2),
    ];
    for (point, nth) in lives {
        die_at(&replay, point, nth);
    }
    replay.succeed();
    assert_same(&outputs(&replay.output), tree, "killed with rows in and out");
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

fn explain(output: &Path, id: &str) -> String {
    let arguments =
        ["--config".as_ref(), corpus().config.as_os_str(), "explain".as_ref(), "--output".as_ref(), output.as_os_str()];
    let ended = weir(arguments).arg(id).output().expect("weir runs");
    assert!(ended.status.success(), "{id}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("UTF-8")
}

#[test]
fn a_document_in_a_table_is_explained() {
    let (tree, home) = of_tables();
    let decisions = lines(tree, "decisions.jsonl");
    let withheld = decisions.iter().find(|d| text(d, "route") == "quarantine" && d["findings"][0]["phrase"].is_string());
    let withheld = withheld.expect("a carrier is withheld");
    let phrase = text(&withheld["findings"][0], "phrase").split(' ').next().expect("a word").to_owned();
    let explained = explain(&home.path().join("out"), text(withheld, "id"));
    let excerpts = explained.matches(&phrase).count();
    assert!(excerpts >= 2, "the phrase, and the text around it: {explained}");
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
