//! What does the whole way of a document cost: decoding, features, and the engine from end to end?
//!
//! Decoders run over pages of three sizes and over the sample's own archive. The engine runs over a
//! seeded crawl, in batches of 1,024 as a replay reads them, with every operator at its defaults,
//! with and without a background, on one thread and on all. "End to end" is from a record in memory
//! through decoding, operators and decision to output lines; state goes to a folder for temporary
//! files. Results are compared with what the crawl is known to hold.
//!
//! After the end-to-end benches, the bytes of state of each store are written to standard error.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::{
    collections::BTreeSet,
    hint::black_box,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use benches::restore;
use connectors::{
    file::{FileSource, walk},
    framing::warc,
    limits::Limits,
    position::Position,
    source::{Limit, Payload, Record, Source},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use decode::{Decoded, Form, Page, Provenance, clean_json, decode};
use operators::{
    background::Background,
    document::SeqNo,
    lookup::{Fate, Ledger as _},
    reputation::publisher::Platforms,
    text::{Seed, Tokenizer},
};
use pipeline::{config::Config, engine::Engine, features::Features, output};
use rayon::ThreadPoolBuilder;
use sample::{DocumentKind, SampleDocument, Size};

const SEED: Seed = Seed(0xbe9c);
const SAMPLE_SEED: u64 = 11;
const SIZE: Size = Size { pages: 4_000, reference: 2_000 };
/// Page sizes: a stub, an ordinary page, a long article.
const SIZES: [(&str, usize); 3] = [("1KB", 1 << 10), ("8KB", 8 << 10), ("64KB", 64 << 10)];
/// Bytes of text in the pages of one size.
const SET_BYTES: usize = 256 << 10;
/// Documents of a micro-batch.
const BATCH: usize = 1024;

/// The crawl as JSON lines, and a background of the same kind of text.
struct Corpus {
    background: Arc<Background>,
    kinds: Vec<DocumentKind>,
    texts: Vec<String>,
    records: Vec<Record>,
}

fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let (background, crawl) = benches::crawl(SIZE, SAMPLE_SEED, SEED);
        let kinds = crawl.iter().map(|page| page.kind).collect();
        let texts = crawl.iter().map(|page| page.text.clone()).collect();
        let lines = crawl.into_iter().map(as_page).map(|page| Payload::Line(clean_json(&page, &page.text)));
        Corpus { background, kinds, texts, records: records(lines) }
    })
}

fn as_page(page: SampleDocument) -> Page {
    let (id, url, time) = (Some(page.id), Some(page.url), Some(page.time));
    Page {
        id,
        url,
        text: page.text,
        time,
        label: None,
        contributor: None,
        provenance: Provenance::default(),
        form: Form::Archive,
    }
}

fn records(payloads: impl Iterator<Item = Payload>) -> Vec<Record> {
    let record = |(offset, payload)| {
        let offset = offset as u64;
        Record::new(Position { partition: 0, offset }, offset, payload)
    };
    payloads.enumerate().map(record).collect()
}

fn throughput(records: &[Record]) -> Throughput {
    let bytes: usize = records.iter().map(|r| r.payload.len()).sum();
    Throughput::ElementsAndBytes { elements: records.len() as u64, bytes: bytes as u64 }
}

/// Ordinary text, cut into pieces of about `bytes` bytes. Each line is a paragraph.
fn texts(bytes: usize) -> Vec<String> {
    let ordinary = corpus().kinds.iter().zip(&corpus().texts).filter(|(kind, _)| **kind == DocumentKind::Ordinary);
    let mut text = String::new();
    for (_, page) in ordinary {
        text.push_str(page);
        text.push('\n');
        if text.len() > SET_BYTES {
            break;
        }
    }
    let mut pieces = Vec::new();
    while text.len() > bytes {
        let rest = text.split_off(text.floor_char_boundary(bytes));
        pieces.push(text);
        text = rest;
    }
    pieces
}

fn json(text: &str) -> Payload {
    let page = SampleDocument {
        id: "page".to_owned(),
        url: "https://site.example/page".to_owned(),
        text: text.to_owned(),
        time: 0,
        kind: DocumentKind::Ordinary,
    };
    let page = as_page(page);
    Payload::Line(clean_json(&page, &page.text))
}

fn warc(kind: &str, content_type: &str, block: Vec<u8>) -> Payload {
    let header = format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://site.example/page\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n\
         WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n",
        block.len()
    );
    Payload::Warc { header: warc::header(header.into_bytes()), block }
}

