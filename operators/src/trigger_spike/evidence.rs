//! What do the votes for a phrase say, with what is remembered of the documents that cast them?
//! Rate, publishers, company and neighbours, before any text is read.

use super::{
    facts::DocumentFacts,
    rate::{self, Earlier, Rate},
    shard::LISTED_MAX,
    vote::{CROWD, Vote},
};
use crate::{
    text::{Language, Token},
    usage::{ContextVector, DIMENSIONS, NeighbourEvidence, QUANTUM, UsageModels, dot},
};

/// Newest votes that evidence is taken from: those of the window, between these numbers.
const NEWEST: (usize, usize) = (8, 64);
/// A window with a smaller deviance is no window: then all votes count.
const WINDOW_DEVIANCE: f64 = 2.0;
/// Share of votes of one language from which on rates are taken among documents of that language.
const ONE_LANGUAGE: f64 = 0.8;
/// Least share of votes with one token beside the phrase for the token to belong to it.
pub(super) const AGREED: f64 = 0.8;
/// Share of a publisher's documents that carry the phrase, above which it does little else.
const WHOLLY: f64 = 0.8;

/// A vote, and what is remembered of its document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier<'a> {
    pub(super) vote: Vote,
    pub(super) facts: &'a DocumentFacts,
}

/// What is known of a phrase besides its votes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrase {
    /// Documents of the background that hold it, and votes that are no longer listed.
    pub(super) earlier: f64,
    /// Documents of the background, by language.
    pub(super) documents: f64,
    /// Least probability that a document holds it, by the meeting of its parts.
    pub(super) chance: f64,
}

/// The evidence of a phrase's votes.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) rate: Rate,
    /// Sequence number of the first document of the rate's window.
    pub(super) since: u32,
    /// Number of votes that all below is taken from.
    pub(super) votes: usize,
    /// Number of different publishers, and of those that the background does not know and that do
    /// little but carry the phrase.
    pub(super) publishers: usize,
    pub(super) wholly: usize,
    /// Number of publishers that the background does not know and that carry the phrase on most pages.
    pub(super) mostly: usize,
    /// The language of most carriers.
    pub(super) language: Language,
    /// Mean cosine between the contexts of carriers of different publishers.
    pub(super) coherence: f64,
    pub(super) neighbours: NeighbourEvidence,
    /// Shares of votes in which the phrase begins, and ends, a sentence or line.
    pub(super) opens: f64,
    pub(super) closes: f64,
    /// Shares of the commonest neighbours that are no ends of sentences.
    pub(super) left_mode: f64,
    pub(super) right_mode: f64,
}

/// The language of most carriers, and whether nearly all are of it.
pub(super) fn language(carriers: &[Carrier<'_>]) -> (Language, bool) {
    let mut counts = [0u32; Language::COUNT];
    let mut best = (Language::UNKNOWN, 0);
    for language in carriers.iter().map(|c| c.facts.language) {
        let count = &mut counts[usize::from(language.index())];
        *count += 1;
        if *count > best.1 || (*count == best.1 && language < best.0) {
            best = (language, *count);
        }
    }
    (best.0, f64::from(best.1) >= ONE_LANGUAGE * carriers.len() as f64)
}

/// The rate of a phrase: of `carriers`, oldest first. If nearly all of them are of one language, by
/// the number of documents of that language, since the mixture of languages changes; else by that
/// of all documents.
pub(super) fn rate_of(carriers: &[Carrier<'_>], of_language: Option<Language>, phrase: Phrase) -> (Rate, u32) {
    let (positions, seqnos): (Vec<u32>, Vec<u32>) = match of_language {
        Some(language) => {
            carriers.iter().filter(|c| c.facts.language == language).map(|c| (c.facts.of_language, c.vote.seqno)).unzip()
        }
        None => carriers.iter().map(|c| (c.facts.of_all, c.vote.seqno)).unzip(),
    };
    let earlier = Earlier { carriers: phrase.earlier, documents: phrase.documents, chance: phrase.chance };
    let rate = rate::rate(&positions, earlier);
    let first = seqnos.len().saturating_sub(rate.votes);
    (rate, seqnos.get(first).copied().unwrap_or_default())
}

/// The newest votes that count as evidence, oldest first.
pub(super) fn newest<'a, 'b>(carriers: &'b [Carrier<'a>], rate: Rate) -> &'b [Carrier<'a>] {
    let window = if rate.deviance < WINDOW_DEVIANCE { carriers.len() } else { rate.votes };
    &carriers[carriers.len().saturating_sub(window.clamp(NEWEST.0, NEWEST.1))..]
}

