//! Parquet tables in and out: a row leaves as it came, from a folder and from a web server.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use connectors::{
    limits::Limits,
    rows::{ParquetFile, ParquetRows},
    source::{Columns, Payload},
};
use serde_json::Value;
use tempfile::TempDir;
use testkit::web::{Web, WebFault};

use crate::{
    corpus::corpus,
    formats::{CORPUS, explain, leaving_as},
    kills::die_at,
    lists::listed,
    weir::{Replay, Tree, assert_same, folder, lines, outputs, reference, text},
};

/// Returns the rows of all tables in the corpus folders of an output, as sorted lines.
fn rows(output: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for folder in CORPUS.map(|name| output.join(name)).iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            assert_eq!(path.extension().and_then(|name| name.to_str()), Some("parquet"), "{}", path.display());
            let stored = File::open(&path).and_then(ParquetFile::on_disk).expect("there");
            let mut rows = ParquetRows::open(stored, &Columns::All, Limits::default()).expect("readable");
            while let Some((row, payload)) = rows.next_frame().expect("readable") {
                let Payload::Row(line) = payload else { panic!("row {row} of {}: {payload:?}", path.display()) };
                lines.push(String::from_utf8(line).expect("JSON"));
            }
        }
    }
    lines.sort();
    lines
}

/// Returns the crawl as tables, which a replay has written.
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

/// Returns what an undisturbed run over the tables writes.
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
        ("checkpoint.synced", 1),
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

/// Serves the tables of [`tables`] below `mirror/` of a web server; returns it with a list of them
/// in the order in which their folder is read.
fn mirror() -> (Web, Vec<String>) {
    let (web, mut names) = (Web::start(), Vec::new());
    for folder in CORPUS {
        for entry in fs::read_dir(tables().join(folder)).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = format!("{folder}/{}", path.file_name().expect("a name").to_string_lossy());
            web.put(&format!("mirror/{name}"), &fs::read(&path).expect("readable"));
            names.push(name);
        }
    }
    names.sort();
    (web, names)
}

#[test]
fn tables_of_a_web_server_are_read_from_their_ends() {
    let (home, (web, names)) = (folder(), mirror());
    let list = home.path().join("tables.paths");
    fs::write(&list, names.join("\n")).expect("written");
    let replay = listed(&list, &web.url("mirror"), &home.path().join("out"));
    web.fail_next([WebFault::Cut(1_000), WebFault::Status(503), WebFault::Cut(0)]);
    for (point, nth) in [("commit.done", 3), ("snapshot.renamed", 1), ("replay.decided", 1), ("publish.renamed", 1)] {
        die_at(&replay, point, nth);
        web.fail_next([WebFault::Cut(20)]);
    }
    replay.succeed();
    assert_same(&outputs(&replay.output), &of_tables().0, "tables over HTTP, killed");
    // Its decisions name the object, and so it is found again.
    let id = text(&lines(&outputs(&replay.output), "decisions.jsonl")[0], "id").to_owned();
    let explained = explain(&replay.output, &id);
    assert!(!explained.contains("cannot be"), "{explained}");
}

#[test]
fn a_table_that_has_changed_is_refused_by_name() {
    let (home, (web, names)) = (folder(), mirror());
    let address = web.url(&format!("mirror/{}", names[0]));
    let replay = Replay::of([address], &home.path().join("out"));
    die_at(&replay, "replay.decided", 1);
    let mut other = fs::read(tables().join(&names[0])).expect("readable");
    other[100] ^= 1;
    web.put(&format!("mirror/{}", names[0]), &other);
    let stderr = replay.fail(1);
    assert!(stderr.contains("other input") && stderr.contains("part-"), "{stderr}");
}
