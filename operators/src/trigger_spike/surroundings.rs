//! What surrounds a phrase in the texts of its carriers? The span on which they agree, its
//! neighbours, whether it opens or closes sentences, and its seams.

use std::sync::Arc;

use super::{
    judge::{JudgingContext, KnownCarrier},
    score::{CarrierEvidence, Surroundings},
    seam,
    shard::LISTED_MAX,
};
use crate::{background::DIMENSIONS, text::Token};

/// Most tokens by which a span is extended on each side.
pub(super) const SPAN: usize = 30;
/// Least share of carriers that agree on a token for the span to include it.
const AGREED: f64 = 0.8;
/// Most tokens on each side that are context words.
const NEARBY: usize = 10;

/// The text of a carrier, and the place of the n-gram in it.
pub(super) struct Occurrence {
    text: Arc<[Token]>,
    place: usize,
}

impl Occurrence {
    /// The token `shift` places from the n-gram's first one. Outside the text it is a line break.
    fn token(&self, shift: isize) -> Token {
        self.place.checked_add_signed(shift).and_then(|i| self.text.get(i)).copied().unwrap_or(Token::BREAK)
    }
}

/// The texts of the newest carriers, at most `votes_per_unit` of each publisher. For a single-site
/// phrase it is all of them.
pub(super) fn occurrences(
    judging: &mut JudgingContext<'_>,
    evidence: &CarrierEvidence,
    members: &[KnownCarrier],
) -> Vec<Occurrence> {
    let per_publisher = if evidence.single_site { LISTED_MAX } else { judging.operator.config.votes_per_unit as usize };
    let mut publishers: Vec<u64> = Vec::new();
    let mut occurrences = Vec::new();
    for m in members {
        if publishers.iter().filter(|&&u| u == m.facts.publisher).count() >= per_publisher {
            continue;
        }
        let Some(text) = judging.text(m.carrier.seqno) else { continue };
        publishers.push(m.facts.publisher);
        occurrences.push(Occurrence { text, place: usize::from(m.carrier.place) });
    }
    occurrences
}

/// The commonest of some tokens, of equals the least, and its share.
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

/// The share of the commonest neighbour that is a word. Line breaks and the ends of sentences are
/// none.
fn commonest_word_share(neighbours: &[Token]) -> f64 {
    let words: Vec<Token> = neighbours.iter().copied().filter(|&t| !t.ends_sentence()).collect();
    commonest(&words).1 * words.len() as f64 / neighbours.len().max(1) as f64
}

fn at(occurrences: &[Occurrence], shift: isize) -> Vec<Token> {
    occurrences.iter().map(|s| s.token(shift)).collect()
}

/// By how many tokens the carriers agree beyond the n-gram; `shift(i)` is the place of the i-th
/// one.
fn extension(occurrences: &[Occurrence], shift: impl Fn(usize) -> isize) -> usize {
    (0..SPAN)
        .take_while(|&i| {
            let (token, share) = commonest(&at(occurrences, shift(i)));
            token != Token::BREAK && share >= AGREED
        })
        .count()
}

/// The shares of the commonest neighbours on the left and on the right of the n-gram itself, not of
/// its span.
pub(super) fn neighbour_modes(occurrences: &[Occurrence], len: usize) -> (f64, f64) {
    (commonest(&at(occurrences, -1)).1, commonest(&at(occurrences, len as isize)).1)
}

