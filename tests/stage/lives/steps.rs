//! What happens in a life, step by step.

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::kill::KAFKA_POINTS;
use testkit::{broker::Cluster, random::Random};

use super::{
    cast::{Cast, Cause, wait_active},
    oracle::{self, RulesOf},
    world::{Fate, World},
};
use crate::process::{LONG, Process};

/// One kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Kill,
    KillInside,
    Stop,
    Freeze,
    Replace,
    TakeOver,
    LoseState,
    BrokerDies,
    BrokerFreezes,
    AddPartition,
    AddTopic,
    TakeTopicOut,
    MakeTopicAnew,
    Retain,
    ResetOffsets,
    ForgetGroup,
    ChangeRules,
}

/// Each kind as often as it should come, in parts of all.
const STEPS: &[(Step, usize)] = &[
    (Step::Kill, 4),
    (Step::KillInside, 4),
    (Step::Stop, 1),
    (Step::Freeze, 1),
    (Step::Replace, 2),
    (Step::TakeOver, 3),
    (Step::LoseState, 1),
    (Step::BrokerDies, 1),
    (Step::BrokerFreezes, 1),
    (Step::AddPartition, 2),
    (Step::AddTopic, 1),
    (Step::TakeTopicOut, 1),
    (Step::MakeTopicAnew, 2),
    (Step::Retain, 3),
    (Step::ResetOffsets, 2),
    (Step::ForgetGroup, 1),
    (Step::ChangeRules, 3),
];

/// A life as it goes on.
pub(super) struct Life<'a> {
    pub(super) random: Random,
    pub(super) world: World,
    pub(super) cast: Cast,
    pub(super) rules: RulesOf,
    /// What has happened, for whoever reads a failure.
    pub(super) said: &'a dyn Fn(String),
}

