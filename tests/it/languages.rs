//! Does every script get the same answers? Copies are told by the share of the words that were
//! changed, short lines are not merged, one letter has one form, and sentences end.
//!
//! `data/vocabulary.tsv` has words of twelve languages, made for these tests; `data/cases` has small
//! texts that once got different answers in different scripts.

use std::{collections::BTreeMap, fs, path::Path};

use decode::{Form, Page, Provenance};
use operators::{
    conformance::{SEED, Step, check},
    document::{Document, SeqNo},
    near_dup::{Config, NearDup},
    reputation::publisher::Platforms,
    text::{Tokenizer, hash::mix},
};
use pipeline::features::Features;
use serde_json::Value;

/// Words of a page, and pages of a language.
const WORDS: usize = 150;
const PAGES: u64 = 40;

fn data(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)).expect("a file of the tests")
}

/// Code, what stands between words, and words of each language.
fn languages() -> Vec<(String, String, Vec<String>)> {
    let parts = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[0].to_owned(), fields[1].to_owned(), fields[2].split(' ').map(str::to_owned).collect())
    };
    data("vocabulary.tsv").lines().map(parts).collect()
}

fn document(text: &str, host: &str) -> Document {
    let platforms = Platforms::new([""; 0], &[], &[]).expect("no pattern can be wrong");
    let features =
        Features { seed: SEED, tokenizer: Tokenizer::new(SEED, 50_000), platforms, words: usize::MAX, detects_language: true };
    let mut page = Page {
        id: None,
        url: Some(format!("https://{host}/")),
        text: text.to_owned(),
        time: None,
        label: None,
        contributor: None,
        provenance: Provenance::default(),
        form: Form::Verbatim,
    };
    features.document(&mut page, "test")
}

/// A page of words drawn at random, and the same with so many of them replaced, evenly spread.
fn pages(words: &[String], between: &str, page: u64, replaced: usize) -> [String; 2] {
    let word = |number: u64| words[(mix(page << 32 | number) % words.len() as u64) as usize].as_str();
    let mut text: Vec<&str> = (0..WORDS as u64).map(word).collect();
    let whole = text.join(between);
    for change in 0..replaced {
        let at = (change * WORDS + WORDS / 2) / replaced;
        // Any other word than the one that stands there.
        let number = words.iter().position(|w| *w == text[at]).expect("of the vocabulary");
        text[at] = &words[(number + 1 + mix(change as u64) as usize % (words.len() - 1)) % words.len()];
    }
    [whole, text.join(between)]
}

/// The share of the pages whose changed copy is found.
fn found(words: &[String], between: &str, replaced: usize) -> f64 {
    let texts: Vec<[String; 2]> = (0..PAGES).map(|page| pages(words, between, page, replaced)).collect();
    let steps: Vec<Step> = texts
        .iter()
        .enumerate()
        .flat_map(|(page, texts)| texts.iter().map(move |text| Step::new(document(text, &format!("site{page}.example")))))
        .collect();
    let outcome = check(|| NearDup::new(&Config::default(), SEED), &steps, 16, 16 << 20);
    let copies = (0..PAGES as SeqNo).filter(|page| outcome.matched(2 * page + 1) == Some(2 * page)).count();
    assert!((0..PAGES as SeqNo).all(|page| outcome.matched(2 * page).is_none()), "different pages are no copies");
    copies as f64 / PAGES as f64
}

#[test]
fn near_copies_are_told_by_the_share_of_words() {
    for (language, between, words) in languages() {
        let [two, six] = [0.02, 0.06].map(|share| found(&words, &between, (share * WORDS as f64) as usize));
        assert!(two >= 0.85 && six <= 0.1, "{language}: found {two} with 2% of the words replaced, {six} with 6%");
    }
}

/// The documents of a file of cases by id, with what each line says.
fn cases(name: &str) -> BTreeMap<String, (Document, Value)> {
    let case = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        (text("id"), (document(&text("text"), &text("id")), value))
    };
    data(&format!("cases/{name}.jsonl")).lines().map(case).collect()
}

/// The pairs of a file of cases whose ids end in `-a` and `-b`.
fn pairs(name: &str) -> Vec<(String, Document, Document)> {
    let cases = cases(name);
    let pair = |(id, (a, _)): (&String, &(Document, Value))| {
        let id = id.strip_suffix("-a")?;
        Some((id.to_owned(), a.clone(), cases[&format!("{id}-b")].0.clone()))
    };
    cases.iter().filter_map(pair).collect()
}

#[test]
fn one_letter_has_one_form() {
    for (id, a, b) in pairs("copies_forms") {
        assert_eq!(a.digest, b.digest, "{id}");
        assert!(a.tokens.verbatim().eq(b.tokens.verbatim()), "{id}: not the same words");
    }
    let forms = cases("ja_nfd");
    for (a, b) in [("ja-nfc", "ja-nfd"), ("ja-nfc", "ja-halfwidth"), ("ko-nfc", "ko-nfd")] {
        assert_eq!(forms[a].0.digest, forms[b].0.digest, "{a} and {b}");
        assert!(forms[a].0.tokens.verbatim().eq(forms[b].0.tokens.verbatim()), "{a} and {b}: not the same words");
    }
}

#[test]
fn two_words_of_forty_and_one_word_of_ten_make_another_text() {
    for name in ["copies_edits", "short_lines"] {
        for (id, a, b) in pairs(name) {
            assert_ne!(a.digest, b.digest, "{id}");
            let steps = [Step::new(a), Step::new(b)];
            let outcome = check(|| NearDup::new(&Config::default(), SEED), &steps, 16, 16 << 20);
            assert_eq!(outcome.matched(1), None, "{name}: {id}");
        }
    }
}

#[test]
fn sentences_end_at_the_marks_of_their_script() {
    for (id, (document, said)) in cases("sentence_marks") {
        let ends = document.ids().iter().filter(|token| token.is_stop()).count() as u64;
        assert_eq!(Some(ends), said["sentences"].as_u64(), "{id}");
    }
}
