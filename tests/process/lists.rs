//! `--paths`: replays of lists of files, from a mirror folder or a web server. They are resumed
//! after a kill, and refused when something has changed.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use testkit::web::{Web, WebFault};

use crate::{
    corpus::{corpus, write},
    kills::die_at,
    weir::{Replay, assert_same, folder, lines, outputs, reference, stderr, text},
};

/// The files of the crawl, in the order in which its folder is read.
const FILES: [&str; 3] = ["a.warc", "b.jsonl.gz", "c.jsonl"];

/// Returns a replay of a list.
pub(crate) fn listed(list: &Path, base: &str, output: &Path) -> Replay {
    let more = ["--paths".to_owned(), list.display().to_string(), "--base".to_owned(), base.to_owned()];
    Replay::of([""; 0], output).with(more)
}

fn paths_file(home: &Path, packed: bool) -> PathBuf {
    let path = home.join("wet.paths");
    let text = FILES.join("\n").into_bytes();
    if packed {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(&text).expect("packed");
        write(&path, &out.finish().expect("packed"));
    } else {
        write(&path, &text);
    }
    path
}

/// Starts a web server that has the crawl below `mirror/`.
fn mirror() -> Web {
    let web = Web::start();
    for name in FILES {
        web.put(&format!("mirror/{name}"), &fs::read(corpus().crawl.join(name)).expect("readable"));
    }
    web
}

#[test]
fn a_paths_file_is_read_as_its_folder_is() {
    let home = folder();
    for packed in [false, true] {
        let out = home.path().join(format!("out-{packed}"));
        let replay = listed(&paths_file(home.path(), packed), &corpus().crawl.display().to_string(), &out);
        replay.succeed();
        assert_same(&outputs(&out), reference("none"), "by a paths file");
    }
}

#[test]
fn files_of_a_web_server_are_read_as_those_of_a_folder() {
    let (home, web) = (folder(), mirror());
    let out = home.path().join("out");
    web.put("lists/wet.paths", FILES.join("\n").as_bytes());
    let list = PathBuf::from(web.url("lists/wet.paths"));
    let replay = listed(&list, &web.url("mirror"), &out);
    // The list itself is answered first; then one file breaks off, and one is asked for in vain.
    web.fail_next([WebFault::Cut(9), WebFault::Cut(20_000), WebFault::Status(503), WebFault::Cut(2_000)]);
    replay.succeed();
    assert_same(&outputs(&out), reference("none"), "over HTTP");
    // And by their addresses.
    let addresses = FILES.map(|name| web.url(&format!("mirror/{name}")));
    let out = home.path().join("by-address");
    Replay::of(addresses, &out).succeed();
    assert_same(&outputs(&out), reference("none"), "by addresses");
}

#[test]
fn a_killed_run_over_a_web_server_goes_on() {
    let (home, web) = (folder(), mirror());
    let out = home.path().join("out");
    let replay = listed(&paths_file(home.path(), false), &web.url("mirror/"), &out).packed("zstd");
    for (point, nth) in [("commit.done", 3), ("snapshot.renamed", 2), ("commit.partial", 9), ("snapshot.logs_synced", 1)] {
        die_at(&replay, point, nth);
        web.fail_next([WebFault::Cut(5_000)]);
    }
    replay.succeed();
    assert_same(&outputs(&out), reference("zstd"), "killed over HTTP");
}

