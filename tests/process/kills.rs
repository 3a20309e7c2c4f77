//! A replay that is killed anywhere, once or several times, is finished by the same command with the
//! bytes of a run that nothing disturbed.
//!
//! Every kill point ends at least one life, and points that a run passes often end two or more.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use testkit::random::Random;

use crate::{
    indexes::INDEX_POINTS,
    shards::MERGE_POINTS,
    weir::{Replay, assert_same, folder, outputs, reference, stderr},
};

/// The signal of a process that aborts at a kill point, and of one that is killed.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;

/// Every kill point that a run without `--state` passes, and at which of its passages each life in
/// one folder ends. A point that is passed once a run has one life. Where passages depend on
/// earlier lives, the lives are in order.
const LIVES: &[(&str, &[u64])] = &[
    ("recover.truncated", &[1, 4, 7]),
    ("recover.done", &[1, 1]),
    ("commit.begun", &[1, 9]),
    ("commit.partial", &[1, 30]),
    ("commit.done", &[1, 11]),
    ("part.rolled", &[1, 2]),
    ("checkpoint.flushed", &[1, 3]),
    ("checkpoint.files_synced", &[1, 3]),
    ("checkpoint.synced", &[1, 3]),
    ("snapshot.logs_synced", &[1, 3]),
    ("snapshot.tmp_written", &[1, 3]),
    ("snapshot.renamed", &[1, 3]),
    // Manifest; what the state is made with; alarms after it; manifest (publishing), (published); times; manifest (finished).
    ("atomic.tmp_written", &[1, 2, 2, 3, 4, 2, 2]),
    // Manifest; alarms; manifest (publishing); times; manifest (finished).
    ("atomic.renamed", &[1, 2, 3, 2, 2]),
    ("replay.decided", &[1]),
    ("publish.tmp_written", &[1, 3]),
    ("publish.renamed", &[1, 3]),
    ("publish.synced", &[1, 2]),
    ("publish.removed", &[1, 2]),
    ("replay.published", &[1]),
    ("replay.finished", &[1]),
];

/// The kill points of `--state`, see [`crate::base`].
pub(crate) const STATE_POINTS: [&str; 2] = ["base.moved", "base.current"];

/// Runs the command until it dies at the `nth` passage of `point`.
pub(crate) fn die_at(replay: &Replay, point: &str, nth: u64) {
    let ended = replay.command().env("WEIR_KILL", format!("{point}:{nth}")).output().expect("weir runs");
    assert_eq!(ended.status.signal(), Some(ABORTED), "{point}:{nth} was never passed: {:?}: {}", ended.status, stderr(&ended));
}

/// Kills at every `of`-th point of the table from `from` on.
fn kill_at_points(from: usize, of: usize) {
    for (n, (point, lives)) in LIVES.iter().enumerate().skip(from).step_by(of) {
        let compression = ["none", "gzip", "zstd"][n % 3];
        let home = folder();
        let replay = Replay::to(&home.path().join("out")).packed(compression);
        for &nth in *lives {
            die_at(&replay, point, nth);
        }
        replay.succeed();
        assert_same(&outputs(&replay.output), reference(compression), &format!("killed at {point} {lives:?}"));
        assert!(!replay.output.join(".weir/state").exists(), "{point}: working state left behind");
        assert!(!replay.output.join(".weir/staged").exists(), "{point}: staged corpus left behind");
    }
}

// Two tests, so that two cores work.
#[test]
fn killed_at_every_even_point() {
    kill_at_points(0, 2);
}

#[test]
fn killed_at_every_odd_point() {
    kill_at_points(1, 2);
}

#[test]
fn no_point_is_forgotten() {
    let mut known: BTreeSet<String> = connectors::kill::POINTS.iter().map(ToString::to_string).collect();
    known.extend(points_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
    let elsewhere = STATE_POINTS.into_iter().chain(MERGE_POINTS).chain(INDEX_POINTS);
    let tried: BTreeSet<String> = LIVES.iter().map(|(point, _)| *point).chain(elsewhere).map(ToOwned::to_owned).collect();
    assert_eq!(known, tried);
}

/// Returns the names of kill points in the sources of a folder.
fn points_in(folder: &Path) -> BTreeSet<String> {
    let (mut points, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).expect("a source");
                points.extend(source.split("kill::point(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    points
}

/// Two kills at random times in each folder.
fn kill_at_random(compression: &str, folders: usize) {
    let expected = reference(compression);
    let home = folder();
    let began = Instant::now();
    Replay::to(&home.path().join("measured")).packed(compression).succeed();
    let whole = began.elapsed();
    let mut random = Random::new(0x9 + compression.len() as u64);
    let mut killed = 0;
    for n in 0..folders {
        let replay = Replay::to(&home.path().join(n.to_string())).packed(compression);
        let mut delays = Vec::new();
        for _ in 0..2 {
            let delay = whole.mul_f64(random.below(1000) as f64 / 1000.0);
            let mut process = replay.command().spawn().expect("weir runs");
            thread::sleep(delay);
            process.kill().expect("a signal is sent");
            killed += usize::from(process.wait().expect("it ends").signal() == Some(KILLED));
            delays.push(delay);
        }
        replay.succeed();
        assert_same(&outputs(&replay.output), expected, &format!("{compression}, killed after {delays:?}"));
    }
    assert!(killed >= folders, "only {killed} of {} kills came before the end", 2 * folders);
}

#[test]
fn killed_at_random_times() {
    kill_at_random("none", 3);
    kill_at_random("gzip", 3);
    kill_at_random("zstd", 3);
}

/// Without a background the state has one more part: what was learned from the stream itself.
#[test]
fn killed_while_learning_from_itself() {
    let home = folder();
    let replay = |name: &str| Replay { background: None, ..Replay::to(&home.path().join(name)) };
    let undisturbed = replay("undisturbed");
    undisturbed.succeed();
    let expected = outputs(&undisturbed.output);
    let killed = replay("killed");
    let times: [(&str, u64); 4] =
        [("commit.done", 3), ("snapshot.renamed", 2), ("snapshot.tmp_written", 1), ("commit.partial", 40)];
    for (point, nth) in times {
        die_at(&killed, point, nth);
    }
    killed.succeed();
    assert_same(&outputs(&killed.output), &expected, "killed without a background");
}

/// Output that was changed after a kill is refused.
#[test]
fn a_staged_file_that_was_cut_is_refused() {
    let home = folder();
    let replay = Replay::to(&home.path().join("out"));
    die_at(&replay, "snapshot.logs_synced", 4);
    fs::write(replay.output.join("decisions.jsonl"), b"{}\n").expect("written");
    let stderr = replay.fail(1);
    assert!(stderr.contains("decisions.jsonl has 3 bytes, expected at least"), "{stderr}");
    replay.clone().with(["--force"]).succeed();
    assert_same(&outputs(&replay.output), reference("none"), "--force after damage");
}
