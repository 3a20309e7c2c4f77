//! Tests of the operator through all its phases, and against a comparison of all pairs.

use std::collections::BTreeSet;

use super::*;
use crate::{
    conformance::{SEED, Schedule, ScriptOutcome, Step, check, document, run},
    operator::KEY_SHARDS,
    text::hash::mix,
};

fn word(number: u64) -> String {
    format!("w{}", mix(number) % 5000)
}

fn text(seed: u64, words: usize) -> Vec<String> {
    (0..words as u64).map(|i| word(seed * 10_007 + i)).collect()
}

/// The text with every word changed with probability `rate`.
fn edited(text: &[String], rate: f64, seed: u64) -> Vec<String> {
    let changes = |i: usize| (mix(seed ^ (i as u64) << 32) >> 11) as f64 / (1_u64 << 53) as f64;
    text.iter().enumerate().map(|(i, w)| if changes(i) < rate { word(seed + i as u64 + 1_000_000) } else { w.clone() }).collect()
}

fn jaccard(a: &[String], b: &[String]) -> f64 {
    let set = |t: &[String]| t.windows(5).map(<[String]>::to_vec).collect::<BTreeSet<_>>();
    let (a, b) = (set(a), set(b));
    let shared = a.intersection(&b).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

fn step(host: &str, words: &[String]) -> Step {
    Step::new(document(host, &words.join(" ")))
}

fn make(documents_max: u32) -> impl Fn() -> NearDup {
    move || NearDup::new(&Config { documents_max, ..Config::default() }, SEED)
}

#[track_caller]
fn checked(steps: &[Step]) -> ScriptOutcome {
    check(make(1000), steps, 4, 4 << 20)
}

#[test]
fn names_the_earliest_and_reports_similarity() {
    let (a, b) = (text(1, 300), text(2, 300));
    let near = edited(&a, 0.01, 5);
    let outcome = checked(&[step("a.example", &a), step("b.example", &b), step("c.example", &near), step("d.example", &a)]);
    assert_eq!([0, 1, 2, 3].map(|i| outcome.matched(i)), [None, None, Some(0), Some(0)]);
    let finding = &outcome.findings(2)[0];
    let observed = finding.evidence.observed.expect("says how similar");
    assert_eq!(finding.reason, Reason::NearDuplicate);
    assert!((observed - jaccard(&a, &near)).abs() < 0.01 && (finding.score.get() - observed).abs() < 1e-6, "{observed}");
}

#[test]
fn numbers_short_texts_and_cut_texts() {
    let rows = |from: usize| {
        Step::new(document(
            "a.example",
            &(0..60).map(|i| format!("firm {} made {}", i, from + 3 * i)).collect::<Vec<_>>().join(" "),
        ))
    };
    let short = || step("a.example", &text(1, 15));
    let mut cut = document("a.example", &text(2, 200).join(" "));
    cut.tokens.truncated = true;
    let outcome = checked(&[rows(100), rows(101), short(), short(), Step::new(cut.clone()), Step::new(cut), rows(100)]);
    assert_eq!((0..7).map(|i| outcome.matched(i)).collect::<Vec<_>>(), [None, None, None, None, None, None, Some(0)]);
}

#[test]
fn withheld_documents_recalls_and_restores() {
    let (a, b) = (text(1, 200), text(9, 200));
    let near = |i| edited(&a, 0.005, i);
    let suspect = Step::suspect(document("s.example", &a.join(" ")));
    let recalling = Step::recalling(document("r.example", &b.join(" ")), vec![1]);
    let steps =
        [suspect, step("a.example", &a), step("b.example", &near(1)), recalling, step("c.example", &near(2)), Step::Nothing];
    let outcome = checked(&steps);
    assert_eq!((0..5).map(|i| outcome.matched(i)).collect::<Vec<_>>(), [None, None, Some(1), None, Some(2)]);
}

#[test]
fn clusters_keep_their_id() {
    let a = text(1, 200);
    let mut operator = make(1000)();
    let steps: Vec<(SeqNo, Option<SeqNo>, &str)> = vec![(0, None, "a"), (1, Some(0), "b"), (2, Some(0), "b"), (3, Some(1), "c")];
    let mut ledger = crate::conformance::MemoryLedger::default();
    let mut horizon = crate::conformance::MemoryHorizon::default();
    for (seqno, of, host) in steps {
        let (doc, tick) = (document(host, &a.join(" ")), Tick { seqno, epoch: 0, votes: true });
        let probe = operator.probe(&doc);
        let facts = operator.describe(&doc, &probe, &[]);
        operator.remember(seqno, Some(facts));
        horizon.push(Some(doc.ids()));
        if seqno == 3 {
            ledger.recall(0); // 1 takes its place
        }
        let proposal = of.map(|seqno| Similar { seqno, similarity: 1.0 }).into_iter().collect();
        let settled = operator.settle(tick, &doc, &probe, proposal, false, &ledger, &horizon);
        assert_eq!(settled.findings.first().and_then(|f| f.evidence.matched), of);
        ledger.push(of.map_or(crate::lookup::Fate::Clean, crate::lookup::Fate::Duplicate));
    }
    assert_eq!([0, 1, 2, 3].map(|i| operator.cluster(i)), [None, Some(0), Some(0), Some(0)]);
    let cluster = operator.clusters.get(0).expect("cluster 0");
    assert_eq!((cluster.size, cluster.publishers(), cluster.first, cluster.last), (4, 3, 0, 3));
}

#[test]
fn forgets_the_older_half_at_epochs() {
    let mut steps: Vec<Step> = (0..40).map(|i| step("a.example", &text(i, 60))).collect();
    steps.extend([step("b.example", &text(20, 60)), step("b.example", &text(3, 60))]);
    let outcome = check(make(32), &steps, 4, 4 << 20);
    assert_eq!([outcome.matched(40), outcome.matched(41)], [Some(20), None]);
}

/// Recall is what the curve promises, and nothing below .5 ever passes, not even pairs made to lie
/// just there.
#[test]
fn recall_and_soundness_against_brute_force() {
    let rates = [0.002, 0.01, 0.02, 0.04, 0.07, 0.08, 0.09, 0.1, 0.11, 0.13, 0.16];
    let (mut texts, mut steps) = (Vec::new(), Vec::new());
    for seed in 0..220 {
        let base = text(seed, 120 + (seed as usize * 37) % 300);
        for (i, rate) in rates.iter().enumerate() {
            texts.push(edited(&base, *rate, seed * 100 + i as u64));
        }
    }
    steps.extend(texts.iter().map(|t| step("a.example", t)));
    let schedule = Schedule { epoch: 64, batch: 50, lag: true, restore_at: None };
    let outcome = run(&make(100_000), &steps, schedule);
    let (mut similar, mut found, mut promised) = (0, 0, 0.0);
    for at in 0..texts.len() {
        if let Some(of) = outcome.matched(at as SeqNo) {
            let j = jaccard(&texts[at], &texts[of as usize]);
            assert!(j >= 0.7, "{at} is said to copy {of}: {j}");
        }
        // Of its family, the first member is always clean and comes first.
        let first = at - at % rates.len();
        let j = if at == first { 0.0 } else { jaccard(&texts[at], &texts[first]) };
        if j >= 0.8 {
            similar += 1;
            found += usize::from(outcome.matched(at as SeqNo).is_some());
            promised += Config::default().meeting_probability(j);
        }
    }
    assert!(similar > 300, "{similar} similar pairs are too few to tell");
    let (got, want) = (f64::from(found as u32) / f64::from(similar), promised / f64::from(similar));
    assert!(got >= want - 0.03, "recall {got:.3}, theory {want:.3}");
}

#[test]
fn bytes_a_document_are_as_documented() {
    let mut operator = make(1_000_000)();
    let mut shards: Vec<BandShard> = (0..KEY_SHARDS).map(|_| operator.key_shard()).collect();
    for seqno in 0..40_000_u32 {
        let minima: Vec<u32> = (0..112).map(|i| mix(u64::from(seqno) << 20 | i) as u32).collect();
        let probe = SignatureProbe { keys: operator.hash.keys(&minima), signature: pack(&minima) };
        let tick = Tick { seqno, epoch: 0, votes: true };
        for (index, shard) in shards.iter_mut().enumerate() {
            operator.fold(shard, index, tick, &probe);
        }
        operator.remember(seqno, Some(SignatureFacts { signature: probe.signature, publisher: 0 }));
    }
    let bytes: usize = operator.state_bytes(&shards).iter().map(|&(_, b)| b).sum();
    let each = bytes as f64 / 40_000.0;
    assert!((158.0..194.0).contains(&each), "{each} bytes a document");
}
