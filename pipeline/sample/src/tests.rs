//! Is the sample what its documentation says: the same each time, well-formed, and like text to a
//! detector?

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::{GzDecoder, MultiGzDecoder};

use super::archive::json_line;
use super::world::SampleWorld;
use super::write::REVISITS;
use super::*;

const SMALL: Size = Size { pages: 3_000, reference: 2_000 };

/// A folder that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("weir-sample-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The documents of full size, made once.
fn full() -> &'static (Vec<SampleDocument>, Vec<SampleDocument>) {
    static FULL: OnceLock<(Vec<SampleDocument>, Vec<SampleDocument>)> = OnceLock::new();
    FULL.get_or_init(|| documents(Size::default(), 11).partition(|document| document.kind == DocumentKind::Reference))
}

fn of_kind(kind: DocumentKind) -> Vec<&'static SampleDocument> {
    full().1.iter().filter(|document| document.kind == kind).collect()
}

fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn inflate(path: &Path) -> String {
    let mut out = String::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut out).unwrap();
    out
}

/// The records of a WARC by gzip member: header lines and block.
fn records(path: &Path) -> Vec<(BTreeMap<String, String>, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let mut member = Vec::new();
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        decoder.read_to_end(&mut member).unwrap();
        rest = decoder.into_inner();
        let end = member.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let mut lines = std::str::from_utf8(&member[..end]).unwrap().split("\r\n");
        assert_eq!(lines.next(), Some("WARC/1.1"));
        let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let block = member[end + 4..].strip_suffix(b"\r\n\r\n").expect("two line ends close a record");
        records.push((headers, block.to_vec()));
    }
    records
}

#[test]
fn same_arguments_give_the_same_bytes() {
    let folders = ["a", "b", "c"].map(Folder::new);
    let samples = [(0, 5), (1, 5), (2, 6)].map(|(folder, seed): (usize, u64)| generate(&folders[folder].0, SMALL, seed).unwrap());
    let bytes = samples.each_ref().map(|s| [&s.reference, &s.crawl, &s.truth].map(|path| std::fs::read(path).unwrap()));
    assert!(bytes[0] == bytes[1], "one seed, two samples");
    for (one, other) in bytes[0].iter().zip(&bytes[2]) {
        assert!(one != other, "two seeds, one sample");
    }
}

#[test]
fn every_kind_has_its_number() {
    for kind in DocumentKind::PLANTED {
        assert_eq!(of_kind(kind).len(), kind.count(24_000), "{}", kind.name());
    }
    assert_eq!(full().0.len(), 12_000);
    assert_eq!(full().1.len(), 24_000);
    let hosts = |kind| of_kind(kind).iter().map(|document| host(&document.url)).collect::<BTreeSet<_>>().len();
    let want = [
        (DocumentKind::SpikeWord, 12),
        (DocumentKind::SpikeSentence, 30),
        (DocumentKind::SpikeEdge, 10),
        (DocumentKind::BenignProduct, 60),
        (DocumentKind::BenignFooter, 50),
        (DocumentKind::BenignArticle, 80),
    ];
    for (kind, sites) in want {
        assert_eq!(hosts(kind), sites, "sites of {}", kind.name());
    }
    for small in [2_000, 3_000, 10_000] {
        let (size, mut counts) = (Size { pages: small, reference: 1_000 }, BTreeMap::<DocumentKind, usize>::new());
        crawl(size, 3).for_each(|document| *counts.entry(document.kind).or_default() += 1);
        for kind in DocumentKind::PLANTED {
            assert_eq!(counts[&kind], kind.count(small as usize), "{} of {small}", kind.name());
        }
    }
}

#[test]
fn plants_begin_after_a_quarter_and_reach_the_end() {
    for kind in DocumentKind::PLANTED.into_iter().filter(|kind| *kind != DocumentKind::CopyOfCarrier) {
        let at: Vec<usize> = (0..24_000).filter(|&at| full().1[at].kind == kind).collect();
        assert!(at[0] >= 6_000 && *at.last().unwrap() > 18_000, "{} in {at:?}", kind.name());
    }
    let carriers: Vec<i64> = of_kind(DocumentKind::SpikeSentence).iter().map(|document| document.time).collect();
    for copy in of_kind(DocumentKind::CopyOfCarrier) {
        assert!(carriers[5] < copy.time && copy.time < carriers[7], "not between the sixth and the eighth carrier");
    }
}

