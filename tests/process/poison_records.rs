//! A poison record, which kills the process outright, is found and withheld without being decoded.
//! Everything else goes on.

use std::{fs, os::unix::process::ExitStatusExt as _};

use crate::weir::{Replay, folder, lines, outputs, stderr, text};

/// The word on the poison page at which the process aborts.
const MARKER: &str = "zzlethalzz";
/// Deaths until the record is found: three with its batch in flight, two with the record alone.
const DEATHS: usize = 5;

#[test]
fn the_record_that_kills_is_found_and_withheld() {
    let home = folder();
    let input = home.path().join("deadly.jsonl");
    let page = |n: usize| {
        let deadly = if n == 77 { MARKER } else { "" };
        format!(
            "{{\"id\":\"p{n}\",\"url\":\"https://s{n}.example/\",\"text\":\"page number {n} of a harmless site {deadly}\"}}\n"
        )
    };
    fs::write(&input, (0..150).map(page).collect::<String>()).expect("written");
    let replay = Replay::of([&input], &home.path().join("out"));
    let run = || replay.command().env("WEIR_KILL_TEXT", MARKER).output().expect("weir runs");
    for death in 0..DEATHS {
        let ended = run();
        assert_eq!(ended.status.signal(), Some(6), "life {death}: {:?}: {}", ended.status, stderr(&ended));
    }
    let ended = run();
    assert!(ended.status.success(), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("killed the process"), "somebody must look at it: {}", stderr(&ended));
    let out = outputs(&home.path().join("out"));
    let decisions = lines(&out, "decisions.jsonl");
    assert_eq!(decisions.len(), 150);
    for (n, decision) in decisions.iter().enumerate() {
        assert_eq!(text(decision, "route"), if n == 77 { "quarantine" } else { "clean" }, "{decision}");
    }
    assert_eq!(text(&decisions[77]["findings"][0], "reason"), "operator_failed");
    let withheld = String::from_utf8_lossy(&out["quarantine/part-00000.jsonl"]).into_owned();
    assert_eq!(withheld, page(77), "its bytes are kept");
}
