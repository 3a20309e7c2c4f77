//! Archives of other projects, of all kinds, sound and broken. What comes out of each is recorded
//! in `tests/data/archives.tsv`; nothing panics, hangs or takes more memory than the largest record
//! needs.
//!
//! The files belong to others and are not part of this repository. The test looks for them in the
//! folder that `WEIR_TEST_ARCHIVES` names, and prints that it did nothing where that is not set.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::weir::weir;

/// The most memory that `weir records` may take for one of them: the largest record, a window of
/// zstd, and the program itself.
const MEMORY_MAX_KIB: u64 = 400 << 10;
/// None of the files is larger than 3 MB.
const TIME_MAX: Duration = Duration::from_mins(1);

/// Returns what `weir records` makes of a file, as a row of the table.
fn row(path: &Path) -> (String, u64) {
    let began = Instant::now();
    let mut process = weir([Path::new("records"), path]).spawn().expect("weir starts");
    let mut stdout = process.stdout.take().expect("a pipe");
    let output = thread::spawn(move || {
        let mut output = String::new();
        stdout.read_to_string(&mut output).expect("UTF-8");
        output
    });
    let mut peak = 0;
    let status = loop {
        let now = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        let mark = now.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        if let Some(status) = process.try_wait().expect("waits") {
            break status;
        }
        assert!(began.elapsed() < TIME_MAX, "{} takes longer than {TIME_MAX:?}", path.display());
        thread::sleep(Duration::from_millis(2));
    };
    let output = output.join().expect("reads");
    if status.code() == Some(1) && output.is_empty() {
        return ("refused\t\t\t\t".to_owned(), peak);
    }
    assert!(status.success(), "{}: {status}", path.display());
    (summary(&output), peak)
}

/// Counts documents, revisits, other records without text, dead letters, and digests that differ.
fn summary(output: &str) -> String {
    let (mut documents, mut revisits, mut differs) = (0, 0, 0);
    let mut without: BTreeMap<String, u64> = BTreeMap::new();
    let mut dead: BTreeMap<String, u64> = BTreeMap::new();
    for line in output.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let why = || line["why"].as_str().expect("a reason").to_owned();
        match line["outcome"].as_str() {
            Some("document") => documents += 1,
            Some("without_text") if line["why"] == "revisit" => revisits += 1,
            Some("without_text") => *without.entry(why()).or_default() += 1,
            Some("dead_letter") => *dead.entry(why()).or_default() += 1,
            other => panic!("{other:?}"),
        }
        differs += u64::from(line.get("digest_differs").is_some());
    }
    let list = |counts: BTreeMap<String, u64>| {
        counts.into_iter().map(|(why, count)| format!("{why} {count}")).collect::<Vec<_>>().join(", ")
    };
    format!("{documents}\t{revisits}\t{}\t{}\t{differs}", list(without), list(dead))
}

#[test]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a figure, and that nothing was measured")]
fn archives_from_the_wild_give_what_is_written_down() {
    let Some(folder) = std::env::var_os("WEIR_TEST_ARCHIVES").map(PathBuf::from) else {
        eprintln!("NOT RUN: WEIR_TEST_ARCHIVES names no folder of archives");
        return;
    };
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/archives.tsv");
    let table = fs::read_to_string(&table).expect("the table");
    let expected: BTreeMap<&str, &str> = table.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() > 100, "{} files in {}", files.len(), folder.display());
    let (mut wrong, mut largest) = (Vec::new(), (0, String::new()));
    for path in &files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (got, peak) = row(path);
        largest = largest.max((peak, name.clone()));
        // What stands behind the figures is for people: why they are what they are.
        let want = expected.get(name.as_str()).and_then(|row| row.rsplit_once('\t')).map(|(figures, _)| figures);
        if want != Some(got.as_str()) {
            wrong.push(format!("{name}\t{got}\t"));
        }
    }
    println!("{} archives; most memory: {} MiB for {}", files.len(), largest.0 >> 10, largest.1);
    assert!(wrong.is_empty(), "expected other figures than:\n{}", wrong.join("\n"));
    assert_eq!(expected.len(), files.len(), "rows for files that are not there");
    assert!(largest.0 < MEMORY_MAX_KIB, "{} took {} KiB", largest.1, largest.0);
}
