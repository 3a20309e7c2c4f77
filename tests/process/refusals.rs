//! Commands that must refuse: on finished or foreign outputs, a folder in use, bad input and bad
//! configuration.

use std::{fs, io::Write, path::Path, process::Stdio};

use crate::{
    corpus::{corpus, joined, write},
    kills::die_at,
    signals::wait_until,
    weir::{Replay, assert_same, folder, lines, outputs, reference, stderr, text, tree, weir},
};

#[test]
fn a_finished_output_is_left_alone() {
    let home = folder();
    let replay = Replay::to(&home.path().join("out"));
    replay.succeed();
    let before = tree(&replay.output);
    let ended = replay.succeed();
    assert!(stderr(&ended).contains("is finished already; nothing to do"), "{}", stderr(&ended));
    assert_same(&tree(&replay.output), &before, "a second run");
    // Anew, with something of the user's in the folder, which stays.
    write(&replay.output.join("notes.txt"), b"mine");
    replay.clone().with(["--force"]).succeed();
    let mut after = outputs(&replay.output);
    assert_eq!(after.remove("notes.txt").as_deref(), Some(&b"mine"[..]));
    assert_same(&after, reference("none"), "--force");
}

#[test]
fn another_configuration_background_or_shape_is_refused() {
    let home = folder();
    let replay = Replay::to(&home.path().join("out"));
    die_at(&replay, "commit.done", 8);
    let others: [(&[&str], &str); 4] = [
        (&["--set", "policy.quarantine_score=0.6"], "another configuration"),
        (&["--set", "output.part_records=100"], "other output options"),
        (&["--limit", "100"], "other output options"),
        (&["--annotate-only"], "other output options"),
    ];
    for (more, expected) in others {
        let stderr = replay.clone().with(more.iter().copied()).fail(1);
        assert!(stderr.contains(expected) && stderr.contains("--force"), "{more:?}: {stderr}");
    }
    let without = Replay { background: None, ..replay.clone() };
    assert!(without.fail(1).contains("another configuration, background or seed"));
    // What no verdict and no byte depends on may change.
    replay.clone().with(["--set", "engine.batch_documents=5", "--threads", "3"]).succeed();
    assert_same(&outputs(&replay.output), reference("none"), "goes on with other batches and threads");
}

#[test]
fn changed_input_is_refused_by_name() {
    let home = folder();
    let input = home.path().join("input");
    fs::create_dir(&input).expect("a folder");
    let (first, second) = corpus().lines.split_at(500);
    write(&input.join("one.jsonl"), &joined(first));
    write(&input.join("two.jsonl"), &joined(second));
    let replay = Replay::of([&input], &home.path().join("out"));
    die_at(&replay, "commit.done", 8);
    let refusal_after_change = |bytes: &[u8]| {
        write(&input.join("two.jsonl"), bytes);
        replay.fail(1)
    };
    let stderr = refusal_after_change(&joined(&second[1..]));
    assert!(stderr.contains("other input") && stderr.contains("two.jsonl"), "{stderr}");
    let mut edited = joined(second);
    edited[10] ^= 1;
    let stderr = refusal_after_change(&edited);
    assert!(stderr.contains("other input") && stderr.contains("two.jsonl"), "{stderr}");
    write(&input.join("two.jsonl"), &joined(second));
    write(&input.join("zero.jsonl"), b"{\"text\": \"more\"}\n");
    let stderr = replay.fail(1);
    assert!(stderr.contains("other input") && stderr.contains("zero.jsonl"), "{stderr}");
    fs::remove_file(input.join("zero.jsonl")).expect("removed");
    replay.succeed();
}

#[test]
fn one_process_works_in_a_folder_at_a_time() {
    let home = folder();
    let first = Replay::of(["-"], &home.path().join("out"));
    let mut process = first.command().stdin(Stdio::piped()).spawn().expect("weir runs");
    wait_until(&mut process, "a manifest", || first.output.join(".weir/run.json").exists());
    let second = Replay::to(&first.output);
    let said_second = second.fail(1);
    assert!(said_second.contains("another process works in"), "{said_second}");
    assert!(second.clone().with(["--force"]).fail(1).contains("another process works in"), "not even --force");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(&joined(&corpus().lines)).expect("read");
    drop(stdin);
    let ended = process.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "the first goes on: {}", stderr(&ended));
}

