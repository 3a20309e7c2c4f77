//! `weir index`: later documents may be copies of an indexed corpus, and the index has no other
//! effect.

use std::{collections::BTreeSet, fs, os::unix::process::ExitStatusExt as _, path::Path, process::Command};

use serde_json::Value;
use testkit::stream::SENTENCES;

use crate::{
    corpus::corpus,
    weir::{Replay, Tree, assert_same, folder, lines, outputs, stderr, text, tree, weir},
};

/// The kill point that only `weir index` passes.
pub(crate) const INDEX_POINTS: [&str; 1] = ["index.decided"];

fn index(input: &Path, state: &Path) -> Command {
    let mut command =
        weir(["--config".as_ref(), corpus().config.as_os_str(), "index".as_ref(), "--state".as_ref(), state.as_os_str()]);
    command.arg("--background").arg(&corpus().background).arg(input);
    command
}

fn succeed(mut command: Command) -> String {
    let ended = command.output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    String::from_utf8_lossy(&ended.stdout).into_owned() + &stderr(&ended)
}

fn over(state: &Path, output: &Path) -> Replay {
    Replay::of([&corpus().dumps[1]], output).with(["--state".to_owned(), state.display().to_string()])
}

fn decision<'a>(decisions: &'a [Value], id: &str) -> &'a Value {
    decisions.iter().find(|decision| text(decision, "id") == id).unwrap_or_else(|| panic!("{id} is decided"))
}

/// Returns all files of a state but those that differ from process to process.
fn state(folder: &Path) -> Tree {
    let mut tree = tree(folder);
    tree.retain(|name, _| !name.starts_with(".weir/") && !name.contains("/deaths"));
    tree
}

#[test]
fn copies_of_an_indexed_corpus_are_duplicates_that_name_it() {
    let home = folder();
    let (indexed, out) = (home.path().join("state"), home.path().join("out"));
    let stderr = succeed(index(&corpus().dumps[0], &indexed));
    let documents = fs::read_to_string(&corpus().dumps[0]).expect("there").lines().count();
    assert!(stderr.contains(&format!("of {documents} records indexed")), "{stderr}");
    assert!(succeed(index(&corpus().dumps[0], &indexed)).contains("holds this corpus already"));
    over(&indexed, &out).succeed();
    let got = outputs(&out);
    let decisions = lines(&got, "decisions.jsonl");
    for (copy, original) in &corpus().copies {
        let decision = decision(&decisions, copy);
        assert_eq!(text(decision, "route"), "duplicate", "{decision}");
        assert_eq!(text(&decision["findings"][0], "match"), original);
    }
    // Nothing votes: of the indexed documents none is recalled, and what is planted in the second dump alone is found in it.
    let alone = home.path().join("alone");
    Replay::of([&corpus().dumps[1]], &alone).succeed();
    let alone = outputs(&alone);
    assert!(lines(&got, "recalls.jsonl").iter().all(|recall| text(recall, "position").starts_with("second.jsonl#")));
    let planted = |tree: &Tree| -> BTreeSet<String> {
        let phrases = lines(tree, "alarms.jsonl").iter().map(|alarm| text(alarm, "phrase").to_owned()).collect::<BTreeSet<_>>();
        phrases.into_iter().filter(|phrase| SENTENCES.contains(&&**phrase)).collect()
    };
    assert_eq!((planted(&got).len(), planted(&got)), (SENTENCES.len(), planted(&alone)));
    // The state has gone on: the indexed documents are known in the next run too.
    let again =
        Replay::of([&corpus().dumps[0]], &home.path().join("again")).with(["--state".to_owned(), indexed.display().to_string()]);
    again.succeed();
    let decisions = lines(&outputs(&again.output), "decisions.jsonl");
    for (_, original) in &corpus().copies {
        assert_eq!(text(decision(&decisions, original), "route"), "duplicate");
    }
}

#[test]
fn an_index_is_added_to_and_a_kill_changes_nothing() {
    let home = folder();
    let (quiet, killed) = (home.path().join("quiet"), home.path().join("killed"));
    for dump in &corpus().dumps {
        succeed(index(dump, &quiet));
    }
    for (dump, kills) in corpus().dumps.iter().zip([
        &["snapshot.renamed:1", "index.decided:1", "base.current:1"][..],
        &["snapshot.logs_synced:1", "snapshot.tmp_written:2", "base.moved:1"],
    ]) {
        for kill in kills {
            let ended = index(dump, &killed).env("WEIR_KILL", kill).output().expect("weir runs");
            assert_eq!(ended.status.signal(), Some(6), "{kill}: {}", stderr(&ended));
        }
        succeed(index(dump, &killed));
    }
    assert_same(&state(&killed), &state(&quiet), "the index after kills");
    let outs = [&quiet, &killed].map(|state| {
        let out = state.with_extension("out");
        over(state, &out).succeed();
        outputs(&out)
    });
    assert_same(&outs[1], &outs[0], "a replay over it");
}

#[test]
fn what_does_not_fit_an_index_is_refused() {
    let home = folder();
    let indexed = home.path().join("state");
    let refused = |mut command: Command, expected: &str| {
        let ended = command.output().expect("weir runs");
        assert!(ended.status.code() == Some(1) && stderr(&ended).contains(expected), "expected {expected:?}: {}", stderr(&ended));
    };
    let mut without =
        weir(["--config".as_ref(), corpus().config.as_os_str(), "index".as_ref(), "--state".as_ref(), indexed.as_os_str()]);
    without.arg(&corpus().dumps[0]);
    refused(without, "expected --background or background.path");
    let ended = index(&corpus().dumps[0], &indexed).env("WEIR_KILL", "snapshot.renamed:1").output().expect("weir runs");
    assert_eq!(ended.status.signal(), Some(6));
    refused(index(&corpus().dumps[1], &indexed), "was begun in");
    succeed(index(&corpus().dumps[0], &indexed));
    let mut other = index(&corpus().dumps[1], &indexed);
    other.args(["--set", "operators.near_dup.rows=7"]);
    refused(other, "was made with operators.near_dup.rows = 8, and this run has 7");
    let replay = over(&indexed, &home.path().join("out")).with(["--set", "operators.near_dup.rows=7"]);
    let stderr = replay.fail(1);
    assert!(stderr.contains("was made with operators.near_dup.rows = 8, and this run has 7"), "{stderr}");
    refused(index(Path::new("-"), &indexed), "got - (standard input)");
}
