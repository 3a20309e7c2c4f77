//! A signal stops a run after the batch in flight, and the same command resumes it.

use std::{
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::weir::{Replay, assert_same, folder, outputs, reference, stderr};

/// Longer than anything in this file takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `happened` while the process runs.
pub(crate) fn wait_until(process: &mut Child, what: &str, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        let ended = process.try_wait().expect("a process");
        assert!(ended.is_none() || happened(), "{what}: ended before with {ended:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn has_snapshot(output: &Path) -> bool {
    let snapshots = std::fs::read_dir(output.join(".weir/state/snapshots"));
    snapshots.is_ok_and(|entries| entries.flatten().any(|e| e.path().extension().is_some_and(|e| e == "snapshot")))
}

fn stop_with(signal: &str) {
    let home = folder();
    let replay = Replay::to(&home.path().join("out")).with(["--set", "engine.batch_documents=1"]);
    let mut process = replay.command().spawn().expect("weir runs");
    wait_until(&mut process, "a snapshot", || has_snapshot(&replay.output));
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", process.id())).status().expect("a shell");
    assert!(sent.success());
    let ended = process.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130), "{signal}: {}", stderr(&ended));
    assert!(stderr(&ended).contains("the same command goes on"), "{}", stderr(&ended));
    assert!(!replay.output.join("report.json").exists(), "stopped before the end");
    replay.succeed();
    assert_same(&outputs(&replay.output), reference("none"), signal);
}

#[test]
fn sigterm_stops_and_the_same_command_goes_on() {
    stop_with("TERM");
}

#[test]
fn sigint_stops_and_the_same_command_goes_on() {
    stop_with("INT");
}
