//! What do people's verdicts say about a publisher? They give a Beta distribution over the share of
//! its documents that are bad.
//!
//! A verdict has a weight of one, and of half of that after each half-life, as of the time of the
//! document in question. A verdict that is newer than the document counts in full. If the weights
//! of bad and good verdicts sum up to bad and good, the share has the posterior Beta(alpha + bad,
//! beta + good). Its *upper credible bound* is used, so that few verdicts leave room for doubt. The
//! filter's own verdicts never enter here, since the filter would confirm itself.
//!
//! The bound is the 95% quantile. It is found by bisection on the incomplete beta function (a
//! continued fraction), which is computed with `libm`, so that every machine gets the same bits.
//!
//! **Cost** some 10 us for a document of a publisher with verdicts, else a look-up. **State** about
//! 120 bytes a publisher with verdicts, fixed at the start.

use std::collections::BTreeMap;

/// What somebody decided about a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherVerdict {
    /// The publisher's name.
    pub publisher: String,
    /// Whether the publisher was found to be bad.
    pub bad: bool,
    /// When it was decided, in seconds since 1970.
    pub time: i64,
}

/// The prior: as many bad and good documents are assumed to have been seen before any verdict. Both
/// are at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Bad documents.
    pub alpha: f64,
    /// Good documents.
    pub beta: f64,
}

/// What is known of a publisher at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublisherStanding {
    /// Weight of verdicts that it is bad.
    pub bad: f64,
    /// Weight of verdicts that it is good.
    pub good: f64,
    /// Upper credible bound of the share of bad documents.
    pub bound: f64,
}

#[derive(Clone, Copy, Debug)]
struct VerdictRecord {
    bad: f64,
    good: f64,
    /// Time of the newest verdict, as of which the weights are.
    time: i64,
}

/// All verdicts, by publisher.
#[derive(Clone, Debug, Default)]
pub struct VerdictLedger {
    by_publisher: BTreeMap<Box<str>, VerdictRecord>,
    half_life: f64,
}

impl VerdictLedger {
    /// Adds the verdicts up in the order of their times. `half_life` is in seconds.
    #[must_use]
    pub fn new(verdicts: &[PublisherVerdict], half_life: f64) -> Self {
        let mut sorted: Vec<&PublisherVerdict> = verdicts.iter().collect();
        // The last bits of the sum depend on the order of its terms, so the order has to be fixed.
        sorted.sort_by(|a, b| (a.time, &a.publisher, a.bad).cmp(&(b.time, &b.publisher, b.bad)));
        let mut ledger = Self { by_publisher: BTreeMap::new(), half_life: half_life.max(1.0) };
        for verdict in sorted {
            let decay = |since| decay(since, verdict.time, ledger.half_life);
            let name = verdict.publisher.trim().to_lowercase().into();
            let record = ledger.by_publisher.entry(name).or_insert(VerdictRecord { bad: 0.0, good: 0.0, time: verdict.time });
            let kept = decay(record.time);
            record.bad = record.bad * kept + f64::from(u8::from(verdict.bad));
            record.good = record.good * kept + f64::from(u8::from(!verdict.bad));
            record.time = verdict.time;
        }
        ledger
    }

    /// Number of publishers with verdicts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_publisher.len()
    }

    /// Whether there is no verdict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_publisher.is_empty()
    }

    /// The standing of a publisher at a time, or `None` if there is no verdict on it. Without a
    /// time all verdicts count in full.
    #[must_use]
    pub fn standing(&self, publisher: &str, time: Option<i64>, prior: Prior) -> Option<PublisherStanding> {
        let record = self.by_publisher.get(publisher)?;
        let kept = time.map_or(1.0, |now| decay(record.time, now, self.half_life));
        let (bad, good) = (record.bad * kept, record.good * kept);
        Some(PublisherStanding { bad, good, bound: upper_bound(prior.alpha + bad, prior.beta + good) })
    }
}

/// What is left at time `now` of a weight of one at time `then`.
fn decay(then: i64, now: i64, half_life: f64) -> f64 {
    libm::exp2(-(now.saturating_sub(then).max(0) as f64) / half_life)
}

/// The share of a Beta distribution that lies below its upper credible bound.
const LEVEL: f64 = 0.95;
/// Halvings of the interval, which make the bound exact to 2^-30.
const HALVINGS: u32 = 30;
/// Terms of the continued fraction. As many as the square root of the parameters are needed, so
/// these are enough for parameters up to some 10^5.
const TERMS: u32 = 400;
const PARAMETER_MAX: f64 = 1e5;

/// The 95% quantile of Beta(a, b). Parameters are moved into the range from 1 to 100,000.
#[must_use]
pub fn upper_bound(a: f64, b: f64) -> f64 {
    // `max` turns NaN into 1, which `clamp` would keep.
    let bring = |v: f64| v.max(1.0).clamp(1.0, PARAMETER_MAX);
    let (a, b) = (bring(a), bring(b));
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if below(middle, a, b) < LEVEL { low = middle } else { high = middle }
    }
    high
}