#[test]
fn objects_of_s3_are_read_as_those_of_a_folder() {
    let (home, web) = (folder(), mirror());
    web.put("mirror/crawl/notes.txt", b"no input");
    for name in FILES {
        web.put(&format!("mirror/crawl/{name}"), &fs::read(corpus().crawl.join(name)).expect("readable"));
    }
    // Keys that are no paths, before the files, between them and behind them.
    for key in ["crawl//0.jsonl", "crawl/a/../b.jsonl", "crawl/b//", "crawl/./c.jsonl", "crawl/z//y/z.jsonl", "crawl/z/.."] {
        web.put(&format!("mirror/{key}"), b"{}");
    }
    web.require_key("AKIDWEIR");
    let run = |replay: &Replay, key: &str| {
        let mut command = replay.command();
        let endpoint = web.url("");
        command
            .env("AWS_ENDPOINT_URL", endpoint.trim_end_matches('/'))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", "secret").output().expect("weir runs")
    };
    // All below a prefix, listed over two pages; then the same by a list.
    let all = Replay::of(["s3://mirror/crawl/"], &home.path().join("all"));
    let by_list = listed(&paths_file(home.path(), false), "s3://mirror/crawl", &home.path().join("by-list"));
    for replay in [&all, &by_list] {
        web.fail_next([WebFault::Status(503), WebFault::Cut(20_000), WebFault::Cut(20_000), WebFault::Cut(20_000)]);
        let ended = run(replay, "AKIDWEIR");
        assert!(ended.status.success(), "{}", stderr(&ended));
        assert_same(&outputs(&replay.output), reference("none"), "from S3");
        let told = stderr(&ended).contains("left out: keys with empty steps, . or .. name no file");
        assert_eq!(told, replay.output == all.output, "{}", stderr(&ended));
    }
    let ended = run(&Replay::of(["s3://mirror/crawl/"], &home.path().join("denied")), "OTHER");
    assert_eq!(ended.status.code(), Some(1));
    let stderr = stderr(&ended);
    assert!(
        stderr.contains("list s3://mirror/crawl/: not allowed (credentials and region come from AWS_ variables)"),
        "{stderr}"
    );
    assert!(!stderr.contains("secret"), "{stderr}");
}

#[test]
fn a_changed_object_is_refused_by_name() {
    let (home, web) = (folder(), mirror());
    let out = home.path().join("out");
    let replay = listed(&paths_file(home.path(), false), &web.url("mirror"), &out);
    die_at(&replay, "commit.done", 8);
    let bytes = fs::read(corpus().crawl.join("c.jsonl")).expect("readable");
    // The same bytes, but the server says that they are another version.
    web.put("mirror/c.jsonl", &bytes);
    let stderr = replay.fail(1);
    assert!(stderr.contains("other input") && stderr.contains("c.jsonl"), "{stderr}");
    let web = mirror();
    web.put("mirror/c.jsonl", &bytes[..bytes.len() - 1]);
    let stderr = listed(&paths_file(home.path(), false), &web.url("mirror"), &out).fail(1);
    assert!(stderr.contains("other input") && stderr.contains("c.jsonl"), "{stderr}");
}

/// Writes an archive with one member a record; returns where its responses lie.
fn archive(path: &Path) -> Vec<(u64, u64)> {
    let plain = fs::read(corpus().crawl.join("a.warc")).expect("the archive");
    let starts: Vec<usize> = plain.windows(9).enumerate().filter(|(_, w)| *w == b"WARC/1.1\r").map(|(at, _)| at).collect();
    let (mut packed, mut ranges) = (Vec::new(), Vec::new());
    for (n, &start) in starts.iter().enumerate() {
        let record = &plain[start..starts.get(n + 1).copied().unwrap_or(plain.len())];
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(record).expect("packed");
        let member = member.finish().expect("packed");
        if record.windows(20).any(|w| w == b"WARC-Type: response\r") || record.starts_with(b"WARC/1.1\r\nWARC-Type: response") {
            ranges.push((packed.len() as u64, member.len() as u64));
        }
        packed.extend(member);
    }
    write(path, &packed);
    ranges
}

