//! A WARC and its WET are read as one: a page is one document, whatever is killed, split or broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::{Read, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use sample::Size;

use serde_json::Value;
use testkit::web::Web;

use crate::{
    corpus::{corpus, write},
    kills::die_at,
    weir::{Replay, Tree, assert_same, folder, lines, outputs, stderr, text, weir},
};

const NAMES: [&str; 2] = ["warc/a.warc.gz", "wet/a.warc.wet.gz"];
/// Three pages: one that the WARC lacks, one that the WET lacks, and one whose text is broken.
const LOST: [usize; 3] = [20, 40, 60];

/// Packs records, each as a gzip member.
fn packed(records: &[Vec<u8>]) -> Vec<u8> {
    let member = |record: &Vec<u8>| {
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(record).expect("packed");
        member.finish().expect("packed")
    };
    records.iter().flat_map(member).collect()
}

/// Returns the records of the crawl's archive.
fn archive() -> Vec<Vec<u8>> {
    let plain = fs::read(corpus().crawl.join("a.warc")).expect("the archive");
    let begins: Vec<usize> = plain.windows(10).enumerate().filter(|(_, w)| *w == b"WARC/1.1\r\n").map(|(at, _)| at).collect();
    let ends = begins.iter().skip(1).copied().chain([plain.len()]);
    begins.iter().zip(ends).map(|(&begin, end)| plain[begin..end].to_vec()).collect()
}

fn has_id(record: &[u8], id: &str) -> bool {
    let head = String::from_utf8_lossy(&record[..record.len().min(400)]).into_owned();
    head.contains(&format!("WARC-Record-ID: <{id}>")) && head.contains("WARC-Type: response")
}

/// Returns the archive's pages by id, each with the text that the WET has of it.
fn pages(records: &[Vec<u8>]) -> Vec<(String, String)> {
    let documents = sample::crawl(Size { pages: 2_000, reference: 1_000 }, 3).take(records.len());
    let all = documents.map(|document| (document.id, format!("{}\nsaid another extractor\n", document.text)));
    all.filter(|(id, _)| records.iter().any(|record| has_id(record, id))).collect()
}

fn conversion(id: &str, text: &str) -> Vec<u8> {
    format!(
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://wet.example/{id}\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n\
         WARC-Record-ID: <wet:{id}>\r\nWARC-Refers-To: <{id}>\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}\r\n\r\n",
        text.len()
    )
    .into_bytes()
}

/// Writes a WARC and its WET below a folder, each in a folder of its own; returns the pages.
fn pair(home: &Path) -> Vec<(String, String)> {
    let mut records = archive();
    let pages = pages(&records);
    assert!(pages.len() > 90, "only {} pages", pages.len());
    records.retain(|record| !has_id(record, &pages[LOST[0]].0));
    let mut texts = vec![b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 2\r\n\r\nx\n\r\n\r\n".to_vec()];
    for (n, (id, text)) in pages.iter().enumerate().filter(|(n, _)| *n != LOST[1]) {
        let whole = conversion(id, text);
        texts.push(if n == LOST[2] { String::from_utf8_lossy(&whole).replace("Length: ", "Length: x").into() } else { whole });
    }
    for (name, records) in NAMES.iter().zip([&records, &texts]) {
        fs::create_dir_all(home.join(name).parent().expect("inside")).expect("a folder");
        write(&home.join(name), &packed(records));
    }
    pages
}

/// Returns every line of the corpus by its id.
fn documents(tree: &Tree) -> BTreeMap<String, Value> {
    let parts = tree.keys().filter(|name| name.contains('/'));
    parts.flat_map(|name| lines(tree, name)).map(|line| (text(&line, "id").to_owned(), line)).collect()
}

#[test]
fn a_page_of_both_is_one_document() {
    let home = folder();
    let pages = pair(&home.path().join("in"));
    let replay = |name: &str| Replay::of([home.path().join("in")], &home.path().join(name));
    replay("joined").succeed();
    let tree = outputs(&home.path().join("joined"));
    let documents = documents(&tree);
    for (n, (id, wanted)) in pages.iter().enumerate() {
        let of_record = documents.get(id);
        let facts = of_record.map_or(&Value::Null, |line| &line["provenance"]);
        match LOST.iter().position(|lost| *lost == n) {
            None => {
                let line = of_record.unwrap_or_else(|| panic!("{id} is missing"));
                assert_eq!((text(line, "text"), text(facts, "wet_record_id")), (wanted.as_str(), format!("wet:{id}").as_str()));
                assert_eq!((text(facts, "schema"), text(facts, "file")), ("warc", NAMES[0]));
                assert!(!text(line, "url").contains("wet.example"));
            }
            Some(0) => {
                let line = &documents[&format!("wet:{id}")];
                assert_eq!((text(line, "text"), text(&line["provenance"], "file")), (wanted.as_str(), NAMES[1]));
                continue;
            }
            Some(_) => {
                let line = of_record.unwrap_or_else(|| panic!("{id} is missing"));
                assert!(!text(line, "text").contains("another extractor") && facts.get("wet_record_id").is_none(), "{line}");
            }
        }
        assert!(!documents.contains_key(&format!("wet:{id}")), "{id} twice");
    }
    assert_eq!(documents.len(), pages.len());
    let decisions = lines(&tree, "decisions.jsonl");
    let offsets: Vec<u64> = decisions
        .iter()
        .map(|d| text(d, "position").strip_prefix("warc/a.warc.gz#").expect("of the archive").parse().expect("a number"))
        .collect();
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]));
    let dead = lines(&tree, "dead-letters.jsonl");
    assert_eq!(dead.len(), 1);
    assert_eq!((text(&dead[0], "code"), text(&dead[0], "file")), ("warc_bad_length", NAMES[1]));
    let report: Value = serde_json::from_slice(&tree["report.json"]).expect("a report");
    let counts = &report["counts"];
    assert_eq!(counts["received"], counts["without_text"].as_u64().expect("a number") + decisions.len() as u64 + 1);
    // Apart, every page but those lost comes twice.
    replay("apart").with(["--set", "input.join_wet=false"]).succeed();
    let apart = lines(&outputs(&home.path().join("apart")), "decisions.jsonl");
    assert_eq!(apart.len(), 2 * pages.len() - LOST.len());
}

