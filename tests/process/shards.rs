//! `--shard` and `weir merge`: each of several machines filters its share, and one output is made
//! of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    corpus::{corpus, joined, write},
    kills::die_at,
    weir::{Replay, Tree, assert_same, folder, lines, outputs, stderr, text, weir},
};

const SHARDS: usize = 3;
/// The kill points that only `weir merge` passes.
pub(crate) const MERGE_POINTS: [&str; 3] = ["merge.found", "merge.joined", "merge.reported"];

/// Writes the lines of the crawl into seven files, so that copies and their originals lie in
/// different shards.
fn input(home: &Path) -> PathBuf {
    let input = home.join("input");
    fs::create_dir(&input).expect("a folder");
    for (n, part) in corpus().lines.chunks(corpus().lines.len().div_ceil(7)).enumerate() {
        write(&input.join(format!("{n}.jsonl")), &joined(part));
    }
    input
}

fn shard(home: &Path, index: usize, compression: &str) -> Replay {
    Replay::of([home.join("input")], &home.join(format!("shard-{index}")))
        .packed(compression)
        .with(["--shard".to_owned(), format!("{index}/{SHARDS}")])
}

fn merge(home: &Path, output: &str, order: &[usize]) -> Command {
    let mut command = weir(["merge", "--output"]);
    command.arg(home.join(output)).args(order.iter().map(|index| home.join(format!("shard-{index}"))));
    command
}

fn succeed(mut command: Command) -> Output {
    let ended = command.output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    ended
}

fn refused(mut command: Command) -> String {
    let ended = command.output().expect("weir runs");
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    stderr(&ended)
}

/// Returns the texts of a folder of the corpus with the ids that have them; case and white space
/// are ignored.
fn texts(tree: &Tree, folder: &str) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in tree.keys().filter(|name| name.starts_with(&format!("{folder}/"))) {
        for line in lines(tree, name) {
            let words: Vec<String> = text(&line, "text").split_whitespace().map(str::to_lowercase).collect();
            texts.entry(words.join(" ")).or_default().push(text(&line, "id").to_owned());
        }
    }
    texts
}

fn ids(tree: &Tree, folder: &str) -> BTreeSet<String> {
    texts(tree, folder).into_values().flatten().collect()
}

fn report(tree: &Tree) -> Value {
    serde_json::from_slice(&tree["report.json"]).expect("a report")
}

#[test]
fn shards_are_joined_and_copies_across_them_are_found() {
    let home = folder();
    let home = home.path();
    input(home);
    // One of them is killed on its way: a share is resumed as any run is.
    die_at(&shard(home, 1, "none"), "snapshot.renamed", 1);
    let shards: Vec<Tree> = (0..SHARDS)
        .map(|index| {
            shard(home, index, "none").succeed();
            outputs(&home.join(format!("shard-{index}")))
        })
        .collect();
    succeed(merge(home, "all", &[2, 0, 1]));
    let all = outputs(&home.join("all"));
    let joined_lines = |name: &str| shards.iter().flat_map(|tree| tree[name].clone()).collect::<Vec<u8>>();
    for name in ["decisions.jsonl", "dead-letters.jsonl", "alarms.jsonl"] {
        assert!(all[name] == joined_lines(name), "{name} in the order of the shards");
    }
    let positions: Vec<String> = lines(&all, "decisions.jsonl").iter().map(|d| text(d, "position").to_owned()).collect();
    assert_eq!(positions.iter().collect::<BTreeSet<_>>().len(), positions.len(), "positions are those of one list");
    assert!(positions.iter().any(|p| p.starts_with("6.jsonl#")) && positions[0].starts_with("0.jsonl#"));
    // What the shards recalled comes first, then what they could not see.
    let before = joined_lines("recalls.jsonl");
    assert!(all["recalls.jsonl"].starts_with(&before));
    let across: Vec<Value> = lines(&all, "recalls.jsonl").split_off(String::from_utf8_lossy(&before).lines().count());
    let (clean, apart): (BTreeSet<String>, Vec<BTreeSet<String>>) =
        (ids(&all, "clean"), shards.iter().map(|tree| ids(tree, "clean")).collect());
    let copies: BTreeSet<String> = across.iter().map(|recall| text(recall, "id").to_owned()).collect();
    assert!(across.iter().any(|r| text(r, "reason") == "exact_duplicate"), "{across:?}");
    assert!(across.iter().any(|r| text(r, "reason") == "near_duplicate"), "{across:?}");
    for recall in &across {
        let (id, of) = (text(recall, "id"), text(recall, "match"));
        let shard_of = |id: &str| apart.iter().position(|ids| ids.contains(id)).expect("clean in its shard");
        assert!(shard_of(of) < shard_of(id) && clean.contains(of), "{recall}");
    }
    let every: BTreeSet<String> = apart.into_iter().flatten().collect();
    assert_eq!(clean, every.difference(&copies).cloned().collect(), "clean is what was clean less copies");
    assert!(copies.is_subset(&ids(&all, "duplicates")));
    let twice: Vec<_> = texts(&all, "clean").into_iter().filter(|(text, ids)| text.len() > 100 && ids.len() > 1).collect();
    assert!(twice.is_empty(), "the same text twice: {twice:?}");
    let (all_report, sum) =
        (report(&all), shards.iter().map(|t| report(t)["counts"]["received"].as_u64().expect("a number")).sum::<u64>());
    assert_eq!(all_report["counts"]["received"], sum);
    assert_eq!(all_report["final_clean"], clean.len());
    assert_eq!(all_report["joined"]["shards"], SHARDS);
    assert!(stderr(&succeed(merge(home, "all", &[0, 1, 2]))).contains("finished already"));
}

