//! Does a text have words in an order that nobody writes?
//!
//! A window of 64 words is moved over the text in steps of 8. Its score is the share of
//! neighbouring words that no document of the background has side by side, times the share of
//! different words in the window (lists repeat words, random words do not). From which score on that
//! is gibberish is learned for each language from text that was held out.
//!
//! A high score may only say that the background knows little. So the window is weighed, too: each
//! pair of words, known or not, is more or less likely among random words than in ordinary text of
//! that language, given how common the two are and how much text of the language there is
//! ([`WordOrder`](crate::background::WordOrder)). Only what is hundreds of times likelier among random
//! words is reported, so a language of which the background knows too little gives no findings.
//!
//! Text in a language that the background does not have is judged only if its words are known
//! nonetheless: random pieces of English look like many a language. A window in which three quarters
//! of the words are unknown is always ignored: it is code, or yet another language.
//!
//! **Finds** random words or word pieces, with or without a trigger before them. **Misses** text
//! that is generated from real word pairs, stretches of fewer than 32 words, and languages that the
//! background does not have.
//!
//! **Cost** three cache lines a word. **State** none beside the background; without one the operator
//! is off.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    background::{Background, LanguageOrder},
    config::OperatorConfig,
    document::Document,
    finding::{Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
    text::Token,
};

/// Words of a window.
pub const WINDOW: usize = 64;
const STEP: usize = 8;
/// Share of unknown words from which on a window is ignored; and the same of text in a language that
/// the background does not have.
const UNKNOWN_MAX: f64 = 0.75;
const UNKNOWN_MAX_ABROAD: f64 = 0.4;
/// Words from the beginning of a window on that are weighed, if the window alone does not say enough.
const WEIGHED: usize = 4 * WINDOW;
/// The logarithm of how much likelier a window must be among random words: 400 times.
const EVIDENCE_MIN: f64 = 6.0;
/// The highest score that a text may need to be gibberish. Random words of a language with spaces
/// score .97 to 1.
pub const THRESHOLD_MAX: f64 = 0.96;

/// `[operators.gibberish]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Score, 0 to 1, from which on a document is withheld. Unset: as learned with the background for
    /// each language, .6 to .96.
    pub threshold: Option<f64>,
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let bad = self.threshold.filter(|&got| !(got > 0.0 && got <= 1.0));
        bad.map(|got| ("threshold", format!("got {got}, expected more than 0 and at most 1"))).into_iter().collect()
    }
}

/// See the [module documentation](self).
#[derive(Clone, Debug)]
pub struct Gibberish {
    background: Arc<Background>,
    threshold: Option<f64>,
}

impl Gibberish {
    /// The name of the inspector, which never changes.
    pub const NAME: &'static str = "gibberish";

    /// An inspector that compares with a background.
    #[must_use]
    pub fn new(config: &Config, background: Arc<Background>) -> Self {
        Self { background, threshold: config.threshold }
    }
}

impl Inspector for Gibberish {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        let (orders, language) = (self.background.word_order(), document.language);
        let own = orders.language(language);
        let Some(order) = own.or_else(|| orders.around(language)) else { return };
        let unknown_max = if own.is_none() && language.is_known() { UNKNOWN_MAX_ABROAD } else { UNKNOWN_MAX };
        let words = PairedWords::of(&self.background, document.own_ids(), order);
        let Some(Window { score, first, last }) = words.worst(&self.background, unknown_max, EVIDENCE_MIN) else { return };
        let threshold = self.threshold.unwrap_or(order.threshold());
        if score < threshold {
            return;
        }
        // Scores from the threshold to 1 become scores from one half to certainty.
        let excess = (score - threshold) / (1.0 - threshold).max(1e-9);
        let mut finding = Finding::new(Self::NAME, Reason::Gibberish, Score::new(0.5 + 0.5 * excess));
        finding.evidence.observed = Some(score);
        finding.evidence.expected = Some(threshold);
        finding.evidence.spans = document.tokens.range(first, last + 1).into_iter().collect();
        found.push(finding);
    }
}

/// The highest score of a text, 0 to 1, in windows that say half as much as is needed. `None` if there
/// are none.
#[must_use]
pub fn score(background: &Background, tokens: &[Token], order: &LanguageOrder) -> Option<f64> {
    let worst = PairedWords::of(background, tokens, order).worst(background, UNKNOWN_MAX, EVIDENCE_MIN / 2.0);
    worst.map(|window| window.score)
}

/// A window with its score, and the places of its first and last word among the tokens.
struct Window {
    score: f64,
    first: usize,
    last: usize,
}

/// The words of a text, and what stands side by side.
struct PairedWords {
    /// Each word with its place among the tokens.
    words: Vec<(usize, Token)>,
    /// How many pairs up to each word the background does not know.
    unseen: Vec<u32>,
    /// What the pairs up to each word say together.
    evidence: Vec<f64>,
}

impl PairedWords {
    fn of(background: &Background, tokens: &[Token], order: &LanguageOrder) -> Self {
        let words: Vec<(usize, Token)> = tokens.iter().copied().enumerate().filter(|(_, t)| t.is_word()).collect();
        let (mut unseen, mut evidence) = (vec![0; words.len()], vec![0.0; words.len()]);
        let times = |i: usize| background.words().get(words[i].1).1;
        let mut left = if words.is_empty() { 0 } else { times(0) };
        for i in 1..words.len() {
            let known = background.knows_pair(words[i - 1].1, words[i].1);
            let right = times(i);
            unseen[i] = unseen[i - 1] + u32::from(!known);
            evidence[i] = evidence[i - 1] + f64::from(order.evidence(left, right, known));
            left = right;
        }
        Self { words, unseen, evidence }
    }

