//! What do the facts about the carriers of an n-gram amount to? Votes against expectation,
//! publishers and coherence; then class and score.

use std::collections::BTreeMap;

use super::{
    View, Why,
    past::{Count, Seen},
    surroundings::Surroundings,
};
use crate::{
    background::{ContextVector, QUANTUM, dot},
    document::SeqNo,
    text::Token,
    trigger_spike::{
        SpikeClass,
        score::{collocation, excess},
    },
};

/// A carrier that is listed and remembered.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) seqno: SeqNo,
    pub(super) place: usize,
    pub(super) text: &'a [Token],
    pub(super) publisher: u64,
    pub(super) host: u64,
    is_new: bool,
    sequence: usize,
    subject: usize,
    context: ContextVector,
}

impl<'a> Member<'a> {
    fn new(seqno: SeqNo, place: usize, seen: &Seen<'a>) -> Self {
        Self {
            seqno,
            place,
            text: seen.document.ids(),
            publisher: seen.document.publisher.key,
            host: seen.document.publisher.host,
            is_new: seen.is_new,
            sequence: seen.sequence,
            subject: seen.subject,
            context: seen.context,
        }
    }
}

/// What the facts about the carriers amount to.
pub(super) struct Weight<'a> {
    pub(super) live: f64,
    pub(super) votes: f64,
    pub(super) publishers: usize,
    pub(super) expected: f64,
    base: f64,
    pub(super) coherence: f64,
    pub(super) single_site: bool,
    /// Whether only the stretch of the list is counted.
    pub(super) windowed: bool,
    /// Newest first.
    pub(super) members: Vec<Member<'a>>,
    /// Those of them whose texts are looked at.
    pub(super) voters: Vec<Member<'a>>,
}

impl<'a> View<'a, '_> {
    pub(super) fn weigh(&self, gram: &[Token], df: u8, count: &Count) -> Result<Weight<'a>, Why> {
        let config = self.rules.config;
        // The newest documents as of the epoch boundary are remembered, and those since.
        let oldest = self.epoch.saturating_sub(config.horizon_documents.max(1));
        let remembered = count.listed.iter().rev().filter(|&&(o, _)| o >= oldest);
        let members: Vec<Member<'a>> =
            remembered.filter_map(|&(o, place)| Some(Member::new(o, place, self.past.seen(o)?))).collect();
        let mut documents: BTreeMap<u64, Vec<Member<'a>>> = BTreeMap::new();
        for m in &members {
            documents.entry(m.publisher).or_default().push(*m);
        }
        let usual = f64::from(df) + 0.5;
        let single_site = documents.len() < config.units_min;
        let per_publisher = if single_site { members.len() } else { config.votes_per_unit as usize };
        let weight = Weight {
            live: count.live as f64,
            votes: 0.0,
            publishers: documents.len(),
            expected: usual * self.growth,
            base: 0.0,
            coherence: 0.0,
            single_site,
            windowed: false,
            voters: newest_of_each(&members, per_publisher),
            members,
        };
        if single_site { weigh_single_site(weight, df, count) } else { self.weigh_crowd(weight, gram, usual, count, &documents) }
    }

    fn weigh_crowd(
        &self,
        mut weight: Weight<'a>,
        gram: &[Token],
        usual: f64,
        count: &Count,
        documents: &BTreeMap<u64, Vec<Member<'a>>>,
    ) -> Result<Weight<'a>, Why> {
        let members = &weight.members;
        let oldest = members.last().ok_or("nobody remembered")?.seqno;
        // A full list with more carriers alive: only the stretch that it covers is counted and expected.
        let windowed = members.len() == 64 && count.live > 64;
        let n = f64::from(self.rules.background.documents());
        let stretch = if windowed { f64::from(self.now - oldest + 1) / n } else { self.growth };
        let votes = weight.voters.len() + usize::from(!windowed && count.live > members.len());
        let new: Vec<_> = documents.values().filter(|own| own[0].is_new).collect();
        let full = new.iter().filter(|own| own.len() as f64 > 0.8 * own[0].sequence as f64).count();

        let all = self.past.mixture(self.epoch, None);
        let usual_new = (all.new / all.documents.max(1.0)).clamp(0.05, 0.9);
        let (mut scarcity, mut new_share) = (0.0, 0.0);
        for m in members {
            let own = self.past.mixture(self.epoch, Some(m.subject));
            let share = self.rules.background.shares()[m.subject];
            scarcity += share / ((own.documents + 500.0 * share) / (all.documents + 500.0));
            new_share += (own.new + 20.0 * usual_new) / (own.documents + 20.0);
        }
        let m = members.len() as f64;
        let new_share = (new_share / m).max(usual_new).min(0.9);
        weight.windowed = windowed;
        weight.votes = votes as f64;
        weight.expected = usual.max(collocation(self.rules.background, gram)) * stretch * (m / scarcity).max(1.0);
        let l1 = self.rules.logs.l1(votes, weight.expected);
        let ln = excess(new.len(), documents.len(), new_share).min(15.0);
        weight.base = l1 + ln + (full as f64).min(10.0);
        if l1 <= 0.0 || weight.base < 18.0 {
            return Err("no more than expected");
        }
        let voters: Vec<_> = weight.voters.iter().map(|v| (v.publisher, v.context)).collect();
        weight.coherence = coherence(&voters);
        Ok(weight)
    }
}

