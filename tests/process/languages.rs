//! Does a run say where its background knows nothing? Documents in a language that the background does
//! not have are decided, and their decisions, the report and the summary say it.

use std::fs;

use serde_json::Value;

use crate::weir::{Replay, folder, lines, outputs};

/// Two documents in the background's language and three in another one.
const INPUT: &str = r#"{"id": "a", "url": "https://a.example/", "language": "en", "text": "The market opens at nine in the morning."}
{"id": "b", "url": "https://b.example/", "language": "th", "text": "ตลาดเปิดตอนเก้าโมงเช้าทุกวัน"}
{"id": "c", "url": "https://c.example/", "language": "en", "text": "Nobody knows when the last train leaves."}
{"id": "d", "url": "https://d.example/", "language": "th", "text": "รถไฟขบวนสุดท้ายออกกี่โมงไม่มีใครรู้"}
{"id": "e", "url": "https://e.example/", "language": "sw", "text": "Soko hufunguliwa saa tatu asubuhi."}
"#;

#[test]
fn a_language_that_the_background_does_not_have_is_said() {
    let home = folder();
    let input = home.path().join("pages.jsonl");
    fs::write(&input, INPUT).expect("written");
    let output = home.path().join("out");
    let ended = Replay::of([&input], &output).succeed();
    let unjudged = |line: &Value| Some((line["id"].as_str()?.to_owned(), line["unjudged"].as_str()?.to_owned()));
    let absent = |id: &str| (id.to_owned(), "language not in background".to_owned());
    let said: Vec<_> = lines(&outputs(&output), "decisions.jsonl").iter().filter_map(unjudged).collect();
    assert_eq!(said, [absent("b"), absent("d"), absent("e")]);
    let report: Value = serde_json::from_slice(&fs::read(output.join("report.json")).expect("a report")).expect("JSON");
    let counted = |code: &str| report["counts"]["languages"][code]["unjudged"].as_u64();
    assert_eq!([counted("tha"), counted("swa"), counted("eng")], [Some(2), Some(1), Some(0)], "{report}");
    let summary = String::from_utf8_lossy(&ended.stdout);
    assert!(summary.contains("unjudged"), "{summary}");
}