#[test]
fn input_that_cannot_be_read_is_named() {
    let home = folder();
    let output = home.path().join("out");
    let missing = home.path().join("missing.jsonl");
    let stderr = Replay::of([&missing], &output).fail(1);
    assert!(stderr.contains(&missing.display().to_string()), "{stderr}");
    let stderr = Replay { background: Some(missing.clone()), ..Replay::to(&output) }.fail(1);
    assert!(stderr.contains(&missing.display().to_string()), "{stderr}");
    let stderr = Replay::to(&output).with(["--verdicts".to_owned(), missing.display().to_string()]).fail(1);
    assert!(stderr.contains(&missing.display().to_string()), "{stderr}");
    let strange = home.path().join("strange.bin");
    write(&strange, b"\x7fELF");
    assert!(Replay::of([&strange], &output).fail(1).contains("strange.bin is no input"));
    let empty = home.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    assert!(Replay::of([&empty], &output).fail(1).contains("no input"));
    unreadable(home.path());
}

/// An input without read permission is refused by name. The superuser may read every file, so
/// nothing is checked for him.
fn unreadable(home: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = home.join("secret.jsonl");
    write(&path, b"{\"text\": \"hidden away\"}\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("set");
    if fs::read(&path).is_err() {
        let stderr = Replay::of([&path], &home.join("out")).fail(1);
        assert!(stderr.contains("secret.jsonl"), "{stderr}");
    }
}

#[test]
fn a_damaged_background_is_refused() {
    let home = folder();
    let path = home.path().join("background.weir");
    let mut bytes = fs::read(&corpus().background).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write(&path, &bytes);
    let stderr = Replay { background: Some(path.clone()), ..Replay::to(&home.path().join("out")) }.fail(1);
    assert!(stderr.contains("background.weir"), "{stderr}");
}

#[test]
fn a_disk_that_takes_nothing_is_an_error() {
    let home = folder();
    let output = home.path().join("out");
    fs::create_dir_all(&output).expect("a folder");
    // Every byte written to this device is one too many.
    std::os::unix::fs::symlink("/dev/full", output.join("decisions.jsonl")).expect("a link");
    let stderr = Replay::to(&output).fail(1);
    assert!(stderr.contains("decisions.jsonl") && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn bad_configuration_is_78_and_bad_usage_2() {
    let home = folder();
    let replay = Replay::to(&home.path().join("out"));
    let problems = replay.clone().with(["--set", "engine.boder=16", "--set", "policy.quarantine_score=7"]).fail(78);
    assert!(problems.contains("border") && problems.contains("policy.quarantine_score"), "every problem at once: {problems}");
    replay.clone().with(["--no-such-flag"]).fail(2);
    assert_eq!(weir(["filter"]).output().expect("weir runs").status.code(), Some(2));
    assert_eq!(weir(["replay"]).output().expect("weir runs").status.code(), Some(2));
    let apart = weir(["--set", "engine.threads=1", "check", "--set", "engine.border=16"]).output().expect("weir runs");
    assert_eq!(apart.status.code(), Some(2));
    assert!(stderr(&apart).contains("on one side"), "one of them would be forgotten: {}", stderr(&apart));
    let environment = replay.command().env("WEIR_ENGINE__BORDER", "many").output().expect("weir runs");
    assert_eq!(environment.status.code(), Some(78));
    assert!(stderr(&environment).contains("WEIR_ENGINE__BORDER"), "{}", stderr(&environment));
    assert!(!replay.output.exists(), "nothing was begun");
}

#[test]
fn check_reads_lists_as_a_run_does() {
    let home = folder();
    let (first, second) = (home.path().join("first.txt"), home.path().join("second.txt"));
    write(&first, b"\xef\xbb\xbfone.example\r\n");
    let set = format!("policy.deny_files=['{}', '{}']", first.display(), second.display());
    let check = || weir(["check", "--set", &set]).output().expect("weir runs");
    let run = |output: &str| Replay::to(&home.path().join(output)).with(["--set", &set]);
    write(&second, b"\xef\xbb\xbftwo.example\r\n10.0.0.0/8\r\ngithub.com/someone/repo\r\n");
    let (checked, refused) = (stderr(&check()), run("refused").fail(1));
    for want in
        ["second.txt: line 2: got \"10.0.0.0/8\"", "second.txt: line 3: got \"github.com/someone/repo\"", "github.com/someone\n"]
    {
        assert!(checked.contains(want) && refused.contains(want), "{want}: {checked}{refused}");
    }
    write(&second, b"\xef\xbb\xbftwo.example\r\n");
    assert!(check().status.success());
    let input = home.path().join("pages.jsonl");
    let pages =
        ["one", "two", "three"].map(|host| format!("{{\"url\":\"http://{host}.example/\",\"text\":\"A page of {host}.\"}}\n"));
    write(&input, pages.concat().as_bytes());
    let output = home.path().join("out");
    Replay::of([&input], &output).with(["--set", &set]).succeed();
    let routes: Vec<String> = lines(&outputs(&output), "decisions.jsonl").iter().map(|d| text(d, "route").to_owned()).collect();
    assert_eq!(routes, ["quarantine", "quarantine", "clean"]);
}

#[test]
fn an_allowed_publisher_leaves_a_trace_of_what_was_overruled() {
    let home = folder();
    let (allow, deny) = (home.path().join("allow.txt"), home.path().join("deny.txt"));
    write(&allow, b"# ours\nblog.one.example\n");
    write(&deny, b"one.example\n");
    let input = home.path().join("pages.jsonl");
    let page = |host: &str| format!("{{\"id\":\"{host}\",\"url\":\"http://{host}/\",\"text\":\"A page of {host}.\"}}\n");
    write(&input, ["one.example", "blog.one.example", "two.example"].map(page).concat().as_bytes());
    let output = home.path().join("out");
    let sets = [("allow", &allow), ("deny", &deny)];
    let sets = sets.map(|(name, path)| ["--set".to_owned(), format!("policy.{name}_files=['{}']", path.display())]).concat();
    Replay::of([&input], &output).with(sets).succeed();
    let decisions = lines(&outputs(&output), "decisions.jsonl");
    let routes: Vec<&str> = decisions.iter().map(|d| text(d, "route")).collect();
    assert_eq!(routes, ["quarantine", "clean", "clean"]);
    let rule = |list: &str, file: &Path, line: u32, entry: &str| serde_json::json!({"list": format!("policy.{list}_files"), "file": file.display().to_string(), "line": line, "entry": entry});
    let denied = rule("deny", &deny, 1, "one.example");
    assert_eq!((&decisions[0]["findings"][0]["rule"], &decisions[1]["findings"][0]["rule"]), (&denied, &denied));
    assert_eq!(decisions[1]["overruled_by"], rule("allow", &allow, 2, "blog.one.example"));
    assert!(decisions[0]["overruled_by"].is_null() && decisions[2]["overruled_by"].is_null());
    let explained = weir(["explain", "--output", &output.display().to_string(), "blog.one.example"]).output().expect("weir runs");
    let page = String::from_utf8_lossy(&explained.stdout).into_owned();
    for want in [
        format!("would be withheld, but its publisher is allowed: blog.one.example in {}, line 2", allow.display()),
        format!("by one.example in {}, line 1", deny.display()),
    ] {
        assert!(page.contains(&want), "{want}: {page}");
    }
}

#[test]
fn an_input_without_any_document_is_no_success() {
    let home = folder();
    let input = home.path().join("pages.jsonl");
    write(&input, &b"{\"body_text\":\"a page whose text is in a field of another name\"}\n".repeat(3));
    let output = home.path().join("out");
    let stderr = Replay::of([&input], &output).fail(1);
    assert!(stderr.contains("none of the 3 records holds a document: dead-letters.jsonl says why"), "{stderr}");
    assert_eq!(lines(&outputs(&output), "dead-letters.jsonl").len(), 3);
    // One document among them is enough.
    let mixed = home.path().join("mixed.jsonl");
    write(&mixed, b"{\"body_text\":\"x\"}\n{\"text\":\"a page\"}\n");
    Replay::of([&mixed], &home.path().join("mixed")).succeed();
}