#[test]
fn killed_and_split_the_bytes_are_the_same() {
    let home = folder();
    pair(&home.path().join("in"));
    let more = ["--set", "state.snapshot_documents=16", "--set", "output.format=warc"];
    let replay = |name: &str| Replay::of([home.path().join("in")], &home.path().join(name)).with(more);
    replay("whole").succeed();
    let expected = outputs(&home.path().join("whole"));
    for (batch, threads) in [(1, 1), (3, 2), (64, 4)] {
        let name = format!("batches-{batch}");
        let small = ["--set".to_owned(), format!("engine.batch_documents={batch}"), "--threads".to_owned(), threads.to_string()];
        replay(&name).with(small).succeed();
        assert_same(&outputs(&home.path().join(&name)), &expected, &name);
    }
    let killed = replay("killed").with(["--set", "engine.batch_documents=4"]);
    for (point, nth) in [
        ("commit.done", 3),
        ("snapshot.renamed", 2),
        ("commit.partial", 9),
        ("snapshot.logs_synced", 1),
        ("publish.tmp_written", 1),
    ] {
        die_at(&killed, point, nth);
    }
    killed.succeed();
    assert_same(&outputs(&killed.output), &expected, "killed");
    fs::remove_file(home.path().join("in").join(NAMES[1])).expect("removed");
    write(&home.path().join("in").join(NAMES[1]), &packed(&[conversion("x", "y")]));
    die_at(&replay("changed"), "commit.done", 1);
    write(&home.path().join("in").join(NAMES[1]), &packed(&[conversion("x", "z")]));
    let stderr = replay("changed").fail(1);
    assert!(stderr.contains("other input") && stderr.contains(NAMES[1]), "{stderr}");
}

#[test]
fn both_records_leave_an_archive_and_are_one_again() {
    let home = folder();
    let pages = pair(&home.path().join("in"));
    let out = home.path().join("out");
    Replay::of([home.path().join("in")], &out).with(["--set", "output.format=warc"]).succeed();
    let tree = outputs(&out);
    let originals = [archive(), pages.iter().map(|(id, text)| conversion(id, text)).collect()].concat();
    let mut left = 0;
    for (name, bytes) in tree.iter().filter(|(name, _)| name.contains('/')) {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (mut member, mut record) = (GzDecoder::new(rest), Vec::new());
            member.read_to_end(&mut record).expect("a member");
            rest = member.into_inner();
            assert!(originals.contains(&record), "{name}: {}", String::from_utf8_lossy(&record[..200]));
            left += 1;
        }
    }
    assert_eq!(left, 2 * pages.len() - LOST.len());
    let decisions = lines(&tree, "decisions.jsonl");
    let id = text(&decisions[decisions.len() - 3], "id");
    let explain =
        weir(["--config".as_ref(), corpus().config.as_os_str(), "explain".as_ref(), "--output".as_ref(), out.as_os_str()])
            .arg(id)
            .output()
            .expect("weir runs");
    let shown = String::from_utf8_lossy(&explain.stdout).into_owned();
    assert!(explain.status.success() && !shown.contains("does not hold") && !shown.contains("in its place"), "{shown}");
    // Clean archives are filtered again as what they were.
    let again = home.path().join("again");
    Replay::of([out.join("clean")], &again).succeed();
    let first: BTreeSet<String> = documents_of(&home.path().join("in"), &home.path().join("lines"), "clean");
    let second: BTreeSet<String> = lines(&outputs(&again), "decisions.jsonl").iter().map(|d| text(d, "id").to_owned()).collect();
    assert_eq!(second, first);
}

/// Filters files and returns the ids in one folder of the corpus.
fn documents_of(input: &Path, output: &Path, folder: &str) -> BTreeSet<String> {
    Replay::of([input], output).succeed();
    let mut tree = outputs(output);
    tree.retain(|name, _| name.starts_with(folder));
    documents(&tree).into_keys().collect()
}

