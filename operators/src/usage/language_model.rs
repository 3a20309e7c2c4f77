//! Do the neighbours of a phrase look like a gap that it was put into, or like those that syntax
//! selects? One model for one language.

use super::{
    classes::{Class, Classes},
    gaps::{GapSums, Gaps},
    postings::{self, Example},
    sample::SampledDocument,
    types::Types,
};
use crate::text::{Seed, Token};

/// What an uncommon neighbour that is the same token again, among those of its class, is worth: the
/// logarithm of (`same` + .04) / (`alike` + 20) / .002.
const SAME: f64 = 0.04;
const ALIKE: f64 = 20.0;
const SAME_SHARE: f64 = 0.002;
/// Factors of one logarithm: their product is far from the limits of a number.
const FACTORS: usize = 16;

/// The model of one language.
#[derive(Clone, Debug)]
pub(super) struct LanguageModel {
    classes: Classes,
    gaps: Gaps,
    types: Types,
    /// What ordinary phrases show in favour of a gap, in nats a carrier: 0 where the model knows them
    /// well.
    usual: f64,
}

/// In a language of fewer documents than these, a phrase that is planted in many of them would become
/// an example of syntax. So the examples stand in trusted documents too, if there are enough.
const FEW: usize = 400;
/// Trusted documents of a language from which on it can be judged by.
pub const LANGUAGE_DOCUMENTS_MIN: usize = 40;
/// One of so many phrases tells how well the others foretell it.
const HELD_OUT: usize = 5;
/// Fewest such phrases, and the share of them that shows no more than what is usual.
const HELD_OUT_MIN: usize = 20;
const USUAL: f64 = 0.95;
/// What is taken as usual where there are too few.
const UNKNOWN: f64 = 10.0;

/// What the neighbours of a phrase say, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NeighbourEvidence {
    /// ln P(gap) - ln P(syntax), for gaps within lines.
    pub within: f64,
    /// The same where the phrase may also stand at the edge of a line or sentence.
    pub edge: f64,
    /// ln P(gap) - ln P(one token left out).
    pub seam: f64,
}

impl NeighbourEvidence {
    /// Only what speaks against a gap.
    pub(super) fn against(self) -> Self {
        Self { within: self.within.min(0.0), edge: self.edge.min(0.0), seam: self.seam.min(0.0) }
    }

    /// The lesser of two, each by itself.
    pub(super) fn least(self, other: Self) -> Self {
        Self { within: self.within.min(other.within), edge: self.edge.min(other.edge), seam: self.seam.min(other.seam) }
    }
}

impl LanguageModel {
    /// Learns from documents of one language, of which the first `trusted` are of a trusted sample;
    /// `counts` are the frequencies of their tokens, sorted by token.
    pub(super) fn learn(seed: Seed, counts: &[(Token, u32)], documents: &[&SampledDocument], trusted: usize) -> Self {
        let classes = Classes::new(counts);
        let gaps = Gaps::new(&classes, documents.iter().copied());
        // If there is nothing that is trusted, all is.
        let trusted = if trusted < LANGUAGE_DOCUMENTS_MIN { documents.len() } else { trusted };
        let mut examples = postings::examples(seed, &classes, documents, trusted);
        examples.retain(|example| example.is_trusted || documents.len() >= FEW);
        let (held_out, examples): (Vec<_>, Vec<_>) = (0..).zip(examples).partition(|(i, _)| i % HELD_OUT == 0);
        let [held_out, examples] =
            [held_out, examples].map(|half| half.into_iter().map(|(_, example)| example).collect::<Vec<_>>());
        let types = Types::fit(seed, classes.len(), &gaps, &examples);
        let usual = usual(&gaps, &types, &held_out);
        Self { classes, gaps, types, usual }
    }

