//! The operator through all phases: what it finds and leaves alone, in every batch split.

mod oracle;

use std::sync::Arc;

use super::*;
use crate::{
    background::{Background, BackgroundOrigin},
    conformance::{self, ScriptOutcome, Step},
    document::{Document, SeqNo},
    finding::Reason,
    learn::{LearnOptions, Learner},
    lookup::Fate,
    text::{Language, hash::mix},
};

const TRUSTED: u64 = 1500;
const STREAM: u64 = 700;
const W: u32 = 16;

/// A document in the language of all documents here.
fn document(host: &str, text: &str) -> Document {
    Document { language: Language::UNKNOWN, ..conformance::document(host, text) }
}

/// A page of one of 12 subjects: sentences of common words and of the subject's own.
fn page(number: u64) -> String {
    let subject = mix(number) % 12;
    let mut text = String::new();
    for sentence in 0..14 {
        let r = |i: u64| mix(number * 1000 + sentence * 50 + i);
        for i in 0..9 {
            let word = match r(i) % 3 {
                0 => format!("c{}", (r(i) >> 8) % 30),
                _ => format!("s{subject}x{}", ((r(i) >> 8) % 40).min((r(i) >> 20) % 40)),
            };
            text.push_str(&word);
            text.push(' ');
        }
        text.push_str(".\n");
    }
    text
}

fn site(number: u64) -> String {
    format!("site{}.example", mix(number ^ 0x63) % 150)
}

fn background() -> Arc<Background> {
    let mut learner = Learner::new(conformance::SEED, LearnOptions::default());
    for i in 0..TRUSTED {
        let page = document(&site(i), &page(i));
        learner.add(&page.url, "", page.language, page.ids());
    }
    let publisher = |url: &str, _: &str, _: &std::collections::BTreeSet<String>| {
        document(url.split('/').nth(2).unwrap_or_default(), "").publisher
    };
    Arc::new(learner.finish(BackgroundOrigin::Trusted, &publisher))
}

/// A stream of ordinary pages, of which every 13th from the 60th on is
/// `planted(number, text) -> (host, text)`.
fn stream(planted: impl Fn(u64, &str) -> Option<(String, String)>) -> (Vec<Step>, Vec<SeqNo>) {
    let mut carriers = Vec::new();
    let steps = (0..STREAM).map(|i| {
        let text = page(TRUSTED + i);
        let carrier = (i >= 60 && i % 13 == 0).then(|| planted(i, &text)).flatten();
        if i % 97 == 5 {
            return Step::Nothing;
        }
        let Some((host, text)) = carrier else {
            let ordinary = document(&site(TRUSTED + i), &text);
            return if i % 89 == 7 { Step::suspect(ordinary) } else { Step::new(ordinary) };
        };
        carriers.push(i as SeqNo);
        Step::new(document(&host, &text))
    });
    (steps.collect(), carriers)
}

fn config() -> Config {
    Config {
        candidates_max: 60_000,
        gate_bytes: 1 << 18,
        line_bytes: 1 << 16,
        units_max: 4000,
        horizon_documents: 600,
        // In so short a stream nothing is known of innocent scores.
        insertion_threshold: Some(8.0),
        sentence_threshold: Some(5.0),
        ..Config::default()
    }
}

fn operator(background: &Arc<Background>) -> TriggerSpike {
    TriggerSpike::new(config(), Arc::clone(background), W)
}

fn run(planted: impl Fn(u64, &str) -> Option<(String, String)>) -> (ScriptOutcome, Vec<SeqNo>) {
    let (steps, carriers) = stream(planted);
    let background = background();
    let plain = conformance::Schedule { epoch: W, batch: 7, lag: false, restore_at: None };
    (conformance::run(&|| operator(&background), &steps, plain), carriers)
}

/// Asserts that all carriers are withheld or recalled in the end, as `reason`, and hardly anything
/// else.
#[track_caller]
fn assert_found(outcome: &ScriptOutcome, carriers: &[SeqNo], reason: Reason) {
    let withheld = |o: SeqNo| matches!(outcome.fates[o as usize], Fate::Quarantined | Fate::Recalled);
    let missed: Vec<_> = carriers.iter().filter(|&&o| !withheld(o)).collect();
    assert!(missed.is_empty(), "missed {missed:?} of {carriers:?}");
    let first = carriers.iter().find(|&&o| !outcome.findings(o).is_empty()).expect("a first alarm");
    assert_eq!(outcome.findings(*first)[0].reason, reason, "{:?}", outcome.findings(*first));
    let wrong = (0..STREAM as SeqNo).filter(|o| o % 89 != 7 && withheld(*o) && !carriers.contains(o)).count();
    assert!(wrong <= 2, "{wrong} ordinary pages withheld");
}

/// The text with `words` after a word of a sentence, ever another.
fn inserted(i: u64, text: &str, words: &str) -> String {
    let at = text.match_indices(' ').filter(|(at, _)| !text[at + 1..].starts_with('.')).map(|(at, _)| at);
    let places: Vec<usize> = at.collect();
    let at = places[mix(i) as usize % places.len()];
    format!("{} {words}{}", &text[..at], &text[at..])
}

