//! The sample crawl: text that weir invents for its demo, its tests and its benches, with known attacks in it.
//!
//! [`generate`] writes three files into a folder: `reference.jsonl.gz`, earlier trusted documents to learn a background
//! from; `crawl.warc.gz`, a crawl with attacks, benign spikes and copies planted in it; `truth.jsonl`, one line for each
//! planted page. [`documents`] gives the same documents from memory. The same arguments give the same text on every
//! machine, and the same bytes with the same build of the compressor. Nothing is quoted from anywhere.
//!
//! # What is simplified, compared with the real web
//! * One language, whose content words are invented: function words are English, morphology is regular, and a sentence
//!   follows one of four dozen templates. No meaning, so nothing that goes by meaning can be tried on it.
//! * Forty topics of equal weight, the same in reference and crawl: no drift of subjects, no events but the planted
//!   ones, hardly a word that is new except in names.
//! * Well-formed HTML, one template with site-specific lines, UTF-8 throughout; no scripts, forms, comments, tables.
//!   One 404 in a crawl, twelve revisits, one damaged record.
//! * Hosts of plants carry nothing else (except where plants lie on existing sites); new ordinary sites are there from
//!   the first day; each page is fetched once; exact copies are all print views.
//! * Plants are spread evenly over the last three quarters, by attackers who do not know the filter.
//!
//! So figures on the sample show that everything works, and are no measure of quality on real text.
//!
//! Cost: 36,000 documents in about 6 seconds on one core, most of them the compressor's; 58 MB on disk. State: 6 MB and 64 bytes a document.
//! Limits: 2,000 to 10,000,000 pages, 1,000 to 10,000,000 documents of reference; other sizes are brought into them.

mod archive;
mod function_words;
mod grammar;
mod kind;
mod language;
mod markup;
mod page;
mod plan;
mod random;
mod sites;
#[cfg(test)]
mod tests;
mod topics;
mod vocabulary;
mod world;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use archive::timestamp;
use archive::{WarcRecord, WarcWriter, http, json_line};
pub use kind::DocumentKind;
pub use sites::PLATFORM;
use world::SampleWorld;

/// How much text to invent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pages of the crawl. Default 24,000, from where on every kind is planted in full number.
    pub pages: u32,
    /// Documents of the reference. Default 12,000.
    pub reference: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { pages: 24_000, reference: 12_000 }
    }
}

impl Size {
    /// Within the limits: fewer pages would not hold the plants, fewer documents not all known sites.
    fn clamped(self) -> Self {
        Self { pages: self.pages.clamp(2_000, 10_000_000), reference: self.reference.clamp(1_000, 10_000_000) }
    }
}

/// A document as the pipeline sees it once its archive is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleDocument {
    /// `WARC-Record-ID` without the angle brackets; the field `id` in the reference.
    pub id: String,
    /// Where it was fetched.
    pub url: String,
    /// A line for each block element: title, navigation, body, footer.
    pub text: String,
    /// When it was fetched, in seconds since 1970.
    pub time: i64,
    /// What it is.
    pub kind: DocumentKind,
}

/// What is planted, to show beside the alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// The word of [`DocumentKind::SpikeWord`].
    pub word: String,
    /// The sentence of [`DocumentKind::SpikeSentence`].
    pub sentence: String,
    /// The phrase of [`DocumentKind::SpikeEdge`].
    pub opening: String,
    /// The token before a [`DocumentKind::WordSalad`].
    pub token: String,
    /// The product of [`DocumentKind::BenignProduct`].
    pub product: String,
    /// The line of [`DocumentKind::BenignFooter`].
    pub footer: String,
}

/// What [`generate`] has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `reference.jsonl.gz`
    pub reference: PathBuf,
    /// `crawl.warc.gz`
    pub crawl: PathBuf,
    /// `truth.jsonl`
    pub truth: PathBuf,
    /// What is planted.
    pub triggers: Triggers,
    /// How many pages of each kind the crawl has, ordinary ones too.
    pub pages: BTreeMap<DocumentKind, u32>,
    /// Documents in the reference.
    pub documents: u32,
}

/// The two parts of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SamplePart {
    Reference,
    Crawl,
}

/// Streams of record ids beside those of the two parts.
const WARCINFO_IDS: u64 = 2;
const REVISIT_IDS: u64 = 3;
const MISSING_IDS: u64 = 4;
const DAMAGED_IDS: u64 = 5;
/// Revisits in a crawl.
const REVISITS: usize = 12;

/// All documents, the reference first; the crawl begins where the kind is no longer [`DocumentKind::Reference`].
pub fn documents(size: Size, seed: u64) -> impl Iterator<Item = SampleDocument> {
    let world = Arc::new(SampleWorld::new(size, seed));
    part(Arc::clone(&world), SamplePart::Reference).chain(part(world, SamplePart::Crawl))
}

/// The documents of the crawl alone.
pub fn crawl(size: Size, seed: u64) -> impl Iterator<Item = SampleDocument> {
    part(Arc::new(SampleWorld::new(size, seed)), SamplePart::Crawl)
}

fn part(world: Arc<SampleWorld>, part: SamplePart) -> impl Iterator<Item = SampleDocument> {
    (0..world.len(part)).map(move |number| world.place(part, number).document())
}

/// Writes the reference of a sample alone, as [`generate`] does.
///
/// # Errors
/// When the file cannot be written; the message names it.
pub fn reference(path: &Path, size: Size, seed: u64) -> io::Result<()> {
    write_reference(&SampleWorld::new(size, seed), path).map_err(|e| named(&e, path))
}

/// Writes the sample of `seed` into `folder`, which is created if need be; files of the same names are replaced.
///
/// # Errors
/// When the folder or a file cannot be written; the message names it.
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

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

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

/// A line of `truth.jsonl`.
struct Planted {
    url: String,
    id: String,
    kind: DocumentKind,
}

fn write_truth(planted: &[Planted], path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for page in planted {
        out.write_all(json_line(&[("url", &page.url), ("id", &page.id), ("kind", page.kind.name())]).as_bytes())?;
    }
    out.flush()
}

/// Writes the archive; returns what was planted.
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
        // The odd records lie at fixed shares of the crawl.
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

/// Header lines of a record that holds an HTTP answer.
fn target(url: &str) -> String {
    format!("WARC-Target-URI: {url}\r\nWARC-IP-Address: 192.0.2.17\r\nContent-Type: application/http; msgtype=response\r\n")
}

/// The server says that an earlier page has not changed: no text, so no decision.
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

/// A page that is not there.
fn write_missing<W: Write>(world: &SampleWorld, out: &mut WarcWriter<W>, near: &str, time: i64) -> io::Result<()> {
    let url = format!("{near}/moved");
    let body = "<!DOCTYPE html>\n<html><head><title>Not found</title></head><body><h1>Not found</h1></body></html>\n";
    let block = http("404 Not Found", time, body);
    let id = world.id(MISSING_IDS, 0);
    out.write(&WarcRecord { kind: "response", id: &id, time, headers: target(&url), block: &block })
}
