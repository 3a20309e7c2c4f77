//! What does a document cost, operator by operator?
//!
//! Features and stateless operators run over pages of three sizes. Stateful operators run over a
//! whole seeded stream, phase by phase: probe, fold (with describe, remember and the epoch
//! boundary), judge, settle. Before anything is timed, its results are counted and compared with
//! what the stream is known to hold, so that a fast wrong operator fails.
//!
//! All runs on one thread. The engine around the operators is the smallest that keeps their
//! contract. It takes about 100 MB.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use benches::{crawl, platforms};
use criterion::{
    Bencher, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use decode::{Form, Page, Provenance};
use operators::{
    background::Background,
    conformance::{MemoryHorizon, MemoryLedger},
    document::{Document, SeqNo, TextParts},
    exact_dedup::{self, ExactDedup},
    finding::Finding,
    gibberish::{self, Gibberish},
    inspect::Inspector,
    lookup::{Fate, Ledger as _},
    near_dup::{
        self, NearDup,
        minhash::{self, MinHash, words},
    },
    operator::{KEY_SHARDS, Operator, Scene, Settled, Tick},
    reputation::publisher::publisher_of,
    text::{Seed, Token, Tokenizer, hash, ngram},
    trigger_spike::{self, TriggerSpike},
    unicode::{self, Unicode},
};
use pipeline::features::Features;
use sample::{DocumentKind, SampleDocument, Size};

const SEED: Seed = Seed(0xbe9c);
const SAMPLE_SEED: u64 = 11;
const SIZE: Size = Size { pages: 4_000, reference: 2_000 };
/// Records between two epoch boundaries of the streams.
const EPOCH: usize = 64;
/// The sizes of pages: a stub, an ordinary page, a long article.
const SIZES: [(&str, usize); 3] = [("1KB", 1 << 10), ("8KB", 8 << 10), ("64KB", 64 << 10)];
/// Bytes of the pages of one size.
const SET_BYTES: usize = 256 << 10;

/// The stream, and what ordinary text looks like.
struct Corpus {
    background: Arc<Background>,
    features: Features,
    kinds: Vec<DocumentKind>,
    documents: Vec<Document>,
}

fn corpus() -> &'static Corpus {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let (background, crawl) = crawl(SIZE, SAMPLE_SEED, SEED);
        let tokenizer = Tokenizer::new(SEED, 50_000);
        let features = Features {
            seed: SEED,
            tokenizer,
            platforms: platforms(background.platforms()),
            words: usize::MAX,
            detects_language: true,
        };
        let kinds = crawl.iter().map(|page| page.kind).collect();
        let documents = crawl.into_iter().map(|page| document(&features, page)).collect();
        Corpus { background, features, kinds, documents }
    })
}

fn document(features: &Features, page: SampleDocument) -> Document {
    let (url, time) = (Some(page.url), Some(page.time));
    let provenance = Provenance::default();
    let mut page =
        Page { id: None, url, text: page.text, time, label: None, contributor: None, provenance, form: Form::Verbatim };
    features.document(&mut page, "crawl")
}

impl Corpus {
    /// Documents of one of the kinds.
    fn of<'a>(&'a self, kinds: &'a [DocumentKind]) -> impl Iterator<Item = &'a Document> {
        self.kinds.iter().zip(&self.documents).filter(|(kind, _)| kinds.contains(kind)).map(|(_, document)| document)
    }

    /// Ordinary text, cut into pages of about `bytes`.
    fn pages(&self, bytes: usize) -> Vec<Document> {
        let mut text = String::new();
        self.of(&[DocumentKind::Ordinary])
            .take_while(|d| (text.push_str(&d.text), text.push('\n'), text.len() < SET_BYTES).2)
            .for_each(drop);
        let mut pages = Vec::new();
        while text.len() > bytes {
            let rest = text.split_off(text.floor_char_boundary(bytes));
            let url = format!("https://site{}.example/page", pages.len());
            let page = SampleDocument { id: String::new(), url, text, time: 0, kind: DocumentKind::Ordinary };
            pages.push(document(&self.features, page));
            text = rest;
        }
        pages
    }
}

fn bytes_of(documents: &[Document]) -> usize {
    documents.iter().map(|d| d.text.len()).sum()
}

fn throughput(documents: &[Document]) -> Throughput {
    Throughput::ElementsAndBytes { elements: documents.len() as u64, bytes: bytes_of(documents) as u64 }
}

