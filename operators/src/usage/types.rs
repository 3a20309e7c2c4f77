//! Which neighbours does syntax select? A mixture of types of phrases, such as nouns, verbs and
//! openings of sentences, though no type has a name. Each type says which classes stand on the left
//! and which on the right of its phrases, and how much phrases of the type differ among themselves.
//!
//! The mixture is fitted by expectation-maximisation to n-grams of ordinary text. The classes on
//! each side of a phrase of a type follow a Dirichlet-multinomial distribution (the model of
//! burstiness of Madsen, Kauchak, Elkan 2005), so that a phrase whose neighbours repeat is as
//! ordinary as one whose neighbours follow the type's average.

use super::{
    classes::Class,
    gaps::Gaps,
    postings::{Example, Neighbours},
};
use crate::text::{Seed, hash::mix};

/// Most types, fewest types, and phrases that are enough for one: of few phrases, each would be a type.
pub(super) const TYPES: usize = 64;
const TYPES_MIN: usize = 4;
const PHRASES_EACH: usize = 25;
const ROUNDS: usize = 10;
/// Weight of the two sides of a phrase while types are found: neighbours are not independent.
const TEMPER: f64 = 0.5;
/// Phrases' worth of the average type that each type is smoothed with.
const SMOOTH_FIRST: f64 = 20.0;
const SMOOTH: f64 = 5.0;
/// Concentrations that are tried, and phrases of a type that they are tried on.
const CONCENTRATIONS: [f64; 8] = [1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0];
const TRIED: usize = 120;
const TRIED_MIN: usize = 5;
const USUAL_CONCENTRATION: f64 = 12.0;
/// The logarithm of a probability that is taken for 0.
const NEGLIGIBLE: f64 = -30.0;
/// Share of a class that is taken for 0.
const NEGLIGIBLE_SHARE: f64 = 1e-6;
/// Carriers after which products are brought back to the middle of the range of numbers, and the share
/// of the largest product that is taken for 0 then: very small numbers are slow.
const RESCALED: usize = 4;
const VANISHING: f64 = 1e-200;
/// Carriers that a phrase has at most where it is judged.
const CARRIERS: usize = 65;
/// The largest logarithm of a ratio that is worked with.
const MOST: f64 = 300.0;

/// One side of all types.
#[derive(Clone, Debug)]
struct Side {
    /// Concentration times share, class by class: `TYPES` numbers for each class.
    weights: Vec<f64>,
    /// Concentration of each type.
    concentration: [f64; TYPES],
}

/// A mixture of types of phrases.
#[derive(Clone, Debug)]
pub(super) struct Types {
    shares: [f64; TYPES],
    left: Side,
    right: Side,
    ties: [Tie; TYPES],
    /// What [`Self::inverse`] gives for up to so many carriers as a phrase has: `TYPES` numbers for each.
    inverses: Vec<[f64; TYPES]>,
}

/// How the two sides of a type's phrases depend on each other.
///
/// Some phrases, such as adverbs, stand between words that would be fluent without them, in places
/// of their own choice. Their sides are as independent as those of other phrases, but for the
/// association of the two classes in a gap: `P(l, r) = P(l) P(r) association(l, r) / norm`.
#[derive(Clone, Copy, Debug)]
struct Tie {
    /// Share of the type's phrases whose sides are associated.
    share: f64,
    /// Logarithm of the norm: the mean association of two classes of the type.
    norm: f64,
}

