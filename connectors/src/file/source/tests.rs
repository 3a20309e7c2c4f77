use std::{fs, io::Write, path::PathBuf};

use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::{file::walk, source::Payload};

const ALL: Limit = Limit { records: usize::MAX, bytes: usize::MAX };

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Files of 5, 0, 7 (with a truncated end) and 3 records.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    write("a.jsonl", b"{1}\n{2}\n\n{3}\n{4}\n{5}");
    write("b.jsonl", b"\n");
    let lines: Vec<String> = (0..3000_u32).map(|i| format!("{{{}}}\n", i.wrapping_mul(2_654_435_761))).collect();
    let packed = gzip(&lines.concat());
    write("c.jsonl.gz", &packed[..packed.len() - 300]);
    let record = "WARC/1.0\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n";
    write("d.warc", [record, record, "junk"].concat().as_bytes());
    folder
}

fn source(folder: &tempfile::TempDir) -> FileSource {
    let walk = walk(&[folder.path().to_owned()]).expect("readable");
    FileSource::new(walk.files, Limits::default())
}

#[test]
fn files_are_read_in_order_to_their_ends() {
    let folder = folder();
    let mut source = source(&folder);
    assert_eq!(source.partitions(), ["a.jsonl", "b.jsonl", "c.jsonl.gz", "d.warc"]);
    assert_eq!(source.consumed(), 0);
    let records = source.read(ALL).expect("readable");
    assert!(source.read(ALL).expect("at the end").is_empty());
    assert_eq!(Some(source.consumed()), source.size_hint());
    assert!(records.windows(2).all(|pair| pair[0].position < pair[1].position));
    let of = |partition| records.iter().filter(move |record| record.position.partition == partition);
    assert_eq!((of(0).count(), of(1).count(), of(3).count()), (5, 0, 3));
    let bad = |record: Option<&Record>| match record.map(|record| &record.payload) {
        Some(Payload::Bad(bad)) => bad.code,
        other => panic!("got {other:?}"),
    };
    assert!(of(2).count() > 1000);
    assert_eq!((bad(of(2).next_back()), bad(of(3).next_back())), ("gzip_corrupt", "warc_bad_header"));
}

#[test]
fn a_batch_holds_to_its_limit_and_at_least_one_record() {
    let folder = folder();
    let mut source = source(&folder);
    assert_eq!(source.read(Limit { records: 10, bytes: 7 }).expect("readable").len(), 2);
    assert_eq!(source.read(Limit { records: 10, bytes: 1 }).expect("readable").len(), 1);
    assert_eq!(source.read(Limit { records: 1, bytes: 100 }).expect("readable").len(), 1);
    assert_eq!(source.read_run(0, 4..5).expect("readable")[0].position.offset, 4);
    let error = source.read_run(0, 5..6).expect_err("file is over");
    assert!(error.to_string().contains("a.jsonl has 5 records, expected 6"), "{error}");
    assert_eq!(source.read_run(2, 0..1).expect("nothing was lost")[0].position.offset, 0);
}

#[test]
fn a_changed_input_is_refused() {
    let folder = folder();
    let before = source(&folder).fingerprint().expect("readable");
    let error = source(&folder).seek(&Positions(vec![9])).expect_err("too short").to_string();
    assert!(error.contains("a.jsonl ends after 5 records, expected at least 9"), "{error}");
    assert!(source(&folder).seek(&Positions(vec![5, 0, 0, 0, 1])).is_err());
    fs::write(folder.path().join("b.jsonl"), b"{}").expect("written");
    assert_ne!(source(&folder).fingerprint().expect("readable"), before);
}

#[test]
fn parts_are_framed_each_by_itself() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let members = ["{1}\n{2}\n", "{3}\n", "{4}\n{5}\n"].map(gzip);
    let mut bytes = members.concat();
    let begins = [0, members[0].len(), members[0].len() + members[1].len()];
    // Damage in the second member, which only the last reading asks for.
    bytes[begins[1] + 12] ^= 0x55;
    fs::write(folder.path().join("a.jsonl.gz"), &bytes).expect("written");
    let source = |picked: &[usize]| {
        let part = |&n: &usize| ByteRange { offset: begins[n] as u64, length: members[n].len() as u64 };
        let mut file = walk(&[folder.path().to_owned()]).expect("readable").files.remove(0);
        file.parts = Some(picked.iter().map(part).collect());
        FileSource::new(vec![file], Limits::default())
    };
    let read = |source: &mut FileSource| -> Vec<(u64, u64, String)> {
        let records = source.read(ALL).expect("readable").into_iter();
        let shown = |record: Record| {
            let text = match record.payload {
                Payload::Line(line) => String::from_utf8(line).expect("text"),
                other => format!("{:?}", matches!(other, Payload::Bad(_))),
            };
            (record.position.offset, record.byte_offset, text)
        };
        records.map(shown).collect()
    };
    let third = begins[2] as u64;
    let line = |offset: u64, byte: u64, text: &str| (offset, byte, text.to_owned());
    let whole = [line(0, 0, "{1}"), line(1, 4, "{2}"), line(2, third, "{4}"), line(3, third + 4, "{5}")];
    let mut some = source(&[0, 2]);
    assert_eq!(read(&mut some), whole);
    assert_eq!(Some(some.consumed()), some.size_hint());
    for at in 0..4 {
        let mut some = source(&[0, 2]);
        some.seek(&Positions(vec![at as u64])).expect("there");
        assert_eq!(read(&mut some), whole[at..]);
    }
    let damaged = read(&mut source(&[0, 1, 2]));
    assert_eq!(damaged.first(), whole.first());
    assert_eq!(damaged.last().map(|record| record.2.as_str()), Some("{5}"), "the member behind the damage: {damaged:?}");
    assert!(damaged.iter().any(|record| record.2 == "true") && read(&mut source(&[])).is_empty());
    let print = |picked: &[usize]| source(picked).fingerprint().expect("readable");
    assert!(print(&[0]) != print(&[2]) && print(&[0]) == print(&[0]));
}

