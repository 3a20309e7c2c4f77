//! Which of the documents that hold an alarm's phrase are its members? Not all of them: a word that
//! is planted has ordinary users too, and whoever repeats a victim's name must not withhold the
//! victim.
//!
//! A publisher that used the phrase before the window of the alarm is exempt, if the phrase was in
//! use at all before. So is a publisher of several carriers in whose own texts the phrase stands as
//! syntax puts it, and not as in a gap.

use std::collections::BTreeMap;

use super::{
    alarm::Observed,
    facts::{DocumentFacts, Ring},
    path::Path,
};
use crate::{
    document::SeqNo,
    text::{Language, Token},
    usage::UsageModels,
};

/// Most publishers that are exempt.
const EXEMPT_MAX: usize = 4096;
/// Documents of the background that may hold a planted phrase by chance, and carriers before the
/// window from which on they are its ordinary users.
const DF_PLANTED: u32 = 2;
const BEFORE_MIN: usize = 24;
/// Most that the rate before the window may be, as a share of that in it, for what came before to be
/// another use: an attack that goes on evenly has no beginning in the window.
const RARER: f64 = 0.25;
/// Carriers of one publisher from which on its own use of the phrase can be told.
const OWN_USE: usize = 5;
/// Mean logarithm of the ratio of gap to syntax over a publisher's carriers, up to which the phrase
/// is its own.
const OWN_RATIO: f64 = -1.0;
/// Carriers whose neighbours the types of a phrase are taken from.
const FITTED: usize = 64;

/// An earlier carrier, with the tokens beside the phrase.
#[derive(Clone, Copy, Debug)]
pub(super) struct EarlierCarrier {
    pub(super) seqno: SeqNo,
    pub(super) left: Token,
    pub(super) right: Token,
}

/// The document that raises an alarm, and its publisher, which is never exempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raising {
    pub(super) seqno: SeqNo,
    pub(super) language: Language,
    pub(super) publisher: u64,
}

/// The keys of the publishers that are exempt, sorted. `carriers` are oldest first.
pub(super) fn exempt(
    models: &UsageModels,
    ring: &Ring,
    observed: &Observed,
    carriers: &[EarlierCarrier],
    raising: Raising,
) -> Vec<u64> {
    let known = |c: &EarlierCarrier| ring.get(c.seqno).map(|facts| (*c, *facts));
    let known: Vec<(EarlierCarrier, DocumentFacts)> = carriers.iter().filter_map(known).collect();
    let before = known.iter().filter(|(c, _)| c.seqno < observed.since).count();
    // Earlier carriers may be the first of the planted ones, unless the background has some, or there are many.
    let inside = known.len() - before;
    let widths = [observed.since, raising.seqno.saturating_sub(observed.since)].map(|n| f64::from(n.max(1)));
    let was_rarer = before as f64 / widths[0] < RARER * inside as f64 / widths[1];
    let in_use = observed.df > DF_PLANTED || (before >= BEFORE_MIN && before * 2 > inside && was_rarer);
    let mut of: BTreeMap<u64, Vec<EarlierCarrier>> = BTreeMap::new();
    for (carrier, facts) in &known {
        of.entry(facts.publisher).or_default().push(*carrier);
    }
    let fitted: Vec<(Token, Token)> = known.iter().rev().take(FITTED).map(|(c, _)| (c.left, c.right)).collect();
    let is_exempt = |(_, carriers): &(&u64, &Vec<EarlierCarrier>)| {
        let used = in_use && carriers[0].seqno < observed.since;
        // Where syntax puts the planted carriers too, it tells nobody's own use.
        let tells = observed.path != Path::Slot && carriers.len() >= OWN_USE;
        used || (tells && {
            let sides: Vec<(Token, Token)> = carriers.iter().map(|c| (c.left, c.right)).collect();
            models.fit(raising.language, &fitted, &sides) <= OWN_RATIO
        })
    };
    of.iter().filter(is_exempt).map(|(&publisher, _)| publisher).filter(|&p| p != raising.publisher).take(EXEMPT_MAX).collect()
}
