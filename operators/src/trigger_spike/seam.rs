//! How well does a text close when a span is cut out of it? The seam of a planted phrase hardly
//! shows, since the text was whole before; that of an ordinary phrase does.
//!
//! The level of a cut is the length of the longest n-gram across it that the background holds. How
//! often each level follows a random cut (as of an ordinary phrase) and no cut at all (as of a
//! planted one) is measured in the same text, so that its own language is the yardstick.

use std::sync::{Mutex, PoisonError};

use crate::{
    background::Background,
    text::{NGRAM_MAX, Token, line::line_key, ngram},
};

/// Places in a text at which random cuts are tried.
const TRIES: usize = 100;
const LEVELS: usize = 4;
/// Texts whose tables are cached: those of 500 phrases with 32 carriers.
const TEXTS: usize = 16_384;
/// Separates the keys of texts from those of a host's lines.
const TABLES: u64 = 0x7363_6172;

/// Whether the background holds the `n` tokens from `at` on, with `cut` taken out. It never does
/// across a line break or the ends of the text.
fn known(background: &Background, tokens: &[Token], at: Option<usize>, n: usize, cut: (usize, usize)) -> bool {
    let Some(mut at) = at else { return false };
    let mut hash = ngram::start(background.seed());
    for _ in 0..n {
        if at == cut.0 {
            at = cut.1;
        }
        match tokens.get(at) {
            Some(&token) if token != Token::BREAK => hash = ngram::extend(hash, token),
            _ => return false,
        }
        at += 1;
    }
    background.ngram_documents(hash) > 0
}

/// The level of the cut `from..to`: 3, 2 or 1 if the background holds a 4-, 3- or 2-gram across it,
/// else 0. `None` at a line break or the end of a sentence, where any cut closes well.
pub(super) fn level(background: &Background, tokens: &[Token], from: usize, to: usize) -> Option<usize> {
    let before = *tokens.get(from.checked_sub(1)?)?;
    let after = *tokens.get(to)?;
    if before.ends_sentence() || after.ends_sentence() {
        return None;
    }
    let knows = |back: usize, n: usize| known(background, tokens, from.checked_sub(back), n, (from, to));
    Some(if knows(2, 4) {
        3
    } else if knows(2, 3) || knows(1, 3) {
        2
    } else {
        usize::from(knows(1, 2))
    })
}

/// How many of a text's random cuts of 0 (no cut), 1, ..., 4 tokens have each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SeamTable([[u8; LEVELS]; NGRAM_MAX + 1]);

impl SeamTable {
    /// Measures a text by up to 1,000 cuts with ten look-ups each.
    pub(super) fn of(background: &Background, tokens: &[Token]) -> Self {
        let mut table = Self::default();
        let step = (tokens.len() / TRIES).max(1);
        for (n, row) in table.0.iter_mut().enumerate() {
            for at in (1..tokens.len().saturating_sub(n)).step_by(step) {
                if tokens[at..at + n].contains(&Token::BREAK) {
                    continue;
                }
                if let Some(level) = level(background, tokens, at, at + n) {
                    row[level] += 1;
                }
            }
        }
        table
    }

    /// The share of a level among cuts of `n` tokens. Each level counts half a cut more than it was
    /// seen.
    fn share(&self, n: usize, level: usize) -> f64 {
        let row = self.0[n].map(|seen| f64::from(seen) + 0.5);
        row[level] / row.iter().sum::<f64>()
    }
}

/// A cache of the tables of the texts that were measured last. A text that carries a phrase under
/// test is measured again with each new carrier. A table is a function of its text alone, so the
/// cache changes no verdict.
pub(super) struct SeamTables(Box<[Mutex<(u64, SeamTable)>]>);

impl SeamTables {
    /// An empty cache of half a megabyte.
    pub(super) fn new() -> Self {
        Self((0..TEXTS).map(|_| Mutex::default()).collect())
    }

    /// The table of a text by `background`, which has to be the same for all texts.
    pub(super) fn get(&self, background: &Background, tokens: &[Token]) -> SeamTable {
        let key = line_key(background.seed(), TABLES, tokens);
        let slot = &self.0[key as usize % TEXTS];
        let held = *slot.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == key {
            return held.1;
        }
        let table = SeamTable::of(background, tokens);
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = (key, table);
        table
    }
}

/// The log-likelihood ratio of `from..to` being planted against being written with the rest of the
/// text. `None` if the cut has no level.
pub(super) fn ratio(
    background: &Background,
    tokens: &[Token],
    from: usize,
    to: usize,
    table: impl FnOnce() -> SeamTable,
) -> Option<f64> {
    let level = level(background, tokens, from, to)?;
    let table = table();
    Some(libm::log(table.share(0, level) / table.share((to - from).min(NGRAM_MAX), level)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        background::BackgroundOrigin,
        conformance,
        learn::{LearnOptions, Learner},
    };

    const LINE: &str = "the old dog ran over the green hill and came home late in the rain";

    fn background() -> Background {
        let mut learner = Learner::new(conformance::SEED, LearnOptions { calibrate: false, ..LearnOptions::default() });
        (0..20).for_each(|_| {
            learner.add("https://a.example", "", crate::text::Language::UNKNOWN, conformance::document("a", LINE).ids());
        });
        let publisher = conformance::document("a", "").publisher;
        learner.finish(BackgroundOrigin::Trusted, &|_, _, _| publisher.clone())
    }

    #[test]
    fn tables_of_texts_are_held_apart() {
        let (b, tables) = (background(), SeamTables::new());
        let texts: Vec<_> = (0..50).map(|n| conformance::document("a", &LINE.repeat(n).replace("hill", "zorb"))).collect();
        for _ in 0..2 {
            for text in &texts {
                assert_eq!(tables.get(&b, text.ids()), SeamTable::of(&b, text.ids()));
            }
        }
        assert_ne!(SeamTable::of(&b, texts[1].ids()), SeamTable::of(&b, texts[2].ids()));
    }

    #[test]
    fn planted_words_leave_no_seam() {
        let b = background();
        let planted = conformance::document("a", &LINE.replace("hill and", "hill zorb and"));
        // "zorb" is the ninth word, "hill" the eighth.
        assert_eq!(level(&b, planted.ids(), 8, 9), Some(3), "the text closes");
        let own = conformance::document("a", LINE);
        assert_eq!(level(&b, own.ids(), 7, 8), Some(0), "a word of its own is missed");
        let tables = SeamTables::new();
        let g = |d: &crate::document::Document, at| ratio(&b, d.ids(), at, at + 1, || tables.get(&b, d.ids()));
        assert!(g(&planted, 8) > Some(0.5) && g(&own, 7) < Some(-0.5), "{:?} {:?}", g(&planted, 8), g(&own, 7));
        assert_eq!(level(&b, own.ids(), 0, 1), None);
        assert_eq!(level(&b, own.ids(), own.ids().len() - 1, own.ids().len()), None);
    }
}
