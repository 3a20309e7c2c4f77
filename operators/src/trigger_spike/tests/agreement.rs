//! The operator reports the same on small random streams as a slow and simple second implementation
//! of it, the oracle (`oracle.rs`).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::{Alarm, TriggerSpike},
    oracle,
    streams::{Stream, backgrounds, stream},
};
use crate::{background::Background, codec::Decoder, conformance, finding::Finding, operator::Persist};

const STREAMS: u64 = 200;

/// What the streams must make happen, and how often at least: about half of what they did when this
/// was written.
const HAPPENS: [(&str, usize); 28] = [
    ("sentence_spike", 25),
    ("edge_spike", 20),
    ("insertion_spike", 25),
    ("single_site_spike", 3),
    ("findings", 1000),
    ("recalls", 900),
    ("withdrawn", 900),
    ("alarm over a window", 2),
    ("one alarm too many", 1),
    ("an alarm given up", 3),
    ("just enough carry the span", 1),
    ("hardly anybody carries the span", 3),
    ("below its threshold", 1000),
    ("no more than expected", 5000),
    ("no single-site phrase", 9000),
    ("no single-site phrase: the publisher has less than half of the carriers", 1),
    ("coherent carriers", 4000),
    ("too few to compare neighbours", 3000),
    ("fixed neighbours", 1000),
    ("too few cuts to judge", 20),
    ("a single-site phrase's fixed expression", 100),
    ("a single-site phrase that leaves seams", 4),
    ("it begins before the text", 40),
    ("footer", 2000),
    ("template", 1000),
    ("use of parts", 200),
    ("contained", 50),
    ("a single-site phrase's style", 40),
];

/// Numbers may differ in rounding: sums over pairs are taken in another order.
fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

fn is_same_finding(a: &Finding, b: &Finding) -> bool {
    let near = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| is_near(a, b));
    let (of_a, of_b) = (&a.evidence, &b.evidence);
    (a.operator, a.reason, of_a.matched, of_a.alarm, &of_a.phrase, &of_a.spans)
        == (b.operator, b.reason, of_b.matched, of_b.alarm, &of_b.phrase, &of_b.spans)
        && (a.score.get() - b.score.get()).abs() < 1e-6
        && near(of_a.observed, of_b.observed)
        && near(of_a.expected, of_b.expected)
}

fn assert_same_alarm(number: u64, got: &Alarm, want: &Alarm) {
    let numbers = |a: &Alarm| [a.score, a.threshold, a.k, a.expected, a.coherence];
    for (a, b) in numbers(got).into_iter().zip(numbers(want)) {
        assert!(is_near(a, b), "stream {number}: got {got:?}, expected {want:?}");
    }
    let rounded = Alarm {
        score: want.score,
        threshold: want.threshold,
        k: want.k,
        expected: want.expected,
        coherence: want.coherence,
        ..got.clone()
    };
    assert_eq!(&rounded, want, "stream {number}");
}

/// The alarms in an operator's saved state.
fn alarms(make: &impl Fn() -> TriggerSpike, state: &[u8]) -> Vec<Alarm> {
    let mut operator = make();
    operator.load(&mut Decoder::new(state)).expect("what was saved");
    operator.registry.all().to_vec()
}

/// Compares one stream; adds up what happened in it.
fn compare(number: u64, backgrounds: &[Arc<Background>; 2], sum: &mut BTreeMap<&'static str, usize>) {
    let Stream { steps, config, schedule, is_own } = stream(number);
    let background = &backgrounds[usize::from(is_own)];
    let make = || TriggerSpike::new(config.clone(), Arc::clone(background), schedule.epoch);
    let want = oracle::run(&steps, schedule.epoch, &config, background);
    let got = conformance::run(&make, &steps, schedule);
    for (at, (got, want)) in got.settled.iter().zip(&want.said).enumerate() {
        let same = got.findings.len() == want.findings.len()
            && got.findings.iter().zip(&want.findings).all(|(a, b)| is_same_finding(a, b));
        assert!(same, "stream {number}, sequence number {at}: got {:#?}, expected {:#?}", got.findings, want.findings);
        assert_eq!(got.recalls, want.recalls, "stream {number}: recalls by sequence number {at}");
    }
    assert_eq!(got.settled.len(), want.said.len());
    let alarms = alarms(&make, &got.state[0]);
    for got in &alarms {
        assert_same_alarm(number, got, &want.alarms[got.id as usize]);
    }
    for alarm in want.alarms.iter().filter(|alarm| alarm.retired.is_none()) {
        assert!(alarms.iter().any(|a| a.id == alarm.id), "stream {number}: alarm {} is not known", alarm.id);
    }

    let mut add = |what, times| *sum.entry(what).or_default() += times;
    want.happened.iter().for_each(|(&what, &times)| add(what, times));
    for alarm in &want.alarms {
        add(alarm.class.reason().as_str(), 1);
    }
    add("recalls", want.said.iter().map(|s| s.recalls.len()).sum());
    add("findings", want.said.iter().map(|s| s.findings.len()).sum());
}

#[test]
fn says_what_the_oracle_says() {
    let backgrounds = backgrounds();
    let mut sum = BTreeMap::new();
    (0..STREAMS).for_each(|number| compare(number, &backgrounds, &mut sum));
    // Two operators that never say anything agree as well.
    for (what, least) in HAPPENS {
        let times = sum.get(what).copied().unwrap_or(0);
        assert!(times >= least, "{what}: {times} times, expected at least {least} of {sum:#?}");
    }
}
