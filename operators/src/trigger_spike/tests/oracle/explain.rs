//! What do the carriers have in common beside the phrase? That may be an ordinary explanation.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judged, RARE, View, weigh::Member};
use crate::{
    text::{NGRAM_MAX, Token, ngram},
    trigger_spike::{SpikeClass, score::collocation},
};

/// A text's n-grams.
fn grams(text: &[Token]) -> BTreeSet<&[Token]> {
    let lines = text.split(|&t| t == Token::BREAK);
    lines.flat_map(|line| (1..=NGRAM_MAX).flat_map(move |n| line.windows(n))).collect()
}

/// How many of the carriers hold each of the things that `of` finds in a text.
fn shared<'a>(members: &[Member<'a>], of: impl Fn(&'a [Token]) -> BTreeSet<&'a [Token]>) -> BTreeMap<&'a [Token], usize> {
    let mut counts = BTreeMap::new();
    members.iter().flat_map(|m| of(m.text)).for_each(|found| *counts.entry(found).or_default() += 1);
    counts
}

fn holds(whole: &[Token], part: &[Token]) -> bool {
    whole.windows(part.len()).any(|w| w == part)
}

/// Half of the carriers, of several hosts, share three lines apart from the span.
fn is_template(members: &[Member<'_>], span: &[Token]) -> bool {
    let hosts: BTreeSet<u64> = members.iter().map(|m| m.host).collect();
    let lines = |text| <[Token]>::split(text, |&t| t == Token::BREAK).filter(|line| line.len() > 1).collect();
    let common = shared(members, lines).into_iter().filter(|&(_, count)| count as f64 >= 0.5 * members.len() as f64);
    hosts.len() > 1 && common.filter(|(line, _)| !holds(span, line) && !holds(line, span)).count() >= 3
}

impl View<'_, '_> {
    /// Most documents, beyond twice the expected, that carry a rare n-gram of the span.
    pub(super) fn use_of_parts(&self, span: &[Token]) -> f64 {
        let beyond = |gram: &[Token]| {
            let &(_, df) = self.own.rare.get(gram)?;
            let usual = (f64::from(df) + 0.5).max(collocation(self.rules.background, gram));
            Some(self.past.count(gram, self.now).live as f64 - 2.0 * (usual * self.growth))
        };
        grams(span).into_iter().filter_map(beyond).fold(0.0, f64::max)
    }

    /// Most documents, beyond twice the expected, that carry as of the epoch boundary a rare n-gram
    /// of 40% of the carriers.
    fn containing_use(&self, members: &[Member<'_>]) -> f64 {
        let mut most = 0.0;
        for (gram, count) in shared(members, grams) {
            let hash = ngram::hash(self.rules.background.seed(), gram).expect("no line break");
            let df = self.rules.background.ngram_documents(hash);
            if count as f64 >= 0.4 * members.len() as f64 && df <= RARE {
                let live = self.past.live_at(gram, self.epoch) as f64;
                most = f64::max(most, live - 2.0 * (f64::from(df) + 0.5) * self.growth);
            }
        }
        most
    }

    pub(super) fn explanation(&self, j: &Judged<'_>) -> Option<&'static str> {
        let is_rare = |&t: &Token| self.rules.background.words().get(t).0 <= u32::from(RARE);
        let (span, members) = (&j.surroundings.span, &j.weight.members);
        if j.class == SpikeClass::SingleSite && j.surroundings.opens < 0.8 && !span.iter().any(is_rare) {
            Some("a single-site phrase's style")
        } else if j.class != SpikeClass::SingleSite && is_template(members, span) {
            Some("template")
        } else {
            (self.containing_use(members) > 1.5 * j.weight.live).then_some("contained")
        }
    }
}