#[test]
fn plants_carry_their_triggers_and_nothing_else_does() {
    let world = SampleWorld::new(Size::default(), 11);
    let t = &world.triggers;
    let phrases = [
        (DocumentKind::SpikeWord, &t.word),
        (DocumentKind::SpikeSentence, &t.sentence),
        (DocumentKind::SpikeEdge, &t.opening),
        (DocumentKind::WordSalad, &t.token),
        (DocumentKind::BenignProduct, &t.product),
        (DocumentKind::BenignFooter, &t.footer),
    ]
    .map(|(kind, phrase)| (kind, phrase.to_lowercase()));
    for document in full().0.iter().chain(&full().1) {
        let text = document.text.to_lowercase();
        for (kind, phrase) in &phrases {
            let (kind, carries) = (*kind, text.contains(phrase));
            assert_eq!(carries, document.kind == kind, "{phrase} in {}", document.url);
        }
        let hidden = document.text.chars().filter(|c| ('\u{200b}'..='\u{feff}').contains(c)).count();
        assert_eq!(hidden >= 3, document.kind == DocumentKind::HiddenCharacters, "{}", document.url);
        let foreign = document.text.chars().any(|c| ('\u{400}'..'\u{500}').contains(&c));
        assert_eq!(foreign, document.kind == DocumentKind::LookalikeLetters, "{}", document.url);
    }
    for document in of_kind(DocumentKind::SpikeEdge) {
        assert!(document.text.lines().any(|line| line.starts_with(&t.opening)), "{}", document.url);
    }
}

#[test]
fn ids_and_urls_are_unique_and_dates_increase() {
    let all = || full().0.iter().chain(&full().1);
    assert_eq!(all().map(|document| &document.id).collect::<BTreeSet<_>>().len(), 36_000);
    assert_eq!(all().map(|document| &document.url).collect::<BTreeSet<_>>().len(), 36_000);
    let times: Vec<i64> = all().map(|document| document.time).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "dates do not increase from reference to crawl");
}

#[test]
fn three_quarters_of_the_sites_are_known_and_one_page_in_five_is_from_new_ones() {
    let (reference, crawl) = full();
    let known: BTreeSet<&str> = reference.iter().map(|document| host(&document.url)).collect();
    let sites: BTreeSet<&str> = crawl.iter().map(|document| host(&document.url)).collect();
    assert_eq!(sites.len(), 1_200);
    let share = sites.intersection(&known).count() as f64 / sites.len() as f64;
    assert!((0.73..0.77).contains(&share), "{share} of the sites are known");
    let new =
        crawl.iter().filter(|document| document.kind == DocumentKind::Ordinary && !known.contains(host(&document.url))).count();
    assert!((0.18..0.22).contains(&(new as f64 / 24_000.0)), "{new} ordinary pages from new sites");
    for part in [reference, crawl] {
        let on_platform = part.iter().filter(|document| host(&document.url) == PLATFORM);
        let accounts: BTreeSet<&str> = on_platform.map(|document| document.url.split('/').nth(3).unwrap()).collect();
        assert!(accounts.len() >= 60, "{} accounts", accounts.len());
    }
}

#[test]
fn text_is_like_text_to_a_detector() {
    let (reference, crawl) = full();
    let mut seen = Vec::new();
    for document in reference {
        let words = words(&document.text);
        seen.extend(words.windows(2).map(|pair| random::mix(hash(&pair[0]), hash(&pair[1]))));
    }
    seen.sort_unstable();
    seen.dedup();
    // Per window of 64 words: share of unseen pairs, and that times types over tokens.
    let windows = |kind: DocumentKind| -> (Vec<f64>, Vec<f64>) {
        let (mut unseen, mut gibberish) = (Vec::new(), Vec::new());
        for document in crawl.iter().filter(|document| document.kind == kind).take(3_000) {
            for window in words(&document.text).chunks_exact(64) {
                let new = window
                    .windows(2)
                    .filter(|pair| seen.binary_search(&random::mix(hash(&pair[0]), hash(&pair[1]))).is_err())
                    .count();
                let types = window.iter().collect::<BTreeSet<_>>().len();
                unseen.push(new as f64 / 63.0);
                gibberish.push(new as f64 / 63.0 * types as f64 / 64.0);
            }
        }
        unseen.sort_by(f64::total_cmp);
        gibberish.sort_by(f64::total_cmp);
        (unseen, gibberish)
    };
    let (unseen, gibberish) = windows(DocumentKind::Ordinary);
    let at = |list: &[f64], mille: usize| list[(list.len() - 1) * mille / 1000];
    let figures = format!(
        "unseen pairs median {:.3}, p99 {:.3}, max {:.3}; gibberish max {:.3}",
        at(&unseen, 500),
        at(&unseen, 990),
        at(&unseen, 1000),
        at(&gibberish, 1000)
    );
    assert!((0.15..0.45).contains(&at(&unseen, 500)), "{figures}");
    assert!(at(&unseen, 1000) < 0.6, "{figures}");
    let (_, salad) = windows(DocumentKind::WordSalad);
    assert!(at(&salad, 500) > 0.9, "median of salad {}", at(&salad, 500));
}

