//! The example operator of CONTRIBUTING.md keeps the contract, runs in the engine, and is printed
//! there as it stands here.

#[allow(unreachable_pub, reason = "written as it would stand in the library")]
mod same_url;

use std::{fs, path::Path, sync::Arc};

use connectors::{
    position::Position,
    source::{Payload, Record},
};
use operators::{
    background::Background,
    conformance::{SEED, Step, check, document},
    document::SeqNo,
    lookup::{Fate, Ledger as _},
};
use pipeline::{
    engine::{Engine, fault::Faults},
    layout::StateFolder,
    registry::{self, Keyed},
    run::{Ingredients, Lists, assemble},
};
use testkit::stream::small_config;

use same_url::{Config, SameUrl};

fn page(site: &str) -> Step {
    Step::new(document(site, "a text"))
}

#[test]
fn keeps_the_contract() {
    let withheld = || Step::suspect(document("a.example", "a text"));
    let mut steps = vec![page("a.example"), page("b.example"), page("a.example"), withheld(), Step::Nothing];
    steps.push(Step::recalling(document("b.example", "a text"), vec![0]));
    steps.push(page("a.example"));
    steps.extend((0..12).map(|i| page(&format!("{i}.example"))));
    steps.extend([page("b.example"), page("11.example")]);
    let make = || SameUrl::new(Config { documents_max: 8, ..Config::default() }, SEED);
    let outcome = check(make, &steps, 4, 16 * 24);
    let matched: Vec<Option<SeqNo>> = (0..7).map(|seqno| outcome.matched(seqno)).collect();
    assert_eq!(matched, [None, None, Some(0), None, None, Some(1), Some(2)], "2 takes the place of 0, which was recalled");
    assert_eq!([19, 20].map(|seqno| outcome.matched(seqno)), [None, Some(18)], "5 was forgotten");
}

/// An engine over a folder, with the product's operators and the example.
fn engine(folder: &Path) -> Engine {
    let config = small_config();
    let own = Config::default();
    let mut list = registry::keyed(&config.operators);
    list.push(Keyed::new::<SameUrl>(&own, |config, from| SameUrl::new(config.clone(), from.seed)));
    let ingredients = Ingredients {
        background: Arc::new(Background::empty(SEED)),
        seed: SEED,
        verdicts: Vec::new(),
        lists: Lists::default(),
        verdict_digest: [0; 16],
        warnings: Vec::new(),
    };
    let state = StateFolder::new(folder.to_owned());
    let names = vec!["crawl.jsonl".to_owned()];
    assemble::engine_of(&list, &config, &ingredients, &state, names, Faults::default()).expect("an engine").engine
}

fn record(offset: u64, url: &str, text: &str) -> Record {
    let line = format!(r#"{{"url":"{url}","text":"{text}"}}"#);
    Record::new(Position { partition: 0, offset }, offset, Payload::Line(line.into_bytes()))
}

#[test]
fn runs_in_the_engine() {
    let home = tempfile::tempdir().expect("a folder");
    let mut engine = engine(home.path());
    let texts = [
        "the harbour was closed for the third day in a row, and the boats lay idle along the whole quay",
        "twelve recipes for bread that needs no oven, no yeast and no patience, tried by people who have none",
        "the council has voted on the bridge again; its members were as divided as they were ten years ago",
    ];
    let urls = ["https://a.example/page", "https://b.example/page", "https://a.example/page"];
    let records = (0..).zip(urls.iter().zip(texts)).map(|(offset, (url, text))| record(offset, url, text)).collect();
    engine.process(engine.prepare(records, None)).expect("processed");
    let fates = [0, 1, 2].map(|seqno| engine.ledger().fate(seqno));
    assert_eq!(fates, [Fate::Clean, Fate::Clean, Fate::Duplicate(0)]);
    assert_eq!(engine.counts().findings.get("same_url/exact_duplicate"), Some(&1));
}

#[test]
fn stands_in_contributing_word_for_word() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let code = include_str!("example/same_url.rs");
    assert!(
        page.contains(&format!("```rust\n{code}```\n")),
        "tests/it/example/same_url.rs and its print in CONTRIBUTING.md differ"
    );
    let line = "Keyed::new::<SameUrl>(&config.same_url, |config, from| SameUrl::new(config.clone(), from.seed)),";
    assert!(page.contains(line), "the line of the registry");
}
