use std::{fs, path::Path};

use operators::text::{Seed, Token, Tokenizer};
use serde_json::{Value, json};

use super::*;
use crate::command::explain::{find::FoundDocument, render::page};

const HIDDEN: &str = "before the hid\u{200b}den \u{202e}word behind";

/// An output folder with one document of every fate, two of them without an id, in the order of the
/// input.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let decision = |id: &str, n: u32, route: &str, findings: Value| {
        json!({"v": 1, "id": id, "position": format!("in.jsonl#{n}"), "domain": "example.org", "route": route, "score": 0.9,
            "findings": findings, "provenance": {"schema": "plain"}, "verdict_digest": "ab", "engine": "weir 0"})
    };
    let from = HIDDEN.find('\u{200b}').expect("there") as u32;
    let hidden = json!([{"operator": "unicode", "reason": "zero_width_in_word", "score": 0.9, "observed": 1.0,
        "spans": [[from, from + 3], [5000, 5001]]}]);
    let copy = json!([{"operator": "exact_dedup", "reason": "exact_duplicate", "score": 1.0, "match": "a", "mode": "shadow"}]);
    let spike = json!([{"operator": "trigger_spike", "reason": "insertion_spike", "score": 0.8, "alarm": "alarm-3",
        "phrase": "blue herons", "spans": [[0, 4]], "observed": 12.0, "expected": 0.5}]);
    let decisions = [
        decision("a", 0, "clean", json!([])),
        decision("in.jsonl#1", 1, "clean", json!([])),
        decision("twice", 2, "clean", json!([])),
        decision("hidden", 3, "quarantine", hidden),
        decision("copy", 4, "duplicate", copy.clone()),
        decision("twice", 5, "clean", json!([])),
        decision("back", 6, "duplicate", copy),
        decision("in.jsonl#7", 7, "clean", json!([])),
        decision("fired", 8, "quarantine", spike),
    ];
    let recall = |id: &str, n: u32| {
        json!({"v": 1, "action": "recall", "id": id, "position": format!("in.jsonl#{n}"), "operator": "trigger_spike",
            "reason": "insertion_spike", "alarm": "alarm-3"})
    };
    let restore = json!({"v": 1, "action": "restore", "id": "back", "position": "in.jsonl#6", "operator": "engine",
        "reason": "representative_recalled", "match": "a"});
    let recalls = [recall("a", 0), restore, recall("in.jsonl#7", 7), recall("elsewhere", 99)];
    let alarms = [json!({"v": 1, "alarm": "alarm-3", "operator": "trigger_spike", "reason": "insertion_spike",
        "phrase": "Blue Herons", "members": ["a", "in.jsonl#7", "fired"], "k": 12.0, "domains": 9, "expected": 0.5,
        "coherence": 0.02, "score": 44.0})];
    let letters = [json!({"v": 1, "position": "in.jsonl#10", "code": "json_invalid", "message": "got no JSON"})];
    let text = |id: Option<&str>, text: &str| match id {
        Some(id) => json!({"id": id, "text": text}),
        None => json!({"text": text}),
    };
    write(&folder.path().join("decisions.jsonl"), &decisions);
    write(&folder.path().join("recalls.jsonl"), &recalls);
    write(&folder.path().join("alarms.jsonl"), &alarms);
    write(&folder.path().join("dead-letters.jsonl"), &letters);
    let corpus = |name: &str, lines: &[Value]| write(&folder.path().join(name), lines);
    corpus("clean/part-00000.jsonl", &[text(None, "the first without id")]);
    corpus("clean/part-00002.jsonl", &[text(Some("twice"), "later twin")]);
    corpus("clean/part-00001.jsonl", &[text(Some("twice"), "earlier twin")]);
    corpus("clean/restored-00000.jsonl", &[text(Some("back"), "restored text")]);
    corpus("quarantine/recalled-00000.jsonl", &[text(Some("a"), "see blue herons here"), text(None, "and BLUE herons")]);
    corpus("quarantine/recalled-duplicates-00000.jsonl", &[]);
    corpus("quarantine/part-00000.jsonl", &[text(Some("hidden"), HIDDEN), text(Some("fired"), "blue herons")]);
    corpus("duplicates/part-00000.jsonl", &[text(Some("copy"), "a copy")]);
    folder
}

fn write(path: &Path, lines: &[Value]) {
    fs::create_dir_all(path.parent().expect("inside")).expect("created");
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    fs::write(path, text.join("\n") + "\n").expect("written");
}

fn answer(folder: &Path, asked: &str) -> FindResult {
    find::find(&OutputFolder::new(folder), asked).expect("readable")
}

#[track_caller]
fn found(folder: &Path, asked: &str) -> (Box<FoundDocument>, Result<String, String>) {
    let FindResult::Document(found) = answer(folder, asked) else { panic!("{asked} is not found") };
    let text = corpus::text(&OutputFolder::new(folder), &Config::default(), &found);
    (found, text)
}

#[track_caller]
fn shown(folder: &Path, asked: &str) -> String {
    let (found, text) = found(folder, asked);
    page(&found, &text, SpanMarks::PLAIN)
}

#[track_caller]
fn message(folder: &Path, asked: &str) -> String {
    let FindResult::NoDocument(missed) = answer(folder, asked) else { panic!("{asked} is found") };
    missing(&Arguments { document: asked.to_owned(), output: folder.to_owned() }, &missed)
}

#[test]
fn the_text_of_every_fate_is_found() {
    let folder = folder();
    let text = |asked| found(folder.path(), asked).1.expect("a text");
    let expected = [
        ("a", "see blue herons here"),
        ("in.jsonl#1", "the first without id"),
        ("in.jsonl#2", "earlier twin"),
        ("hidden", HIDDEN),
        ("copy", "a copy"),
        ("in.jsonl#5", "later twin"),
        ("back", "restored text"),
        ("in.jsonl#7", "and BLUE herons"),
        ("fired", "blue herons"),
    ];
    for (asked, expected) in expected {
        assert_eq!(text(asked), expected, "{asked}");
    }
}

