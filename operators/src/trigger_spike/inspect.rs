//! What surrounds a phrase in its carriers' texts: the maximal span, its neighbours, where it opens and closes.

use std::sync::Arc;

use super::{
    judge::{Bench, Member},
    scar,
    score::{Evidence, Surroundings},
    shard::LISTED_MAX,
};
use crate::{background::DIMENSIONS, text::Token};

/// Longest extension of a span to each side.
pub(super) const SPAN: usize = 30;
/// Share of carriers that must agree on a token for the span to go on.
const AGREED: f64 = 0.8;
/// Tokens to each side that make the local context.
const NEARBY: usize = 10;

/// A carrier's text and where the n-gram stands in it.
pub(super) struct Sight {
    text: Arc<[Token]>,
    place: usize,
}

impl Sight {
    /// The token `shift` places from the n-gram's first; a line break outside the text.
    fn token(&self, shift: isize) -> Token {
        self.place.checked_add_signed(shift).and_then(|i| self.text.get(i)).copied().unwrap_or(Token::BREAK)
    }

    fn ends_sentence(token: Token) -> bool {
        token == Token::BREAK || token.is_stop()
    }
}

/// The newest carriers' texts, at most `votes_per_unit` of each publisher (a solo: all of one).
pub(super) fn sights(bench: &mut Bench<'_>, evidence: &Evidence, members: &[Member]) -> Vec<Sight> {
    let per_publisher = if evidence.solo { LISTED_MAX } else { bench.operator.config.votes_per_unit as usize };
    let mut publishers: Vec<u64> = Vec::new();
    let mut sights = Vec::new();
    for m in members {
        if publishers.iter().filter(|&&u| u == m.facts.publisher).count() >= per_publisher {
            continue;
        }
        let Some(text) = bench.text(m.carrier.seqno) else { continue };
        publishers.push(m.facts.publisher);
        sights.push(Sight { text, place: usize::from(m.carrier.place) });
    }
    sights
}

/// The commonest of some tokens and its share; the least token of equals.
fn commonest(tokens: &[Token]) -> (Token, f64) {
    let mut sorted = tokens.to_vec();
    sorted.sort_unstable();
    let mut best = (Token::BREAK, 0);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.1 {
            best = (run[0], run.len());
        }
    }
    (best.0, best.1 as f64 / tokens.len().max(1) as f64)
}

/// Share of the commonest neighbour that is company: line breaks and the ends of sentences are none.
fn company(neighbours: &[Token]) -> f64 {
    let words: Vec<Token> = neighbours.iter().copied().filter(|&t| !Sight::ends_sentence(t)).collect();
    commonest(&words).1 * words.len() as f64 / neighbours.len().max(1) as f64
}

fn at(sights: &[Sight], shift: isize) -> Vec<Token> {
    sights.iter().map(|s| s.token(shift)).collect()
}

/// How far the carriers agree beyond the n-gram, where `shift(i)` is the i-th token beyond.
fn extension(sights: &[Sight], shift: impl Fn(usize) -> isize) -> usize {
    (0..SPAN)
        .take_while(|&i| {
            let (token, share) = commonest(&at(sights, shift(i)));
            token != Token::BREAK && share >= AGREED
        })
        .count()
}

/// Whether most neighbours to the left are the same: the mode over the n-gram itself, not over its span.
pub(super) fn neighbour_modes(sights: &[Sight], len: usize) -> (f64, f64) {
    (commonest(&at(sights, -1)).1, commonest(&at(sights, len as isize)).1)
}

