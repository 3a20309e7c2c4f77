use std::{cell::RefCell, collections::BTreeMap, fs, io::Read, rc::Rc};

use super::*;
use crate::file::committer::tests::{contents, copy};

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

/// A staged part of 1,000 records in two frames, one of them empty text.
fn stage(root: &Path, compression: Compression) {
    let staged = staged(root, compression);
    fs::create_dir_all(folder_of(&staged)).expect("created");
    let mut writer = FrameWriter::create(&staged, compression).expect("created");
    for number in 0..1000_u64 {
        writer.write(if number == 3 { "\n".to_owned() } else { format!("record {number}\n") }.as_bytes()).expect("written");
        if number == 400 {
            writer.finish_frame().expect("written");
        }
    }
    writer.finish_frame().expect("written");
}

fn staged(root: &Path, compression: Compression) -> PathBuf {
    root.join(format!(".weir/staged/clean/part-00000.jsonl{}", compression.suffix()))
}

fn targets(root: &Path, compression: Compression) -> [PathBuf; 3] {
    ["clean", "quarantine", "duplicates"].map(|name| root.join(name).join(format!("part-00000.jsonl{}", compression.suffix())))
}

fn publish(root: &Path, compression: Compression, decide: fn(u64) -> usize) -> Result<(), Error> {
    publish_part(
        &staged(root, compression),
        &targets(root, compression),
        &mut FinalFormatWriter::new(compression, &[], Limits::default(), None),
        &mut |index, record| {
            let expected = if index == 3 { String::new() } else { format!("record {index}") };
            assert_eq!(record, expected.as_bytes());
            decide(index)
        },
    )
}

fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let mut reader = Reader::new(Box::new(File::open(path).expect("there")), &Limits::default()).expect("readable");
    reader.read_to_string(&mut text).expect("whole");
    text.lines().map(str::to_owned).collect()
}

/// What `publish` leaves, and what the disk held at each kill point on the way.
fn watched(
    compression: Compression,
    decide: fn(u64) -> usize,
) -> (BTreeMap<String, Vec<u8>>, tempfile::TempDir, Vec<&'static str>) {
    let (root, copies) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
    stage(root.path(), compression);
    let points = Rc::new(RefCell::new(Vec::new()));
    let (log, from, to) = (Rc::clone(&points), root.path().to_owned(), copies.path().to_owned());
    let watcher = move |name: &'static str| {
        copy(&from, &to.join(log.borrow().len().to_string()));
        log.borrow_mut().push(name);
    };
    crate::kill::watch::during(watcher, || publish(root.path(), compression, decide)).expect("published");
    (contents(root.path()), copies, points.take())
}

#[test]
fn records_go_where_they_are_told_after_a_kill_anywhere() {
    for compression in COMPRESSIONS {
        let decide = |index| usize::from(index % 10 == 7);
        let (expected, copies, points) = watched(compression, decide);
        let tmp = "publish.tmp_written";
        assert_eq!(points, [tmp, tmp, "publish.renamed", "publish.renamed", "publish.synced", "publish.removed"]);
        for (point, name) in points.iter().enumerate() {
            let root = copies.path().join(point.to_string());
            publish(&root, compression, decide).expect("published");
            assert!(contents(&root) == expected, "{compression:?}: differs after a kill at {name}");
            publish(&root, compression, decide).expect("done already");
            assert!(contents(&root) == expected);
            let [clean, quarantine, duplicates] = targets(&root, compression);
            assert_eq!((lines(&clean).len(), lines(&quarantine).len()), (900, 100));
            assert_eq!(lines(&quarantine)[1], "record 17");
            assert!(!duplicates.exists() && !staged(&root, compression).exists());
        }
    }
}

#[test]
fn a_part_that_stays_whole_keeps_its_bytes() {
    for compression in COMPRESSIONS {
        let before = tempfile::tempdir().expect("folder");
        stage(before.path(), compression);
        let bytes = fs::read(staged(before.path(), compression)).expect("there");
        let (after, copies, points) = watched(compression, |_| 0);
        assert_eq!(points, ["publish.renamed"]);
        assert_eq!(after.values().collect::<Vec<_>>(), [&bytes]);
        publish(&copies.path().join("0"), compression, |_| 0).expect("done already");
        // Unread, it ends the same.
        let unread = tempfile::tempdir().expect("folder");
        stage(unread.path(), compression);
        for _ in 0..2 {
            publish_whole(&staged(unread.path(), compression), &targets(unread.path(), compression)).expect("published");
            assert!(contents(unread.path()) == after);
        }
    }
}

#[test]
fn a_part_may_leave_its_first_target_empty() {
    let (after, _, _) = watched(Compression::None, |_| 2);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["duplicates/part-00000.jsonl"]);
}

#[test]
fn a_target_that_is_not_there_changes_nothing() {
    let root = tempfile::tempdir().expect("folder");
    stage(root.path(), Compression::None);
    let before = contents(root.path());
    let error = publish(root.path(), Compression::None, |index| usize::from(index == 5) * 3).expect_err("three targets");
    assert!(error.to_string().contains("record 5 of"), "{error}");
    assert!(contents(root.path()) == before);
}