/// Times `each` over pages of the three sizes. It returns how much it found, which must be the same
/// every time.
fn by_size(criterion: &mut Criterion, name: &str, each: impl Fn(&Document) -> usize) {
    let mut group = criterion.benchmark_group(name);
    for (size, bytes) in SIZES {
        let pages = corpus().pages(bytes);
        let want: usize = pages.iter().map(&each).sum();
        group.throughput(throughput(&pages));
        group.bench_function(size, |b| b.iter(|| assert_eq!(black_box(&pages).iter().map(&each).sum::<usize>(), want)));
    }
    group.finish();
}

fn tokens(criterion: &mut Criterion) {
    let corpus = corpus();
    for d in &corpus.documents {
        let spans = d.tokens.spans.iter().map(|&(from, to)| &d.text[from as usize..to as usize]);
        let seen: String = spans.collect::<String>().replace('\n', "");
        let want: String = d.text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(seen, want, "tokens cover everything but white space");
    }
    by_size(criterion, "tokens", |d| corpus.features.tokenizer.tokens(&d.text).ids.len());
}

/// Random words of twelve languages (`tests/data/vocabulary.tsv`), as much as an ordinary page.
fn scripts(criterion: &mut Criterion) {
    let vocabulary = include_str!("../tests/data/vocabulary.tsv");
    let tokenizer = &corpus().features.tokenizer;
    let mut group = criterion.benchmark_group("scripts");
    for line in vocabulary.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let words: Vec<&str> = fields[2].split(' ').collect();
        let (mut text, mut drawn) = (String::new(), 1);
        while text.len() < SIZES[1].1 {
            drawn = hash::mix(drawn);
            text.push_str(words[drawn as usize % words.len()]);
            text.push_str(fields[1]);
        }
        let tokens = tokenizer.tokens(&text);
        // Letters that are read together may be in two words.
        let (mut letters, mut end) = (0, 0);
        for &(from, to) in &tokens.spans {
            letters += to.saturating_sub(end.max(from)) as usize;
            end = to;
        }
        assert_eq!(letters, text.bytes().filter(|&b| b != b' ').count(), "{}: words cover the text", fields[0]);
        group.throughput(Throughput::ElementsAndBytes { elements: tokens.ids.len() as u64, bytes: text.len() as u64 });
        group
            .bench_function(fields[0], |b| b.iter(|| assert_eq!(tokenizer.tokens(black_box(&text)).ids.len(), tokens.ids.len())));
    }
    group.finish();
}

fn ngrams(criterion: &mut Criterion) {
    for d in corpus().documents.iter().take(100) {
        let mut want = BTreeSet::new();
        for line in d.ids().split(|&t| t == Token::BREAK) {
            want.extend((1..=ngram::NGRAM_MAX).flat_map(|n| line.windows(n)));
        }
        assert_eq!(ngram::distinct(SEED, d.ids(), |_| true).len(), want.len(), "as many n-grams as a set holds");
    }
    by_size(criterion, "ngrams", |d| ngram::distinct(SEED, d.ids(), |_| true).len());
}

fn signatures(criterion: &mut Criterion) {
    let hash = MinHash::new(SEED, 14, 8);
    let keys = |d: &Document| hash.minima(words(&d.tokens)).map_or_else(Vec::new, |minima| hash.keys(&minima));
    let pages = corpus().pages(SIZES[1].1);
    let all: BTreeSet<u64> = pages.iter().flat_map(keys).collect();
    assert_eq!(all.len(), 14 * pages.len(), "pages that have nothing in common share no band");
    by_size(criterion, "minhash", |d| keys(d).len());
}

fn publishers(criterion: &mut Criterion) {
    let corpus = corpus();
    let hosts = platforms(corpus.background.platforms());
    let want = |d: &Document| {
        let mut parts = d.url.split('/').skip(2);
        let host = parts.next().expect("a host");
        if host == sample::PLATFORM { format!("{host}/{}", parts.next().expect("an account")) } else { host.to_owned() }
    };
    let expected: BTreeSet<String> = corpus.documents.iter().map(want).collect();
    let publishers: BTreeSet<&str> = corpus.documents.iter().map(|d| &*d.publisher.name).collect();
    assert_eq!(publishers.len(), expected.len(), "a unit for each site, and for each account of the platform");
    let mut group = criterion.benchmark_group("unit_of");
    group.throughput(Throughput::Elements(corpus.documents.len() as u64));
    group.bench_function("urls", |b| {
        b.iter(|| corpus.documents.iter().map(|d| publisher_of(&d.url, "crawl", SEED, &hosts).key).fold(0, u64::wrapping_add));
    });
    group.finish();
}