fn html(text: &str) -> Payload {
    let paragraphs: Vec<String> = text.lines().map(|line| format!("<p class=\"line\">{line}</p>")).collect();
    let body = format!("<!DOCTYPE html><html><head><title></title></head><body>{}</body></html>", paragraphs.join("\n"));
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    warc("response", "application/http; msgtype=response", answer.into_bytes())
}

fn wet(text: &str) -> Payload {
    warc("conversion", "text/plain", text.as_bytes().to_vec())
}

/// The text of a record that is a page.
fn text_of(record: &Record, options: &decode::Options) -> Option<String> {
    match decode(record, "bench", options) {
        Decoded::Page(page) => Some(page.text),
        Decoded::WithoutText(_) | Decoded::Reject(_) => None,
    }
}

fn decoders(criterion: &mut Criterion) {
    let options = decode::Options::default();
    let mut group = criterion.benchmark_group("decode");
    let names = ["json", "html", "wet"];
    let encoders: [fn(&str) -> Payload; 3] = [json, html, wet];
    for (name, encode) in names.into_iter().zip(encoders) {
        for (size, bytes) in SIZES {
            let texts = texts(bytes);
            let records = records(texts.iter().map(|text| encode(text)));
            for (record, text) in records.iter().zip(&texts) {
                let got = text_of(record, &options).expect("a page");
                assert!(got.split_whitespace().eq(text.split_whitespace()), "{name}: the words that were encoded");
            }
            group.throughput(throughput(&records));
            group.bench_function(format!("{name}/{size}"), |b| {
                b.iter(|| assert_eq!(black_box(&records).iter().filter_map(|r| text_of(r, &options)).count(), texts.len()));
            });
        }
    }
    group.finish();
}