    /// The window with the highest score of those that weigh enough and are not of unknown words. A
    /// text of 32 to 63 words is one window.
    fn worst(&self, background: &Background, unknown_max: f64, evidence_min: f64) -> Option<Window> {
        let words = &self.words;
        if words.len() < WINDOW / 2 {
            return None;
        }
        let size = WINDOW.min(words.len());
        let mut best: Option<Window> = None;
        for start in (0..=words.len() - size).step_by(STEP) {
            let end = start + size - 1;
            let rate = f64::from(self.unseen[end] - self.unseen[start]) / (size - 1) as f64;
            let highest = best.as_ref().map_or(-1.0, |best| best.score);
            // Rare words say little each, and more of them say more.
            let far = (start + WEIGHED - 1).min(words.len() - 1);
            let evidence = self.evidence[end].max(self.evidence[far]) - self.evidence[start];
            if rate <= highest || evidence < evidence_min {
                continue;
            }
            let (types, unknown) = variety(background, &words[start..=end]);
            if unknown < unknown_max && rate * types > highest {
                best = Some(Window { score: rate * types, first: words[start].0, last: words[end].0 });
            }
        }
        best
    }
}

/// The share of different words in a window, and of words that the background does not have.
fn variety(background: &Background, window: &[(usize, Token)]) -> (f64, f64) {
    let mut sorted = [Token::BREAK; WINDOW];
    let sorted = &mut sorted[..window.len()];
    sorted.iter_mut().zip(window).for_each(|(s, w)| *s = w.1);
    sorted.sort_unstable();
    let types = sorted.chunk_by(|a, b| a == b).count();
    let unknown = sorted.iter().filter(|&&t| background.words().get(t).0 == 0).count();
    let n = window.len() as f64;
    (types as f64 / n, unknown as f64 / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        background::BackgroundOrigin,
        conformance,
        learn::{LearnOptions, Learner},
        text::{Language, hash::mix},
    };

    /// Sentences of a tiny language of so many words: each is followed by one of three.
    fn prose_of(seed: u64, n: usize, word: &str, vocabulary: u64) -> String {
        let mut at = mix(seed) % vocabulary;
        let mut words = Vec::new();
        for i in 0..n {
            words.push(format!("{word}{at}"));
            at = (at * 7 + 1 + mix(seed ^ mix(i as u64)) % 3) % vocabulary;
        }
        words.join(" ")
    }

    fn prose(seed: u64, n: usize) -> String {
        prose_of(seed, n, "word", 300)
    }

    fn salad(seed: u64, n: u64, prefix: &str) -> String {
        (0..n).map(|i| format!("{prefix}{}", mix(seed ^ mix(i)) % 300)).collect::<Vec<_>>().join(" ")
    }

    fn language(code: &str) -> Language {
        Language::parse(code).expect("a code")
    }

    /// A background with 400 documents of a language of 300 words, and 60 of one of 20,000.
    fn inspector() -> Gibberish {
        let mut learner = Learner::new(conformance::SEED, LearnOptions::default());
        let mut add = |text: &str, code| {
            let document = conformance::document("a.example", text);
            learner.add("https://a.example", "", language(code), document.ids());
        };
        (0..400).for_each(|d| add(&prose(d, 120), "deu"));
        (0..60).for_each(|d| add(&prose_of(d, 120, "term", 20_000), "fin"));
        let publisher = conformance::document("a.example", "").publisher;
        Gibberish::new(&Config::default(), Arc::new(learner.finish(BackgroundOrigin::Trusted, &|_, _, _| publisher.clone())))
    }

    fn found_in(inspector: &Gibberish, code: &str, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        inspector.inspect(&Document { language: language(code), ..conformance::document("b.example", text) }, &mut found);
        found
    }

    fn found(inspector: &Gibberish, text: &str) -> Vec<Finding> {
        found_in(inspector, "deu", text)
    }

    #[test]
    fn a_language_is_judged_by_what_is_known_of_it() {
        let inspector = inspector();
        for d in 0..200 {
            let text = prose_of(9000 + d, 150, "term", 20_000);
            assert_eq!(found_in(&inspector, "fin", &text), [], "most of its pairs are new");
            assert_eq!(found_in(&inspector, "spa", &text), [], "of another language nothing is known");
            assert_eq!(found_in(&inspector, "ell", &prose_of(d, 150, "lexi", 300)), []);
            assert_eq!(found_in(&inspector, "spa", &prose(9000 + d, 150)), [], "known words in order");
        }
        let random = salad(5, 100, "word");
        assert_eq!(found(&inspector, &random).len(), 1);
        assert_eq!(found_in(&inspector, "spa", &random).len(), 1, "known words that were taken for another language");
    }

    #[test]
    fn salad_is_found_where_it_stands() {
        let inspector = inspector();
        let before = prose(9001, 100);
        let text = format!("{before} {}", salad(5, 80, "word"));
        let findings = found(&inspector, &text);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].score.get() >= 0.5);
        let (from, to) = findings[0].evidence.spans[0];
        assert!(from as usize > before.len() / 2 && (to as usize) <= text.len() && from < to);
    }

    #[test]
    fn ordinary_and_foreign_text_is_not() {
        let inspector = inspector();
        for d in 0..200 {
            assert_eq!(found(&inspector, &prose(7000 + d, 150)), []);
        }
        assert_eq!(found(&inspector, &salad(1, 200, "unknown")), [], "unknown words say nothing");
        assert_eq!(found(&inspector, &salad(1, 30, "word")), [], "too short");
        assert_eq!(found(&inspector, &"word1 word5 ".repeat(100)), [], "repetition");
        let off = Gibberish::new(&Config::default(), Arc::new(Background::empty(conformance::SEED)));
        assert_eq!(found(&off, &salad(1, 200, "word")), []);
    }
}