#[test]
fn packed_parts_are_read() {
    let folder = folder();
    let path = folder.path().join("quarantine/part-00000.jsonl");
    let packed = zstd::encode_all(&*fs::read(&path).expect("readable"), 1).expect("packed");
    fs::write(folder.path().join("quarantine/part-00000.jsonl.zst"), packed).expect("written");
    fs::remove_file(path).expect("removed");
    assert_eq!(found(folder.path(), "fired").1.expect("a text"), "blue herons");
}

#[test]
fn evidence_is_marked_and_escaped() {
    let folder = folder();
    let page = shown(folder.path(), "hidden");
    assert!(page.contains("before the hid>>>\\u{200b}<<<den \\u{202e}word behind"), "{page}");
    assert!(page.contains("bytes 5000..5001: not in the text"), "{page}");
    assert!(page.contains("invisible characters inside words") && page.contains("observed 1 (places)"), "{page}");
    assert!(!page.contains(['\u{200b}', '\u{202e}', '\x1b']), "{page}");
}

#[test]
fn a_recall_shows_its_alarm_and_the_phrase_in_the_text() {
    let folder = folder();
    let page = shown(folder.path(), "in.jsonl#7");
    for part in ["no findings at arrival", "at arrival  clean", "in the end  recalled", "recalled by trigger_spike", "alarm-3"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains("and >>>BLUE herons<<<") && page.contains("12 votes of 9 publishers"), "{page}");
    assert!(page.contains("3 documents listed as members"), "{page}");
    let fired = shown(folder.path(), "fired");
    assert_eq!(fired.matches(">>>").count(), 1, "shown with the finding, and not again: {fired}");
    assert!(fired.contains("observed 12, ordinary is up to 0.5"), "{fired}");
}

#[test]
fn copies_and_restores_name_each_other() {
    let folder = folder();
    assert!(shown(folder.path(), "copy").contains("copy of a"));
    assert!(shown(folder.path(), "copy").contains("shadow mode: not acted on"));
    let page = shown(folder.path(), "back");
    assert!(page.contains("in the end  restored") && page.contains("takes the place of a"), "{page}");
}

#[test]
fn what_is_not_found_is_said_with_what_was_searched() {
    let folder = folder();
    assert!(message(folder.path(), "none\u{202e}").starts_with("no document none\\u{202e} among the 9 decisions in "));
    let ambiguous = message(folder.path(), "twice");
    assert!(ambiguous.contains("id of 2 documents") && ambiguous.contains("  in.jsonl#2\n  in.jsonl#5"), "{ambiguous}");
    assert!(message(folder.path(), "in.jsonl#10").contains("dead letter: json_invalid"));
    assert!(message(folder.path(), "elsewhere").contains("earlier run"));
}

#[test]
fn a_corpus_that_does_not_fit_is_not_shown() {
    let folder = folder();
    write(&folder.path().join("clean/part-00001.jsonl"), &[json!({"id": "other", "text": "wrong"})]);
    assert!(found(folder.path(), "in.jsonl#2").1.expect_err("another document").contains("holds other in its place"));
    fs::remove_dir_all(folder.path().join("clean")).expect("removed");
    assert!(found(folder.path(), "in.jsonl#5").1.expect_err("nothing there").contains("--annotate-only"));
    assert!(shown(folder.path(), "in.jsonl#5").contains("no text: "));
    fs::write(folder.path().join("quarantine/part-00000.jsonl"), "{]\n").expect("written");
    assert!(found(folder.path(), "hidden").1.expect_err("no JSON").contains("json_invalid"));
}

#[test]
fn an_unfinished_run_is_read_where_it_is_staged() {
    let folder = folder();
    let staged = folder.path().join(".weir/staged");
    fs::create_dir_all(&staged).expect("created");
    for name in ["clean", "quarantine", "duplicates"] {
        fs::remove_dir_all(folder.path().join(name)).expect("removed");
    }
    let lines: Vec<Value> =
        ["a", "", "twice", "twice", ""].iter().zip(0..).map(|(id, n)| json!({"id": id, "text": format!("text {n}")})).collect();
    write(&staged.join("clean/part-00000.jsonl"), &lines);
    assert_eq!(found(folder.path(), "in.jsonl#5").1.expect("a text"), "text 3");
    assert_eq!(found(folder.path(), "in.jsonl#7").1.expect("a text"), "text 4", "recalled, and not yet moved");
}

#[test]
fn damaged_lines_are_counted_and_passed_over() {
    let folder = folder();
    let path = folder.path().join("decisions.jsonl");
    let mut bytes = fs::read(&path).expect("readable");
    bytes.extend_from_slice(b"{\"id\": \"torn");
    fs::write(&path, bytes).expect("written");
    assert!(message(folder.path(), "torn").contains("9 decisions") && message(folder.path(), "torn").contains("1 lines"));
    assert_eq!(found(folder.path(), "copy").1.expect("a text"), "a copy");
}

#[test]
fn spans_of_tokens_fit_the_text_as_decoded() {
    let tokens = Tokenizer::new(Seed(1), 100).tokens(HIDDEN);
    let all = (0..tokens.ids.len()).filter_map(|at| excerpt::excerpt(HIDDEN, tokens.range(at, at + 1)?, SpanMarks::PLAIN));
    // The line of what is not seen begins with a break of no bytes.
    assert_eq!(all.count(), tokens.ids.iter().filter(|&&token| token != Token::BREAK).count());
}