pub(super) fn surroundings(judging: &JudgingContext<'_>, evidence: &CarrierEvidence, occurrences: &[Occurrence]) -> Surroundings {
    let n = evidence.len;
    let left = extension(occurrences, |i| -(i as isize) - 1);
    let right = extension(occurrences, |i| (n + i) as isize);
    let (before, after) = (at(occurrences, -(left as isize) - 1), at(occurrences, (n + right) as isize));
    let final_token = at(occurrences, (n + right) as isize - 1);
    let m = occurrences.len().max(1) as f64;
    let share = |holds: &dyn Fn(usize) -> bool| (0..occurrences.len()).filter(|&i| holds(i)).count() as f64 / m;
    let closes = |i: usize| after[i] == Token::BREAK || final_token[i].is_stop();
    let first = evidence.place.saturating_sub(left);
    let span = judging.span(first, left + n + right);
    // Its place on a page is taken from those that carry the whole span, since its anchor may be common elsewhere.
    let whole_span = |occurrence: &Occurrence| {
        let own =
            (occurrence.place + n + right).checked_sub(span.len()).and_then(|from| occurrence.text.get(from..from + span.len()));
        own.is_some_and(|own| own == span)
    };
    let carrying: Vec<bool> = occurrences.iter().map(whole_span).collect();
    let carriers = carrying.iter().filter(|&&c| c).count().max(1) as f64;
    let share_of_carriers =
        |holds: &dyn Fn(usize) -> bool| (0..occurrences.len()).filter(|&i| carrying[i] && holds(i)).count() as f64 / carriers;
    Surroundings {
        left,
        length: span.len(),
        is_cut: span.len() < left + n + right,
        left_mode: commonest_word_share(&before),
        right_mode: commonest_word_share(&after),
        opens: share(&|i| before[i].ends_sentence()),
        closes: share(&closes),
        local: local(judging, occurrences, left, n + right),
        last: share_of_carriers(&|i| {
            !occurrences[i].text.get(occurrences[i].place + n + right..).is_some_and(|rest| rest.contains(&Token::BREAK))
        }),
        whole: share_of_carriers(&|i| before[i] == Token::BREAK && after[i] == Token::BREAK),
        seen: occurrences.len(),
        has_link: span.iter().any(|t| judging.operator.links.contains(t)),
        words: span.iter().filter(|t| t.is_alphanumeric()).count(),
    }
}

/// Mean cosine between the context words, over pairs of carriers that have any.
fn local(judging: &JudgingContext<'_>, occurrences: &[Occurrence], left: usize, right: usize) -> f64 {
    let mut total = [0.0; DIMENSIONS];
    let mut with_words = 0.0;
    for s in occurrences {
        let from = s.place.saturating_sub(left).min(s.text.len());
        let to = (s.place + right).min(s.text.len());
        let before = s.text[..from].iter().rev().take(NEARBY).take_while(|t| **t != Token::BREAK);
        let after = s.text[to..].iter().take(NEARBY).take_while(|t| **t != Token::BREAK);
        let mut words: Vec<Token> = before.chain(after).copied().collect();
        words.sort_unstable();
        words.dedup();
        let v = judging.operator.background.nearby(&words);
        if v.iter().any(|&x| x != 0.0) {
            total.iter_mut().zip(v).for_each(|(t, x)| *t += x);
            with_words += 1.0;
        }
    }
    let pairs: f64 = with_words * (with_words - 1.0);
    (total.iter().map(|x| x * x).sum::<f64>() - with_words) / pairs.max(1.0)
}

/// The log-likelihood ratio of planted against natural, over the carriers in which the cut has a
/// level, and the number of these.
pub(super) fn seams(
    judging: &JudgingContext<'_>,
    evidence: &CarrierEvidence,
    s: &Surroundings,
    occurrences: &[Occurrence],
) -> (f64, f64) {
    let (mut g, mut cuts) = (0.0, 0.0);
    let operator = judging.operator;
    for occurrence in occurrences {
        let Some(from) = occurrence.place.checked_sub(s.left) else { continue };
        let to = from + s.length.max(evidence.len);
        let table = || operator.seams.get(&operator.background, &occurrence.text);
        if let Some(ratio) = seam::ratio(&operator.background, &occurrence.text, from, to, table) {
            g += ratio;
            cuts += 1.0;
        }
    }
    (g, cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(text: &[u32], place: usize) -> Occurrence {
        Occurrence { text: text.iter().map(|&t| Token(t)).collect(), place }
    }

    #[test]
    fn spans_grow_while_most_agree() {
        let occurrences: Vec<Occurrence> = (0..10).map(|i| occurrence(&[50 + i, 1, 2, 3, 70 + i], 2)).collect();
        assert_eq!(extension(&occurrences, |i| -(i as isize) - 1), 1);
        assert_eq!(extension(&occurrences, |i| 1 + i as isize), 1);
        assert_eq!(commonest(&at(&occurrences, 1)), (Token(3), 1.0));
        assert_eq!(occurrences[0].token(-3), Token::BREAK, "outside the text");
    }

    #[test]
    fn breaks_are_no_words() {
        assert!((commonest_word_share(&[Token::BREAK, Token::BREAK, Token(1 << 29), Token(1 << 29)]) - 0.5).abs() < 1e-12);
        assert!(commonest_word_share(&[Token::BREAK; 4]).abs() < 1e-12);
    }
}
