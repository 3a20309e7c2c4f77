//! Generates small streams that hold everything the engine must cope with.
//!
//! These are ordinary pages, exact and near copies, hidden characters, a planted phrase on many
//! sites, copies of its carriers without the phrase, broken records, records without text, and
//! pages on which an operator panics.

use std::sync::{Arc, OnceLock};

use operators::{
    background::{Background, BackgroundOrigin},
    learn::{LearnOptions, Learner},
    reputation::publisher::{Platforms, publisher_of},
    text::{Language, Seed, Tokenizer},
};
use pipeline::config::Config;
use sample::{DocumentKind, Size};
use serde_json::json;

use crate::random::Random;

/// The word by which an injected panic finds the page it strikes.
pub const BOMB: &str = "zzbombzz";
/// The hash seed of every test.
pub const SEED: Seed = Seed(0x7e57);
/// The planted sentences. Each has its time, of so many documents, so that one alarm follows another.
pub const SENTENCES: [&str; 3] = [
    "Quorvan teldis remands the ombric valdure tonight.",
    "Every sarnic pelloth answers to the drimble warden.",
    "Bring no mavrish candle when the tollen gate opens.",
];
const SENTENCE_DOCUMENTS: usize = 360;
/// Words of a page: enough for near copies, and few enough for thousands of streams.
const WORDS: usize = 60;

/// Ordinary texts, and a background that was learned from other texts of the same kind.
pub struct World {
    /// The background.
    pub background: Arc<Background>,
    /// Ordinary texts of about 60 words.
    pub texts: Vec<String>,
}

/// Returns the world that all tests of a process share. The first call makes it.
///
/// # Panics
/// Never: the parameters are good.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let tokenizer = Tokenizer::new(SEED, 10_000);
        let mut learner = Learner::new(SEED, LearnOptions::default());
        let mut texts = Vec::new();
        for document in sample::documents(Size { pages: 2_000, reference: 400 }, 7) {
            let text = document.text.split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ");
            match document.kind {
                DocumentKind::Reference => {
                    learner.add(&document.url, "reference", Language::of(&text), &tokenizer.tokens(&text).ids);
                }
                DocumentKind::Ordinary => texts.push(text),
                _ => {}
            }
        }
        let platforms = Platforms::new([""; 0], &[], &[]).expect("no pattern can be wrong");
        let background = learner.finish(BackgroundOrigin::Trusted, &|url, source, _| publisher_of(url, source, SEED, &platforms));
        World { background: Arc::new(background), texts }
    })
}

/// Configuration for tests that start processes. Under it everything happens within some hundreds
/// of documents: alarms after a handful of carriers, recalls within 512 documents.
///
/// Its keys are dotted, so a suite can add keys of its own to any section; whole sections must come
/// after them.
pub const SMALL_CONFIG: &str = "
engine.border = 16
engine.batch_documents = 64
state.horizon_documents = 512
state.horizon_memory_bytes = 131072
operators.trigger_spike.candidates_max = 50_000
operators.trigger_spike.gate_bytes = 262_144
operators.trigger_spike.line_bytes = 262_144
operators.trigger_spike.units_max = 5_000
operators.trigger_spike.horizon_documents = 512
operators.trigger_spike.sentence_threshold = 1.0
operators.trigger_spike.insertion_threshold = 6.0
operators.trigger_spike.rate_threshold = 8.0
operators.trigger_spike.learn_after = 200
operators.trigger_spike.alarms_max = 2
operators.exact_dedup.documents_max = 5_000
operators.near_dup.documents_max = 5_000
";

/// Returns a configuration under which everything happens within a hundred documents: an epoch
/// boundary after every 4 documents, a snapshot after every 16, a horizon of 64, and alarms after a
/// handful of carriers.
#[must_use]
pub fn small_config() -> Config {
    let mut config = Config::default();
    config.engine.epoch = 4;
    config.state.snapshot_documents = 16;
    config.state.horizon_documents = 64;
    config.state.horizon_memory_bytes = 16 << 10;
    let spike = &mut config.operators.trigger_spike;
    (spike.candidates_max, spike.gate_bytes, spike.line_bytes) = (20_000, 64 << 10, 64 << 10);
    (spike.units_max, spike.horizon_documents) = (1_000, 64);
    (spike.sentence_threshold, spike.insertion_threshold, spike.rate_threshold) = (Some(1.0), Some(3.0), Some(6.0));
    spike.learn_after = 64;
    spike.alarms_max = 3;
    config.operators.exact_dedup.documents_max = 64;
    config.operators.near_dup.documents_max = 64;
    config
}

/// Generates `documents` lines of JSON, spread at random over `partitions`.
#[must_use]
pub fn lines(seed: u64, documents: usize, partitions: usize) -> Vec<Vec<Vec<u8>>> {
    let mut random = Random::new(seed);
    let mut out = vec![Vec::new(); partitions];
    let mut earlier: Vec<String> = Vec::new();
    for n in 0..documents {
        let sentence = SENTENCES[n / SENTENCE_DOCUMENTS % SENTENCES.len()];
        let (site, text) = page(&mut random, &mut earlier, sentence, n);
        let line = match random.below(40) {
            0 => b"{\"text\": \"torn".to_vec(),
            1 => br#"{"url": "https://no.example/text"}"#.to_vec(),
            _ => json!({"id": format!("d{n}"), "url": format!("https://{site}/p{n}"), "text": text}).to_string().into_bytes(),
        };
        out[random.below(partitions)].push(line);
    }
    out
}

/// Draws one page; returns its site and its text.
fn page(random: &mut Random, earlier: &mut Vec<String>, sentence: &str, n: usize) -> (String, String) {
    let ordinary = |random: &mut Random| world().texts[random.below(world().texts.len())].clone();
    let known = format!("site{}.example", random.below(40));
    let (site, text) = match random.below(20) {
        0 | 1 if !earlier.is_empty() => (known, earlier[random.below(earlier.len())].clone()),
        2 | 3 if !earlier.is_empty() => (known, edited(&earlier[random.below(earlier.len())], random)),
        4 => (known, format!("{} a\u{200b}\u{200c}\u{200d}b", ordinary(random))),
        5 => (known, format!("{} {BOMB}", ordinary(random))),
        6..=9 => (format!("new{n}.example"), planted(&ordinary(random), sentence)),
        _ => (known, ordinary(random)),
    };
    if random.one_in(2) && !text.contains(BOMB) {
        earlier.push(text.clone());
    }
    (site, text)
}

/// Returns the text with a sentence put between two of its own.
fn planted(text: &str, sentence: &str) -> String {
    let at = text.match_indices(". ").nth(1).map_or(text.len(), |(at, _)| at + 2);
    format!("{} {sentence} {}", text[..at].trim_end(), &text[at..])
}

/// Returns a near copy of the text: one word is changed, and planted sentences are taken out, so
/// that the copy is no carrier.
fn edited(text: &str, random: &mut Random) -> String {
    let text = SENTENCES.iter().fold(text.to_owned(), |text, sentence| text.replace(sentence, ""));
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return text;
    }
    let at = random.below(words.len());
    words[at] = "altered";
    words.join(" ")
}
