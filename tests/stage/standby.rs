//! Two or three processes of one group: which one takes over, how soon, and what a process can
//! still do that was given up for dead.

use std::{
    thread,
    time::{Duration, Instant},
};

use testkit::{broker::Client, random::Random};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

pub(crate) fn a_standby_takes_over_from_a_dead_process(client: &Client) {
    let mut input = InputTopic::of(client, 21, 900, 3);
    let group = Group::new(&input, "standby");
    let mut active = group.start("a");
    active.wait_active();
    let mut standby = group.start_from_journal("b");
    standby.wait_logged("standby");
    group.wait_done(&input, &mut active);
    input.add(22, 600);
    active.kill();
    let took = standby.wait_active();
    let fencing = standby.fencing().unwrap_or_default();
    group.wait_done(&input, &mut standby);
    standby.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state, whoever carried it");
    print_figures(&format!(
        "standby active {took:.1?} after kill -9: 1 s of silence (kafka.takeover_after_seconds), {fencing:.1?} of fencing and \
         reading the journal to its end: {figures}"
    ));
}

pub(crate) fn a_clean_end_hands_over_at_once(client: &Client) {
    let mut input = InputTopic::of(client, 23, 300, 1);
    // Silence alone would take longer than this test waits.
    let group = Group::new(&input, "handover").with("kafka.takeover_after_seconds=600");
    let mut active = group.start("a");
    active.wait_active();
    let mut standby = group.start_from_journal("b");
    group.wait_done(&input, &mut active);
    standby.wait_logged("standby");
    let begun = Instant::now();
    active.stop();
    let ended = begun.elapsed();
    standby.wait_active();
    let (took, fencing) = (begun.elapsed(), standby.fencing().unwrap_or_default());
    input.add(24, 200);
    group.wait_done(&input, &mut standby);
    standby.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state");
    print_figures(&format!(
        "ended {ended:.1?} after SIGTERM, standby active after {took:.1?}, {fencing:.1?} of fencing: {figures}"
    ));
}

/// Suspends a process inside a transaction, lets another one replace it, and resumes it; returns
/// both and their group.
pub(crate) fn zombie(client: &Client, point: &str, variables: &[(&str, &str)]) -> (Group, InputTopic, Process, Process) {
    let mut input = InputTopic::of(client, 25, 900, 3);
    let group = Group::new(&input, "zombie");
    let freeze = format!("{point}:4");
    let mut zombie = group.start_with("a", &[&[("WEIR_FREEZE", freeze.as_str())], variables].concat());
    zombie.wait_frozen();
    let mut command = group.command("b");
    command.arg("--from-journal").envs(variables.iter().copied());
    let mut successor = group.begin(command);
    successor.wait_active();
    group.wait_done(&input, &mut successor);
    input.add(26, 300);
    group.wait_done(&input, &mut successor);
    zombie.signal("CONT");
    (group, input, zombie, successor)
}

fn is_fenced(client: &Client, point: &str) {
    let (group, input, mut zombie, successor) = zombie(client, point, &[]);
    let status = zombie.end_within(LONG);
    assert!(!status.success() && zombie.log().contains("fence"), "{point}: {status}: {}", zombie.log());
    successor.stop();
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state");
    print_figures(&format!("frozen at {point}, replaced, resumed, fenced: {figures}"));
}

pub(crate) fn a_zombie_is_fenced(client: &Client) {
    is_fenced(client, "kafka.offsets_sent");
}

pub(crate) fn a_zombie_is_fenced_wherever_it_stood(client: &Client) {
    for point in
        ["kafka.begun", "kafka.produced", "kafka.journal_produced", "kafka.flushed", "kafka.before_commit", "kafka.committed"]
    {
        is_fenced(client, point);
    }
}

/// Three processes, each of which is started again when it ends, as by a supervisor.
struct Pool<'a> {
    group: &'a Group,
    processes: Vec<Process>,
    restarts: usize,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Pool<'_> {
    fn restart(&mut self, at: usize) {
        self.processes[at] = self.group.start_from_journal(NAMES[at]);
    }

    /// Starts again what has ended. Two processes that race fence each other, and the loser ends.
    fn supervise(&mut self) {
        for at in 0..self.processes.len() {
            if self.processes[at].ended().is_some() {
                let log = self.processes[at].log();
                assert!(log.contains("fence"), "ended, and nobody has fenced it: {log}");
                self.restarts += 1;
                self.restart(at);
            }
        }
    }

    fn wait_active(&mut self) -> usize {
        let begun = Instant::now();
        loop {
            self.supervise();
            if let Some(at) = self.processes.iter().rposition(Process::is_active) {
                return at;
            }
            assert!(begun.elapsed() < LONG, "nobody takes over: {}", self.processes[0].log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn storm(client: &Client, seed: u64, kills: usize, pause: Duration) {
    let mut input = InputTopic::of(client, seed, 300, 3);
    let group = Group::new(&input, "storm");
    let mut first = group.start("a");
    first.wait_active();
    let others = [group.start_from_journal("b"), group.start_from_journal("c")];
    let mut pool = Pool { group: &group, processes: [first].into_iter().chain(others).collect(), restarts: 0 };
    let mut random = Random::new(seed);
    let mut longest = Duration::ZERO;
    for round in 0..kills {
        let active = pool.wait_active();
        thread::sleep(pause);
        input.add(seed * 1_000 + round as u64, 150);
        thread::sleep(Duration::from_millis(random.below(400) as u64));
        let begun = Instant::now();
        pool.processes[active].kill();
        pool.restart(active);
        pool.wait_active();
        longest = longest.max(begun.elapsed());
    }
    let begun = Instant::now();
    while !group.is_done(&input) {
        pool.supervise();
        assert!(begun.elapsed() < LONG, "no end: {}", pool.processes[0].log());
        thread::sleep(Duration::from_millis(100));
    }
    let (restarts, processes) = (pool.restarts, pool.processes);
    // Standbys first, else each in turn takes over from the one before.
    let (active, standbys): (Vec<_>, Vec<_>) = processes.into_iter().partition(Process::is_active);
    standbys.into_iter().chain(active).for_each(drop);
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    output.same_as_replayed(&group, &input).expect("one state");
    print_figures(&format!(
        "{kills} active processes of three killed, {restarts} more lost a race, longest takeover {longest:.1?}: {figures}"
    ));
}

pub(crate) fn a_storm_of_takeovers(client: &Client) {
    storm(client, 31, 5, Duration::ZERO);
}

pub(crate) fn a_storm_of_takeovers_for_long(client: &Client) {
    storm(client, 32, 40, Duration::from_secs(10));
}