/// Counts the documents on which the inspector finds something.
fn found<'a>(inspector: &dyn Inspector, documents: impl Iterator<Item = &'a Document>) -> (usize, usize) {
    let mut findings: Vec<Finding> = Vec::new();
    documents.fold((0, 0), |(hits, all), d| {
        findings.clear();
        inspector.inspect(d, &mut findings);
        (hits + usize::from(!findings.is_empty()), all + 1)
    })
}

fn inspect(inspector: &dyn Inspector, document: &Document) -> usize {
    let mut findings = Vec::new();
    inspector.inspect(document, &mut findings);
    findings.len()
}

fn unicode(criterion: &mut Criterion) {
    let operator = Unicode::new(unicode::Config::default());
    let (hits, all) = found(&operator, corpus().of(&[DocumentKind::HiddenCharacters, DocumentKind::LookalikeLetters]));
    assert!(all >= 10 && hits == all, "found {hits} of {all} pages with disguised characters");
    assert_eq!(found(&operator, corpus().of(&[DocumentKind::Ordinary])).0, 0, "ordinary pages");
    by_size(criterion, "unicode", |d| inspect(&operator, d));
    let with = |d: &Document, text: String| Document { parts: TextParts::one(&text), text: text.into(), ..d.clone() };
    let ascii = |d: &Document| with(d, d.text.replace(|c: char| !c.is_ascii(), ""));
    let accented = |d: &Document| with(d, d.text.replace('e', "\u{e9}"));
    let pages = corpus().pages(SIZES[1].1);
    let variants = [
        ("ascii", pages.iter().map(ascii).collect::<Vec<Document>>()),
        ("accented", pages.iter().map(accented).collect::<Vec<Document>>()),
    ];
    let mut group = criterion.benchmark_group("unicode");
    for (name, pages) in variants {
        assert_eq!(found(&operator, pages.iter()).0, 0, "accents hide nothing");
        group.throughput(throughput(&pages));
        let id = format!("{}/{name}", SIZES[1].0);
        group.bench_function(id, |b| b.iter(|| black_box(&pages).iter().map(|d| inspect(&operator, d)).sum::<usize>()));
    }
    group.finish();
}

fn gibberish(criterion: &mut Criterion) {
    let operator = Gibberish::new(&gibberish::Config::default(), Arc::clone(&corpus().background));
    let (hits, all) = found(&operator, corpus().of(&[DocumentKind::WordSalad]));
    assert!(all >= 5 && hits == all, "found {hits} of {all} pages of random words");
    let (hits, all) = found(&operator, corpus().of(&[DocumentKind::Ordinary]));
    assert!(hits * 200 <= all, "found {hits} of {all} ordinary pages, expected at most 0.5%");
    by_size(criterion, "gibberish", |d| inspect(&operator, d));
}

/// The phases that are timed.
#[derive(Clone, Copy)]
enum Phase {
    Probe,
    Fold,
    Judge,
    Settle,
}

const PHASES: [(&str, Phase); 4] =
    [("probe", Phase::Probe), ("fold", Phase::Fold), ("judge", Phase::Judge), ("settle", Phase::Settle)];

/// One operator taken through the stream.
struct Stream<O: Operator> {
    operator: O,
    shards: Vec<O::KeyShard>,
    ledger: MemoryLedger,
    horizon: MemoryHorizon,
    settled: Vec<Settled>,
    spent: [Duration; PHASES.len()],
}

impl<O: Operator> Stream<O> {
    fn new(operator: O) -> Self {
        let shards = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
        let (ledger, horizon, settled) = (MemoryLedger::default(), MemoryHorizon::default(), Vec::new());
        Self { operator, shards, ledger, horizon, settled, spent: [Duration::ZERO; PHASES.len()] }
    }

    fn run(mut self, documents: &[Document]) -> Self {
        for window in documents.chunks(EPOCH) {
            self.window(window);
        }
        self
    }

    fn clock(&mut self, phase: Phase, since: Instant) {
        self.spent[phase as usize] += since.elapsed();
    }

    /// Documents between two epoch boundaries.
    fn window(&mut self, documents: &[Document]) {
        let first = self.settled.len();
        let tick = |i: usize| Tick { seqno: (first + i) as SeqNo, epoch: first as SeqNo, votes: true };
        let began = Instant::now();
        let probes: Vec<O::Probe> = documents.iter().map(|d| self.operator.probe(d)).collect();
        self.clock(Phase::Probe, began);
        // The harness's own store, so not on the clock; what it holds too early is later than any
        // document judged.
        for document in documents {
            self.horizon.push(Some(document.ids()));
        }
        let began = Instant::now();
        let answers = self.fold(documents, &probes, tick);
        self.clock(Phase::Fold, began);
        let began = Instant::now();
        let asked = documents.iter().zip(&probes).zip(&answers).enumerate();
        let proposals: Vec<O::Proposal> = asked
            .map(|(i, ((document, probe), answers))| {
                let scene = Scene { tick: tick(i), shards: &self.shards, horizon: &self.horizon };
                self.operator.judge(document, probe, answers, &scene)
            })
            .collect();
        self.clock(Phase::Judge, began);
        let began = Instant::now();
        for (i, ((document, probe), proposal)) in documents.iter().zip(&probes).zip(proposals).enumerate() {
            let settled = self.operator.settle(tick(i), document, probe, proposal, false, &self.ledger, &self.horizon);
            self.take(settled);
        }
        self.clock(Phase::Settle, began);
    }