fn warc(fields: &str, block: &str) -> String {
    format!("WARC/1.0\r\n{fields}Content-Length: {}\r\n\r\n{block}\r\n\r\n", block.len())
}

/// A WARC of 12 responses without the seventh, and a WET without the third text; each with a broken
/// member.
fn pair() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let write = |name: &str, lost: u32, texts: bool| {
        let (kind, field, mark) = if texts { ("conversion", "WARC-Refers-To", "t") } else { ("response", "WARC-Record-ID", "r") };
        let one = |n: u32| warc(&format!("WARC-Type: {kind}\r\n{field}: <x:{n}>\r\n"), &format!("{mark}{n}"));
        let mut members: Vec<Vec<u8>> = (0..12).filter(|n| *n != lost).map(|n| gzip(&one(n))).collect();
        let broken = if texts { 8 } else { 4 };
        members[broken][14] ^= 0xff;
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        fs::write(path, members.concat()).expect("written");
    };
    write("warc/a.warc.gz", 6, false);
    write("wet/a.warc.wet.gz", 2, true);
    folder
}

#[test]
fn a_pair_is_one_partition_from_every_place_on() {
    let folder = pair();
    let source = |join: bool| {
        let found = walk(&[folder.path().to_owned()]).expect("readable");
        let found = if join { found.joined() } else { found };
        FileSource::new(found.files, Limits::default()).joining(join)
    };
    let mut whole = source(true);
    assert_eq!(whole.partitions(), ["warc/a.warc.gz"]);
    let all = whole.read(ALL).expect("readable");
    assert_eq!(Some(whole.consumed()), whole.size_hint());
    let shown: Vec<String> = all
        .iter()
        .map(|record| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let what = match &record.payload {
                Payload::Warc { block, .. } => text(block),
                Payload::Joined { block, conversion, .. } => {
                    assert_eq!(conversion.file.as_deref(), Some("wet/a.warc.wet.gz"));
                    format!("{}+{}", text(block), text(&conversion.block))
                }
                Payload::Bad(bad) => format!("{} {}", bad.code, bad.packed.expect("a packed file").length > 20),
                payload => panic!("{payload:?}"),
            };
            format!("{}{what}", record.file.as_ref().map_or(String::new(), |file| format!("{file}: ")))
        })
        .collect();
    let of_texts = |what: &str| format!("wet/a.warc.wet.gz: {what}");
    let want = [
        "r0+t0",
        "r1+t1",
        "r2",
        "r3+t3",
        "gzip_corrupt true",
        &of_texts("t4"),
        "r5+t5",
        &of_texts("t6"),
        "r7+t7",
        "r8+t8",
        &of_texts("gzip_corrupt true"),
        "r9",
        "r10+t10",
        "r11+t11",
    ];
    assert_eq!(shown, want);
    for at in 0..=all.len() {
        let mut resumed = source(true);
        resumed.seek(&Positions(vec![at as u64])).expect("there");
        assert_eq!(resumed.read(ALL).expect("readable"), all[at..], "from {at} on");
    }
    let mut apart = source(false);
    assert_eq!(apart.read(ALL).expect("readable").len(), 22);
    assert_eq!(apart.size_hint(), whole.size_hint());
    let lines = |source: &FileSource| -> Vec<String> {
        source.fingerprint().expect("readable").iter().map(ToString::to_string).collect()
    };
    let before = lines(&whole);
    assert!(before[1].ends_with(" warc/a.warc.gz + wet/a.warc.wet.gz") && before[0] == lines(&apart)[0], "{before:?}");
    fs::write(folder.path().join("wet/a.warc.wet.gz"), b"").expect("written");
    assert!(lines(&source(true))[0] == before[0] && lines(&source(true))[1] != before[1]);
}

#[test]
fn standard_input_is_not_resumed() {
    let walk = walk(&[PathBuf::from("-")]).expect("fine");
    let mut source = FileSource::new(walk.files, Limits::default());
    source.seek(&Positions::default()).expect("the beginning");
    source.seek(&Positions(vec![0])).expect("the beginning");
    let error = source.seek(&Positions(vec![1])).expect_err("not resumable");
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(source.size_hint(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// From every place on, a new or a used source gives the same records as one that read through.
    #[test]
    fn seek_repeats_the_reading_order(cut in 0_usize..2000, moved in 0_usize..30, batch in 1_usize..300) {
        let folder = folder();
        let all = source(&folder).read(ALL).expect("readable");
        let cut = if cut % 3 == 0 { all.len() - cut % 8 } else { cut.min(all.len()) };
        let mut positions = Positions::default();
        all[..cut].iter().for_each(|record| positions.advance(record.position));

        let mut resumed = source(&folder);
        resumed.read(Limit { records: moved + 1, bytes: 50 }).expect("readable");
        resumed.seek(&positions).expect("reachable");
        let mut rest = Vec::new();
        loop {
            let records = resumed.read(Limit { records: batch, bytes: 1000 }).expect("readable");
            if records.is_empty() { break; }
            rest.extend(records);
        }
        prop_assert!(rest == all[cut..]);
    }
}