impl Types {
    /// Fits types to the neighbours of phrases. `classes` is the number of classes.
    pub(super) fn fit(seed: Seed, classes: usize, gaps: &Gaps, examples: &[Example]) -> Self {
        let phrases: Vec<&Neighbours> = examples.iter().map(|example| &example.sides).collect();
        let phrases = phrases.as_slice();
        let base = [average(classes, phrases, |p| p.0), average(classes, phrases, |p| p.1)];
        // The first types are those of phrases drawn by lot.
        let mut lot: Vec<usize> = (0..phrases.len()).collect();
        lot.sort_unstable_by_key(|&i| (mix(seed.0 ^ mix(i as u64)), i));
        let types = (phrases.len() / PHRASES_EACH).clamp(TYPES_MIN, TYPES);
        let mut shares = std::array::from_fn(|z| if z < types { 1.0 / types as f64 } else { 0.0 });
        let mut resp = vec![[0.0f64; TYPES]; phrases.len()];
        (0..types).zip(&lot).for_each(|(z, &i)| resp[i][z] = 1.0);
        let mut means = maximise(&base, phrases, &resp, SMOOTH_FIRST);
        for _ in 0..ROUNDS {
            expect(classes, &shares, &means, phrases, &mut resp);
            for z in 0..types {
                shares[z] = resp.iter().map(|r| r[z]).sum::<f64>() / phrases.len().max(1) as f64 + 1e-4;
            }
            means = maximise(&base, phrases, &resp, SMOOTH);
        }
        let total: f64 = shares.iter().sum();
        shares = shares.map(|s| s / total);
        let of: Vec<usize> = resp.iter().map(best).collect();
        let side = |side: usize| Side::fit(classes, phrases, &of, &means, side);
        let ties = ties(classes, gaps, examples, &of, &means);
        let mut types = Self { shares, left: side(0), right: side(1), ties, inverses: Vec::new() };
        types.inverses = (0..CARRIERS).map(|n| types.inverse(n)).collect();
        types
    }

    /// What a type's probabilities of two classes are divided by after `n` carriers, inverted.
    fn inverse(&self, n: usize) -> [f64; TYPES] {
        let n = n as f64;
        std::array::from_fn(|z| 1.0 / ((n + self.left.concentration[z]) * (n + self.right.concentration[z])))
    }

    /// The logarithm of the likelihood of neighbours under the mixture.
    pub(super) fn log_likelihood(&self, gaps: &Gaps, sides: &[(Class, Class)]) -> f64 {
        let mut product = self.shares;
        let mut scale = 0.0;
        for (i, &(left, right)) in sides.iter().enumerate() {
            let earlier = &sides[..i];
            let same_left = earlier.iter().filter(|side| side.0 == left).count() as f64;
            let same_right = earlier.iter().filter(|side| side.1 == right).count() as f64;
            let (wl, wr) = (self.left.of(left), self.right.of(right));
            let inverse = self.inverses.get(i).map_or_else(|| self.inverse(i), |inverse| *inverse);
            for z in 0..TYPES {
                product[z] *= (same_left + wl[z]) * (same_right + wr[z]) * inverse[z];
            }
            if i % RESCALED == RESCALED - 1 {
                let most = product.iter().copied().fold(0.0, f64::max);
                product = product.map(|p| if p < most * VANISHING { 0.0 } else { p / most });
                scale += libm::log(most);
            }
        }
        let association: f64 = sides.iter().map(|&(left, right)| gaps.association(left, right)).sum();
        let n = sides.len() as f64;
        let tied = product.iter().zip(&self.ties).map(|(p, tie)| p * tie.mixture(association, n));
        scale + libm::log(tied.sum::<f64>())
    }
}

impl Tie {
    /// How much more likely `n` pairs of sides are with ties than without.
    fn mixture(&self, association: f64, n: f64) -> f64 {
        1.0 - self.share + self.share * libm::exp((association - n * self.norm).min(MOST))
    }
}

impl Types {
    /// The logarithm of the likelihood of one more pair of neighbours, given those of other carriers
    /// of the phrase.
    pub(super) fn log_predictive(&self, gaps: &Gaps, seen: &[(Class, Class)], pair: (Class, Class)) -> f64 {
        let mut all = seen.to_vec();
        all.push(pair);
        self.log_likelihood(gaps, &all) - self.log_likelihood(gaps, seen)
    }
}