impl Evidence {
    /// Weighs votes, oldest first, whose neighbours are `beside`.
    pub(super) fn weigh(
        models: &UsageModels,
        carriers: &[Carrier<'_>],
        beside: &[(Token, Token)],
        rate: Rate,
        since: u32,
        language: Language,
    ) -> Self {
        let m = carriers.len().max(1) as f64;
        let publishers = Publishers::of(carriers);
        let count =
            |holds: &dyn Fn(&Publisher<'_>) -> bool| publishers.all.iter().filter(|p| p.newest.is_new && holds(p)).count();
        // A model of one language says nothing of the others.
        let of_language = carriers.iter().zip(beside).filter(|(c, _)| c.facts.language == language);
        let of_language: Vec<(Token, Token)> = of_language.map(|(_, &pair)| pair).collect();
        let share = |holds: &dyn Fn(&(Token, Token)) -> bool| beside.iter().filter(|x| holds(x)).count() as f64 / m;
        Self {
            rate,
            since,
            votes: carriers.len(),
            publishers: publishers.all.len(),
            wholly: count(&|p| p.carriers as f64 > WHOLLY * f64::from(p.newest.sequence.min(4))),
            mostly: count(&|p| p.carriers * 2 >= p.newest.sequence as usize),
            language,
            coherence: coherence(carriers, &publishers),
            neighbours: models.neighbours(language, &of_language),
            opens: share(&|x| x.0.ends_sentence()),
            closes: share(&|x| x.1.ends_sentence()),
            left_mode: mode(beside.iter().map(|x| x.0)),
            right_mode: mode(beside.iter().map(|x| x.1)),
        }
    }
}

/// The token that at least `share` of the carriers have on one side: it belongs to the phrase, though
/// its n-gram ends before.
pub(super) fn agreed(beside: impl Iterator<Item = Token> + Clone, share: f64) -> Option<Token> {
    let n = beside.clone().count();
    let (token, times) = commonest(beside);
    (token != Token::BREAK && times as f64 >= share * n as f64).then_some(token)
}

/// The commonest of up to 64 tokens, of equals the least, and how often it occurs.
fn commonest(tokens: impl Iterator<Item = Token>) -> (Token, usize) {
    // An open-addressed table of counts; a token's number is a hash already.
    let mut counts = [(Token::BREAK, 0u8); 2 * LISTED_MAX];
    let mut best = (Token::BREAK, 0);
    for token in tokens.take(LISTED_MAX) {
        let mut at = token.0 as usize % counts.len();
        while counts[at].1 > 0 && counts[at].0 != token {
            at = (at + 1) % counts.len();
        }
        let count = counts[at].1 + 1;
        counts[at] = (token, count);
        if count > best.1 || (count == best.1 && token < best.0) {
            best = (token, count);
        }
    }
    (best.0, usize::from(best.1))
}

/// The share of the commonest neighbour that is no end of a sentence or line.
fn mode(beside: impl Iterator<Item = Token> + Clone) -> f64 {
    let n = beside.clone().count().max(1);
    commonest(beside.filter(|t| !t.ends_sentence())).1 as f64 / n as f64
}

/// A publisher of carriers.
#[derive(Clone, Copy, Debug)]
struct Publisher<'a> {
    /// Number of its carriers.
    carriers: usize,
    /// The facts about the newest of them.
    newest: &'a DocumentFacts,
}

/// The publishers of some carriers, in the order of their first carriers.
struct Publishers<'a> {
    all: Vec<Publisher<'a>>,
    /// The index of each carrier's publisher.
    of: Vec<u32>,
}

impl<'a> Publishers<'a> {
    fn of(carriers: &[Carrier<'a>]) -> Self {
        let mut publishers = Self { all: Vec::new(), of: Vec::with_capacity(carriers.len()) };
        let mut keys: Vec<u64> = Vec::with_capacity(carriers.len());
        for carrier in carriers {
            let key = carrier.facts.publisher;
            let index = keys.iter().position(|&k| k == key).unwrap_or(keys.len());
            if index == keys.len() {
                keys.push(key);
                publishers.all.push(Publisher { carriers: 0, newest: carrier.facts });
            }
            let publisher = &mut publishers.all[index];
            *publisher = Publisher { carriers: publisher.carriers + 1, newest: carrier.facts };
            publishers.of.push(index as u32);
        }
        publishers
    }
}

/// A sum of context vectors of up to 64 documents, whose components are up to 127 each.
type ContextSum = [i16; DIMENSIONS];

fn add(sum: &mut ContextSum, context: &ContextVector) {
    sum.iter_mut().zip(&context.0).for_each(|(s, &x)| *s += i16::from(x));
}

fn square(sum: &ContextSum) -> i64 {
    sum.iter().map(|&x| i64::from(i32::from(x) * i32::from(x))).sum()
}

/// Mean cosine over pairs of carriers of different publishers: `(|S|^2 - sum |S_u|^2) / pairs`,
/// where S is the sum of all context vectors and `S_u` that of a publisher's. Among fewer publishers
/// than make a crowd, over all pairs of documents.
fn coherence(carriers: &[Carrier<'_>], publishers: &Publishers<'_>) -> f64 {
    let apart = publishers.all.len() >= CROWD;
    let mut total = [0; DIMENSIONS];
    let mut inner = 0;
    for (carrier, &of) in carriers.iter().zip(&publishers.of) {
        let context = &carrier.facts.context;
        add(&mut total, context);
        if !apart || publishers.all[of as usize].carriers == 1 {
            inner += i64::from(dot(context, context));
        }
    }
    let mut alike = carriers.len();
    if apart {
        alike = publishers.all.iter().map(|p| p.carriers * p.carriers).sum();
        for index in (0..).take(publishers.all.len()).filter(|&index| publishers.all[index as usize].carriers > 1) {
            let mut sum = [0; DIMENSIONS];
            let own = carriers.iter().zip(&publishers.of).filter(|(_, of)| **of == index);
            own.for_each(|(carrier, _)| add(&mut sum, &carrier.facts.context));
            inner += square(&sum);
        }
    }
    let pairs = (carriers.len() * carriers.len()).saturating_sub(alike).max(1);
    (square(&total) - inner) as f64 / (QUANTUM * QUANTUM) / pairs as f64
}