#[test]
fn only_the_records_of_an_index_answer_are_read() {
    let (home, web) = (folder(), Web::start());
    let mirror = home.path().join("mirror");
    fs::create_dir_all(mirror.join("cc")).expect("a folder");
    let ranges = archive(&mirror.join("cc/a.warc.gz"));
    fs::copy(mirror.join("cc/a.warc.gz"), mirror.join("cc/b.warc.gz")).expect("copied");
    web.put("cc/a.warc.gz", &fs::read(mirror.join("cc/a.warc.gz")).expect("there"));
    web.put("cc/b.warc.gz", &fs::read(mirror.join("cc/b.warc.gz")).expect("there"));
    assert!(ranges.len() > 50, "only {} responses", ranges.len());
    let all = home.path().join("all");
    Replay::of([mirror.join("cc/a.warc.gz")], &all).succeed();
    let ids: Vec<String> = lines(&outputs(&all), "decisions.jsonl").iter().map(|d| text(d, "id").to_owned()).collect();
    // Some of both files, not in their order, one of them twice.
    let picked = [(1, 40), (0, 7), (0, 3), (1, 2), (0, 7)];
    let (mut csv, mut json) = ("url,warc_filename,warc_record_offset,warc_record_length\n".to_owned(), String::new());
    for (n, (file, record)) in picked.into_iter().enumerate() {
        let (name, (offset, length)) = (["cc/a.warc.gz", "cc/b.warc.gz"][file], ranges[record]);
        writeln!(csv, "\"http://x/{n},\"\"y\"\"\",{name},{offset},{length}").expect("in memory");
        writeln!(json, "{{\"filename\":\"{name}\",\"length\":\"{length}\",\"offset\":\"{offset}\"}}").expect("in memory");
    }
    let expected: Vec<(&str, &str)> =
        vec![("cc/b.warc.gz#0", &ids[2]), ("cc/b.warc.gz#1", &ids[40]), ("cc/a.warc.gz#0", &ids[3]), ("cc/a.warc.gz#1", &ids[7])];
    let local = mirror.display().to_string();
    for (n, (answer, base)) in [(&csv, local.clone()), (&json, web.url("")), (&json, local)].into_iter().enumerate() {
        let (list, out) = (home.path().join(format!("answer-{n}")), home.path().join(format!("out-{n}")));
        write(&list, answer.as_bytes());
        let replay = listed(&list, base.trim_end_matches('/'), &out);
        if n == 1 {
            die_at(&replay, "commit.done", 1);
        }
        replay.succeed();
        let decisions = lines(&outputs(&out), "decisions.jsonl");
        let got: Vec<(&str, &str)> = decisions.iter().map(|d| (text(d, "position"), text(d, "id"))).collect();
        assert_eq!(got, expected, "answer {n}");
    }
    let asked = web.requests().iter().filter(|request| request.starts_with("GET")).count();
    assert!(web.requests().iter().all(|r| !r.starts_with("GET") || r.contains("bytes=")) && asked <= 8, "{:?}", web.requests());
}

#[test]
fn lists_that_make_no_sense_are_refused_with_their_place() {
    let home = folder();
    let out = home.path().join("out");
    let refused = |content: &str, base: &str, expected: &str| {
        let list = home.path().join("list");
        write(&list, content.as_bytes());
        let stderr = listed(&list, base, &out).fail(1);
        let place = if expected.contains("environment") { "--base" } else { "list" };
        assert!(stderr.contains(expected) && stderr.contains(place), "{content:?}: {stderr}");
    };
    let crawl = corpus().crawl.display().to_string();
    refused("a.warc\nmissing.warc\n", &crawl, "line 2: open ");
    refused("a.warc\nc.jsonl\na.warc\n", &crawl, "line 3: got a.warc again, as in line 1");
    refused("../crawl/a.warc\n", &crawl, "line 1: got ../crawl/a.warc, expected a path below");
    refused("filename,offset,length\na.warc,5,many\n", &crawl, "line 2, column 10: got \"many\", expected a number");
    refused(
        "{\"filename\":\"a.warc\",\"offset\":1,\"length\":999999999}\n",
        &crawl,
        "line 1: got 999999999 bytes at 1 of a.warc",
    );
    refused("a.warc\n", "https://user:secret@host/", "expected them in the environment");
    refused("a?b.warc\n", "https://host/", "line 1: got \"https://host/a?b.warc\", expected an address without ?");
    refused("", &crawl, "no input");
    let web = mirror();
    refused("a.warc\nmissing.warc\n", &web.url("mirror"), "mirror/missing.warc: not found");
    let both = Replay::to(&out).with(["--paths", "list"]);
    assert!(both.fail(2).contains("cannot be used with"));
    assert!(Replay::to(&out).with(["--base", "x"]).fail(2).contains("cannot be used with"));
}
