//! What do the facts about all carriers of a phrase amount to, before their texts are read?

use super::{
    facts::DocumentFacts,
    judge::{JudgingContext, KnownCarrier},
    score::{CarrierEvidence, FLOOR, LN_MAX, LX_MAX, collocation, excess},
    shard::{Due, LISTED_MAX, SINGLE_SITE_DOCUMENTS},
};
use crate::background::{ContextVector, DIMENSIONS, QUANTUM};

/// Share of its documents that carry the phrase, above which a new publisher is evidence against
/// the phrase.
const FULL: f64 = 0.8;
/// The same for the publisher of a single-site phrase. With one half, the word that a new site is
/// about raised an alarm on a third of its pages.
const SINGLE_SITE_FULL: f64 = FULL;
const NEW_SHARE_MAX: f64 = 0.9;

impl JudgingContext<'_> {
    /// Weighs the carriers of a phrase. `None` if they are no more than expected.
    pub(super) fn weigh(&self, due: &Due, members: &[KnownCarrier]) -> Option<CarrierEvidence> {
        let operator = self.operator;
        let rare = self.probe.ngrams[due.ngram as usize];
        let publishers = publishers_of(members);
        let place = usize::from(rare.place);
        let tokens = self.span(place, usize::from(rare.len));
        let usual = f64::from(rare.df) + 0.5;
        let mut evidence = CarrierEvidence {
            ngram: due.ngram as usize,
            place,
            len: usize::from(rare.len),
            live: f64::from(due.live),
            votes: 0.0,
            publishers: publishers.len(),
            expected: usual * self.growth,
            base: 0.0,
            coherence: 0.0,
            single_site: publishers.len() < operator.config.units_min,
        };
        if evidence.single_site {
            return weigh_single_site(evidence, rare.df, &publishers, members);
        }
        let per_publisher = operator.config.votes_per_unit as usize;
        let windowed = members.len() == LISTED_MAX && usize::from(due.live) > LISTED_MAX;
        let oldest = members.last()?.carrier.seqno;
        let stretch = if windowed {
            f64::from(self.tick.seqno - oldest + 1) / f64::from(operator.background.documents())
        } else {
            self.growth
        };
        // A carrier that only the doorkeeper has seen is one more vote, of an unknown publisher.
        let unlisted = usize::from(!windowed && usize::from(due.live) > members.len());
        let votes = publishers.iter().map(|u| u.1.len().min(per_publisher)).sum::<usize>() + unlisted;
        let new = publishers.iter().filter(|u| u.1[0].facts.is_new);
        let full = new.clone().filter(|u| u.1.len() as f64 > FULL * f64::from(u.1[0].facts.sequence)).count();
        let (mut scarcity, mut new_share) = (0.0, 0.0);
        for m in members {
            let subject = self.subject(&m.facts);
            scarcity += self.scarcity.get(subject).copied().unwrap_or(1.0);
            new_share += self.new_shares.get(subject).copied().unwrap_or_default();
        }
        let m = members.len() as f64;
        let new_share = (new_share / m).max(operator.epoch_view.new_share()).min(NEW_SHARE_MAX);
        evidence.expected = usual.max(collocation(&operator.background, tokens)) * stretch * (m / scarcity).max(1.0);
        evidence.votes = votes as f64;
        let l1 = operator.logs.l1(votes, evidence.expected);
        let ln = excess(new.count(), publishers.len(), new_share).min(LN_MAX);
        evidence.base = l1 + ln + (full as f64).min(LX_MAX);
        if l1 <= 0.0 || evidence.base < FLOOR {
            return None;
        }
        evidence.coherence = coherence(&publishers, per_publisher);
        Some(evidence)
    }

    fn subject(&self, facts: &DocumentFacts) -> usize {
        let current = facts.version == self.operator.version;
        usize::from(if current { facts.subject } else { self.operator.background.subject(&facts.context) })
    }
}

/// Weighs the documents of one publisher.
fn weigh_single_site(
    mut evidence: CarrierEvidence,
    df: u8,
    publishers: &[(u64, Vec<&KnownCarrier>)],
    members: &[KnownCarrier],
) -> Option<CarrierEvidence> {
    let (_, own) = publishers.iter().max_by_key(|u| u.1.len())?;
    let (newest, oldest) = (own.first()?.facts, own.last()?.facts);
    // Only the documents are counted over which the list reaches, since a full list has forgotten older carriers.
    let begins = if members.len() == LISTED_MAX { oldest.sequence } else { 1 };
    let documents = f64::from(newest.sequence + 1 - begins);
    if df > 1 || !newest.is_new || own.len() < SINGLE_SITE_DOCUMENTS || (own.len() as f64) < SINGLE_SITE_FULL * documents {
        return None;
    }
    evidence.votes = own.len() as f64;
    let singles: Vec<(u64, Vec<&KnownCarrier>)> = members.iter().map(|m| (0, vec![m])).collect();
    evidence.coherence = coherence(&singles, 1);
    Some(evidence)
}

/// The carriers by publisher, with the publishers in the order of their newest carriers.
fn publishers_of(members: &[KnownCarrier]) -> Vec<(u64, Vec<&KnownCarrier>)> {
    let mut publishers: Vec<(u64, Vec<&KnownCarrier>)> = Vec::new();
    for m in members {
        match publishers.iter_mut().find(|u| u.0 == m.facts.publisher) {
            Some(publisher) => publisher.1.push(m),
            None => publishers.push((m.facts.publisher, vec![m])),
        }
    }
    publishers
}

/// Mean cosine over pairs of carriers of different publishers, with at most the `per_publisher`
/// newest of each: `(|S|^2 - sum |S_u|^2) / pairs`, where S is the sum of all context vectors and
/// `S_u` that of a publisher's.
fn coherence(publishers: &[(u64, Vec<&KnownCarrier>)], per_publisher: usize) -> f64 {
    let mut total = [0i64; DIMENSIONS];
    let (mut inner, mut pairs, mut n) = (0i64, 0i64, 0i64);
    for (_, members) in publishers {
        let mut sum = [0i64; DIMENSIONS];
        let mut count = 0;
        for m in members.iter().take(per_publisher) {
            let ContextVector(context) = &m.facts.context;
            sum.iter_mut().zip(context).for_each(|(s, &x)| *s += i64::from(x));
            count += 1;
        }
        total.iter_mut().zip(&sum).for_each(|(t, s)| *t += s);
        inner += sum.iter().map(|x| x * x).sum::<i64>();
        pairs += count * count;
        n += count;
    }
    let outer = total.iter().map(|x| x * x).sum::<i64>() - inner;
    outer as f64 / (QUANTUM * QUANTUM) / ((n * n - pairs).max(1)) as f64
}