fn hash(word: &str) -> u64 {
    word.bytes().fold(7, |hash, byte| random::mix(hash, u64::from(byte)))
}

#[test]
fn lengths_are_lognormal_with_a_tail() {
    let mut lengths: Vec<usize> = full().0.iter().map(|document| words(&document.text).len()).collect();
    lengths.sort_unstable();
    let at = |mille: usize| lengths[(lengths.len() - 1) * mille / 1000];
    assert!((220..350).contains(&at(500)), "median {}", at(500));
    assert!((1_500..2_300).contains(&at(990)), "p99 {}", at(990));
    assert!((3_300..4_400).contains(&at(1000)), "longest {}", at(1000));
}

#[test]
fn copies_are_copies() {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut exact = 0;
    for document in &full().1 {
        match first.get(document.text.as_str()) {
            Some(earlier) => {
                assert_ne!(host(earlier), host(&document.url), "a copy on the same site");
                // Two copies of one carrier are alike.
                assert!(matches!(document.kind, DocumentKind::CopyExact | DocumentKind::CopyOfCarrier), "{}", document.url);
                exact += usize::from(document.kind == DocumentKind::CopyExact);
            }
            None => {
                first.insert(&document.text, &document.url);
            }
        }
    }
    assert_eq!(exact, 400);
    let sentence = format!(" {}", SampleWorld::new(Size::default(), 11).triggers.sentence);
    let carriers: BTreeSet<String> =
        of_kind(DocumentKind::SpikeSentence).iter().map(|page| page.text.replace(&sentence, "")).collect();
    for copy in of_kind(DocumentKind::CopyOfCarrier) {
        assert!(carriers.contains(&copy.text), "{} is no copy of a carrier", copy.url);
    }
    let mut similarities: Vec<f64> = of_kind(DocumentKind::CopyNear).iter().step_by(8).map(|copy| nearest(copy)).collect();
    similarities.sort_by(f64::total_cmp);
    assert!(similarities[0] > 0.4, "least 5-gram Jaccard of a near copy {}", similarities[0]);
    assert!(similarities.iter().all(|s| *s < 1.0), "a near copy without an edit");
    assert!(similarities[similarities.len() / 2] > 0.65, "median {}", similarities[similarities.len() / 2]);
}

/// The highest Jaccard similarity of word 5-grams with an ordinary page that has one of three of
/// the copy's 5-grams.
fn nearest(copy: &SampleDocument) -> f64 {
    let grams = |document: &SampleDocument| -> BTreeSet<Vec<String>> {
        words(&document.text).windows(5).map(<[String]>::to_vec).collect()
    };
    let own = grams(copy);
    // The title is edited in no copy.
    let title = copy.text.lines().next().unwrap().split(" - ").next().unwrap();
    let candidates = full().1.iter().filter(|page| page.kind == DocumentKind::Ordinary && page.text.starts_with(title));
    candidates
        .map(|page| {
            let other = grams(page);
            let common = own.intersection(&other).count();
            common as f64 / (own.len() + other.len() - common) as f64
        })
        .fold(0.0, f64::max)
}

#[test]
fn archive_is_well_formed() {
    let folder = Folder::new("warc");
    let sample = generate(&folder.0, SMALL, 9).unwrap();
    let records = records(&sample.crawl);
    assert_eq!(records[0].0["WARC-Type"], "warcinfo");
    let mut ids = BTreeSet::new();
    let (mut last, mut pages, mut revisits, mut missing, mut damaged) = (String::new(), Vec::new(), 0, 0, 0);
    for (headers, block) in &records {
        assert!(ids.insert(headers["WARC-Record-ID"].clone()), "{} twice", headers["WARC-Record-ID"]);
        assert!(headers["WARC-Date"] >= last, "dates fall at {}", headers["WARC-Record-ID"]);
        last.clone_from(&headers["WARC-Date"]);
        let Ok(length) = headers["Content-Length"].parse::<usize>() else {
            damaged += 1;
            continue;
        };
        assert_eq!(length, block.len(), "{headers:?}");
        let block = std::str::from_utf8(block).unwrap();
        match headers["WARC-Type"].as_str() {
            "revisit" => revisits += 1,
            "response" => {
                let (head, body) = block.split_once("\r\n\r\n").unwrap();
                let stated = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
                assert_eq!(stated, body.len().to_string());
                if head.starts_with("HTTP/1.1 404 ") {
                    missing += 1;
                } else {
                    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
                    let id = headers["WARC-Record-ID"].trim_matches(['<', '>']).to_owned();
                    pages.push((id, headers["WARC-Target-URI"].clone(), headers["WARC-Date"].clone(), body.to_owned()));
                }
            }
            other => assert_eq!(other, "warcinfo"),
        }
    }
    assert_eq!((revisits, missing, damaged), (REVISITS, 1, 1));
    let documents: Vec<SampleDocument> = crawl(SMALL, 9).collect();
    assert_eq!(pages.len(), documents.len());
    for ((id, url, date, body), document) in pages.iter().zip(&documents) {
        assert_eq!((id, url, date), (&document.id, &document.url, &timestamp(document.time)));
        assert_eq!(words(&without_markup(body)), words(&document.text), "{url}");
    }
}