impl Side {
    fn fit(classes: usize, phrases: &[&Neighbours], of: &[usize], means: &[[Vec<f64>; 2]], side: usize) -> Self {
        let mut fitted = Self { weights: vec![0.0; classes * TYPES], concentration: [USUAL_CONCENTRATION; TYPES] };
        for (z, mean) in means.iter().enumerate() {
            let mean = &mean[side];
            let members: Vec<Vec<(Class, u32)>> = (0..phrases.len())
                .filter(|&i| of[i] == z)
                .take(TRIED)
                .map(|i| counts(phrases[i].iter().map(|&(l, r)| if side == 0 { l } else { r })))
                .collect();
            if members.len() >= TRIED_MIN {
                let mut best = (f64::NEG_INFINITY, USUAL_CONCENTRATION);
                for a in CONCENTRATIONS {
                    let s = members.iter().map(|m| dirichlet_multinomial(m, mean, a)).sum::<f64>();
                    if s > best.0 {
                        best = (s, a);
                    }
                }
                fitted.concentration[z] = best.1;
            }
            for (class, share) in mean.iter().enumerate() {
                fitted.weights[class * TYPES + z] = fitted.concentration[z] * share;
            }
        }
        fitted
    }

    #[inline]
    fn of(&self, class: Class) -> &[f64] {
        &self.weights[usize::from(class) * TYPES..][..TYPES]
    }
}

/// Rounds in which the shares of tied phrases are found.
const TIE_ROUNDS: usize = 8;

/// The tie of each type, from the trusted examples that are most likely of it. Planted phrases are tied
/// too, so no others may say that a type is.
fn ties(classes: usize, gaps: &Gaps, examples: &[Example], of: &[usize], means: &[[Vec<f64>; 2]]) -> [Tie; TYPES] {
    let row = |left: usize| (0..classes).map(move |right| libm::exp(gaps.association(left as Class, right as Class)));
    let associations: Vec<f64> = (0..classes).flat_map(row).collect();
    std::array::from_fn(|z| {
        let [left, right] = &means[z];
        // What is left out has less than a thousandth of the mass.
        let likely = |side: &[f64]| -> Vec<(Class, f64)> {
            (0..).zip(side).map(|(class, &share)| (class, share)).filter(|x| x.1 > NEGLIGIBLE_SHARE).collect()
        };
        let rights = likely(right);
        let mean = |&(l, p): &(Class, f64)| {
            let row = &associations[usize::from(l) * classes..][..classes];
            p * rights.iter().map(|&(r, q)| q * row[usize::from(r)]).sum::<f64>()
        };
        let norm = libm::log(likely(left).iter().map(mean).sum::<f64>());
        let members = examples.iter().zip(of).filter(|x| *x.1 == z && x.0.is_trusted).map(|x| &x.0.sides);
        let ratios: Vec<f64> = members
            .map(|phrase| {
                let association: f64 = phrase.iter().map(|&(l, r)| gaps.association(l, r)).sum();
                libm::exp((association - phrase.len() as f64 * norm).min(MOST))
            })
            .collect();
        let mut share = 0.5;
        for _ in 0..TIE_ROUNDS {
            let tied: f64 = ratios.iter().map(|r| share * r / (share * r + 1.0 - share)).sum();
            share = tied / (ratios.len() + 1) as f64;
        }
        Tie { share, norm }
    })
}

/// The logarithm of the probability of a sequence with these counts, but for what does not depend
/// on the concentration `a`.
fn dirichlet_multinomial(counts: &[(Class, u32)], mean: &[f64], a: f64) -> f64 {
    let n: u32 = counts.iter().map(|c| c.1).sum();
    // The product of up to 32 factors, all but the first of which are 1 or more, is far from the limits of a number.
    let rising = |from: f64, n: u32| libm::log((0..n).map(|i| from + f64::from(i)).product());
    counts.iter().map(|&(class, n)| rising(a * mean[usize::from(class)], n)).sum::<f64>() - rising(a, n)
}

fn counts(classes: impl Iterator<Item = Class>) -> Vec<(Class, u32)> {
    let mut sorted: Vec<Class> = classes.collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
}

fn average(classes: usize, phrases: &[&Neighbours], side: impl Fn(&(Class, Class)) -> Class) -> Vec<f64> {
    let mut sums = vec![1.0; classes];
    phrases.iter().copied().flatten().for_each(|pair| sums[usize::from(side(pair))] += 1.0);
    normalised(&sums)
}

