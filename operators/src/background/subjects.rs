//! Which subjects does the background have? The clusters of its context vectors, by spherical
//! k-means (Dhillon, Modha 2001) in integers.

use super::vector::{ContextVector, DIMENSIONS, QUANTUM, dot};
use crate::text::{Seed, hash::mix};

/// Number of subjects.
pub(super) const SUBJECTS: usize = 64;
const ROUNDS: usize = 10;
/// Least share of a subject. A subject that the reference happens to miss proves nothing.
const SHARE_MIN: f64 = 0.002;

/// The centre that is nearest to a vector; of equals the first.
pub(super) fn nearest(centres: &[ContextVector], context: &ContextVector) -> usize {
    let mut best = (i32::MIN, 0);
    for (i, centre) in centres.iter().enumerate() {
        let likeness = dot(centre, context);
        if likeness > best.0 {
            best = (likeness, i);
        }
    }
    best.1
}

/// Finds the centres of the subjects of `contexts`, and their shares.
pub(super) fn find(seed: Seed, contexts: &[ContextVector]) -> (Vec<ContextVector>, Vec<f64>) {
    if contexts.is_empty() {
        return (vec![ContextVector::default()], vec![1.0]);
    }
    // The first centres are the documents with the least hashes of their numbers: a sample without replacement.
    let mut order: Vec<usize> = (0..contexts.len()).collect();
    order.sort_unstable_by_key(|&i| (mix(seed.0 ^ mix(i as u64)), i));
    let mut centres: Vec<ContextVector> = order.iter().take(SUBJECTS).map(|&i| contexts[i]).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![[0i64; DIMENSIONS]; centres.len()];
        for context in contexts {
            let sum = &mut sums[nearest(&centres, context)];
            sum.iter_mut().zip(&context.0).for_each(|(s, &x)| *s += i64::from(x));
        }
        for (centre, sum) in centres.iter_mut().zip(&sums) {
            let length = sum.iter().map(|&x| (x * x) as f64).sum::<f64>().sqrt();
            if length > 0.0 {
                *centre = ContextVector(sum.map(|x| libm::rint(x as f64 / length * QUANTUM).clamp(-127.0, 127.0) as i8));
            }
        }
    }
    let mut sizes = vec![0u32; centres.len()];
    for context in contexts {
        sizes[nearest(&centres, context)] += 1;
    }
    let shares = sizes.iter().map(|&n| (f64::from(n) / contexts.len() as f64).max(SHARE_MIN)).collect();
    (centres, shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clouds_are_two_subjects() {
        // Two directions, with a little noise each.
        let point = |cloud: usize, i: u64| {
            let mut v = [0i8; DIMENSIONS];
            v[cloud * 5] = 120;
            v[20 + (mix(i) % 100) as usize] = 20;
            ContextVector(v)
        };
        let contexts: Vec<ContextVector> = (0..300).map(|i| point(usize::from(i % 3 == 0), i)).collect();
        let (centres, shares) = find(Seed(1), &contexts);
        assert_eq!(centres.len(), SUBJECTS);
        let of = |i: usize| nearest(&centres, &contexts[i]);
        assert!(
            (0..300).all(|i| (0..300).all(|j| (i % 3 == 0) == (j % 3 == 0) || of(i) != of(j))),
            "clouds never share a subject"
        );
        assert!(shares.iter().sum::<f64>() >= 0.999);
        assert_eq!(find(Seed(1), &contexts), (centres, shares));
    }

    #[test]
    fn nothing_has_one_subject() {
        assert_eq!(find(Seed(1), &[]), (vec![ContextVector::default()], vec![1.0]));
    }
}