#[test]
fn a_killed_join_is_done_again_with_the_same_bytes() {
    let home = folder();
    let home = home.path();
    input(home);
    (0..SHARDS).for_each(|index| drop(shard(home, index, "zstd").succeed()));
    let order = [0, 1, 2];
    succeed(merge(home, "quiet", &order));
    let before: Vec<Tree> = (0..SHARDS).map(|index| outputs(&home.join(format!("shard-{index}")))).collect();
    let shared = [("publish.tmp_written", 1), ("publish.renamed", 3), ("publish.synced", 1)];
    for (point, nth) in MERGE_POINTS.map(|point| (point, 1)).into_iter().chain(shared) {
        let kill = format!("{point}:{nth}");
        let ended = merge(home, "killed", &order).env("WEIR_KILL", &kill).output().expect("weir runs");
        assert_eq!(ended.status.signal(), Some(6), "{kill}: {}", stderr(&ended));
    }
    succeed(merge(home, "killed", &order));
    assert_same(&outputs(&home.join("killed")), &outputs(&home.join("quiet")), "killed");
    assert!(!home.join("killed/.weir/staged").exists());
    for (index, before) in before.iter().enumerate() {
        assert_same(&outputs(&home.join(format!("shard-{index}"))), before, "the shards stay as they are");
    }
}

#[test]
fn what_are_not_all_shards_of_one_list_is_refused() {
    let home = folder();
    let home = home.path();
    input(home);
    let without = Replay { background: None, ..shard(home, 0, "none") };
    assert!(without.fail(1).contains("expected --background or engine.seed"));
    (0..SHARDS).for_each(|index| drop(shard(home, index, "none").succeed()));
    assert!(refused(merge(home, "out", &[0, 2])).contains("shard 1/3 is missing"));
    assert!(refused(merge(home, "out", &[0, 1])).contains("shard 2/3 is missing"));
    assert!(refused(merge(home, "out", &[0, 1, 1])).contains("another process works in"), "the same folder twice");
    let whole = Replay::of([home.join("input")], &home.join("whole"));
    whole.succeed();
    let mut command = merge(home, "out", &[0, 1]);
    assert!(
        refused({
            command.arg(home.join("whole"));
            command
        })
        .contains("holds a run over a whole list")
    );
    // Another shard in the same folder, and a shard of another list.
    let other = Replay::of([home.join("input")], &home.join("shard-0")).with(["--shard", "1/3"]);
    assert!(other.fail(1).contains("holds shard 0/3"));
    write(&home.join("input/7.jsonl"), b"{\"text\": \"one file more\"}\n");
    let other = Replay::of([home.join("input")], &home.join("shard-9")).with(["--shard", "1/3"]);
    other.succeed();
    assert!(refused(merge(home, "out", &[0, 9, 2])).contains("of list"));
    assert!(refused(merge(home, "shard-0", &[0, 1, 2])).contains("another process works in"));
    assert!(refused(merge(home, "out", &[0, 1, 8])).contains("is no output of weir"));
    let part = home.join("shard-1/clean/part-00000.jsonl");
    let bytes = fs::read(&part).expect("there");
    let cut = bytes.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
    write(&part, &bytes[cut..]);
    assert!(refused(merge(home, "out", &[0, 1, 2])).contains("it was changed since its run was finished"));
}