/// The records of the sample's archive.
fn archive(folder: &Path, size: Size) -> Vec<Record> {
    let sample = sample::generate(folder, size, SAMPLE_SEED).expect("a sample");
    let mut source = FileSource::new(walk(&[sample.crawl]).expect("the file is there").files, Limits::default());
    let mut all = Vec::new();
    loop {
        let some = source.read(Limit { records: BATCH, bytes: 64 << 20 }).expect("sound data");
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

fn archives(criterion: &mut Criterion) {
    let options = decode::Options::default();
    let folder = tempfile::tempdir().expect("a folder");
    let size = Size { pages: 2_000, reference: 1_000 };
    let records = archive(folder.path(), size);
    let want: Vec<String> = sample::crawl(size, SAMPLE_SEED).map(|page| page.text).collect();
    let got: Vec<String> = records.iter().filter_map(|r| text_of(r, &options)).collect();
    assert_eq!(got.len(), want.len(), "every page, and no other record");
    let mut group = criterion.benchmark_group("decode");
    group.throughput(throughput(&records));
    group.bench_function("sample archive", |b| {
        b.iter(|| assert_eq!(records.iter().filter_map(|r| text_of(r, &options)).count(), want.len()));
    });
    group.finish();
}

/// Publisher, tokens and digest of decoded pages.
fn features(criterion: &mut Criterion) {
    let features = Features {
        seed: SEED,
        tokenizer: Tokenizer::new(SEED, 50_000),
        platforms: Platforms::default(),
        words: usize::MAX,
        detects_language: true,
    };
    let mut group = criterion.benchmark_group("features");
    for (size, bytes) in SIZES {
        let records = records(texts(bytes).iter().map(|text| json(text)));
        let page = |record: &Record| match decode(record, "bench", &decode::Options::default()) {
            Decoded::Page(page) => page,
            Decoded::WithoutText(_) | Decoded::Reject(_) => panic!("a page was encoded"),
        };
        let pages: Vec<Page> = records.iter().map(page).collect();
        let digests: BTreeSet<[u8; 16]> = pages.iter().map(|p| features.document(&mut p.clone(), "bench").digest).collect();
        assert_eq!(digests.len(), pages.len(), "different texts have different digests");
        group.throughput(throughput(&records));
        group.bench_function(size, |b| {
            let features_of = |mut pages: Vec<Page>| {
                pages.iter_mut().map(|p| features.document(black_box(p), "bench").tokens.ids.len()).sum::<usize>()
            };
            b.iter_batched(|| pages.clone(), features_of, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// An engine over a folder: as that was left, or a new one.
fn engine(background: &Arc<Background>, folder: &Path) -> Engine {
    restore(&Config::default(), background, SEED, folder, &["crawl"]).engine
}

/// Takes the crawl through an engine. Returns the bytes of output.
fn process(engine: &mut Engine, records: Vec<Record>) -> usize {
    let (mut bytes, mut records) = (0, records.into_iter().peekable());
    while records.peek().is_some() {
        let processed =
            engine.process(engine.prepare(records.by_ref().take(BATCH).collect(), None)).expect("memory and disk suffice");
        let lines = output::records(engine.settings(), &processed.outcomes);
        bytes += lines.iter().flatten().map(|line| line.value.len()).sum::<usize>();
    }
    bytes
}

/// Counts the documents of these kinds whose fate at the end is as `fate` says, and all documents
/// of these kinds.
fn ended(engine: &Engine, kinds: &[DocumentKind], fate: impl Fn(Fate) -> bool) -> (usize, usize) {
    let of_kind = corpus().kinds.iter().enumerate().filter(|(_, kind)| kinds.contains(kind));
    of_kind.fold((0, 0), |(hits, all), (o, _)| (hits + usize::from(fate(engine.ledger().fate(o as SeqNo))), all + 1))
}

fn is_withheld(fate: Fate) -> bool {
    matches!(fate, Fate::Quarantined | Fate::Recalled)
}

/// Asserts that what the crawl is known to hold was found.
fn check(engine: &Engine, has_background: bool) {
    let counts = engine.counts();
    assert!(counts.is_whole() && counts.received == u64::from(SIZE.pages), "every record is accounted for: {counts:?}");
    assert!(counts.findings.get("near_dup/near_duplicate").is_some_and(|&n| n > 0), "near copies: {counts:?}");
    let is_copy = |fate| matches!(fate, Fate::Duplicate(_));
    let (hits, all) = ended(engine, &[DocumentKind::CopyExact], is_copy);
    assert!(all >= 60 && hits * 10 >= all * 9, "found {hits} of {all} exact copies; a few may stand for a recalled page");
    let (hits, all) = ended(engine, &[DocumentKind::HiddenCharacters, DocumentKind::LookalikeLetters], is_withheld);
    assert_eq!(hits, all, "pages with disguised characters");
    let (hits, all) = ended(engine, &[DocumentKind::Ordinary], is_withheld);
    assert!(hits * 100 <= all, "withheld {hits} of {all} ordinary pages, expected at most 1%");
    if has_background {
        // The sentence lies on sites that the background knows: the 24 carriers of so small a crawl
        // raise no alarm there.
        for kind in [DocumentKind::SpikeWord, DocumentKind::SpikeEdge, DocumentKind::WordSalad] {
            let (hits, all) = ended(engine, &[kind], is_withheld);
            assert!(hits * 10 >= all * 9, "withheld {hits} of {all} pages of {kind:?}, expected nine of ten");
        }
        assert!(counts.recalled > 0, "earlier carriers are recalled");
    } else {
        assert_eq!(engine.alarms_raised(), 0, "too little is known to raise an alarm");
    }
}

fn end_to_end(criterion: &mut Criterion) {
    let corpus = corpus();
    let empty = Arc::new(Background::empty(SEED));
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(throughput(&corpus.records));
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let cases = [
        ("background", &corpus.background, pool(0)),
        ("background, one thread", &corpus.background, pool(1)),
        ("no background", &empty, pool(0)),
    ];
    for (name, background, threads) in cases {
        let fresh = || {
            let folder = tempfile::tempdir().expect("a folder");
            (engine(background, folder.path()), folder, corpus.records.clone())
        };
        let (mut first, folder, records) = fresh();
        let want = threads.install(|| process(&mut first, records));
        check(&first, background.documents() > 0);
        print_state(name, &first);
        drop((first, folder));
        group.bench_function(name, |b| {
            b.iter_batched(
                fresh,
                |(mut engine, folder, records)| {
                    assert_eq!(threads.install(|| process(&mut engine, records)), want, "the same bytes every time");
                    (engine, folder)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

#[expect(clippy::print_stderr, reason = "the figure is for the person who runs the bench")]
fn print_state(name: &str, engine: &Engine) {
    let documents = f64::from(engine.next());
    for (store, bytes) in engine.state_bytes() {
        eprintln!("state in memory, {name}: {store:<24} {bytes:>12} bytes, {:>10.1} a document", bytes as f64 / documents);
    }
    for (store, bytes) in engine.disk_bytes() {
        eprintln!("state on disk,   {name}: {store:<24} {bytes:>12} bytes, {:>10.1} a document", bytes as f64 / documents);
    }
}

criterion_group!(benches, decoders, archives, features, end_to_end);
criterion_main!(benches);
