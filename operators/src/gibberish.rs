//! Does a text have words in an order that nobody writes?
//!
//! A window of 64 words is moved over the text in steps of 8. Its score is the share of
//! neighbouring words that no document of the background has side by side, times the share of
//! different words in the window (lists repeat words, random words do not). A window in which three
//! quarters of the words are unknown is ignored: it is another language, or code.
//!
//! **Finds** random words or word pieces, with or without a trigger before them. **Misses** text
//! that is generated from real word pairs, stretches of fewer than 32 words, and languages that the
//! background does not have.
//!
//! **Cost** one cache line a word. **State** none beside the background; without one the operator
//! is off.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    background::Background,
    config::OperatorConfig,
    document::Document,
    finding::{Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
    text::Token,
};

const WINDOW: usize = 64;
const STEP: usize = 8;
/// Share of unknown words from which on a window is ignored.
const UNKNOWN_MAX: f64 = 0.75;

/// `[operators.gibberish]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Score, 0 to 1, from which on a document is withheld. Unset: as calibrated with the
    /// background, at most .96.
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
    threshold: f64,
}

impl Gibberish {
    /// The name of the inspector, which never changes.
    pub const NAME: &'static str = "gibberish";

    /// An inspector that compares with a background.
    #[must_use]
    pub fn new(config: &Config, background: Arc<Background>) -> Self {
        let threshold = config.threshold.unwrap_or(background.thresholds().gibberish);
        Self { background, threshold }
    }
}

impl Inspector for Gibberish {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        let Some((score, window)) = worst(&self.background, document.own_ids()) else { return };
        if score < self.threshold {
            return;
        }
        // Scores from the threshold to 1 become scores from one half to certainty.
        let excess = (score - self.threshold) / (1.0 - self.threshold).max(1e-9);
        let mut finding = Finding::new(Self::NAME, Reason::Gibberish, Score::new(0.5 + 0.5 * excess));
        finding.evidence.observed = Some(score);
        finding.evidence.expected = Some(self.threshold);
        finding.evidence.spans = document.tokens.range(window.0, window.1 + 1).into_iter().collect();
        found.push(finding);
    }
}

/// The score of a text, 0 to 1. It is 0 if the text is too short or the background empty.
#[must_use]
pub fn score(background: &Background, tokens: &[Token]) -> f64 {
    worst(background, tokens).map_or(0.0, |(score, _)| score)
}

/// The highest score of a window, with the indices of its first and last word. A text of 32 to 63
/// words is one window.
fn worst(background: &Background, tokens: &[Token]) -> Option<(f64, (usize, usize))> {
    if background.documents() == 0 {
        return None;
    }
    let words: Vec<(usize, Token)> = tokens.iter().copied().enumerate().filter(|(_, t)| t.is_word()).collect();
    if words.len() < WINDOW / 2 {
        return None;
    }
    let size = WINDOW.min(words.len());
    let mut unseen = vec![0u32; words.len()];
    for i in 1..words.len() {
        unseen[i] = unseen[i - 1] + u32::from(!background.knows_pair(words[i - 1].1, words[i].1));
    }
    let mut best = (0.0, 0.0, 0);
    for start in (0..=words.len() - size).step_by(STEP) {
        let rate = f64::from(unseen[start + size - 1] - unseen[start]) / (size - 1) as f64;
        if rate <= best.0 {
            continue;
        }
        let (types, unknown) = variety(background, &words[start..start + size]);
        if rate * types > best.0 {
            best = (rate * types, unknown, start);
        }
    }
    let (score, unknown, start) = best;
    (unknown < UNKNOWN_MAX).then(|| (score, (words[start].0, words[start + size - 1].0)))
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
        text::hash::mix,
    };

    /// Sentences of a tiny language: word i is followed by one of three.
    fn prose(seed: u64, n: usize) -> String {
        let mut at = mix(seed) % 300;
        let mut words = Vec::new();
        for i in 0..n {
            words.push(format!("word{at}"));
            at = (at * 7 + 1 + mix(seed ^ mix(i as u64)) % 3) % 300;
        }
        words.join(" ")
    }

    fn salad(seed: u64, n: u64, prefix: &str) -> String {
        (0..n).map(|i| format!("{prefix}{}", mix(seed ^ mix(i)) % 300)).collect::<Vec<_>>().join(" ")
    }

    fn inspector() -> Gibberish {
        let mut learner = Learner::new(conformance::SEED, LearnOptions::default());
        for d in 0..400 {
            let document = conformance::document("a.example", &prose(d, 120));
            learner.add("https://a.example", "", document.language, document.ids());
        }
        let publisher = conformance::document("a.example", "").publisher;
        Gibberish::new(&Config::default(), Arc::new(learner.finish(BackgroundOrigin::Trusted, &|_, _, _| publisher.clone())))
    }

    fn found(inspector: &Gibberish, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        inspector.inspect(&conformance::document("b.example", text), &mut found);
        found
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
