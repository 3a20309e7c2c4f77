//! Does the stage write the same whatever fails? Many small runs, each disturbed at random: calls fail, the process dies,
//! snapshots are torn, phases panic. Afterwards the sink must hold what an undisturbed run over the same records, in the
//! same order, writes.
//!
//! The suite is itself tested: with a safety of the stage switched off, some script must notice.
//!
//! Every run of the suite takes the same scripts. The long form takes ten times as many:
//! `cargo test -p testkit --test it -- --ignored faults`.

use std::path::Path;

use connectors::{
    committer::Channel,
    memory::{Fault, FaultScript},
};
use pipeline::engine::fault::{Faults, Mutation, Phase};
use rayon::prelude::*;
use testkit::{
    disturbed::{Disturbance, DisturbedRun, order_of, run, undisturbed},
    random::Random,
    stream::{BOMB, lines, small_config},
};

/// Scripts in the short form and in the long one. Each is 60 to 120 documents in three partitions with up to 12 faults;
/// 2,000 take about a minute on two cores.
const SCRIPTS: u64 = 300;
const SCRIPTS_LONG: u64 = 3_000;
const PARTITIONS: usize = 3;

/// Draws a disturbance from a seed.
fn drawn(seed: u64) -> Disturbance {
    let mut random = Random::new(seed ^ 0xd157);
    let mut script = FaultScript::default();
    for _ in 0..random.below(12) {
        script.steps.insert(random.below(300) as u64, Fault::ALL[random.below(Fault::ALL.len())]);
    }
    let phases = [Phase::Prepare, Phase::Fold, Phase::Describe, Phase::Judge, Phase::Settle];
    let panics = if random.one_in(2) { vec![(phases[random.below(phases.len())], BOMB.to_owned())] } else { Vec::new() };
    Disturbance {
        script,
        die_every: random.below(12),
        tear_snapshots: random.one_in(2),
        faults: Faults { panics, mutation: None },
        bootstraps: random.one_in(8),
        seed,
    }
}

/// Makes a temporary folder, in memory where the system has such a place: these tests are not about disks.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Runs one script and compares what it wrote with an undisturbed run; an error says how they differ.
fn check(seed: u64, mutation: Option<Mutation>) -> Result<DisturbedRun, String> {
    let config = small_config();
    let documents = 60 + (seed % 60) as usize;
    let lines = lines(seed, documents, PARTITIONS);
    let mut disturbance = drawn(seed);
    disturbance.faults.mutation = mutation;
    let home = folder();
    let outcome = run(&config, &lines, &disturbance, &home.path().join("state"))?;
    let order = order_of(&outcome.log, &lines);
    if order.len() != documents {
        return Err(format!("{documents} records went in, {} were journaled", order.len()));
    }
    let sound = Faults { mutation: None, ..disturbance.faults.clone() };
    let expected = undisturbed(
        &config,
        order,
        PARTITIONS,
        1 + (seed % 9) as usize,
        disturbance.bootstraps,
        sound,
        &home.path().join("again"),
    );
    for channel in Channel::ALL {
        let got: Vec<&[u8]> = outcome.log.of(channel).collect();
        let want: Vec<&[u8]> = expected.iter().filter(|(of, _)| *of == channel).map(|(_, line)| line.as_slice()).collect();
        if got != want {
            let first = got.iter().zip(&want).position(|(g, w)| g != w).unwrap_or(got.len().min(want.len()));
            let show = |lines: &[&[u8]]| lines.get(first).map(|l| String::from_utf8_lossy(l).into_owned());
            return Err(format!(
                "{}: {} lines, expected {}; line {first}: got {:?}, expected {:?}",
                channel.name(),
                got.len(),
                want.len(),
                show(&got),
                show(&want)
            ));
        }
    }
    Ok(outcome)
}

/// Silences the messages of injected panics, which are part of the scripts; all other panics are still printed.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let injected = info.payload().downcast_ref::<String>().is_some_and(|m| m.starts_with("injected fault"));
        if !injected {
            // The default hook is gone; a failed assertion must still be seen.
            #[expect(clippy::print_stderr, reason = "a test's failure")]
            {
                eprintln!("{info}");
            }
        }
    }));
}

/// Counts the deaths, recalls, restores, duplicates and withheld documents of a run.
fn happened(outcome: &DisturbedRun) -> [usize; 5] {
    let restores = outcome.log.of(Channel::Recalls).filter(|line| String::from_utf8_lossy(line).contains("\"restore\"")).count();
    let count = |channel| outcome.log.of(channel).count();
    [outcome.deaths, count(Channel::Recalls) - restores, restores, count(Channel::Duplicate), count(Channel::Quarantine)]
}

/// Runs the first `scripts` scripts.
fn check_scripts(scripts: u64) {
    quiet_panics();
    let check = |seed| check(seed, None).map_err(|e| format!("script {seed}: {e}")).map(|outcome| happened(&outcome));
    let all: Result<Vec<[usize; 5]>, String> = (0..scripts).into_par_iter().map(check).collect();
    let all = all.unwrap_or_else(|e| panic!("{e}"));
    let total = |i: usize| all.iter().map(|times| times[i]).sum::<usize>();
    let happened =
        ["deaths", "recalls", "restores", "duplicates", "withheld"].iter().enumerate().map(|(i, what)| (what, total(i)));
    // A suite in which nothing happens would pass as well.
    for (what, times) in happened {
        assert!(times >= scripts as usize / 20, "{what}: only {times} in {scripts} scripts");
    }
}

#[test]
fn disturbed_runs_equal_undisturbed_ones() {
    check_scripts(SCRIPTS);
}

#[test]
#[ignore = "a minute and a half"]
fn thousands_of_disturbed_runs_equal_undisturbed_ones() {
    check_scripts(SCRIPTS_LONG);
}

/// Runs scripts with a safety switched off until one notices.
fn must_fail_without(mutation: Mutation) {
    quiet_panics();
    let noticed = (0..300).find(|&seed| check(seed, Some(mutation)).is_err());
    assert!(noticed.is_some(), "{mutation:?}: 300 scripts saw nothing");
}

#[test]
fn a_broken_watermark_is_noticed() {
    must_fail_without(Mutation::NoWatermark);
}

#[test]
fn lost_vote_bits_are_noticed() {
    must_fail_without(Mutation::NoVoteBits);
}

#[test]
fn a_broken_epoch_is_noticed() {
    must_fail_without(Mutation::NoEpoch);
}

#[test]
fn a_document_that_copies_itself_is_noticed() {
    must_fail_without(Mutation::NoSelfCheck);
}