fn normalised(sums: &[f64]) -> Vec<f64> {
    let total: f64 = sums.iter().sum();
    sums.iter().map(|x| x / total).collect()
}

fn best(resp: &[f64; TYPES]) -> usize {
    (0..TYPES).max_by(|&a, &b| resp[a].total_cmp(&resp[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// How probable is each type, given each phrase?
fn expect(classes: usize, shares: &[f64; TYPES], means: &[[Vec<f64>; 2]], phrases: &[&Neighbours], resp: &mut [[f64; TYPES]]) {
    let logs = [0, 1].map(|side| {
        let mut logs = vec![0.0; classes * TYPES];
        for (z, mean) in means.iter().enumerate() {
            mean[side].iter().enumerate().for_each(|(class, &share)| logs[class * TYPES + z] = TEMPER * libm::log(share));
        }
        logs
    });
    let prior = shares.map(libm::log);
    for (phrase, resp) in phrases.iter().zip(resp) {
        let mut log = prior;
        for &(left, right) in *phrase {
            let at = [&logs[0][usize::from(left) * TYPES..][..TYPES], &logs[1][usize::from(right) * TYPES..][..TYPES]];
            for z in 0..TYPES {
                log[z] += at[0][z] + at[1][z];
            }
        }
        let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        *resp = log.map(|x| if x - most > NEGLIGIBLE { libm::exp(x - most) } else { 0.0 });
        let total: f64 = resp.iter().sum();
        *resp = resp.map(|x| x / total);
    }
}

/// The classes on either side of each type, given how probable it is of each phrase.
fn maximise(base: &[Vec<f64>; 2], phrases: &[&Neighbours], resp: &[[f64; TYPES]], smooth: f64) -> Vec<[Vec<f64>; 2]> {
    let start = || base.clone().map(|b| b.iter().map(|x| x * smooth).collect::<Vec<f64>>());
    let mut sums: Vec<[Vec<f64>; 2]> = (0..TYPES).map(|_| start()).collect();
    for (phrase, resp) in phrases.iter().zip(resp) {
        // Most types are out of the question for most phrases.
        for (sum, &weight) in sums.iter_mut().zip(resp).filter(|(_, weight)| **weight > 1e-3) {
            for &(left, right) in *phrase {
                sum[0][usize::from(left)] += weight;
                sum[1][usize::from(right)] += weight;
            }
        }
    }
    sums.into_iter().map(|sides| sides.map(|sum| normalised(&sum))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        text::{Language, Token, TokenKind},
        usage::{classes::Classes, sample::SampledDocument},
    };

    /// Nouns stand between classes 1 and 2, verbs between 3 and 4, with some noise.
    fn phrases(n: u64) -> Vec<Example> {
        let one = |i: u64| {
            let noun = i.is_multiple_of(2);
            let pair = |j: u64| match mix(i ^ mix(j)) % 10 {
                0 => (5 + (mix(j) % 3) as Class, 5),
                _ if noun => (1, 2),
                _ => (3, 4),
            };
            Example { sides: (0..12).map(pair).collect(), is_trusted: true }
        };
        (0..n).map(one).collect()
    }

    /// Gaps of a text in which each of eight words has one follower, and the class of each word.
    fn gaps() -> (Gaps, usize, Vec<Class>) {
        let words: Vec<Token> = (0..8).map(|i| Token::new(TokenKind::Word, mix(i + 1))).collect();
        let mut counts: Vec<(Token, u32)> = words.iter().map(|&t| (t, 100)).collect();
        counts.sort_unstable();
        let classes = Classes::new(&counts);
        let tokens = (0..4000).map(|i| words[i % 8]).collect();
        let documents = [SampledDocument { language: Language::UNKNOWN, tokens }];
        (Gaps::new(&classes, documents.iter()), classes.len(), words.iter().map(|&t| classes.of(t)).collect())
    }

    #[test]
    fn sides_that_are_associated_as_in_gaps_are_a_kind_of_syntax() {
        let (gaps, n, words) = gaps();
        let pair = |i: u64, j: u64| {
            let at = (mix(i ^ mix(j)) % 8) as usize;
            if i.is_multiple_of(2) { (words[at], words[(at + 1) % 8]) } else { (words[at], words[(mix(j) % 8) as usize]) }
        };
        let phrase = |i: u64| (0..12).map(|j| pair(i, j)).collect::<Vec<_>>();
        let examples = |numbers: &mut dyn Iterator<Item = u64>, is_trusted: bool| {
            numbers.map(|i| Example { sides: phrase(i), is_trusted }).collect::<Vec<_>>()
        };
        let some = Types::fit(Seed(1), n, &gaps, &examples(&mut (0..400).map(|i| 2 * i + 1), true));
        let both = Types::fit(Seed(1), n, &gaps, &examples(&mut (0..400), true));
        let adverb = phrase(1_000_000);
        let gain = both.log_likelihood(&gaps, &adverb) - some.log_likelihood(&gaps, &adverb);
        assert!(gain > 6.0, "{gain}");
        // Planted phrases say nothing of the kind.
        let planted = Types::fit(Seed(1), n, &gaps, &examples(&mut (0..400), false));
        assert!(both.log_likelihood(&gaps, &adverb) > planted.log_likelihood(&gaps, &adverb) + 6.0);
        let other = phrase(1_000_001);
        assert!(both.log_likelihood(&gaps, &other) > some.log_likelihood(&gaps, &other) - 4.0);
    }

    #[test]
    fn what_syntax_selects_is_likely_and_a_mixture_of_all_is_not() {
        let (gaps, n, _) = gaps();
        let types = Types::fit(Seed(1), n, &gaps, &phrases(400));
        let noun: Vec<(Class, Class)> = (0..12).map(|_| (1, 2)).collect();
        let mixed: Vec<(Class, Class)> = (0..12).map(|i| [(1, 2), (3, 4), (1, 4), (5, 5)][i % 4]).collect();
        assert!(types.log_likelihood(&gaps, &noun) > -6.0, "{}", types.log_likelihood(&gaps, &noun));
        assert!(types.log_likelihood(&gaps, &mixed) < types.log_likelihood(&gaps, &noun) - 15.0);
        assert!(types.log_likelihood(&gaps, &[]).abs() < 1e-9);
    }

    #[test]
    fn few_phrases_are_of_few_types() {
        let (gaps, n, _) = gaps();
        let types = |phrases: u64| {
            let fitted = Types::fit(Seed(1), n, &gaps, &self::phrases(phrases));
            fitted.shares.iter().filter(|share| **share > 1e-9).count()
        };
        assert_eq!([types(20), types(200), types(2000)], [TYPES_MIN, 200 / PHRASES_EACH, TYPES]);
    }

    /// The running product against the formula with logarithms of gamma functions, type by type.
    #[test]
    fn the_likelihood_is_that_of_the_formula() {
        let (gaps, n, _) = gaps();
        let types = Types::fit(Seed(2), n, &gaps, &phrases(100));
        let sides: Vec<(Class, Class)> = (0..40).map(|i| ((mix(i) % 9) as Class, (mix(i ^ 0x4d) % 9) as Class)).collect();
        let side = |side: &Side, z: usize, classes: Vec<Class>| {
            let a = side.concentration[z];
            let mut log = libm::lgamma(a) - libm::lgamma(a + classes.len() as f64);
            for (class, n) in counts(classes.into_iter()) {
                let w = side.of(class)[z];
                log += libm::lgamma(w + f64::from(n)) - libm::lgamma(w);
            }
            log
        };
        let one = |z: usize| {
            let (left, right) = sides.iter().copied().unzip();
            let association: f64 = sides.iter().map(|&(l, r)| gaps.association(l, r)).sum();
            let tie = types.ties[z].mixture(association, sides.len() as f64);
            libm::log(types.shares[z]) + side(&types.left, z, left) + side(&types.right, z, right) + libm::log(tie)
        };
        let logs: Vec<f64> = (0..TYPES).map(one).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let plain = most + libm::log(logs.iter().map(|l| libm::exp(l - most)).sum::<f64>());
        assert!((types.log_likelihood(&gaps, &sides) - plain).abs() < 1e-6 * plain.abs());
    }
}