pub(super) fn surroundings(bench: &Bench<'_>, evidence: &Evidence, sights: &[Sight]) -> Surroundings {
    let n = evidence.len;
    let left = extension(sights, |i| -(i as isize) - 1);
    let right = extension(sights, |i| (n + i) as isize);
    let (before, after) = (at(sights, -(left as isize) - 1), at(sights, (n + right) as isize));
    let final_token = at(sights, (n + right) as isize - 1);
    let m = sights.len().max(1) as f64;
    let share = |holds: &dyn Fn(usize) -> bool| (0..sights.len()).filter(|&i| holds(i)).count() as f64 / m;
    let closes = |i: usize| after[i] == Token::BREAK || final_token[i].is_stop();
    let first = evidence.place.saturating_sub(left);
    let span = bench.span(first, left + n + right);
    // Where it stands on a page is asked of those that carry the whole span: its anchor may be common elsewhere.
    let whole_span = |sight: &Sight| {
        let own = (sight.place + n + right).checked_sub(span.len()).and_then(|from| sight.text.get(from..from + span.len()));
        own.is_some_and(|own| own == span)
    };
    let carrying: Vec<bool> = sights.iter().map(whole_span).collect();
    let carriers = carrying.iter().filter(|&&c| c).count().max(1) as f64;
    let share_of_carriers =
        |holds: &dyn Fn(usize) -> bool| (0..sights.len()).filter(|&i| carrying[i] && holds(i)).count() as f64 / carriers;
    Surroundings {
        left,
        length: span.len(),
        is_cut: span.len() < left + n + right,
        left_mode: company(&before),
        right_mode: company(&after),
        opens: share(&|i| Sight::ends_sentence(before[i])),
        closes: share(&closes),
        local: local(bench, sights, left, n + right),
        last: share_of_carriers(&|i| {
            !sights[i].text.get(sights[i].place + n + right..).is_some_and(|rest| rest.contains(&Token::BREAK))
        }),
        whole: share_of_carriers(&|i| before[i] == Token::BREAK && after[i] == Token::BREAK),
        seen: sights.len(),
        has_link: span.iter().any(|t| bench.operator.links.contains(t)),
        words: span.iter().filter(|t| t.is_alphanumeric()).count(),
    }
}

/// Mean cosine of the words beside the span, over pairs of carriers that have any.
fn local(bench: &Bench<'_>, sights: &[Sight], left: usize, right: usize) -> f64 {
    let mut total = [0.0; DIMENSIONS];
    let mut with_words = 0.0;
    for s in sights {
        let from = s.place.saturating_sub(left).min(s.text.len());
        let to = (s.place + right).min(s.text.len());
        let before = s.text[..from].iter().rev().take(NEARBY).take_while(|t| **t != Token::BREAK);
        let after = s.text[to..].iter().take(NEARBY).take_while(|t| **t != Token::BREAK);
        let mut words: Vec<Token> = before.chain(after).copied().collect();
        words.sort_unstable();
        words.dedup();
        let v = bench.operator.background.nearby(&words);
        if v.iter().any(|&x| x != 0.0) {
            total.iter_mut().zip(v).for_each(|(t, x)| *t += x);
            with_words += 1.0;
        }
    }
    let pairs: f64 = with_words * (with_words - 1.0);
    (total.iter().map(|x| x * x).sum::<f64>() - with_words) / pairs.max(1.0)
}

/// Log-likelihood ratio of planted against natural over the carriers where a cut can be judged, and their number.
pub(super) fn scars(bench: &Bench<'_>, evidence: &Evidence, s: &Surroundings, sights: &[Sight]) -> (f64, f64) {
    let (mut g, mut cuts) = (0.0, 0.0);
    let operator = bench.operator;
    for sight in sights {
        let Some(from) = sight.place.checked_sub(s.left) else { continue };
        let to = from + s.length.max(evidence.len);
        let table = || operator.scars.get(&operator.background, &sight.text);
        if let Some(ratio) = scar::ratio(&operator.background, &sight.text, from, to, table) {
            g += ratio;
            cuts += 1.0;
        }
    }
    (g, cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(text: &[u32], place: usize) -> Sight {
        Sight { text: text.iter().map(|&t| Token(t)).collect(), place }
    }

    #[test]
    fn spans_grow_while_most_agree() {
        let sights: Vec<Sight> = (0..10).map(|i| sight(&[50 + i, 1, 2, 3, 70 + i], 2)).collect();
        assert_eq!(extension(&sights, |i| -(i as isize) - 1), 1);
        assert_eq!(extension(&sights, |i| 1 + i as isize), 1);
        assert_eq!(commonest(&at(&sights, 1)), (Token(3), 1.0));
        assert_eq!(sights[0].token(-3), Token::BREAK, "outside the text");
    }

    #[test]
    fn breaks_are_no_company() {
        assert!((company(&[Token::BREAK, Token::BREAK, Token(1 << 29), Token(1 << 29)]) - 0.5).abs() < 1e-12);
        assert!(company(&[Token::BREAK; 4]).abs() < 1e-12);
    }
}
