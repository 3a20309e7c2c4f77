//! Does a phrase occur more often of late than it used to? Two samples are compared: a window that
//! ends with the newest vote, and everything before it, the background included.
//!
//! Neither rate is taken as known. The number of votes in the window, given those before it, is
//! negative binomial with a shape s that follows from the earlier count h: s = h' / (1 + h'/A), h' =
//! h + 1/2. So a rate that was seen often is known well, but never better than A votes would tell,
//! since ordinary rates vary from time to time (overdispersion; Church, Gale 1995). The deviance of j
//! votes against an expectation of mu is
//!
//! ```text
//! D = j ln(j / mu) - (j + s) ln((j + s) / (mu + s))
//! ```
//!
//! in nats, and 0 where j does not exceed mu. Of all windows of at least six votes the one with the
//! largest deviance counts.

/// Votes beyond which an earlier count makes a rate no better known.
const KNOWN_AT_MOST: f64 = 25.0;
/// Fewest votes of a window. Windows of more than [`STEP_FROM`] votes are tried in steps.
const WINDOW_MIN: usize = 6;
const STEP_FROM: usize = 32;
const STEP: usize = 4;

/// How a phrase's newest votes compare with what came before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    /// Deviance in nats.
    pub(super) deviance: f64,
    /// Votes in the window.
    pub(super) votes: usize,
    /// Votes that were expected in it.
    pub(super) expected: f64,
}

/// What is known of a phrase before the votes that are listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// Documents of the background that hold it, and votes that are no longer listed.
    pub(super) carriers: f64,
    /// Documents of the background.
    pub(super) documents: f64,
    /// Least probability that a document holds it, by the meeting of its parts.
    pub(super) chance: f64,
}

/// The rate of votes at `positions`, oldest first: each the number of documents of the stream up to
/// the vote, itself included.
pub(super) fn rate(positions: &[u32], earlier: Earlier) -> Rate {
    let mut best = Rate { deviance: 0.0, votes: positions.len(), expected: 0.0 };
    let mut of_all = 0.0;
    for window in windows(positions, earlier) {
        let deviance = window.deviance(best.deviance);
        if deviance > best.deviance {
            best = Rate { deviance, votes: window.votes, expected: window.expected };
        }
        of_all = window.expected;
    }
    if best.expected > 0.0 { best } else { Rate { expected: of_all, ..best } }
}

/// Whether the deviance of [`rate`] is at least `least`.
pub(super) fn has_risen(positions: &[u32], earlier: Earlier, least: f64) -> bool {
    windows(positions, earlier).any(|window| window.deviance(least) >= least)
}

/// The newest votes of a phrase.
#[derive(Clone, Copy, Debug)]
struct Window {
    votes: usize,
    expected: f64,
    /// How well that is known: the shape of its negative binomial distribution.
    shape: f64,
}

impl Window {
    /// The deviance, or 0 if it is less than `least`: that needs no logarithm, since
    /// 1 - 1/x <= ln x <= x - 1 gives D <= (j - mu)^2 / mu.
    fn deviance(self, least: f64) -> f64 {
        let votes = self.votes as f64;
        let beyond = (votes - self.expected).max(0.0);
        if beyond * beyond < least * self.expected { 0.0 } else { deviance(votes, self.expected, self.shape) }
    }
}

/// The windows that are tried; the last one holds all votes.
fn windows(positions: &[u32], earlier: Earlier) -> impl Iterator<Item = Window> {
    let most = positions.len();
    let next = move |&votes: &usize| {
        let wider = (votes + if votes < STEP_FROM { 1 } else { STEP }).min(most);
        (votes < most).then_some(wider)
    };
    let window = move |votes: usize| {
        let before = f64::from(positions[most - votes]) - 1.0;
        let width = f64::from(positions[most - 1]) - before;
        let seen = earlier.carriers + (most - votes) as f64 + 0.5;
        let past = (earlier.documents + before).max(1.0);
        let expected = (seen / past).max(earlier.chance) * width;
        Window { votes, expected, shape: seen / (1.0 + seen / KNOWN_AT_MOST) }
    };
    std::iter::successors((most > 0).then_some(WINDOW_MIN.min(most)), next).map(window)
}

/// The deviance of a negative binomial count with mean `expected` and shape `shape`.
pub(super) fn deviance(count: f64, expected: f64, shape: f64) -> f64 {
    if count <= expected {
        return 0.0;
    }
    count * libm::log(count / expected) - (count + shape) * libm::log((count + shape) / (expected + shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviance_is_twice_a_likelihood_ratio() {
        // ln of the ratio of negative binomial likelihoods at the mean that fits and at the expected one.
        let log_likelihood = |mean: f64, k: f64, s: f64| k * (mean / (mean + s)).ln() + s * (s / (mean + s)).ln();
        for (k, mu, s) in [(12.0, 1.5, 0.5), (40.0, 30.0, 7.0), (6.0, 0.1, 0.49)] {
            let want = log_likelihood(k, k, s) - log_likelihood(mu, k, s);
            assert!((deviance(k, mu, s) - want).abs() < 1e-9);
        }
        assert!(deviance(3.0, 3.0, 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_worked_out_is_small() {
        for votes in [6usize, 9, 20, 64] {
            for expected in [1e-6, 0.3, 3.0, 5.9, 19.0, 100.0] {
                for shape in [0.4, 2.0, 20.0] {
                    let (window, exact) = (Window { votes, expected, shape }, deviance(votes as f64, expected, shape));
                    for least in [0.0, 0.3, 1.0, 5.0, 40.0] {
                        let got = window.deviance(least);
                        assert!(got.to_bits() == exact.to_bits() || (got == 0.0 && exact < least), "{window:?} {least}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rate_that_cannot_be_told_from_zero_proves_little() {
        let spread = |n: u32, every: u32| (1..=n).map(|i| i * every).collect::<Vec<_>>();
        let earlier = |carriers: f64, documents: f64| Earlier { carriers, documents, chance: 0.0 };
        let large = rate(&spread(40, 1000), earlier(0.0, 100_000.0));
        let small = rate(&spread(40, 1000), earlier(0.0, 2_000.0));
        assert!(large.deviance > 40.0 * (1.4f64).ln() && small.deviance < 0.7 * large.deviance, "{large:?} {small:?}");
        assert!(rate(&spread(40, 1000), earlier(100.0, 100_000.0)).deviance < 1.0, "as before");
    }

    #[test]
    fn the_window_is_the_burst() {
        let mut positions: Vec<u32> = (1..=20).map(|i| i * 1000).collect();
        positions.extend((0..15).map(|i| 21_000 + i * 10));
        let burst = rate(&positions, Earlier { carriers: 10.0, documents: 10_000.0, chance: 0.0 });
        assert_eq!(burst.votes, 15);
        assert!(burst.deviance > 20.0 && burst.expected < 1.0, "{burst:?}");
    }
}
