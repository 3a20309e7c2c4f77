//! What do the texts of a phrase's carriers say that their votes do not? The whole span on which
//! they agree, the words near it that they share, and its place on the page.

use std::sync::Arc;

use super::evidence::{self, AGREED, Carrier};
use crate::{
    text::{Language, Token, hash::mix},
    usage::UsageModels,
};

/// Most tokens by which a span is extended.
const SPAN_MAX: usize = 40;
/// Tokens on each side in which shared words are looked for.
const NEAR: usize = 8;
/// Newest carriers in which they are looked for.
const COMPARED: usize = 24;
/// Share of carriers with one token in one place beside a span with a link, from which on it is a part of
/// the link.
const OF_LINK: f64 = 0.5;
/// Most that one carrier's shared words add.
const LOCAL_MAX: f64 = 8.0;

/// The text of a carrier, and the place of the phrase's n-gram in it.
pub(super) struct Occurrence<'a> {
    pub(super) carrier: Carrier<'a>,
    text: Arc<[Token]>,
}

/// What texts say of a phrase.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The tokens on which the carriers agree.
    pub(super) span: Vec<Token>,
    /// Hash of the span.
    pub(super) hash: u64,
    /// The tokens beside the span in each text, oldest carrier first.
    pub(super) beside: Vec<(Token, Token)>,
    /// How much more often than by chance carriers of different publishers have words in common
    /// near the span: mean over carriers of the logarithms of the ratios, in nats.
    pub(super) local: f64,
    /// Share of carriers in which the span is in the last line, and in which it is a whole line.
    pub(super) last: f64,
    pub(super) whole: f64,
    /// Share of carriers that have the commonest of the lines in which the span is.
    pub(super) same_line: f64,
    /// Whether the span holds a token by which links are known.
    pub(super) has_link: bool,
}

impl<'a> Occurrence<'a> {
    pub(super) fn new(carrier: Carrier<'a>, text: Arc<[Token]>) -> Self {
        Self { carrier, text }
    }

    /// The token `shift` places from the n-gram's first one. Outside the text it is a line break.
    fn token(&self, shift: isize) -> Token {
        let at = usize::from(self.carrier.vote.place).checked_add_signed(shift);
        at.and_then(|at| self.text.get(at)).copied().unwrap_or(Token::BREAK)
    }

    /// Hash of the line in which the n-gram is.
    fn line(&self) -> u64 {
        let place = usize::from(self.carrier.vote.place).min(self.text.len());
        let (before, behind) = self.text.split_at(place);
        let start = before.iter().rposition(|&t| t == Token::BREAK).map_or(0, |at| at + 1);
        let end = behind.iter().position(|&t| t == Token::BREAK).map_or(self.text.len(), |at| place + at);
        hash(&self.text[start..end])
    }

    fn is_last_line(&self, from: usize) -> bool {
        let at = usize::from(self.carrier.vote.place) + from;
        !self.text.get(at..).unwrap_or_default().contains(&Token::BREAK)
    }
}

/// Reads the texts of carriers of an n-gram of `len` tokens that begins a span.
pub(super) fn read(
    models: &UsageModels,
    links: &[Token],
    language: Language,
    len: usize,
    occurrences: &[Occurrence<'_>],
) -> Reading {
    let newest = occurrences.last();
    let mut span: Vec<Token> = (0..len as isize).map(|i| newest.map_or(Token::BREAK, |o| o.token(i))).collect();
    while span.len() < SPAN_MAX && !span.last().is_some_and(|t| t.is_stop()) {
        let next = evidence::agreed(occurrences.iter().map(|o| o.token(span.len() as isize)), AGREED);
        let Some(token) = next else { break };
        span.push(token);
    }
    let end = span.len();
    let beside: Vec<(Token, Token)> = occurrences.iter().map(|o| (o.token(-1), o.token(end as isize))).collect();
    let has_link = span.iter().any(|t| links.contains(t));
    let m = occurrences.len().max(1) as f64;
    let share = |holds: &dyn Fn(&Occurrence<'_>) -> bool| occurrences.iter().filter(|o| holds(o)).count() as f64 / m;
    Reading {
        hash: hash(&span),
        same_line: most_equal(occurrences.iter().map(Occurrence::line).collect()) as f64 / m,
        local: local(models, language, end, has_link, occurrences),
        last: share(&|o| o.is_last_line(end)),
        whole: beside.iter().filter(|b| b.0 == Token::BREAK && b.1 == Token::BREAK).count() as f64 / m,
        has_link,
        span,
        beside,
    }
}

const SPAN: u64 = 0x7370_616e;

fn hash(tokens: &[Token]) -> u64 {
    tokens.iter().fold(SPAN, |h, t| mix(h ^ u64::from(t.0)))
}

/// How often the commonest of some values occurs.
fn most_equal(mut values: Vec<u64>) -> usize {
    values.sort_unstable();
    values.chunk_by(|a, b| a == b).map(<[u64]>::len).max().unwrap_or(0)
}

/// The words near the span that carriers of different publishers share.
fn local(models: &UsageModels, language: Language, end: usize, has_link: bool, occurrences: &[Occurrence<'_>]) -> f64 {
    let compared = &occurrences[occurrences.len().saturating_sub(COMPARED)..];
    // Each distinct word near the span that may tell its subject, with the number of the carrier.
    let mut near: Vec<(Token, usize)> = Vec::new();
    for shift in (1..=NEAR as isize).map(|i| -i).chain((0..NEAR as isize).map(|i| end as isize + i)) {
        let tokens = compared.iter().map(|o| o.token(shift));
        // What most carriers have in this very place is a part of the link, and not the subject of their texts.
        let of_link = if has_link { evidence::agreed(tokens.clone(), OF_LINK) } else { None };
        let says = |t: &Token| models.tells_subject(language, *t) && Some(*t) != of_link;
        near.extend(tokens.enumerate().filter(|(_, t)| says(t)).map(|(number, t)| (t, number)));
    }
    near.sort_unstable();
    near.dedup();
    let mut sums = vec![0.0f64; compared.len()];
    for run in near.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        let chance = (COMPARED * 2 * NEAR) as f64 * models.share_of_token(language, run[0].0);
        for &(_, number) in run {
            let publisher = compared[number].carrier.facts.publisher;
            let others = run.iter().filter(|&&(_, other)| compared[other].carrier.facts.publisher != publisher).count();
            if others > 0 {
                sums[number] += libm::log(others as f64 / chance).max(0.0);
            }
        }
    }
    sums.iter().map(|s| s.min(LOCAL_MAX)).sum::<f64>() / compared.len().max(1) as f64
}
