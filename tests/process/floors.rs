//! Quality floors: the shares of attacks found, clean pages kept and main content extracted may not
//! fall below recorded figures.
//!
//! Generated crawls with known attacks go through `weir demo`, and pages whose main content is
//! known go through `weir text`. Both are deterministic, so a figure below the one recorded in
//! `tests/quality/floors.toml` is the effect of a change and never chance. A figure above its floor
//! fails nothing; whoever raises a figure should record it, so that it stays.
//!
//! The sample crawl is simpler than the web (the crate `sample` says how). So the figures guard
//! against loss; they do not measure quality on real text. **Cost** about half a minute on one
//! core.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use sample::{DocumentKind, Size};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    corpus::write,
    weir::{folder, lines, stderr, text, tree, weir},
};

/// How many pages of the sample crawl are extracted.
const PAGES: usize = 200;
/// How far a figure may lie below its floor: recorded figures have four decimals.
const ROUNDING: f64 = 0.000_05;

/// The recorded figures. All are shares between 0 and 1, and more is better.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Floors {
    crawl: Vec<CrawlFloors>,
    extraction: ExtractionFloors,
}

/// One generated crawl. For each kind of page it records the share of pages with the right route.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CrawlFloors {
    seed: u64,
    pages: u32,
    /// Shares when pages are first decided.
    at_arrival: BTreeMap<String, f64>,
    /// Shares after all recalls and restores.
    in_the_end: BTreeMap<String, f64>,
}

/// F1 of the extracted words against those of the known main content.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtractionFloors {
    /// The mean over pages of the sample crawl.
    sample: f64,
    /// The mean over the same pages after their landmarks (`<main>`, `<nav>`, `<header>`,
    /// `<footer>`) were made plain `<div>`s.
    sample_without_landmarks: f64,
    /// The pages in `tests/quality/pages`, by name.
    pages: BTreeMap<String, f64>,
}

/// Returns the folder of the floors and of the pages that were written for them.
fn quality() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/quality")
}

fn floors() -> Floors {
    let path = quality().join("floors.toml");
    toml::from_str(&fs::read_to_string(&path).expect("the floors")).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Compares figures with their floors; a failure names every figure that fell, and by how much.
fn hold(what: &str, figures: &BTreeMap<String, f64>, floors: &BTreeMap<String, f64>) {
    let names = |figures: &BTreeMap<String, f64>| figures.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(figures), names(floors), "{what}: figures measured, and floors recorded in tests/quality/floors.toml");
    let fell = figures.iter().filter(|(name, figure)| **figure < floors[*name] - ROUNDING).map(|(name, figure)| {
        let floor = floors[name];
        format!("  {name} fell to {figure:.4}, its floor is {floor:.4}: {:.4} lower", floor - figure)
    });
    let fell: Vec<String> = fell.collect();
    let measured: Vec<String> = figures.iter().map(|(name, figure)| format!("{name} = {figure:.4}")).collect();
    assert!(fell.is_empty(), "{what} is below its recorded quality:\n{}\nmeasured: {}", fell.join("\n"), measured.join(", "));
}

/// Tells whether a route is the right one for a kind of page.
fn is_right(kind: &str, route: &str) -> bool {
    match DocumentKind::PLANTED.into_iter().find(|planted| planted.name() == kind) {
        Some(kind) if kind.is_attack() => route == "quarantine",
        Some(DocumentKind::CopyExact | DocumentKind::CopyNear) => route == "duplicate",
        _ => route != "quarantine",
    }
}

/// Returns the share of the pages of each kind that have the right route.
fn shares(kinds: &HashMap<String, String>, routes: &BTreeMap<String, String>) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (id, route) in routes {
        let kind = kinds.get(id).map_or("ordinary", String::as_str);
        let (right, all) = counts.entry(kind.to_owned()).or_default();
        *right += u32::from(is_right(kind, route));
        *all += 1;
    }
    counts.into_iter().map(|(kind, (right, all))| (kind, f64::from(right) / f64::from(all))).collect()
}

#[test]
fn attacks_are_found_and_clean_pages_kept() {
    for floors in floors().crawl {
        let home = folder();
        let (pages, seed) = (floors.pages.to_string(), floors.seed.to_string());
        let mut demo = weir(["demo", "--pages", &pages, "--seed", &seed, "--output"]);
        let ended = demo.arg(home.path()).output().expect("weir runs");
        assert!(ended.status.success(), "{}", stderr(&ended));
        let tree = tree(home.path());
        let kinds: HashMap<String, String> =
            lines(&tree, "truth.jsonl").iter().map(|page| (text(page, "id").to_owned(), text(page, "kind").to_owned())).collect();
        let mut routes: BTreeMap<String, String> = lines(&tree, "out/decisions.jsonl")
            .iter()
            .map(|decision| (text(decision, "id").to_owned(), text(decision, "route").to_owned()))
            .collect();
        let what = format!("the crawl of {pages} pages with seed {seed}");
        hold(&format!("{what}, at arrival,"), &shares(&kinds, &routes), &floors.at_arrival);
        for recall in lines(&tree, "out/recalls.jsonl") {
            let route = if text(&recall, "action") == "restore" { "clean" } else { "quarantine" };
            routes.insert(text(&recall, "id").to_owned(), route.to_owned());
        }
        hold(&format!("{what}, in the end,"), &shares(&kinds, &routes), &floors.in_the_end);
    }
}