impl Life<'_> {
    /// Draws a step and takes it.
    pub(super) fn step(&mut self, cluster: &mut Cluster) {
        let all = STEPS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.random.below(all);
        let drawn = STEPS.iter().find(|(_, weight)| {
            let is_it = drawn < *weight;
            drawn = drawn.wrapping_sub(*weight);
            is_it
        });
        let step = drawn.expect("a step").0;
        if self.random.one_in(2) {
            self.settle();
        }
        (self.said)(format!("{step:?}"));
        self.take(step, cluster);
        if self.random.one_in(2) {
            self.produce();
        }
        if self.random.one_in(3) {
            self.up();
        }
    }

    /// Produces some records to one of the topics.
    pub(super) fn produce(&mut self) {
        let (topic, documents) = (self.random.below(self.world.topics.len()), self.random.below(120));
        self.world.produce(&mut self.random, topic, documents);
        (self.said)(format!("  {documents} to {}", self.world.topics[topic].name));
    }

    pub(super) fn up(&mut self) {
        let before = self.cast.refusals;
        self.cast.up(&mut self.world);
        self.tell_refusals(before);
    }

    fn tell_refusals(&self, before: usize) {
        if self.cast.refusals > before {
            (self.said)(format!("  {} refusals, with remedies that worked", self.cast.refusals - before));
        }
    }

    /// Waits until all that is there is decided.
    pub(super) fn settle(&mut self) {
        self.up();
        let begun = Instant::now();
        loop {
            let decided = oracle::decided(&self.cast.group);
            let is_open = |sent: &&super::world::Sent| sent.fate == Fate::Due && !decided.contains(sent.name());
            let open = self.world.sent.iter().filter(is_open).find(|sent| !self.world.may_be_cleaned(sent));
            let Some(open) = open else { break };
            let log = || self.cast.main.as_ref().map(crate::process::Process::log).unwrap_or_default();
            assert!(begun.elapsed() < LONG, "{} is not decided: {}", open.position, log());
            let before = self.cast.refusals;
            self.cast.revive(&mut self.world);
            self.tell_refusals(before);
            thread::sleep(Duration::from_millis(100));
        }
        (self.said)("  all decided".to_owned());
    }

    fn pause(&mut self, below_ms: usize) {
        thread::sleep(Duration::from_millis(self.random.below(below_ms) as u64));
    }

    /// Kills the main process, if it runs.
    fn down(&mut self) {
        self.pause(300);
        if let Some(mut main) = self.cast.main.take() {
            if main.ended().is_some() {
                self.cast.refused(&mut self.world, &main);
            } else {
                main.kill();
            }
        }
    }

    fn any_topic(&mut self) -> usize {
        self.random.below(self.world.topics.len())
    }

    fn other_state(&self) -> &'static str {
        if self.cast.state == "a" { "b" } else { "a" }
    }

    fn take(&mut self, step: Step, cluster: &mut Cluster) {
        match step {
            Step::Kill => self.down(),
            Step::KillInside => self.kill_inside(),
            Step::Stop => self.stop(),
            Step::Freeze => {
                self.up();
                self.with_main("STOP");
                self.produce();
                self.pause(2_500);
                self.with_main("CONT");
            }
            Step::Replace => self.replace(),
            Step::TakeOver => self.take_over(),
            Step::LoseState => {
                self.down();
                // A process that was never up has none.
                let _ = std::fs::remove_dir_all(self.cast.group.state(self.cast.state));
                self.cast.causes.insert(Cause::StateLost);
            }
            Step::BrokerDies => {
                cluster.kill(0);
                self.pause(2_000);
                cluster.restart(0).and_then(|()| cluster.wait_up()).expect("the broker is back");
                self.world.client.wait_in_sync();
            }
            Step::BrokerFreezes => {
                cluster.freeze(0);
                self.pause(4_000);
                cluster.thaw(0);
            }
            Step::AddPartition => {
                let topic = self.any_topic();
                self.world.grow(topic);
                self.world.produce(&mut self.random, topic, 30);
            }
            Step::AddTopic => {
                self.down();
                let partitions = 1 + self.random.below(2);
                let topic = self.world.add_topic(partitions, false);
                self.world.produce(&mut self.random, topic, 40);
                self.cast.topics.push(self.world.topics[topic].name.clone());
            }
            Step::TakeTopicOut => {
                self.down();
                if self.cast.topics.len() > 1 {
                    let at = self.random.below(self.cast.topics.len());
                    let topic = self.cast.topics.remove(at);
                    self.cast.taken_out.push(topic);
                    self.cast.causes.insert(Cause::TakenOut);
                    self.up();
                    if !self.cast.taken_out.is_empty() {
                        // Nothing was read of it yet.
                        self.down();
                        self.cast.put_back();
                    }
                }
            }
            Step::MakeTopicAnew => {
                if self.random.one_in(2) {
                    self.down();
                }
                let (topic, partitions) = (self.any_topic(), 1 + self.random.below(2));
                self.cast.causes.insert(Cause::MadeAnew);
                self.world.make_anew(topic, partitions);
                let documents = 20 + self.random.below(400);
                self.world.produce(&mut self.random, topic, documents);
                (self.said)(format!("  {partitions} partitions with {documents}"));
            }
            Step::Retain => {
                if self.random.one_in(2) {
                    self.down();
                }
                let topic = self.any_topic();
                if self.random.one_in(2) {
                    self.world.produce(&mut self.random, topic, 60);
                }
                let decided = oracle::decided(&self.cast.group);
                self.cast.causes.insert(Cause::Retention);
                let (partition, before) = self.world.retain(&mut self.random, topic, &decided);
                (self.said)(format!("  {}/{partition} begins at {before}", self.world.topics[topic].name));
            }
            Step::ResetOffsets => self.reset_offsets(),
            Step::ForgetGroup => {
                self.up();
                self.settle();
                self.down();
                self.cast.group.client.forget_group(&self.cast.group.name);
            }
            Step::ChangeRules => self.change_rules(),
        }
    }

    fn with_main(&mut self, signal: &str) {
        if let Some(main) = &mut self.cast.main
            && main.ended().is_none()
        {
            main.signal(signal);
        }
    }

    /// A process dies at a step of a commit or of its recovery.
    fn kill_inside(&mut self) {
        self.up();
        self.down();
        let point = KAFKA_POINTS[self.random.below(KAFKA_POINTS.len())];
        let kill = format!("{point}:{}", 1 + self.random.below(4));
        (self.said)(format!("  at {kill}"));
        let mut process = self.cast.begin(self.cast.state, &[], &[("WEIR_KILL", kill.as_str())]);
        self.produce();
        let begun = Instant::now();
        // Where nothing more is read the point may not be passed so often.
        while process.ended().is_none() && begun.elapsed() < Duration::from_secs(4) {
            thread::sleep(Duration::from_millis(50));
        }
        if process.ended().is_some_and(|status| status.code().is_some()) {
            self.cast.refused(&mut self.world, &process);
        }
    }

    fn stop(&mut self) {
        self.up();
        if let Some(mut main) = self.cast.main.take() {
            if main.ended().is_none() {
                main.signal("TERM");
                let status = main.end_within(LONG);
                if !status.success() {
                    self.cast.refused(&mut self.world, &main);
                }
            } else {
                self.cast.refused(&mut self.world, &main);
            }
        }
    }

    /// The main process is suspended, another one takes its place, and it is resumed.
    fn replace(&mut self) {
        self.up();
        self.with_main("STOP");
        let zombie = self.cast.main.take();
        self.produce();
        self.cast.causes.insert(Cause::Rival);
        self.cast.state = self.other_state();
        self.cast.begin_from_journal();
        self.up();
        let Some(mut zombie) = zombie else { return };
        if zombie.ended().is_none() {
            zombie.signal("CONT");
            if self.outlives_its_successor(&mut zombie) {
                (self.said)("  the zombie has fenced its successor".to_owned());
                if let Some(successor) = self.cast.main.replace(zombie) {
                    self.cast.refused(&mut self.world, &successor);
                }
                self.cast.state = self.other_state();
                return;
            }
            let status = zombie.end_within(LONG);
            assert!(!status.success(), "a zombie that was replaced ends as if nothing had happened: {}", zombie.log());
        }
        self.cast.refused(&mut self.world, &zombie);
    }

    /// Waits until a zombie or its successor has ended. A process that was suspended while it fenced
    /// others goes on with that, and so may be the last one to fence.
    fn outlives_its_successor(&mut self, zombie: &mut Process) -> bool {
        let begun = Instant::now();
        while zombie.ended().is_none() {
            if self.cast.main.as_mut().is_some_and(|successor| successor.ended().is_some()) {
                return true;
            }
            assert!(begun.elapsed() < LONG, "neither a zombie nor its successor ends: {}", zombie.log());
            thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// The main process dies while another one follows the journal.
    fn take_over(&mut self) {
        self.up();
        self.cast.causes.insert(Cause::Rival);
        let state = self.other_state();
        let mut standby = self.cast.begin(state, &["--from-journal"], &[]);
        let begun = Instant::now();
        while !standby.log().contains(" standby") && standby.ended().is_none() && begun.elapsed() < LONG {
            thread::sleep(Duration::from_millis(25));
        }
        self.produce();
        self.down();
        self.cast.state = state;
        if wait_active(&mut standby) {
            self.cast.main = Some(standby);
        } else {
            self.cast.begin_from_journal();
            self.cast.refused(&mut self.world, &standby);
            self.up();
        }
    }

    /// Another tool sets the group's offsets.
    fn reset_offsets(&mut self) {
        if self.random.one_in(2) {
            self.down();
        }
        let topic = self.any_topic();
        let name = self.world.topics[topic].name.clone();
        for partition in 0..self.world.topics[topic].partitions as i32 {
            let (low, high) = self.cast.group.client.extent(&name, partition);
            let offset = [low, high, low + (high - low) / 2][self.random.below(3)];
            self.cast.group.client.set_offset(&self.cast.group.name, &name, partition, offset);
        }
    }

    /// The configuration and its deny list are changed, as of the next start.
    fn change_rules(&mut self) {
        self.down();
        // What the process had committed when it died becomes visible within a moment.
        thread::sleep(Duration::from_millis(500));
        self.rules.note(oracle::decided(&self.cast.group), self.cast.rules);
        self.cast.rules += 1;
    }
}