#[test]
fn a_list_pairs_its_files_and_shards_keep_pairs_together() {
    let home = folder();
    let mirror = home.path().join("mirror");
    pair(&mirror);
    for name in NAMES {
        fs::copy(mirror.join(name), mirror.join(name.replace("/a.", "/b."))).expect("copied");
    }
    fs::copy(mirror.join(NAMES[0]), mirror.join("warc/c.warc.gz")).expect("copied");
    let list = home.path().join("list");
    let mut paths = String::new();
    for name in ["wet/b.warc.wet.gz", NAMES[0], "warc/c.warc.gz", NAMES[1], "warc/b.warc.gz"] {
        writeln!(paths, "{name}").expect("in memory");
    }
    write(&list, paths.as_bytes());
    let replay = |shard: &str, base: &str, name: &str| {
        let more = ["--paths", &list.display().to_string(), "--base", base, "--shard", shard].map(str::to_owned);
        let replay = Replay::of([""; 0], &home.path().join(name)).with(more);
        replay.succeed();
        outputs(&replay.output)
    };
    let local = mirror.display().to_string();
    let files = |shard: &str| -> BTreeSet<String> {
        let decisions = lines(&replay(shard, &local, &shard.replace('/', "-")), "decisions.jsonl");
        decisions.iter().filter_map(|d| Some(text(d, "position").split_once('#')?.0.to_owned())).collect()
    };
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(files("0/2"), of(&[NAMES[0], "warc/b.warc.gz"]));
    assert_eq!(files("1/2"), of(&["warc/c.warc.gz"]));
    let mut merge = weir(["merge".as_ref(), "--output".as_ref(), home.path().join("all").as_os_str()]);
    let ended = merge.args(["0-2", "1-2"].map(|shard| home.path().join(shard))).output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    // From a web server, both files in a stream each.
    let web = Web::start();
    for name in NAMES.iter().flat_map(|name| [(*name).to_owned(), name.replace("/a.", "/b.")]) {
        web.put(&name, &fs::read(mirror.join(&name)).expect("there"));
    }
    web.put("warc/c.warc.gz", &fs::read(mirror.join("warc/c.warc.gz")).expect("there"));
    let remote = replay("0/2", web.url("").trim_end_matches('/'), "remote");
    assert_same(&remote, &outputs(&home.path().join("0-2")), "over HTTP");
}

#[test]
fn what_may_belong_together_and_is_not_clear_is_said() {
    let home = folder();
    let records = packed(&[conversion("x", "some text of a page")]);
    for name in ["x/a.warc", "y/a.warc.gz", "z/a.warc.wet"] {
        fs::create_dir_all(home.path().join(name).parent().expect("inside")).expect("a folder");
        write(&home.path().join(name), &records);
    }
    let arguments: Vec<PathBuf> = ["x", "y", "z"].iter().map(|name| home.path().join(name)).collect();
    let ended = Replay::of(&arguments, &home.path().join("out")).succeed();
    assert!(stderr(&ended).contains("not joined: a: 2 WARC and 1 WET files of this name"), "{}", stderr(&ended));
    let ended = Replay::of(&arguments[1..], &home.path().join("joined")).succeed();
    assert!(!stderr(&ended).contains("not joined"), "{}", stderr(&ended));
}

/// Joins a WARC of Common Crawl with the WET that was published with it.
#[test]
#[expect(clippy::print_stderr, reason = "that nothing was measured")]
fn a_pair_of_common_crawl_is_joined() {
    let Some(archives) = std::env::var_os("WEIR_TEST_ARCHIVES").map(PathBuf::from) else {
        eprintln!("NOT RUN: WEIR_TEST_ARCHIVES names no folder of archives");
        return;
    };
    let stem = "commoncrawl+whirlwind-python__whirlwind";
    for (archive, texts) in [("warc.gz", "warc.wet.gz"), ("warc", "warc.wet"), ("warc", "warc.wet.gz")] {
        let paths = [archive, texts].map(|ending| archives.join(format!("{stem}.{ending}")));
        let ended = weir(["records"]).args(&paths).output().expect("weir runs");
        assert!(ended.status.success(), "{}", stderr(&ended));
        let records: Vec<Value> =
            String::from_utf8_lossy(&ended.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let documents: Vec<&Value> = records.iter().filter(|record| record["outcome"] == "document").collect();
        assert_eq!((documents.len(), records.len()), (1, 5), "{records:?}");
        assert_eq!(text(documents[0], "id"), "urn:uuid:2aabeff2-67f5-4608-8466-e87c6296e2b6");
        assert_eq!(text(documents[0], "wet_record_id"), "urn:uuid:ba729a40-ff84-4085-8d48-0a5b2ee0c42d");
        assert_eq!(documents[0]["text_bytes"], 4456);
        assert!(documents[0].get("digest_differs").is_none(), "{}", documents[0]);
    }
}