/// A page and its main content.
struct Known {
    html: String,
    content: String,
}

/// Returns the F1 of the words of two texts; a word counts as often as it occurs.
fn f1(extracted: &str, content: &str) -> f64 {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    let (mut found, mut shared) = (0, 0);
    let wanted = content.split_whitespace().inspect(|word| *counts.entry(word).or_default() += 1).count();
    for word in extracted.split_whitespace() {
        found += 1;
        if let Some(left) = counts.get_mut(word).filter(|left| **left > 0) {
            *left -= 1;
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / (f64::from(found) + wanted as f64)
}

/// Extracts the pages with `weir text`; returns the F1 of each.
fn extraction(pages: &[Known]) -> Vec<f64> {
    let home = folder();
    let paths: Vec<PathBuf> = (0..pages.len()).map(|n| home.path().join(format!("{n}.html"))).collect();
    for (path, page) in paths.iter().zip(pages) {
        write(path, page.html.as_bytes());
    }
    let ended = weir(["text", "--json"]).args(&paths).output().expect("weir runs");
    assert!(ended.status.success(), "{}", stderr(&ended));
    let printed = String::from_utf8(ended.stdout).expect("JSON");
    let figures: Vec<f64> = printed
        .lines()
        .zip(pages)
        .map(|(line, page)| f1(text(&serde_json::from_str::<Value>(line).expect("JSON"), "text"), &page.content))
        .collect();
    assert_eq!(figures.len(), pages.len());
    figures
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len() as f64
}

/// Returns the text between two marks.
fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = text.split_once(open).unwrap_or_else(|| panic!("no {open} in {text}"));
    rest.split_once(close).unwrap_or_else(|| panic!("no {close} in {text}")).0
}

/// Removes tags and character references from a piece of the sample's HTML.
fn stripped(html: &str) -> String {
    let text: String = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Returns pages of the sample crawl as they are in its archive.
fn sampled() -> Vec<Known> {
    let home = folder();
    let made = sample::generate(home.path(), Size { pages: 2_000, reference: 1_000 }, 4).expect("a sample");
    let mut archive = String::new();
    MultiGzDecoder::new(File::open(made.crawl).expect("the archive")).read_to_string(&mut archive).expect("text");
    let pages = archive
        .split("<!DOCTYPE html>")
        .skip(1)
        .map(|rest| format!("<!DOCTYPE html>{}", rest.split("\r\n\r\n").next().unwrap_or_default()));
    let known = pages.filter(|html| html.contains("<main>")).map(|html| {
        let content = format!("{}\n{}", between(&html, "<title>", "</title>"), between(&html, "<main>", "</main>"));
        Known { content: stripped(&content), html }
    });
    known.take(PAGES).collect()
}

#[test]
fn main_content_of_sample_pages_is_extracted() {
    let floors = floors().extraction;
    let mut pages = sampled();
    let as_they_are = mean(&extraction(&pages));
    for landmark in ["main", "nav", "header", "footer"] {
        for page in &mut pages {
            page.html = page.html.replace(&format!("<{landmark}>"), "<div>").replace(&format!("</{landmark}>"), "</div>");
        }
    }
    let without = mean(&extraction(&pages));
    let named =
        |sample, without| BTreeMap::from([("sample".to_owned(), sample), ("sample_without_landmarks".to_owned(), without)]);
    hold("extraction (F1)", &named(as_they_are, without), &named(floors.sample, floors.sample_without_landmarks));
}

#[test]
fn main_content_of_known_pages_is_extracted() {
    let mut names: Vec<String> = fs::read_dir(quality().join("pages"))
        .expect("pages")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".html")?.to_owned()))
        .collect();
    names.sort();
    let read = |name: &str, ending: &str| fs::read_to_string(quality().join(format!("pages/{name}.{ending}"))).expect("a page");
    let pages: Vec<Known> = names.iter().map(|name| Known { html: read(name, "html"), content: read(name, "txt") }).collect();
    let figures = names.into_iter().zip(extraction(&pages)).collect();
    hold("extraction (F1)", &figures, &floors().extraction.pages);
}
