//! What do several benches start from? A sample crawl, and an engine over a folder of state.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use mimalloc::MiMalloc;
use operators::{
    background::{Background, BackgroundOrigin},
    learn::{LearnOptions, Learner},
    reputation::publisher::{Platforms, publisher_of},
    text::{Language, Seed, Tokenizer},
};
use pipeline::{
    config::Config,
    layout::StateFolder,
    run::{Ingredients, Lists, Restored, assemble},
};
use sample::{DocumentKind, SampleDocument, Size};

/// As in the product.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The platforms that a background has found.
///
/// # Panics
/// Never: no pattern is given.
pub fn platforms(hosts: &BTreeSet<String>) -> Platforms {
    Platforms::new(hosts, &[], &[]).expect("no pattern, none wrong")
}

/// A sample crawl's pages, and a background of the same kind of text.
pub fn crawl(size: Size, sample_seed: u64, seed: Seed) -> (Arc<Background>, Vec<SampleDocument>) {
    let tokenizer = Tokenizer::new(seed, 50_000);
    let mut learner = Learner::new(seed, LearnOptions::default());
    let mut pages = Vec::new();
    for page in sample::documents(size, sample_seed) {
        match page.kind {
            DocumentKind::Reference => {
                learner.add(&page.url, "reference", Language::of(&page.text), &tokenizer.tokens(&page.text).ids);
            }
            _ => pages.push(page),
        }
    }
    let publisher = |url: &str, source: &str, hosts: &BTreeSet<String>| publisher_of(url, source, seed, &platforms(hosts));
    (Arc::new(learner.finish(BackgroundOrigin::Trusted, &publisher)), pages)
}

/// An engine over a folder of state: as that was left, or a new one.
///
/// # Panics
/// If the folder cannot be used.
pub fn restore(config: &Config, background: &Arc<Background>, seed: Seed, folder: &Path, partitions: &[&str]) -> Restored {
    let ingredients = Ingredients {
        background: Arc::clone(background),
        seed,
        verdicts: Vec::new(),
        lists: Lists::default(),
        verdict_digest: [0; 16],
        warnings: Vec::new(),
    };
    let state = StateFolder::new(folder.to_owned());
    let names = partitions.iter().map(|&name| name.to_owned()).collect();
    assemble::engine(config, &ingredients, &state, names).expect("an engine")
}
