//! Which neighbours does syntax select? A mixture of types of phrases, such as nouns, verbs and
//! openings of sentences, though no type has a name. Each type says which classes stand on the left
//! and which on the right of its phrases, and how much phrases of the type differ among themselves.
//!
//! The mixture is fitted by expectation-maximisation to n-grams of ordinary text. The classes on
//! each side of a phrase of a type follow a Dirichlet-multinomial distribution (the model of
//! burstiness of Madsen, Kauchak, Elkan 2005), so that a phrase whose neighbours repeat is as
//! ordinary as one whose neighbours follow the type's average.

use super::{classes::Class, postings::Neighbours};
use crate::text::{Seed, hash::mix};

/// Number of types.
pub(super) const TYPES: usize = 64;
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
}

impl Types {
    /// Fits types to the neighbours of phrases. `classes` is the number of classes.
    pub(super) fn fit(seed: Seed, classes: usize, phrases: &[Neighbours]) -> Self {
        let base = [average(classes, phrases, |p| p.0), average(classes, phrases, |p| p.1)];
        // The first types are those of phrases drawn by lot.
        let mut lot: Vec<usize> = (0..phrases.len()).collect();
        lot.sort_unstable_by_key(|&i| (mix(seed.0 ^ mix(i as u64)), i));
        let mut shares = [1.0 / TYPES as f64; TYPES];
        let mut resp = vec![[0.0f64; TYPES]; phrases.len()];
        (0..TYPES).zip(&lot).for_each(|(z, &i)| resp[i][z] = 1.0);
        let mut means = maximise(&base, phrases, &resp, SMOOTH_FIRST);
        for _ in 0..ROUNDS {
            expect(classes, &shares, &means, phrases, &mut resp);
            for z in 0..TYPES {
                shares[z] = resp.iter().map(|r| r[z]).sum::<f64>() / phrases.len().max(1) as f64 + 1e-4;
            }
            means = maximise(&base, phrases, &resp, SMOOTH);
        }
        let total: f64 = shares.iter().sum();
        shares = shares.map(|s| s / total);
        let of: Vec<usize> = resp.iter().map(best).collect();
        let side = |side: usize| Side::fit(classes, phrases, &of, &means, side);
        Self { shares, left: side(0), right: side(1) }
    }

    /// The logarithm of the likelihood of neighbours under the mixture.
    pub(super) fn log_likelihood(&self, sides: &[(Class, Class)]) -> f64 {
        let mut product = self.shares;
        let mut scale = 0.0;
        for (i, &(left, right)) in sides.iter().enumerate() {
            let earlier = &sides[..i];
            let (same_left, same_right) = earlier.iter().fold((0.0, 0.0), |(l, r), &(cl, cr)| {
                (l + f64::from(u8::from(cl == left)), r + f64::from(u8::from(cr == right)))
            });
            let (wl, wr) = (self.left.of(left), self.right.of(right));
            let n = i as f64;
            let mut most = 0.0f64;
            for z in 0..TYPES {
                let above = (same_left + wl[z]) * (same_right + wr[z]);
                let below = (n + self.left.concentration[z]) * (n + self.right.concentration[z]);
                product[z] *= above / below;
                most = most.max(product[z]);
            }
            if most < 1e-60 {
                product = product.map(|p| p / most);
                scale += libm::log(most);
            }
        }
        scale + libm::log(product.iter().sum::<f64>())
    }
}

impl Types {
    /// The logarithm of the likelihood of one more pair of neighbours, given those of other carriers
    /// of the phrase.
    pub(super) fn log_predictive(&self, seen: &[(Class, Class)], pair: (Class, Class)) -> f64 {
        let mut all = seen.to_vec();
        all.push(pair);
        self.log_likelihood(&all) - self.log_likelihood(seen)
    }
}

