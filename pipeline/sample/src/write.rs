//! How does a sample become files: the reference, the crawl with its odd records, and the list of
//! what is planted?

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::archive::{self, WarcRecord, WarcWriter, http, json_line, timestamp};
use super::document::{SamplePart, Size, Triggers};
use super::kind::DocumentKind;
use super::world::SampleWorld;

/// Numbers of streams of record ids, besides those of the two parts.
const WARCINFO_IDS: u64 = 2;
const REVISIT_IDS: u64 = 3;
const MISSING_IDS: u64 = 4;
const DAMAGED_IDS: u64 = 5;
/// The number of revisits in a crawl.
pub(super) const REVISITS: usize = 12;

/// The files that [`generate`] has written, and what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `reference.jsonl.gz`
    pub reference: PathBuf,
    /// `crawl.warc.gz`
    pub crawl: PathBuf,
    /// `truth.jsonl`
    pub truth: PathBuf,
    /// The texts that are planted.
    pub triggers: Triggers,
    /// How many pages of each kind the crawl has, the ordinary ones included.
    pub pages: BTreeMap<DocumentKind, u32>,
    /// How many documents the reference has.
    pub documents: u32,
}

/// Writes the reference of a sample alone, as [`generate`] does.
///
/// # Errors
/// If the file cannot be written; the message names it.
pub fn reference(path: &Path, size: Size, seed: u64) -> io::Result<()> {
    write_reference(&SampleWorld::new(size, seed), path).map_err(|e| named(&e, path))
}

/// Writes the sample of `seed` into `folder`. Creates the folder if need be, and replaces files of
/// the same names.
///
/// # Errors
/// If the folder or a file cannot be written; the message names it.
pub fn generate(folder: &Path, size: Size, seed: u64) -> io::Result<Sample> {
    std::fs::create_dir_all(folder).map_err(|e| named(&e, folder))?;
    let world = SampleWorld::new(size, seed);
    let file = |name: &str| folder.join(name);
    let (reference, crawl, truth) = (file("reference.jsonl.gz"), file("crawl.warc.gz"), file("truth.jsonl"));
    write_reference(&world, &reference).map_err(|e| named(&e, &reference))?;
    let planted = write_crawl(&world, &crawl).map_err(|e| named(&e, &crawl))?;
    write_truth(&planted, &truth).map_err(|e| named(&e, &truth))?;
    let mut pages = BTreeMap::from([(DocumentKind::Ordinary, (world.len(SamplePart::Crawl) - planted.len()) as u32)]);
    for page in &planted {
        *pages.entry(page.kind).or_default() += 1;
    }
    Ok(Sample {
        reference,
        crawl,
        truth,
        triggers: world.triggers.clone(),
        pages,
        documents: world.len(SamplePart::Reference) as u32,
    })
}

/// Adds the path to the message of an error.
fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

/// Writes the reference.
fn write_reference(world: &SampleWorld, path: &Path) -> io::Result<()> {
    let mut out = archive::gzip(BufWriter::new(File::create(path)?));
    for number in 0..world.len(SamplePart::Reference) {
        let document = world.place(SamplePart::Reference, number).document();
        let (text, fetched_at) = (document.text, timestamp(document.time));
        let fields = [("id", &document.id), ("url", &document.url), ("text", &text), ("fetched_at", &fetched_at)];
        out.write_all(json_line(&fields.map(|(name, value)| (name, value.as_str()))).as_bytes())?;
    }
    out.finish()?.flush()
}

/// A planted page: a line of `truth.jsonl`.
struct Planted {
    url: String,
    id: String,
    kind: DocumentKind,
}

/// Writes the list of what is planted.
fn write_truth(planted: &[Planted], path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for page in planted {
        out.write_all(json_line(&[("url", &page.url), ("id", &page.id), ("kind", page.kind.name())]).as_bytes())?;
    }
    out.flush()
}

/// Writes the archive, and returns the planted pages.
fn write_crawl(world: &SampleWorld, path: &Path) -> io::Result<Vec<Planted>> {
    let pages = world.len(SamplePart::Crawl);
    let warcinfo = world.id(WARCINFO_IDS, 0);
    let mut out = WarcWriter::new(BufWriter::new(File::create(path)?), warcinfo.clone());
    let about =
        b"software: weir sample crawl\r\nformat: WARC File Format 1.1\r\ndescription: invented text, no page of it exists\r\n";
    let headers = "WARC-Filename: crawl.warc.gz\r\nContent-Type: application/warc-fields\r\n".to_owned();
    let mut planted = Vec::new();
    for number in 0..pages {
        let placed = world.place(SamplePart::Crawl, number);
        if number == 0 {
            out.write(&WarcRecord {
                kind: "warcinfo",
                id: &warcinfo,
                time: placed.time,
                headers: headers.clone(),
                block: about,
            })?;
        }
        let block = http("200 OK", placed.time, &placed.html());
        out.write(&WarcRecord {
            kind: "response",
            id: &placed.id,
            time: placed.time,
            headers: target(&placed.url),
            block: &block,
        })?;
        // The odd records lie at fixed fractions of the crawl.
        if number % (pages / REVISITS) == pages / REVISITS / 2 {
            write_revisit(world, &mut out, number, placed.time)?;
        }
        if number == pages / 3 {
            write_missing(world, &mut out, &placed.url, placed.time)?;
        }
        if number == pages / 2 {
            let (id, url) = (world.id(DAMAGED_IDS, 0), format!("{}/appendix", placed.url));
            let record = WarcRecord { kind: "response", id: &id, time: placed.time, headers: target(&url), block: &block };
            out.write_claiming(&record, "12k")?;
        }
        if placed.kind != DocumentKind::Ordinary {
            planted.push(Planted { url: placed.url, id: placed.id, kind: placed.kind });
        }
    }
    out.finish()?;
    Ok(planted)
}

/// Returns the header lines of a record that holds an HTTP response.
fn target(url: &str) -> String {
    format!("WARC-Target-URI: {url}\r\nWARC-IP-Address: 192.0.2.17\r\nContent-Type: application/http; msgtype=response\r\n")
}

/// Writes a record in which the server says that an earlier page has not changed. It has no text,
/// so no decision is made about it.
fn write_revisit<W: Write>(world: &SampleWorld, out: &mut WarcWriter<W>, number: usize, time: i64) -> io::Result<()> {
    let earlier = world.place(SamplePart::Crawl, number / 2);
    let headers = format!(
        "{}WARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified\r\nWARC-Refers-To: <{}>\r\n\
         WARC-Refers-To-Target-URI: {}\r\nWARC-Refers-To-Date: {}\r\n",
        target(&earlier.url),
        earlier.id,
        earlier.url,
        timestamp(earlier.time)
    );
    let id = world.id(REVISIT_IDS, number);
    out.write(&WarcRecord {
        kind: "revisit",
        id: &id,
        time,
        headers,
        block: b"HTTP/1.1 304 Not Modified\r\nServer: sample\r\n\r\n",
    })
}

/// Writes a response that says that there is no such page.
fn write_missing<W: Write>(world: &SampleWorld, out: &mut WarcWriter<W>, near: &str, time: i64) -> io::Result<()> {
    let url = format!("{near}/moved");
    let body = "<!DOCTYPE html>\n<html><head><title>Not found</title></head><body><h1>Not found</h1></body></html>\n";
    let block = http("404 Not Found", time, body);
    let id = world.id(MISSING_IDS, 0);
    out.write(&WarcRecord { kind: "response", id: &id, time, headers: target(&url), block: &block })
}