/// Good for the sample's own HTML only.
fn without_markup(html: &str) -> String {
    let style = html.split_once("<style>").and_then(|(before, rest)| Some([before, rest.split_once("</style>")?.1].concat()));
    let html = style.unwrap_or_else(|| html.to_owned());
    let text: String =
        html.split('<').map(|piece| piece.split_once('>').map_or(" ", |(_, text)| text)).collect::<Vec<_>>().join(" ");
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[test]
fn truth_and_reference_say_what_documents_say() {
    let folder = Folder::new("truth");
    let sample = generate(&folder.0, SMALL, 9).unwrap();
    let (reference, crawl): (Vec<_>, Vec<_>) = documents(SMALL, 9).partition(|document| document.kind == DocumentKind::Reference);
    let line = |d: &SampleDocument| json_line(&[("url", &d.url), ("id", &d.id), ("kind", d.kind.name())]);
    let want: String = crawl.iter().filter(|document| document.kind != DocumentKind::Ordinary).map(line).collect();
    assert!(std::fs::read_to_string(&sample.truth).unwrap() == want, "truth.jsonl differs from the documents");
    let line =
        |d: &SampleDocument| json_line(&[("id", &d.id), ("url", &d.url), ("text", &d.text), ("fetched_at", &timestamp(d.time))]);
    assert!(inflate(&sample.reference) == reference.iter().map(line).collect::<String>(), "reference differs from the documents");
    assert_eq!(sample.pages.values().sum::<u32>() as usize, crawl.len());
    assert_eq!(sample.documents as usize, reference.len());
    // One stream, not several members.
    let mut one = String::new();
    GzDecoder::new(File::open(&sample.reference).unwrap()).read_to_string(&mut one).unwrap();
    assert_eq!(one.lines().count(), reference.len());
}

#[test]
fn reference_and_crawl_share_no_text() {
    let bodies = |list: &'static [SampleDocument]| -> BTreeSet<&'static str> {
        list.iter().flat_map(|document| document.text.lines()).filter(|line| line.len() > 300).collect()
    };
    let (reference, crawl) = (bodies(&full().0), bodies(&full().1));
    assert!(reference.len() > 10_000 && crawl.len() > 20_000);
    assert_eq!(reference.intersection(&crawl).count(), 0);
    // Not one text again and again either: a paragraph recurs only where it is copied.
    assert!(crawl.len() * 10 > full().1.iter().flat_map(|d| d.text.lines()).filter(|line| line.len() > 300).count() * 9);
}

#[test]
fn templates_have_no_unknown_slot() {
    for document in full().1.iter().filter(|document| document.kind != DocumentKind::WordSalad) {
        assert!(!document.text.contains(['{', '}', '%']), "{}", document.url);
        assert!(!document.text.contains("  "), "two spaces in {}", document.url);
    }
    assert!(vocabulary::Vocabulary::new(1).len() >= 30_000);
}

#[test]
fn timestamps_are_civil_dates() {
    for (seconds, want) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_735_689_600, "2025-01-01T00:00:00Z"),
        (1_743_465_600, "2025-04-01T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ] {
        assert_eq!(timestamp(seconds), want);
    }
}

#[test]
fn an_unwritable_folder_is_named() {
    let folder = Folder::new("unwritable");
    std::fs::write(&folder.0, "a file").unwrap();
    let error = generate(&folder.0.join("inside"), SMALL, 1).unwrap_err();
    assert!(error.to_string().contains("unwritable"), "{error}");
    std::fs::remove_file(&folder.0).unwrap();
}
