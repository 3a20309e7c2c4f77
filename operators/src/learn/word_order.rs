//! How much of what people write in a language does the background know, and from which score on is a
//! text of it gibberish?
//!
//! Both are found with documents that were held out and a background of the rest. The threshold lies
//! between what the held-out documents of the language reach at most and what random words of them
//! score, nearer to the latter: random words of a language with spaces score .97 to 1, those of a
//! language without them .7 to .9, because its words are short and common.

use std::collections::BTreeMap;

use script::is_unspaced_script;

use crate::{
    background::{Background, LanguageTally, PairTally, ReferenceDocument, WordOrder, cell, count_pairs},
    gibberish,
    text::{Language, Seed, Token, hash::mix},
};

/// Fewest held-out documents of a language that it is judged by. With fewer, all text of its script
/// stands for it.
const HELD_OUT_MIN: usize = 8;
/// Share of held-out documents that may score higher than what counts as the highest score.
const RATE: f64 = 0.002;
/// What a longer stream may score on top: for so many held-out documents that it cannot be more, and
/// times the inverse root of their number.
const MARGIN: f64 = 0.02;
const MARGIN_OF_FEW: f64 = 0.4;
/// Random windows of a language that are scored, and the share of them that may stay below.
const RANDOM_WINDOWS: usize = 64;
const RANDOM_MISSED: f64 = 0.05;
/// Where the threshold lies between the scores of ordinary text (0) and of random words (1). Without
/// spaces random words do not stay what they were: shorter and more common ones are found in them.
const BETWEEN: f64 = 0.7;
const BETWEEN_UNSPACED: f64 = 0.1;
/// The range of thresholds.
const THRESHOLDS: std::ops::RangeInclusive<f64> = 0.6..=gibberish::THRESHOLD_MAX;

const RANDOM_PAIRS: u64 = 0x7261_6e64_6f6d;

/// Learns from held-out documents and the rest.
pub(super) fn learn(seed: Seed, held: &[&ReferenceDocument], rest: &[&ReferenceDocument]) -> WordOrder {
    if held.is_empty() || rest.is_empty() {
        return WordOrder::default();
    }
    let part = count_pairs(seed, rest);
    let groups = by_group(held);
    let mut order = tallied(seed, &part, &groups, [rest, held]);
    for (&language, documents) in &groups {
        let Some(own) = order.language(language) else { continue };
        let ordinary = documents.iter().filter_map(|document| gibberish::score(&part, &document.tokens, own)).collect();
        let highest = highest(ordinary, documents.len());
        let random = random_windows(seed, documents);
        let random = lowest(random.iter().filter_map(|window| gibberish::score(&part, window, own)).collect());
        let between = if is_unspaced_script(language.script()) { BETWEEN_UNSPACED } else { BETWEEN };
        let threshold = (highest + between * (random - highest)).max(highest);
        order.set_threshold(language, threshold.clamp(*THRESHOLDS.start(), *THRESHOLDS.end()));
    }
    order
}

/// The held-out documents of each language, of each script that has several, and of all; without
/// languages that have too few.
fn by_group<'a>(held: &[&'a ReferenceDocument]) -> BTreeMap<Language, Vec<&'a ReferenceDocument>> {
    let mut by_group: BTreeMap<Language, Vec<&ReferenceDocument>> = BTreeMap::new();
    for document in held {
        for language in groups(document.language) {
            by_group.entry(language).or_default().push(document);
        }
    }
    by_group.retain(|&language, documents| language == Language::UNKNOWN || documents.len() >= HELD_OUT_MIN);
    by_group
}

/// Counts the pairs of each group.
fn tallied(
    seed: Seed,
    part: &Background,
    groups: &BTreeMap<Language, Vec<&ReferenceDocument>>,
    [rest, held]: [&[&ReferenceDocument]; 2],
) -> WordOrder {
    let (words_of_part, words) = (words_by_language(rest), words_by_language(&[rest, held].concat()));
    let mut all = LanguageTally::default();
    let mut languages = BTreeMap::new();
    for (&language, documents) in groups {
        let mut random = mix(seed.0 ^ RANDOM_PAIRS ^ u64::from(language.index()));
        let mut tally = LanguageTally { words: words.get(&language).copied().unwrap_or_default(), ..LanguageTally::default() };
        let words_of_part = words_of_part.get(&language).copied().unwrap_or_default();
        for document in documents {
            count(part, document, words_of_part, &mut random, &mut tally);
        }
        all.ordinary.join(&tally.ordinary);
        all.random.join(&tally.random);
        languages.insert(language, tally);
    }
    WordOrder::new(&all.ordinary, &all.random, languages)
}

/// Whose text a document is: its language's, its script's, everybody's; each once.
fn groups(language: Language) -> Vec<Language> {
    let mut groups = vec![language, language.undetermined(), Language::UNKNOWN];
    groups.dedup();
    groups
}

fn words_by_language(documents: &[&ReferenceDocument]) -> BTreeMap<Language, u64> {
    let mut words: BTreeMap<Language, u64> = BTreeMap::new();
    for document in documents {
        let own = document.tokens.iter().filter(|token| token.is_word()).count() as u64;
        for language in groups(document.language) {
            *words.entry(language).or_default() += own;
        }
    }
    words
}

/// Counts the pairs of a document's neighbouring words, and as many of words drawn from it.
fn count(part: &Background, document: &ReferenceDocument, words_of_language: u64, random: &mut u64, tally: &mut LanguageTally) {
    let words: Vec<Token> = document.tokens.iter().copied().filter(|token| token.is_word()).collect();
    let add = |tally: &mut PairTally, left: Token, right: Token| {
        let times = |token| part.words().get(token).1;
        if let Some(cell) = cell(times(left), times(right), words_of_language) {
            tally.add(cell, part.knows_pair(left, right));
        }
    };
    let mut draw = || {
        *random = mix(*random);
        words[(*random % words.len() as u64) as usize]
    };
    for pair in words.windows(2) {
        add(&mut tally.ordinary, pair[0], pair[1]);
        add(&mut tally.random, draw(), draw());
    }
}

/// Windows of distinct words of these documents, in an order that only the seed knows.
fn random_windows(seed: Seed, documents: &[&ReferenceDocument]) -> Vec<Vec<Token>> {
    let words = documents.iter().flat_map(|document| document.tokens.iter().copied()).filter(|token| token.is_word());
    let mut words: Vec<Token> = words.collect();
    words.sort_unstable_by_key(|token| (mix(seed.0 ^ RANDOM_PAIRS ^ u64::from(token.0)), *token));
    words.dedup();
    words.chunks_exact(gibberish::WINDOW).take(RANDOM_WINDOWS).map(<[Token]>::to_vec).collect()
}

/// The highest score that so many documents have, and what a longer stream may have on top.
fn highest(mut scores: Vec<f64>, documents: usize) -> f64 {
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let n = documents as f64;
    scores.get((RATE * n) as usize).copied().unwrap_or_default() + MARGIN + MARGIN_OF_FEW / n.sqrt()
}

/// The score that nearly all random windows reach.
fn lowest(mut scores: Vec<f64>) -> f64 {
    scores.sort_unstable_by(f64::total_cmp);
    scores.get((RANDOM_MISSED * scores.len() as f64) as usize).copied().unwrap_or(1.0)
}
