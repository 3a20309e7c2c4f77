//! `--state DIR`: the next dump is judged against the last, and a kill between the two neither
//! loses nor doubles anything.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    corpus::corpus,
    kills::{STATE_POINTS, die_at},
    weir::{Replay, Tree, assert_same, folder, lines, outputs, stderr, text, tree},
};

/// Returns a run that carries its state in `home/state`.
fn carried(input: &Path, home: &Path, name: &str) -> Replay {
    let state = home.join("state").display().to_string();
    Replay::of([input], &home.join(name)).with(["--state".to_owned(), state])
}

/// Returns runs over two dumps, and one over the whole crawl that shows what the state knows by
/// then.
fn three(home: &Path) -> [Replay; 3] {
    let corpus = corpus();
    [carried(&corpus.dumps[0], home, "first"), carried(&corpus.dumps[1], home, "second"), carried(&corpus.crawl, home, "third")]
}

/// Returns the generation of the state that is in force, after checking that no other is left in
/// the folder.
fn generation(home: &Path) -> String {
    let current = fs::read_to_string(home.join("state/CURRENT")).expect("a state in force");
    let names: BTreeSet<String> =
        tree(&home.join("state")).keys().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
    let others: Vec<&String> = names.iter().filter(|name| name.starts_with("generation") && **name != current.trim()).collect();
    assert!(others.is_empty(), "{} is in force, and {others:?} are left behind", current.trim());
    current.trim().to_owned()
}

#[test]
fn the_second_dump_is_judged_against_the_first() {
    let home = folder();
    let [first, second, _] = three(home.path());
    first.succeed();
    assert_eq!(generation(home.path()), "generation-0");
    second.succeed();
    assert_eq!(generation(home.path()), "generation-1");
    let out = outputs(&second.output);
    let decisions = lines(&out, "decisions.jsonl");
    assert_eq!(corpus().copies.len(), 5);
    for (copy, original) in &corpus().copies {
        let decision = decisions.iter().find(|d| text(d, "id") == copy).expect("decided");
        assert_eq!(text(decision, "route"), "duplicate", "{decision}");
        assert_eq!(text(&decision["findings"][0], "match"), original);
    }
    let ids: BTreeSet<&str> = decisions.iter().map(|d| text(d, "id")).collect();
    let recalls = lines(&out, "recalls.jsonl");
    let earlier: Vec<_> = recalls.iter().filter(|r| text(r, "position").starts_with("first.jsonl#")).collect();
    assert!(!earlier.is_empty(), "carriers of the first dump are recalled: {recalls:?}");
    assert!(earlier.iter().all(|r| !ids.contains(text(r, "id"))), "they were decided in the first dump");
    // Alone the second dump knows nothing of the first.
    let alone = Replay::of([&corpus().dumps[1]], &home.path().join("alone"));
    alone.succeed();
    let alone = outputs(&alone.output);
    assert!(lines(&alone, "recalls.jsonl").iter().all(|r| text(r, "position").starts_with("second.jsonl#")));
    let copy = lines(&alone, "decisions.jsonl").into_iter().find(|d| text(d, "id") == corpus().copies[0].0);
    assert_ne!(text(&copy.expect("decided"), "route"), "duplicate");
}

#[test]
fn kills_between_two_dumps_change_nothing() {
    let [quiet, killed] = [folder(), folder()];
    let expected: Vec<Tree> = three(quiet.path())
        .iter()
        .map(|replay| {
            replay.succeed();
            outputs(&replay.output)
        })
        .collect();
    let [first, second, third] = three(killed.path());
    let begin: [(&str, u64); 3] = [("recover.done", 1), ("atomic.renamed", 1), ("snapshot.tmp_written", 1)];
    let middle: [(&str, u64); 5] = [
        ("commit.begun", 3),
        ("snapshot.logs_synced", 2),
        ("snapshot.renamed", 2),
        ("replay.decided", 1),
        ("replay.published", 1),
    ];
    let ends = STATE_POINTS.map(|point| (point, 1));
    for (replay, kills) in [(&first, &begin[..]), (&second, &middle[..]), (&third, &[])] {
        for (point, nth) in kills.iter().chain(&ends) {
            die_at(replay, point, *nth);
        }
        replay.succeed();
    }
    for (replay, expected) in [first, second, third].iter().zip(&expected) {
        assert_same(&outputs(&replay.output), expected, &replay.output.display().to_string());
    }
    assert_eq!(generation(killed.path()), generation(quiet.path()));
}

#[test]
fn a_finished_run_hands_its_state_on_once() {
    let home = folder();
    let [first, second, _] = three(home.path());
    first.succeed();
    second.succeed();
    let before = tree(&home.path().join("state"));
    assert!(stderr(&first.succeed()).contains("finished already"));
    assert!(stderr(&second.succeed()).contains("finished already"));
    assert_same(&tree(&home.path().join("state")), &before, "the state after two runs that had nothing to do");
}

/// A killed run goes on from a copy of the state. It must not replace what another run has made of
/// the state since.
#[test]
fn a_state_that_has_moved_on_is_not_overwritten() {
    let home = folder();
    let [first, second, third] = three(home.path());
    first.succeed();
    die_at(&third, "commit.done", 5);
    second.succeed();
    let before = tree(&home.path().join("state"));
    let stderr = third.fail(1);
    assert!(stderr.contains("generation") && stderr.contains("--force"), "{stderr}");
    assert_same(&tree(&home.path().join("state")), &before, "the state after the refusal");
    third.with(["--force"]).succeed();
    assert_eq!(generation(home.path()), "generation-2");
}
