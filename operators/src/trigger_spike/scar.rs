//! Does a text close when a span is cut out of it? Planted phrases leave little of a scar, ordinary ones a deep one.
//!
//! The level of a cut is the longest n-gram over it that the background knows. How often each level follows a random cut
//! (planted) and no cut at all (natural) is measured in the same text, so that its own language is the yardstick.

use crate::{
    background::Background,
    text::{NGRAM_MAX, Token, ngram},
};

/// Places of a text at which random cuts are tried.
const TRIES: usize = 100;
const LEVELS: usize = 4;

/// Shares of the levels after cutting out 0 (no cut), 1, ..., 4 tokens.
pub(super) type Table = [[f64; LEVELS]; NGRAM_MAX + 1];

/// Whether the background has seen the `n` tokens from `at` on, with `cut` taken out; not across a line break or the ends.
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

/// Level of the cut `from..to`: 3, 2, 1 if a 4-, 3-, 2-gram over it is known, else 0. `None` at a line break or the end of
/// a sentence, where any cut closes well.
pub(super) fn level(background: &Background, tokens: &[Token], from: usize, to: usize) -> Option<usize> {
    let ends = |t: Token| t == Token::BREAK || t.is_stop();
    let before = *tokens.get(from.checked_sub(1)?)?;
    let after = *tokens.get(to)?;
    if before == Token::BREAK || after == Token::BREAK || ends(before) || ends(after) {
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

/// Measures a text.
pub(super) fn table(background: &Background, tokens: &[Token]) -> Table {
    let mut table = [[0.5; LEVELS]; NGRAM_MAX + 1];
    let step = (tokens.len() / TRIES).max(1);
    for (n, row) in table.iter_mut().enumerate() {
        for at in (1..tokens.len().saturating_sub(n)).step_by(step) {
            if tokens[at..at + n].contains(&Token::BREAK) {
                continue;
            }
            if let Some(level) = level(background, tokens, at, at + n) {
                row[level] += 1.0;
            }
        }
        let total: f64 = row.iter().sum();
        for x in row.iter_mut() {
            *x /= total;
        }
    }
    table
}

/// How much more likely `from..to` was planted than written with the rest, as a logarithm; `None` where it cannot be told.
pub(super) fn ratio(
    background: &Background,
    tokens: &[Token],
    from: usize,
    to: usize,
    table: impl FnOnce() -> Table,
) -> Option<f64> {
    let level = level(background, tokens, from, to)?;
    let table = table();
    Some(libm::log(table[0][level] / table[(to - from).min(NGRAM_MAX)][level]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        background::{Learner, Options, Origin},
        conformance,
    };

    const LINE: &str = "the old dog ran over the green hill and came home late in the rain";

    fn background() -> Background {
        let mut learner = Learner::new(conformance::SEED, Options { calibrate: false, ..Options::default() });
        (0..20).for_each(|_| learner.add("https://a.example", "", conformance::document("a", LINE).ids()));
        let unit = conformance::document("a", "").unit;
        learner.finish(Origin::Trusted, &|_, _, _| unit.clone())
    }

    #[test]
    fn planted_words_leave_no_scar() {
        let b = background();
        let planted = conformance::document("a", &LINE.replace("hill and", "hill zorb and"));
        // "zorb" is the ninth word, "hill" the eighth.
        assert_eq!(level(&b, planted.ids(), 8, 9), Some(3), "the text closes");
        let own = conformance::document("a", LINE);
        assert_eq!(level(&b, own.ids(), 7, 8), Some(0), "a word of its own is missed");
        let g = |d: &crate::document::Document, at| ratio(&b, d.ids(), at, at + 1, || table(&b, d.ids()));
        assert!(g(&planted, 8) > Some(0.5) && g(&own, 7) < Some(-0.5), "{:?} {:?}", g(&planted, 8), g(&own, 7));
        assert_eq!(level(&b, own.ids(), 0, 1), None);
        assert_eq!(level(&b, own.ids(), own.ids().len() - 1, own.ids().len()), None);
    }
}