/// One publisher's: unknown to the background, all over it, most of the phrase.
fn weigh_single_site<'a>(mut weight: Weight<'a>, df: u8, count: &Count) -> Result<Weight<'a>, Why> {
    let of = |publisher: u64| weight.members.iter().filter(|m| m.publisher == publisher).count();
    // The largest; of equals the one that was silent longest.
    let newest = newest_of_each(&weight.members, 1);
    let own = newest.iter().max_by_key(|m| of(m.publisher)).ok_or("nobody remembered")?;
    let documents = of(own.publisher);
    // The share of its documents since the oldest carrier that a full list holds, or of all.
    let oldest = weight.members.iter().filter(|m| m.publisher == own.publisher).map(|m| m.sequence).min().unwrap_or(1);
    let before = if weight.members.len() == 64 { oldest - 1 } else { 0 };
    if df > 1 || !own.is_new || documents < 8 || (documents as f64) < 0.8 * (own.sequence - before) as f64 {
        return Err("no single-site phrase");
    }
    if documents * 2 < count.listed.len() {
        return Err("no single-site phrase: the publisher has less than half of the carriers");
    }
    weight.votes = documents as f64;
    let each: Vec<_> = (0..).zip(&weight.members).map(|(i, m)| (i, m.context)).collect();
    weight.coherence = coherence(&each);
    Ok(weight)
}

/// The members but for those of which `most` newer ones have the same publisher.
fn newest_of_each<'a>(members: &[Member<'a>], most: usize) -> Vec<Member<'a>> {
    let newer = |i: usize| members[..i].iter().filter(|m| m.publisher == members[i].publisher).count();
    (0..members.len()).filter(|&i| newer(i) < most).map(|i| members[i]).collect()
}

/// Mean cosine over pairs of different groups.
fn coherence(contexts: &[(u64, ContextVector)]) -> f64 {
    let (mut total, mut pairs) = (0i64, 0i64);
    for (a, left) in contexts {
        for (_, right) in contexts.iter().filter(|(b, _)| a != b) {
            total += i64::from(dot(left, right));
            pairs += 1;
        }
    }
    total as f64 / (QUANTUM * QUANTUM) / pairs.max(1) as f64
}

/// Class, and score without seams.
pub(super) fn classify(weight: &Weight<'_>, s: &Surroundings) -> Result<(SpikeClass, f64), Why> {
    if s.last >= 0.9 && s.whole >= 0.9 && !s.has_link {
        return Err("footer");
    }
    let seen = weight.voters.len() as f64;
    if !s.closed {
        if seen < 8.0 {
            return Err("too few to compare neighbours");
        }
        let fewest = if s.edge { 2.0 / seen } else { 3.0 / seen };
        if s.left_mode + s.right_mode > (0.3 * (1.0 - f64::midpoint(s.opens, s.closes))).max(fewest) {
            return Err("fixed neighbours");
        }
    }
    let most = if weight.single_site { 0.15 } else { 0.2 };
    if weight.coherence > most {
        return Err("coherent carriers");
    }
    let likeness = if weight.single_site { s.local } else { s.local.max(weight.coherence) };
    let incoherence = (1.0 - (likeness - 0.05) / (0.2 - 0.05)).clamp(0.0, 1.0);
    let class = match (weight.single_site, s.closed, s.edge) {
        (true, _, _) => SpikeClass::SingleSite,
        (_, true, _) => SpikeClass::Sentence,
        (_, _, true) => SpikeClass::Edge,
        _ => SpikeClass::Insertion,
    };
    Ok((class, incoherence * if weight.single_site { weight.votes } else { weight.base }))
}
