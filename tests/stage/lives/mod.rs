//! Lives of a stage: random sequences of what happens to a stage over the months, on a real broker,
//! against an oracle that knows what was produced and which rules held.
//!
//! Every record is decided once, or the stage refuses, names a remedy that works, and tells what is
//! lost. A failure prints the seed of its life and what had happened in it.
//!
//! `WEIR_TEST_SEED` is the seed of the first life, and `WEIR_TEST_LIVES` how many there are; the
//! long form has 200, on two brokers at a time. Records have the times of clocks that go wrong. The
//! process's own clock is not turned: libfaketime, which could, hangs librdkafka.

mod cast;
mod oracle;
mod steps;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use testkit::{broker::Cluster, random::Random};

use self::{
    cast::{Cast, Cause},
    oracle::RulesOf,
    steps::Life,
    world::World,
};
use crate::{
    account::print_figures,
    group::{Group, InputTopic},
};

/// The seed of the first life, unless another one is given.
const SEED: u64 = 1_000;
/// How many lives the short form and the long form have.
const FEW: u64 = 2;
const MANY: u64 = 200;
/// How many lines of a log are shown beside what had happened.
const LINES_SHOWN: usize = 12;
/// Most steps of a life; half as many at least.
const STEPS_MAX: usize = 12;

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable}: got {value:?}, expected a number")),
        Err(_) => default,
    }
}

pub(crate) fn a_few_lives() -> Result<(), String> {
    lives(FEW, 2)
}

pub(crate) fn many_lives() -> Result<(), String> {
    lives(MANY, 4)
}

/// Lives lives on so many brokers at a time.
///
/// # Errors
/// If there are no brokers.
fn lives(count: u64, brokers: usize) -> Result<(), String> {
    let (first, count) = (number("WEIR_TEST_SEED", SEED), number("WEIR_TEST_LIVES", count));
    let brokers = brokers.min(usize::try_from(count).unwrap_or(brokers));
    let clusters = (0..brokers).map(|_| Cluster::one()).collect::<Result<Vec<_>, _>>()?;
    let (next, failed) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for mut cluster in clusters {
            let (next, failed) = (&next, &failed);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if !live(&mut cluster, seed) {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "{} lives of {count} went wrong: {failed:?}", failed.len());
    Ok(())
}

/// Lives one life; false, and what had happened in it, if it went wrong.
fn live(cluster: &mut Cluster, seed: u64) -> bool {
    let (history, refusals, begun) = (Mutex::new(Vec::new()), AtomicUsize::new(0), Instant::now());
    let say = |line: String| {
        let line = format!("{:5.1} {line}", begun.elapsed().as_secs_f32());
        history.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    };
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let (told, count) = live_through(cluster, seed, &say);
        refusals.store(count, Ordering::Relaxed);
        told
    }));
    let said = match lived {
        Ok(Ok(figures)) => {
            let (refusals, took) = (refusals.into_inner(), begun.elapsed().as_secs());
            print_figures(&format!("life {seed}: {figures}, {refusals} refusals, 0 lost, 0 doubled ({took} s)"));
            return true;
        }
        Ok(Err(problems)) => problems,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
            // What it was, and the end of a log; the whole of it stands above.
            let lines: Vec<&str> = text.lines().collect();
            let (first, last) = lines.split_at(lines.len().min(1));
            [first, &last[last.len().saturating_sub(LINES_SHOWN)..]].concat().join("\n        ")
        }
    };
    let history = history.into_inner().unwrap_or_else(PoisonError::into_inner).join("\n        ");
    print_figures(&format!("LIFE {seed} WENT WRONG (WEIR_TEST_SEED={seed} WEIR_TEST_LIVES=1): {said}\n        {history}"));
    // A broker that a step has stopped must not fail the next life as well.
    cluster.thaw(0);
    let is_up = cluster.client().wait_up(1, std::time::Duration::from_secs(5)).is_ok();
    if !is_up {
        cluster.kill(0);
        cluster.restart(0).and_then(|()| cluster.wait_up()).expect("the broker is back");
    }
    false
}

fn live_through(cluster: &mut Cluster, seed: u64, say: &dyn Fn(String)) -> (Result<String, String>, usize) {
    let mut random = Random::new(seed);
    let client = cluster.client();
    let mut world = World::new(&client, seed);
    let (is_compacted, is_latest) = (random.one_in(5), random.one_in(4));
    let partitions = 1 + random.below(3);
    world.add_topic(partitions, is_compacted);
    let topic = world.topics[0].name.clone();
    let input = InputTopic { client, topic: topic.clone(), values: Vec::new() };
    let start = if is_latest { "latest" } else { "earliest" };
    let snapshots = [32, 64, 128_000][random.below(3)];
    let group = Group::new(&input, "life").with(&format!("kafka.start={start}"));
    let group = group.with(&format!("state.snapshot_documents={snapshots}"));
    say(format!("{partitions} partitions, compacted: {is_compacted}, start {start}, a snapshot after {snapshots} documents"));
    let mut life = Life { random, world, cast: Cast::new(group, topic), rules: RulesOf::default(), said: say };
    if is_compacted {
        life.cast.causes.insert(Cause::Compaction);
    }
    life.up();
    life.produce();
    let steps = STEPS_MAX / 2 + life.random.below(STEPS_MAX / 2 + 1);
    for _ in 0..steps {
        life.step(cluster);
    }
    say("end".to_owned());
    life.settle();
    let Life { world, mut cast, mut rules, .. } = life;
    if let Some(main) = cast.main.take() {
        main.stop();
    }
    rules.note(oracle::decided(&cast.group), cast.rules);
    (oracle::verify(&cast.group, &world, &rules), cast.refusals)
}