    /// The epoch boundary, then every shard's answers to every document.
    fn fold(&mut self, documents: &[Document], probes: &[O::Probe], tick: impl Fn(usize) -> Tick) -> Vec<Vec<O::Answer>> {
        let first = self.settled.len();
        if first > 0 {
            let withdrawn = self.withdrawn(first.saturating_sub(2 * EPOCH)..first.saturating_sub(EPOCH));
            self.operator.begin_epoch(first as SeqNo, &withdrawn, &mut self.shards, &self.horizon);
        }
        let mut answers: Vec<Vec<O::Answer>> = documents.iter().map(|_| Vec::with_capacity(KEY_SHARDS)).collect();
        for (index, shard) in self.shards.iter_mut().enumerate() {
            for (i, probe) in probes.iter().enumerate() {
                answers[i].push(self.operator.fold(shard, index, tick(i), probe));
            }
        }
        for (i, document) in documents.iter().enumerate() {
            let facts = self.operator.describe(document, &probes[i], &answers[i]);
            self.operator.remember((first + i) as SeqNo, Some(facts));
        }
        answers
    }

    /// Documents of a window that were withheld for more than being a copy.
    fn withdrawn(&self, window: std::ops::Range<usize>) -> Vec<SeqNo> {
        let withheld = |at: &usize| self.settled[*at].findings.iter().any(|f| !f.reason.is_copy());
        window.filter(withheld).map(|at| at as SeqNo).collect()
    }

    fn take(&mut self, settled: Settled) {
        settled.recalls.iter().for_each(|r| self.ledger.recall(r.seqno));
        let copy = settled.findings.iter().find_map(|f| f.evidence.matched);
        let withheld = settled.findings.iter().any(|f| !f.reason.is_copy());
        self.ledger.push(if withheld { Fate::Quarantined } else { copy.map_or(Fate::Clean, Fate::Duplicate) });
        self.settled.push(settled);
    }

    /// How many documents of the kinds ended as `fate` says, of how many.
    fn ended(&self, kinds: &[DocumentKind], fate: impl Fn(Fate) -> bool) -> (usize, usize) {
        let of_kind = corpus().kinds.iter().enumerate().filter(|(_, kind)| kinds.contains(kind));
        of_kind.fold((0, 0), |(hits, all), (o, _)| (hits + usize::from(fate(self.ledger.fate(o as SeqNo))), all + 1))
    }

    /// Findings and recalls: what must be the same in every run.
    fn count(&self) -> (usize, usize) {
        (self.settled.iter().map(|s| s.findings.len()).sum(), self.settled.iter().map(|s| s.recalls.len()).sum())
    }

    #[expect(clippy::print_stderr, reason = "the figure is for the person who runs the bench")]
    fn print_state(&self) {
        for (store, bytes) in self.operator.state_bytes(&self.shards) {
            let each = bytes as f64 / self.settled.len() as f64;
            eprintln!("state {}/{store}: {bytes} bytes, {each:.1} a document over {} documents", O::NAME, self.settled.len());
        }
    }
}

/// Times each phase of an operator over the stream, after `check` has looked at what it found.
fn phases<O: Operator>(criterion: &mut Criterion, make: impl Fn() -> O, check: impl Fn(&Stream<O>)) {
    let documents = &corpus().documents;
    let first = Stream::new(make()).run(documents);
    check(&first);
    first.print_state();
    let want = first.count();
    drop(first);
    let mut group: BenchmarkGroup<'_, WallTime> = criterion.benchmark_group(O::NAME);
    group.sample_size(10).measurement_time(Duration::from_secs(3)).throughput(throughput(documents));
    for (name, phase) in PHASES {
        group.bench_function(BenchmarkId::from_parameter(name), |b: &mut Bencher<'_>| {
            b.iter_custom(|runs| {
                let run = |_| {
                    let stream = Stream::new(make()).run(documents);
                    assert_eq!(stream.count(), want);
                    stream.spent[phase as usize]
                };
                (0..runs).map(run).sum()
            });
        });
    }
    group.finish();
}

