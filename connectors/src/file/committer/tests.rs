use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    rc::Rc,
};

use proptest::prelude::*;

use super::*;
use crate::{compress::Reader, compression::Compression, limits::Limits};

/// Every file below `folder`, by its relative path.
pub(in crate::file) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

/// A copy of what is on disk: what a killed process leaves.
pub(in crate::file) fn copy(from: &Path, to: &Path) {
    for (name, bytes) in contents(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("created");
        fs::write(path, bytes).expect("written");
    }
}

fn unpack(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut reader = Reader::new(Box::new(std::io::Cursor::new(bytes.to_vec())), &Limits::default()).expect("in memory");
    reader.read_to_string(&mut text).expect("whole");
    text
}

/// Batch `number` holds a few records of varied channels and lengths, some channels only now and
/// then.
fn write_batch(committer: &mut FileCommitter, number: u64) -> Result<(), Error> {
    committer.begin()?;
    for record in 0..=number % 5 {
        let mixed = (number * 31 + record * 7).wrapping_mul(2_654_435_761) >> 7;
        let line = format!("{number}.{record} {}", "x".repeat((mixed % 50) as usize));
        committer.write(&Outgoing::plain(Channel::ALL[(mixed % 7) as usize], line.as_bytes()))?;
        committer.write(&Outgoing::plain(Channel::Clean, line.as_bytes()))?;
    }
    committer.commit(&Positions::default(), b"ignored")
}

fn options(compression: Compression) -> FileOptions {
    FileOptions { compression, part_records: 4, corpus: true }
}

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

/// Batches up to `batches`, with a checkpoint after every third; what is on disk at the end, and
/// the checkpoints.
fn undisturbed(folder: &Path, options: FileOptions, batches: u64) -> BTreeMap<u64, Vec<u8>> {
    let mut committer = FileCommitter::new(folder, options);
    committer.recover(None).expect("empty");
    let mut checkpoints = BTreeMap::new();
    for number in 0..batches {
        write_batch(&mut committer, number).expect("written");
        if number % 3 == 2 {
            checkpoints.insert(number + 1, committer.checkpoint().expect("durable"));
        }
    }
    checkpoints
}

/// Goes on from what is in `folder` and `checkpoints`' newest checkpoint at or before `from`.
fn resume(folder: &Path, options: FileOptions, checkpoints: &BTreeMap<u64, Vec<u8>>, from: u64, batches: u64) {
    let newest = checkpoints.range(..=from).next_back();
    let mut committer = FileCommitter::new(folder, options);
    committer.recover(newest.map(|(_, checkpoint)| checkpoint.as_slice())).expect("recoverable");
    for number in newest.map_or(0, |(number, _)| *number)..batches {
        write_batch(&mut committer, number).expect("written");
        if number % 3 == 2 {
            assert_eq!(committer.checkpoint().expect("durable"), checkpoints[&(number + 1)]);
        }
    }
}

#[test]
fn outputs_lie_where_they_should() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut committer = FileCommitter::new(folder.path(), options(Compression::Gzip));
    committer.recover(None).expect("empty");
    committer.begin().expect("ready");
    for number in 0..9 {
        committer.write(&Outgoing::plain(Channel::Clean, format!("c{number}").as_bytes())).expect("buffered");
    }
    committer.write(&Outgoing::plain(Channel::Recalls, b"r")).expect("buffered");
    committer.commit(&Positions::default(), b"").expect("written");
    let checkpoint = FileCheckpoint::decode(&committer.checkpoint().expect("durable")).expect("valid");
    assert_eq!(checkpoint.outputs[0].part, 2);
    assert_eq!(
        (checkpoint.records(Channel::Clean), checkpoint.records(Channel::Recalls), checkpoint.records(Channel::Alarms)),
        (9, 1, 0)
    );

    let files = contents(folder.path());
    let names = [
        ".weir/staged/clean/part-00000.jsonl.gz",
        ".weir/staged/clean/part-00001.jsonl.gz",
        ".weir/staged/clean/part-00002.jsonl.gz",
        "alarms.jsonl",
        "dead-letters.jsonl",
        "decisions.jsonl",
        "recalls.jsonl",
    ];
    assert_eq!(files.keys().collect::<Vec<_>>(), names);
    assert_eq!(unpack(&files[names[1]]), "c4\nc5\nc6\nc7\n");
    assert_eq!((&files["recalls.jsonl"][..], &files["alarms.jsonl"][..]), (&b"r\n"[..], &b""[..]));
    assert_eq!(staged_part(folder.path(), Channel::Clean, 1, Compression::Gzip), folder.path().join(names[1]));
}

#[test]
fn annotating_leaves_no_corpus() {
    let folder = tempfile::tempdir().expect("temporary folder");
    undisturbed(folder.path(), FileOptions { corpus: false, ..FileOptions::default() }, 9);
    let files = contents(folder.path());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["alarms.jsonl", "dead-letters.jsonl", "decisions.jsonl", "recalls.jsonl"]);
    assert!(!files["decisions.jsonl"].is_empty());
}