/// The share of Beta(a, b) that lies below `x`: the regularised incomplete beta function.
fn below(x: f64, a: f64, b: f64) -> f64 {
    // The fraction converges fast on the left of the mean. On the right the mirror image is taken.
    if x > (a + 1.0) / (a + b + 2.0) { 1.0 - left_share(1.0 - x, b, a) } else { left_share(x, a, b) }
}

fn left_share(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - ln_beta) / a;
    front * continued_fraction(x, a, b)
}

/// The continued fraction 26.5.8 of Abramowitz and Stegun, evaluated from the front by Lentz'
/// method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut upper, mut lower) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = lower;
    for term in 1..TERMS {
        let i = f64::from(term);
        let even = i * (b - i) * x / ((a + 2.0 * i - 1.0) * (a + 2.0 * i));
        let odd = -(a + i) * (a + b + i) * x / ((a + 2.0 * i) * (a + 2.0 * i + 1.0));
        let before = value;
        for numerator in [even, odd] {
            lower = 1.0 / away_from_zero(1.0 + numerator * lower);
            upper = away_from_zero(1.0 + numerator / upper);
            value *= upper * lower;
        }
        if (value - before).abs() <= 1e-12 * value.abs() {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: Prior = Prior { alpha: 1.0, beta: 4.0 };
    const DAY: i64 = 86_400;

    fn verdict(publisher: &str, bad: bool, day: i64) -> PublisherVerdict {
        PublisherVerdict { publisher: publisher.to_owned(), bad, time: day * DAY }
    }

    /// By counting: the 95% quantile of a Beta distribution with whole parameters from its density,
    /// in small steps.
    fn exact(a: i32, b: i32) -> f64 {
        let steps = 200_000;
        let density = |i: i32| {
            let x = (f64::from(i) + 0.5) / f64::from(steps);
            x.powi(a - 1) * (1.0 - x).powi(b - 1)
        };
        let total: f64 = (0..steps).map(density).sum();
        let mut below = 0.0;
        let at = (0..steps).find(|&i| {
            below += density(i);
            below >= 0.95 * total
        });
        f64::from(at.expect("reaches the quantile")) / f64::from(steps)
    }

    #[test]
    fn the_bound_is_near_the_exact_quantile() {
        for (a, b) in [(1, 1), (1, 4), (2, 4), (2, 24), (5, 4), (10, 10), (30, 3), (100, 400)] {
            let (got, want) = (upper_bound(a.into(), b.into()), exact(a, b));
            assert!((got - want).abs() < 0.0001, "Beta({a}, {b}): got {got:.4}, exact {want:.4}");
        }
        for (a, b) in [(f64::NAN, f64::INFINITY), (-1.0, 0.0), (1e300, 1.0), (1e300, 1e300)] {
            assert!((0.0..=1.0).contains(&upper_bound(a, b)), "Beta({a}, {b})");
        }
    }

    #[test]
    fn verdicts_move_the_bound_and_fade() {
        let verdicts: Vec<_> =
            (0..6).map(|_| verdict("bad.example", true, 0)).chain((0..30).map(|_| verdict("good.example", false, 0))).collect();
        let ledger = VerdictLedger::new(&verdicts, 30.0 * DAY as f64);
        let bound = |publisher, day: i64| ledger.standing(publisher, Some(day * DAY), PRIOR).map(|s| s.bound);
        let (bad, faded, good) = (bound("bad.example", 0), bound("bad.example", 300), bound("good.example", 0));
        assert!(bad > Some(0.75) && faded < Some(0.56) && good < Some(0.12), "{bad:?} {faded:?} {good:?}");
        assert_eq!(bound("unknown.example", 0), None);
        let standing = ledger.standing("bad.example", Some(30 * DAY), PRIOR).expect("has verdicts");
        assert!((standing.bad - 3.0).abs() < 1e-9 && standing.good == 0.0);
        assert_eq!(ledger.standing("bad.example", Some(-5), PRIOR), ledger.standing("bad.example", None, PRIOR));
    }

    #[test]
    fn order_of_the_file_does_not_matter() {
        let mut verdicts: Vec<_> = (0..50).map(|i| verdict("a.example", i % 3 == 0, i * 7 % 50)).collect();
        let standing = |v: &[PublisherVerdict]| VerdictLedger::new(v, 1e6).standing("a.example", Some(60 * DAY), PRIOR);
        let want = standing(&verdicts);
        verdicts.reverse();
        assert_eq!(standing(&verdicts), want);
        let extreme =
            [verdict("a.example", true, 0), PublisherVerdict { publisher: "A.example ".into(), bad: true, time: i64::MAX }];
        assert!(VerdictLedger::new(&extreme, 0.0).standing("a.example", Some(i64::MIN), PRIOR).is_some_and(|s| s.bound <= 1.0));
    }
}