fn exact(criterion: &mut Criterion) {
    let make = || ExactDedup::new(exact_dedup::Config::default(), SEED);
    phases(criterion, make, |stream| {
        let mut seen = BTreeSet::new();
        let words = |d: &Document| d.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let want = corpus().documents.iter().filter(|d| !seen.insert(words(d))).count();
        assert!(want >= 60, "the stream holds {want} exact copies");
        assert_eq!(stream.count(), (want, 0), "as many copies as a set of texts finds");
    });
}

fn near(criterion: &mut Criterion) {
    let make = || NearDup::new(&near_dup::Config::default(), SEED);
    phases(criterion, make, |stream| {
        let is_copy = |fate| matches!(fate, Fate::Duplicate(_));
        let (hits, all) = stream.ended(&[DocumentKind::CopyExact], is_copy);
        assert!(all >= 60 && hits == all, "found {hits} of {all} exact copies");
        // Not every edited copy is a near copy, and bands miss some by design: so many are to be
        // expected.
        let want = expected_copies(&near_dup::Config::default());
        let (hits, all) = stream.ended(&DocumentKind::PLANTED, is_copy);
        assert!(hits as f64 >= 0.9 * want, "found {hits} copies among {all} planted pages, expected {want:.1}");
        for (at, settled) in stream.settled.iter().enumerate() {
            let Some(of) = settled.findings.iter().find_map(|f| f.evidence.matched) else { continue };
            let (a, b) = (shingles(&corpus().documents[at]), shingles(&corpus().documents[of as usize]));
            let shared = a.intersection(&b).count() as f64;
            let similarity = shared / ((a.len() + b.len()) as f64 - shared);
            assert!(similarity >= near_dup::Config::default().similarity_min, "document {at}: {similarity} like {of}");
        }
    });
}

/// The word 5-grams of a text.
fn shingles(document: &Document) -> BTreeSet<Vec<Token>> {
    let words: Vec<Token> = words(&document.tokens).collect();
    words.windows(minhash::SHINGLE).map(<[Token]>::to_vec).collect()
}

/// How many planted pages the bands of `config` should find in theory: the probability that a page
/// has a band in common with the earlier page that it is most like, summed over all pages that have
/// an earlier one of the least similarity. The similarity is counted shingle by shingle, so this is
/// slow and exact.
fn expected_copies(config: &near_dup::Config) -> f64 {
    let mut holders: BTreeMap<Vec<Token>, Vec<usize>> = BTreeMap::new();
    let (mut sizes, mut expected) = (Vec::new(), 0.0);
    for (kind, document) in corpus().kinds.iter().zip(&corpus().documents) {
        let own = shingles(document);
        let mut shared = vec![0_u32; sizes.len()];
        for shingle in own.iter().filter(|_| DocumentKind::PLANTED.contains(kind)) {
            holders.get(shingle).into_iter().flatten().for_each(|&at| shared[at] += 1);
        }
        let similarity = |(&n, &size): (&u32, &usize)| f64::from(n) / (own.len() as f64 + size as f64 - f64::from(n));
        let best = shared.iter().zip(&sizes).map(similarity).fold(0.0, f64::max);
        if best >= config.similarity_min {
            expected += config.meeting_probability(best);
        }
        let at = sizes.len();
        sizes.push(own.len());
        for shingle in own {
            holders.entry(shingle).or_default().push(at);
        }
    }
    expected
}

fn spike(criterion: &mut Criterion) {
    let make = || TriggerSpike::new(trigger_spike::Config::default(), Arc::clone(&corpus().background), EPOCH as u32);
    phases(criterion, make, |stream| {
        let is_withheld = |fate| matches!(fate, Fate::Quarantined | Fate::Recalled);
        // The sentence lies on sites that the background knows: the 24 carriers of so small a crawl
        // raise no alarm there.
        for kind in [DocumentKind::SpikeWord, DocumentKind::SpikeEdge] {
            let (hits, all) = stream.ended(&[kind], is_withheld);
            assert!(all >= 24 && hits * 10 >= all * 9, "withheld {hits} of {all} carriers of {kind:?}, expected nine of ten");
        }
        let (hits, all) = stream.ended(&[DocumentKind::Ordinary], is_withheld);
        assert!(hits * 200 <= all, "withheld {hits} of {all} ordinary pages, expected at most 0.5%");
    });
}

criterion_group!(benches, tokens, scripts, ngrams, signatures, publishers, unicode, gibberish, exact, near, spike);
criterion_main!(benches);