#[test]
fn calls_out_of_order_and_line_breaks_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut committer = FileCommitter::new(folder.path(), FileOptions::default());
    assert!(committer.begin().is_err(), "before recover");
    committer.recover(None).expect("empty");
    assert!(committer.commit(&Positions::default(), b"").is_err(), "before begin");
    committer.begin().expect("ready");
    assert!(committer.begin().is_err() && committer.checkpoint().is_err(), "in a batch");
    let error = committer.write(&Outgoing::plain(Channel::Clean, b"a\nb")).expect_err("two lines").to_string();
    assert!(error.contains("line break at byte 1"), "{error}");
    committer.write(&Outgoing::plain(Channel::Decisions, b"dropped")).expect("buffered");
    committer.recover(None).expect("the open batch is dropped");
    assert!(committer.write(&Outgoing::plain(Channel::Clean, b"")).is_err(), "before begin");
    committer.checkpoint().expect("ready");
    assert!(contents(folder.path())["decisions.jsonl"].is_empty());
}

#[test]
fn foreign_outputs_are_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let checkpoints = undisturbed(folder.path(), options(Compression::None), 6);
    let recover = |options| FileCommitter::new(folder.path(), options).recover(Some(&checkpoints[&6]));
    assert!(recover(options(Compression::Zstd)).is_err(), "other compression");
    recover(options(Compression::None)).expect("unchanged");
    let decisions = folder.path().join("decisions.jsonl");
    let length = decisions.metadata().expect("there").len();
    File::options().write(true).open(&decisions).expect("there").set_len(length - 1).expect("cut");
    let error = recover(options(Compression::None)).expect_err("too short").to_string();
    assert!(error.contains("decisions.jsonl has") && error.contains("expected at least"), "{error}");
}

#[test]
fn a_failed_commit_needs_recover() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut committer = FileCommitter::new(folder.path(), options(Compression::None));
    committer.recover(None).expect("empty");
    // The staged folder is gone: the first file of the commit cannot be made.
    fs::remove_dir_all(folder.path().join(".weir")).expect("removed");
    let error = write_batch(&mut committer, 0).expect_err("no folder").to_string();
    assert!(error.contains("part-00000.jsonl"), "{error}");
    assert!(committer.begin().is_err() && committer.checkpoint().is_err());
    committer.recover(None).expect("made again");
    write_batch(&mut committer, 0).expect("written");
}

/// The disk as it is at every kill point of a run, resumed from the checkpoint that was known then,
/// ends with the same bytes.
#[test]
fn a_kill_at_every_point_is_made_good() {
    const BATCHES: u64 = 5;
    for compression in COMPRESSIONS {
        let (whole, running, copies) =
            (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let checkpoints = undisturbed(whole.path(), options(compression), BATCHES);
        let expected = contents(whole.path());

        let count = Rc::new(RefCell::new(0));
        let (counter, from, to) = (Rc::clone(&count), running.path().to_owned(), copies.path().to_owned());
        let watcher = move |_: &str| {
            copy(&from, &to.join(counter.borrow().to_string()));
            *counter.borrow_mut() += 1;
        };
        // `covered[n]` is how many batches the newest checkpoint covered when point n was passed.
        let mut covered = Vec::new();
        crate::kill::watch::during(watcher, || {
            let mut committer = FileCommitter::new(running.path(), options(compression));
            committer.recover(None).expect("empty");
            let mut known = 0;
            for number in 0..BATCHES {
                write_batch(&mut committer, number).expect("written");
                if number % 3 == 2 {
                    committer.checkpoint().expect("durable");
                }
                covered.resize(*count.borrow(), known);
                if number % 3 == 2 {
                    known = number + 1;
                }
            }
        });
        assert!(covered.len() > 20, "got {} points", covered.len());
        for (point, known) in covered.into_iter().enumerate() {
            let folder = copies.path().join(point.to_string());
            fs::create_dir_all(&folder).expect("created");
            // Later checkpoints' bytes are the same too, which `resume` checks.
            resume(&folder, options(compression), &checkpoints, known, BATCHES);
            assert!(contents(&folder) == expected, "{compression:?}: differs after a kill at point {point}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever lies behind a checkpoint, whole batches or torn bytes, is gone after `recover`.
    #[test]
    fn resuming_gives_the_bytes_of_an_undisturbed_run(
        which in 0_usize..3, batches in 1_u64..14, died in 0_u64..14, back in 0_u64..14, torn in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let options = options(COMPRESSIONS[which]);
        let (whole, cut) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let checkpoints = undisturbed(whole.path(), options, batches);
        undisturbed(cut.path(), options, died.min(batches));
        for name in contents(cut.path()).into_keys() {
            let mut file = File::options().append(true).open(cut.path().join(name)).expect("there");
            // Complete parts are never written again, so nothing torn can lie behind them; others may have a torn end.
            if file.metadata().expect("there").len() > 0 && torn.len() % 2 == 0 { file.write_all(&torn).expect("written"); }
        }
        fs::create_dir_all(cut.path().join(".weir/staged/clean")).expect("created");
        fs::write(cut.path().join(".weir/staged/clean/part-99999.jsonl"), &torn).expect("written");
        resume(cut.path(), options, &checkpoints, back.min(died).min(batches), batches);
        let (got, expected) = (contents(cut.path()), contents(whole.path()));
        prop_assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, bytes) in &expected {
            let complete = name.contains("part-") && got[name].len() > bytes.len();
            prop_assert!(&got[name] == bytes || complete && got[name].starts_with(bytes), "{} differs", name);
        }
    }
}
