//! What surrounds an n-gram in the texts of its carriers? The span on which they agree, its
//! neighbours, its seams.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    View, Why,
    weigh::{Member, Weight},
};
use crate::{
    text::Token,
    trigger_spike::{SpikeClass, seam},
};

/// What was seen.
pub(super) struct Surroundings {
    /// First token of the span in the document judged, and tokens from there to the n-gram.
    pub(super) first: usize,
    pub(super) left: usize,
    pub(super) span: Vec<Token>,
    /// Shares of the commonest word before and behind.
    pub(super) left_mode: f64,
    pub(super) right_mode: f64,
    /// Shares of carriers where the span begins and ends a sentence or line.
    pub(super) opens: f64,
    pub(super) closes: f64,
    /// A whole sentence or line; otherwise, an edge of one.
    pub(super) closed: bool,
    pub(super) edge: bool,
    /// Mean cosine of the words beside it.
    pub(super) local: f64,
    /// Shares, of those that carry the whole span, where it is in the last line, and where it is a
    /// line.
    pub(super) last: f64,
    pub(super) whole: f64,
    pub(super) has_link: bool,
}

/// The token so far from the n-gram's first; beyond the ends of a text there are line breaks.
fn token(m: &Member<'_>, shift: isize) -> Token {
    let at = m.place as isize + shift;
    if at < 0 { Token::BREAK } else { m.text.get(at as usize).copied().unwrap_or(Token::BREAK) }
}

fn ends_sentence(t: Token) -> bool {
    t == Token::BREAK || t.is_stop()
}

/// How many of the carriers have each token there.
fn tokens_at(voters: &[Member<'_>], shift: isize) -> BTreeMap<Token, usize> {
    let mut tokens = BTreeMap::new();
    for m in voters {
        *tokens.entry(token(m, shift)).or_default() += 1;
    }
    tokens
}

/// Whether four of five have the same token there, and no line break.
fn agree(voters: &[Member<'_>], shift: isize) -> bool {
    let n = voters.len() as f64;
    tokens_at(voters, shift).iter().any(|(&t, &count)| t != Token::BREAK && count as f64 / n >= 0.8)
}

/// Share of the commonest word there. The share among words is taken first, so that it rounds as it
/// does there.
fn mode(voters: &[Member<'_>], shift: isize) -> f64 {
    let mut words = tokens_at(voters, shift);
    words.retain(|&t, _| !ends_sentence(t));
    let all: usize = words.values().sum();
    let most = words.values().max().copied().unwrap_or(0);
    most as f64 / all.max(1) as f64 * all as f64 / voters.len().max(1) as f64
}

impl<'a> View<'a, '_> {
    pub(super) fn surroundings(&self, gram: &[Token], place: usize, weight: &Weight<'a>) -> Result<Surroundings, Why> {
        let voters = &weight.voters;
        let n = gram.len();
        let halves = |shift| tokens_at(voters, shift).values().any(|&count| count as f64 / voters.len() as f64 >= 0.5);
        if weight.single_site && (halves(-1) || halves(n as isize)) {
            return Err("a single-site phrase's fixed expression");
        }
        let left = (0..30).take_while(|&i| agree(voters, -i - 1)).count();
        let right = (0..30).take_while(|&i| agree(voters, n as isize + i)).count();
        let (before, behind) = (-(left as isize) - 1, (n + right) as isize);
        let first = place.checked_sub(left).ok_or("it begins before the text")?;
        let own = self.own.document.ids();
        let span = own[first..(place + n + right).min(own.len())].to_vec();
        let share = |of: &[&Member<'_>], holds: &dyn Fn(&Member<'_>) -> bool| {
            of.iter().filter(|m| holds(m)).count() as f64 / of.len().max(1) as f64
        };
        let all: Vec<_> = voters.iter().collect();
        // The text up to the span's end ends with the span.
        let carries = |m: &Member<'_>| m.text.get(..m.place + n + right).is_some_and(|text| text.ends_with(&span));
        let whole_span: Vec<_> = voters.iter().filter(|m| carries(m)).collect();
        let opens = share(&all, &|m| ends_sentence(token(m, before)));
        let closes = share(&all, &|m| token(m, behind) == Token::BREAK || token(m, behind - 1).is_stop());
        let words = span.iter().filter(|t| t.is_alphanumeric()).count();
        let closed = span.len() >= 4 && words >= 3 && opens >= 0.8 && closes >= 0.8;
        let is_line = |m: &Member<'_>| token(m, before) == Token::BREAK && token(m, behind) == Token::BREAK;
        Ok(Surroundings {
            first,
            left,
            left_mode: mode(voters, before),
            right_mode: mode(voters, behind),
            opens,
            closes,
            closed,
            edge: !closed && (opens >= 0.5 || closes >= 0.5),
            local: self.local(voters, left, n + right),
            last: share(&whole_span, &|m| !m.text[m.place + n + right..].contains(&Token::BREAK)),
            whole: share(&whole_span, &is_line),
            has_link: span.iter().any(|&t| self.rules.links.contains(&Some(t))),
            span,
        })
    }

    /// Mean cosine, over pairs of carriers, of up to ten words to each side within the line.
    fn local(&self, voters: &[Member<'a>], left: usize, right: usize) -> f64 {
        let mut vectors = Vec::new();
        for m in voters {
            let before = &m.text[..m.place.saturating_sub(left)];
            let behind = m.text.get(m.place + right..).unwrap_or_default();
            let in_line = |t: &&Token| **t != Token::BREAK;
            let beside = before.iter().rev().take(10).take_while(in_line).chain(behind.iter().take(10).take_while(in_line));
            let words: BTreeSet<Token> = beside.copied().collect();
            let vector = self.rules.background.nearby(&words.into_iter().collect::<Vec<_>>());
            if vector.iter().any(|&x| x != 0.0) {
                vectors.push(vector);
            }
        }
        let (mut total, mut pairs) = (0.0, 0.0);
        for (i, a) in vectors.iter().enumerate() {
            for b in &vectors[..i] {
                total += a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
                pairs += 1.0;
            }
        }
        total / f64::max(pairs, 1.0)
    }

    /// The score with what the cuts say: does each text close where the span is taken out of it?
    pub(super) fn with_seams(
        &self,
        gram: &[Token],
        class: SpikeClass,
        score: f64,
        weight: &Weight<'a>,
        s: &Surroundings,
    ) -> Result<f64, Why> {
        if s.closed {
            return Ok(score);
        }
        let (mut g, mut cuts) = (0.0, 0.0);
        for m in &weight.voters {
            let Some(from) = m.place.checked_sub(s.left) else { continue };
            let to = from + s.span.len().max(gram.len());
            let table = || seam::SeamTable::of(self.rules.background, m.text);
            if let Some(ratio) = seam::ratio(self.rules.background, m.text, from, to, table) {
                g += ratio;
                cuts += 1.0;
            }
        }
        let is_told = cuts >= 5.0;
        if !is_told && !s.edge {
            return Err("too few cuts to judge");
        }
        let bonus = match (is_told, g > 0.0) {
            (false, _) => 0.0,
            (true, true) => f64::min(g, 10.0),
            (true, false) => f64::max(3.0 * g, -20.0),
        };
        match class {
            SpikeClass::SingleSite if g < 0.15 * cuts => Err("a single-site phrase that leaves seams"),
            SpikeClass::SingleSite => Ok(score + 2.0 * bonus),
            _ => Ok(score + bonus),
        }
    }
}