    /// Weighs the tokens beside a phrase, one pair for each carrier; a line break stands for the
    /// ends of a text too. **Cost** about .4 us a carrier.
    #[must_use]
    pub(super) fn evidence(&self, beside: &[(Token, Token)]) -> NeighbourEvidence {
        let classed: Vec<(Class, Class)> = beside.iter().map(|&(l, r)| (self.classes.of(l), self.classes.of(r))).collect();
        let mut sums = GapSums::default();
        for (&tokens, &sides) in beside.iter().zip(&classed) {
            self.gaps.add(&mut sums, (tokens.0, sides.0), (tokens.1, sides.1));
        }
        let lefts = beside.iter().zip(&classed).map(|(tokens, classes)| (tokens.0, classes.0));
        let rights = beside.iter().zip(&classed).map(|(tokens, classes)| (tokens.1, classes.1));
        let repeated = self.repetition(&lefts.collect::<Vec<_>>()) + self.repetition(&rights.collect::<Vec<_>>());
        let base = self.types.log_likelihood(&self.gaps, &classed) + repeated;
        let usual = self.usual * beside.len() as f64;
        let within = sums.within - base - usual;
        let edges = log_sum([sums.after_stop, sums.line_start, sums.line_end]);
        NeighbourEvidence {
            within,
            edge: log_sum([within, edges - base - usual - EDGE_PRIOR, f64::NEG_INFINITY]),
            seam: sums.within - sums.skipping,
        }
    }

    /// The mean logarithm of the ratio of gap to syntax for some pairs of tokens, given what syntax
    /// selects beside the phrase: that follows from all its carriers, which are `beside`, without the
    /// one that is weighed, which would foretell itself.
    #[must_use]
    pub(super) fn fit(&self, beside: &[(Token, Token)], own: &[(Token, Token)]) -> f64 {
        let classed = |pairs: &[(Token, Token)]| -> Vec<(Class, Class)> {
            pairs.iter().map(|&(l, r)| (self.classes.of(l), self.classes.of(r))).collect()
        };
        let (all, sides) = (classed(beside), classed(own));
        let mut sum = 0.0;
        for (&tokens, &(left, right)) in own.iter().zip(&sides) {
            let mut gaps = GapSums::default();
            self.gaps.add(&mut gaps, (tokens.0, left), (tokens.1, right));
            let gap = log_sum([
                gaps.within,
                log_sum([gaps.after_stop, gaps.line_start, gaps.line_end]) - EDGE_PRIOR,
                f64::NEG_INFINITY,
            ]);
            let mut others = all.clone();
            if let Some(itself) = all.iter().position(|&pair| pair == (left, right)) {
                others.remove(itself);
            }
            sum += gap - self.types.log_predictive(&self.gaps, &others, (left, right));
        }
        sum / own.len().max(1) as f64
    }

    /// How much more likely the tokens on one side are because their like were seen before beside the
    /// phrase: a logarithm.
    fn repetition(&self, side: &[(Token, Class)]) -> f64 {
        let (mut log, mut product) = (0.0, 1.0);
        for (i, &(token, class)) in side.iter().enumerate() {
            if self.classes.is_open(class) {
                let alike = side[..i].iter().filter(|earlier| earlier.1 == class).count() as f64;
                let same = side[..i].iter().filter(|earlier| earlier.0 == token).count() as f64;
                product *= (same + SAME) / (alike + ALIKE) / SAME_SHARE;
            }
            if i % FACTORS == FACTORS - 1 {
                log += libm::log(product);
                product = 1.0;
            }
        }
        log + libm::log(product)
    }
}

/// What most trusted phrases show in favour of a gap, in nats a carrier, where types that were fitted to
/// others foretell their neighbours.
fn usual(gaps: &Gaps, types: &Types, examples: &[Example]) -> f64 {
    let shown = |example: &Example| {
        let sides = &example.sides;
        let mut sums = GapSums::default();
        for &(left, right) in sides {
            gaps.add_classes(&mut sums, left, right);
        }
        (sums.within - types.log_likelihood(gaps, sides)) / sides.len().max(1) as f64
    };
    let mut all: Vec<f64> = examples.iter().filter(|example| example.is_trusted).map(shown).collect();
    all.sort_unstable_by(f64::total_cmp);
    let at = (USUAL * all.len() as f64) as usize;
    if all.len() < HELD_OUT_MIN { UNKNOWN } else { all[at.min(all.len() - 1)].max(0.0) }
}

/// How much less likely than a place within a line the places at edges are, in nats.
const EDGE_PRIOR: f64 = 2.0;

/// The logarithm of the sum of exponentials.
fn log_sum(logs: [f64; 3]) -> f64 {
    let most = logs.into_iter().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(logs.into_iter().map(|x| libm::exp(x - most)).sum::<f64>())
}