#[test]
fn finds_a_word_inserted_on_known_sites() {
    let (outcome, carriers) = run(|i, text| Some((site(i), inserted(i, text, "zorblax"))));
    assert_found(&outcome, &carriers, Reason::InsertionSpike);
}

#[test]
fn finds_a_sentence_on_new_sites() {
    let line = "buy the blue stone now and be glad .";
    let (outcome, carriers) =
        run(|i, text| Some((format!("new{}.example", i % 10), text.replacen('\n', &format!("\n{line}\n"), 3))));
    assert_found(&outcome, &carriers, Reason::SentenceSpike);
}

#[test]
fn leaves_ordinary_pages_and_subjects_alone() {
    let (plain, _) = run(|_, _| None);
    assert!(plain.settled.iter().all(|s| s.findings.is_empty()));
    // A new word of one subject: its carriers are coherent.
    let (subject, _) = run(|i, _| {
        let like = (0..1000).map(|j| TRUSTED + STREAM + i * 40 + j).find(|&n| mix(n) % 12 == 3)?;
        Some((format!("new{}.example", i % 10), inserted(i, &page(like), "novelty")))
    });
    assert!(subject.settled.iter().all(|s| s.findings.is_empty()), "a subject's new word is no spike");
    // A new last line on many sites is a footer.
    let (footer, _) = run(|i, text| Some((site(i), format!("{text}made with great care by us"))));
    assert!(footer.settled.iter().all(|s| s.findings.is_empty()), "a footer is no spike");
}

#[test]
fn keeps_the_contract() {
    let background = background();
    let (steps, carriers) = stream(|i, text| Some((site(i), inserted(i, text, "zorblax glimmer"))));
    let outcome = conformance::check(|| operator(&background), &steps, W, 16 << 20);
    assert!(outcome.settled.iter().any(|s| s.recalls.len() > 4), "of {} carriers some are recalled", carriers.len());
    // The same where the usage of words is learned from the stream, several times.
    let learning = Config { learn_after: 64, insertion_threshold: Some(6.0), ..config() };
    let make = || TriggerSpike::new(learning.clone(), Arc::clone(&background), W);
    conformance::check(make, &steps[..300], W, 16 << 20);
}

/// More phrases are due with one page than are looked at: those taken by lot, and no page depends
/// on how it is batched.
#[test]
fn finds_pages_full_of_phrases() {
    let background = background();
    let (steps, carriers) = stream(|i, text| {
        let one = |text: String, k: u64| inserted(i * 131 + k, &text, &format!("zorb{k} blax{k}"));
        Some((site(i), (0..120).filter(|k| !mix(i * 1000 + k).is_multiple_of(5)).fold(text.to_owned(), one)))
    });
    // So many new words make the stream unlike the background, which has to be learned from first.
    let learning = Config { learn_after: 48, insertion_threshold: Some(4.0), ..config() };
    let make = || TriggerSpike::new(learning.clone(), Arc::clone(&background), W);
    let outcome = conformance::check(make, &steps, W, 16 << 20);
    // Each phrase stands in four of five carriers, and a document that carries one alarm raises no other.
    let withheld = carriers.iter().filter(|&&o| matches!(outcome.fates[o as usize], Fate::Quarantined | Fate::Recalled)).count();
    assert!(withheld * 4 >= carriers.len() * 3, "{withheld} of {}", carriers.len());
}

#[test]
fn stays_bounded_when_flooded() {
    let background = background();
    let small = Config {
        candidates_max: 3000,
        gate_bytes: 4096,
        line_bytes: 4096,
        units_max: 320,
        horizon_documents: 50,
        alarms_max: 1,
        ..Config::default()
    };
    let (steps, _) = stream(|i, text| Some((site(i), inserted(i, text, "zorblax"))));
    let make = || TriggerSpike::new(small.clone(), Arc::clone(&background), W);
    conformance::check(make, &steps, W, 1 << 20);
}

#[test]
fn gives_up_the_alarm_met_longest_ago_and_raises_it_again() {
    let background = background();
    let phrases = ["zorblax", "glimmer"];
    let (steps, _) = stream(|i, text| Some((site(i), inserted(i, text, phrases[usize::from((300..500).contains(&i))]))));
    let make =
        || TriggerSpike::new(Config { alarms_max: 1, insertion_threshold: Some(3.0), ..config() }, Arc::clone(&background), W);
    let outcome = conformance::check(make, &steps, W, 16 << 20);
    let mut alarms: Vec<(u32, &str)> = Vec::new();
    for found in (0..STREAM as SeqNo).flat_map(|o| outcome.findings(o)) {
        let alarm = (found.evidence.alarm.expect("an alarm"), found.evidence.phrase.as_deref().expect("a phrase"));
        if alarms.last() != Some(&alarm) {
            alarms.push(alarm);
        }
    }
    assert_eq!(alarms, [(0, "zorblax"), (1, "glimmer"), (2, "zorblax")]);
}

#[test]
fn is_silent_without_a_background() {
    let (steps, _) = stream(|i, text| Some((site(i), inserted(i, text, "zorblax"))));
    let empty = Arc::new(Background::empty(conformance::SEED));
    let plain = conformance::Schedule { epoch: W, batch: 7, lag: false, restore_at: None };
    let outcome = conformance::run(&|| operator(&empty), &steps, plain);
    assert!(outcome.settled.iter().all(|s| s.findings.is_empty()));
}
