//! The same records in other forms: packed, piped, in part. The decisions are the same.

use std::{fs, io::Write, path::Path, process::Stdio};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::{
    corpus::{corpus, joined, write},
    weir::{Replay, Tree, assert_same, folder, lines, outputs, reference, stderr, text},
};

/// Removes from lines the fields that name the file they came from.
fn without_place(tree: &Tree, name: &str) -> Vec<Value> {
    let mut all = lines(tree, name);
    for line in &mut all {
        let place = line.as_object_mut().expect("an object");
        let position = place.remove("position").expect("a position");
        let (_, offset) = position.as_str().and_then(|p| p.rsplit_once('#')).expect("file#offset");
        place.insert("offset".to_owned(), offset.into());
        if let Some(provenance) = place.get_mut("provenance").and_then(Value::as_object_mut) {
            provenance.remove("file");
        }
    }
    all
}

fn assert_same_but_for_place(got: &Tree, expected: &Tree, what: &str) {
    for name in ["decisions.jsonl", "recalls.jsonl", "dead-letters.jsonl"] {
        let (got, expected) = (without_place(got, name), without_place(expected, name));
        assert!(!expected.is_empty(), "{name} is empty");
        let differs = got.iter().zip(&expected).find(|(g, e)| g != e);
        assert_eq!(differs, None, "{what}: {name}");
        assert_eq!(got.len(), expected.len(), "{what}: {name}");
    }
    for name in expected.keys().filter(|name| name.contains('/')) {
        assert!(got[name] == expected[name], "{what}: {name} differs");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).expect("packed");
    out.finish().expect("packed")
}

/// Filters one file with this name and content.
fn filtered(home: &Path, name: &str, bytes: &[u8]) -> Tree {
    let input = home.join(name);
    write(&input, bytes);
    let replay = Replay::of([&input], &home.join(format!("out-{name}")));
    replay.succeed();
    outputs(&replay.output)
}

#[test]
fn packed_and_piped_input_is_decided_as_plain_input() {
    let home = folder();
    let plain = joined(&corpus().lines);
    let expected = filtered(home.path(), "lines.jsonl", &plain);
    // Two members and two frames: such files are concatenated all the time.
    let (one, two) = plain.split_at(plain.len() / 3);
    let packed = [gzip(one), gzip(two)].concat();
    assert_same_but_for_place(&filtered(home.path(), "lines.jsonl.gz", &packed), &expected, "gzip");
    let frames = [one, two].map(|part| zstd::encode_all(part, 1).expect("packed")).concat();
    assert_same_but_for_place(&filtered(home.path(), "lines.jsonl.zst", &frames), &expected, "zstd");
    for (what, bytes) in [("stdin", &plain), ("packed stdin", &packed)] {
        let replay = Replay::of(["-"], &home.path().join(what));
        let mut process = replay.command().stdin(Stdio::piped()).spawn().expect("weir runs");
        process.stdin.take().expect("a pipe").write_all(bytes).expect("read");
        let ended = process.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{what}: {}", stderr(&ended));
        let got = outputs(&replay.output);
        assert_eq!(text(&lines(&got, "decisions.jsonl")[0], "position").split('#').next(), Some("-"));
        assert_same_but_for_place(&got, &expected, what);
    }
}

#[test]
fn an_archive_is_decided_alike_packed_and_plain() {
    let home = folder();
    let plain = fs::read(corpus().crawl.join("a.warc")).expect("the archive");
    let expected = without_place(&filtered(home.path(), "a.warc", &plain), "decisions.jsonl");
    let packed = without_place(&filtered(home.path(), "a.warc.gz", &gzip(&plain)), "decisions.jsonl");
    assert!(expected.len() > 100);
    assert_eq!(packed, expected);
}

#[test]
fn standard_input_goes_on_nowhere_and_says_so() {
    let home = folder();
    let replay = Replay::of(["-"], &home.path().join("out"));
    let piped = |kill: Option<&str>| {
        let mut command = replay.command();
        if let Some(kill) = kill {
            command.env("WEIR_KILL", kill);
        }
        let mut process = command.stdin(Stdio::piped()).spawn().expect("weir runs");
        // A process that dies or refuses reads no further.
        let _ = process.stdin.take().expect("a pipe").write_all(&joined(&corpus().lines));
        process.wait_with_output().expect("it ends")
    };
    assert!(!piped(Some("snapshot.logs_synced:3")).status.success());
    let refused = piped(None);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("standard input cannot be read again"), "{}", stderr(&refused));
}

#[test]
fn a_limited_run_decides_the_beginning() {
    let whole = reference("none");
    for limit in [0, 1, 300, 777] {
        let home = folder();
        let replay = Replay::to(&home.path().join("out")).with(["--limit".to_owned(), limit.to_string()]);
        replay.succeed();
        let got = outputs(&replay.output);
        for name in ["decisions.jsonl", "recalls.jsonl", "dead-letters.jsonl"] {
            assert!(whole[name].starts_with(&got[name]), "--limit {limit}: {name} is no beginning of the whole");
        }
        let report: Value = serde_json::from_slice(&got["report.json"]).expect("a report");
        assert_eq!(report["counts"]["received"], limit);
        let decided = lines(&got, "decisions.jsonl").len() + lines(&got, "dead-letters.jsonl").len();
        assert_eq!(decided as u64 + report["counts"]["without_text"].as_u64().expect("a number"), limit);
    }
}

#[test]
fn batches_and_threads_change_no_byte() {
    for (n, batch) in [1, 7, 1024].into_iter().enumerate() {
        for threads in [1, 2, 4] {
            let compression = ["zstd", "none", "gzip"][n];
            let home = folder();
            let more =
                ["--set".to_owned(), format!("engine.batch_documents={batch}"), "--threads".to_owned(), threads.to_string()];
            let replay = Replay::to(&home.path().join("out")).packed(compression).with(more);
            replay.succeed();
            assert_same(&outputs(&replay.output), reference(compression), &format!("batches of {batch} on {threads} threads"));
        }
    }
}
