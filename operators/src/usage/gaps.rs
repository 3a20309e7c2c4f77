//! How likely do two classes stand on either side of a gap between words, where nothing is left
//! out? And how likely where exactly one token was?
//!
//! Counts of adjacent tokens of a sample, as shares of all pairs. A share is smoothed towards
//! independence: 13% of its mass is the product of the two classes' own shares, so that an unseen
//! pair is unlikely and not impossible. Logarithms are to the base e.

use super::{
    classes::{Class, Classes},
    sample::SampledDocument,
};
use crate::text::Token;

/// Share of the probability that does not depend on the pair.
const SMOOTH: f64 = 0.13;

/// A table of pairs of classes, as logarithms of their shares.
#[derive(Clone, Debug)]
struct PairTable {
    log: Vec<f32>,
    classes: usize,
    /// Logarithms of the shares of each class on the left, and on the right.
    lefts: Vec<f32>,
    rights: Vec<f32>,
}

/// Counts of pairs of classes.
struct PairCounts {
    counts: Vec<u32>,
    classes: usize,
}

impl PairCounts {
    fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes * classes], classes }
    }

    fn add(&mut self, left: Class, right: Class) {
        self.counts[usize::from(left) * self.classes + usize::from(right)] += 1;
    }

    fn table(&self) -> PairTable {
        let n = self.classes;
        let total = self.counts.iter().map(|&c| f64::from(c)).sum::<f64>().max(1.0);
        let (mut lefts, mut rights) = (vec![1e-5 * total; n], vec![1e-5 * total; n]);
        for (at, &count) in self.counts.iter().enumerate() {
            lefts[at / n] += f64::from(count);
            rights[at % n] += f64::from(count);
        }
        let whole = total * (1.0 + 1e-5 * n as f64);
        let share = |(at, &count): (usize, &u32)| {
            let alone = lefts[at / n] * rights[at % n] / (whole * whole);
            libm::log((1.0 - SMOOTH) * f64::from(count) / total + SMOOTH * alone) as f32
        };
        let log = self.counts.iter().enumerate().map(share).collect();
        let [lefts, rights] = [lefts, rights].map(|side| side.into_iter().map(|x| libm::log(x / whole) as f32).collect());
        PairTable { log, classes: n, lefts, rights }
    }
}

impl PairTable {
    #[inline]
    fn get(&self, left: Class, right: Class) -> f64 {
        f64::from(self.log[usize::from(left) * self.classes + usize::from(right)])
    }
}

/// The gaps of a language.
#[derive(Clone, Debug)]
pub(super) struct Gaps {
    /// Within a line, before a word.
    within: PairTable,
    /// With one token left out.
    skipping: PairTable,
    /// Logarithms of the shares of classes behind the end of a sentence, at the start of a line, and
    /// at the end of a line.
    after_stop: Vec<f32>,
    line_start: Vec<f32>,
    line_end: Vec<f32>,
}

/// Sums of logarithms over the gaps of several carriers, one for each kind of gap.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct GapSums {
    pub(super) within: f64,
    pub(super) skipping: f64,
    pub(super) after_stop: f64,
    pub(super) line_start: f64,
    pub(super) line_end: f64,
}

/// The logarithm of what does not happen in a kind of gap.
const NEVER: f64 = -11.5;

impl Gaps {
    /// Counts the gaps of documents.
    pub(super) fn new<'a>(classes: &Classes, documents: impl Iterator<Item = &'a SampledDocument>) -> Self {
        let n = classes.len();
        let (mut within, mut skipping) = (PairCounts::new(n), PairCounts::new(n));
        let mut single = [vec![0u32; n], vec![0u32; n], vec![0u32; n]];
        let mut line = Vec::new();
        for document in documents {
            for tokens in document.tokens.split(|&t| t == Token::BREAK).filter(|line| !line.is_empty()) {
                line.clear();
                line.extend(tokens.iter().map(|&t| classes.of(t)));
                single[1][usize::from(line[0])] += 1;
                single[2][usize::from(line[line.len() - 1])] += 1;
                for i in 1..line.len() {
                    if tokens[i].is_alphanumeric() {
                        within.add(line[i - 1], line[i]);
                        if tokens[i - 1].is_stop() {
                            single[0][usize::from(line[i])] += 1;
                        }
                    }
                    if i > 1 {
                        skipping.add(line[i - 2], line[i]);
                    }
                }
            }
        }
        let [after_stop, line_start, line_end] = single.map(|counts| logs(&counts));
        Self { within: within.table(), skipping: skipping.table(), after_stop, line_start, line_end }
    }

    /// How much more likely two classes stand beside each other than if the one did not depend on the
    /// other: the logarithm of the ratio.
    #[inline]
    pub(super) fn association(&self, left: Class, right: Class) -> f64 {
        let alone = self.within.lefts[usize::from(left)] + self.within.rights[usize::from(right)];
        self.within.get(left, right) - f64::from(alone)
    }

    /// Adds the gap between two classes within a line.
    #[inline]
    pub(super) fn add_classes(&self, sums: &mut GapSums, left: Class, right: Class) {
        sums.within += self.within.get(left, right);
        sums.skipping += self.skipping.get(left, right);
    }

    /// Adds the gap between two tokens of two classes, as if what stands between them were not there.
    #[inline]
    pub(super) fn add(&self, sums: &mut GapSums, left: (Token, Class), right: (Token, Class)) {
        let single = |is_here: bool, log: &[f32], class: Class| if is_here { f64::from(log[usize::from(class)]) } else { NEVER };
        self.add_classes(sums, left.1, right.1);
        sums.after_stop += single(left.0.is_stop() && right.1 != 0, &self.after_stop, right.1);
        sums.line_start += single(left.1 == 0 && right.1 != 0, &self.line_start, right.1);
        sums.line_end += single(right.1 == 0 && left.1 != 0, &self.line_end, left.1);
    }
}

/// Logarithms of shares, each class counted half a time more than it was seen.
fn logs(counts: &[u32]) -> Vec<f32> {
    let total = counts.iter().map(|&c| f64::from(c) + 0.5).sum::<f64>();
    counts.iter().map(|&c| libm::log((f64::from(c) + 0.5) / total) as f32).collect()
}