impl Side {
    fn fit(classes: usize, phrases: &[Neighbours], of: &[usize], means: &[[Vec<f64>; 2]], side: usize) -> Self {
        let mut fitted = Self { weights: vec![0.0; classes * TYPES], concentration: [USUAL_CONCENTRATION; TYPES] };
        for (z, mean) in means.iter().enumerate() {
            let mean = &mean[side];
            let members: Vec<Vec<(Class, u32)>> = (0..phrases.len())
                .filter(|&i| of[i] == z)
                .take(TRIED)
                .map(|i| counts(phrases[i].iter().map(|&(l, r)| if side == 0 { l } else { r })))
                .collect();
            if members.len() >= TRIED_MIN {
                let score = |a: f64| members.iter().map(|m| dirichlet_multinomial(m, mean, a)).sum::<f64>();
                let mut best = (f64::NEG_INFINITY, USUAL_CONCENTRATION);
                for a in CONCENTRATIONS {
                    let s = score(a);
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

/// The logarithm of the probability of a sequence with these counts, but for what does not depend
/// on the concentration `a`.
fn dirichlet_multinomial(counts: &[(Class, u32)], mean: &[f64], a: f64) -> f64 {
    let n: u32 = counts.iter().map(|c| c.1).sum();
    let rising = |from: f64, n: u32| (0..n).map(|i| libm::log(from + f64::from(i))).sum::<f64>();
    counts.iter().map(|&(class, n)| rising(a * mean[usize::from(class)], n)).sum::<f64>() - rising(a, n)
}

fn counts(classes: impl Iterator<Item = Class>) -> Vec<(Class, u32)> {
    let mut sorted: Vec<Class> = classes.collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect()
}

fn average(classes: usize, phrases: &[Neighbours], side: impl Fn(&(Class, Class)) -> Class) -> Vec<f64> {
    let mut sums = vec![1.0; classes];
    phrases.iter().flatten().for_each(|pair| sums[usize::from(side(pair))] += 1.0);
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
fn expect(classes: usize, shares: &[f64; TYPES], means: &[[Vec<f64>; 2]], phrases: &[Neighbours], resp: &mut [[f64; TYPES]]) {
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
        for &(left, right) in phrase {
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
fn maximise(base: &[Vec<f64>; 2], phrases: &[Neighbours], resp: &[[f64; TYPES]], smooth: f64) -> Vec<[Vec<f64>; 2]> {
    let start = || base.clone().map(|b| b.iter().map(|x| x * smooth).collect::<Vec<f64>>());
    let mut sums: Vec<[Vec<f64>; 2]> = (0..TYPES).map(|_| start()).collect();
    for (phrase, resp) in phrases.iter().zip(resp) {
        // Most types are out of the question for most phrases.
        for (sum, &weight) in sums.iter_mut().zip(resp).filter(|(_, weight)| **weight > 1e-3) {
            for &(left, right) in phrase {
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

    /// Nouns stand between classes 1 and 2, verbs between 3 and 4, with some noise.
    fn phrases(n: u64) -> Vec<Neighbours> {
        let one = |i: u64| {
            let noun = i.is_multiple_of(2);
            let pair = |j: u64| match mix(i ^ mix(j)) % 10 {
                0 => (5 + (mix(j) % 3) as Class, 5),
                _ if noun => (1, 2),
                _ => (3, 4),
            };
            (0..12).map(pair).collect()
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn what_syntax_selects_is_likely_and_a_mixture_of_all_is_not() {
        let types = Types::fit(Seed(1), 10, &phrases(400));
        let noun: Vec<(Class, Class)> = (0..12).map(|_| (1, 2)).collect();
        let mixed: Vec<(Class, Class)> = (0..12).map(|i| [(1, 2), (3, 4), (1, 4), (5, 5)][i % 4]).collect();
        assert!(types.log_likelihood(&noun) > -6.0, "{}", types.log_likelihood(&noun));
        assert!(types.log_likelihood(&mixed) < types.log_likelihood(&noun) - 15.0);
        assert!(types.log_likelihood(&[]).abs() < 1e-9);
    }

    /// The running product against the formula with logarithms of gamma functions, type by type.
    #[test]
    fn the_likelihood_is_that_of_the_formula() {
        let types = Types::fit(Seed(2), 10, &phrases(100));
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
            libm::log(types.shares[z]) + side(&types.left, z, left) + side(&types.right, z, right)
        };
        let logs: Vec<f64> = (0..TYPES).map(one).collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let plain = most + libm::log(logs.iter().map(|l| libm::exp(l - most)).sum::<f64>());
        assert!((types.log_likelihood(&sides) - plain).abs() < 1e-6 * plain.abs());
    }
}
