//! The processes of a life: how are they started, and what is done when one refuses?
//!
//! A refusal must name its remedy. The remedy is applied, and must work.

use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::world::{World, denied_by};
use crate::{
    group::{Group, folder},
    process::{LONG, Process},
};

/// How often one process may be refused in a row: several things may have happened to it.
const REFUSALS_MAX: usize = 6;

/// What has happened in a life that a process may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    StateLost,
    Retention,
    Compaction,
    MadeAnew,
    TakenOut,
    Rival,
    /// It may happen at any time: brokers that are slow, or have just been started.
    SlowBroker,
}

/// What a refusal says, what may have caused it, and the remedy that it names.
struct Refusal {
    says: &'static str,
    causes: &'static [Cause],
    names: &'static str,
    remedy: Remedy,
}

#[derive(Clone, Copy)]
enum Remedy {
    Argument(&'static str),
    PutBack,
    Grow,
    Again,
}

use Cause::{Compaction, MadeAnew, Retention, Rival, SlowBroker, StateLost, TakenOut};

const fn accept(says: &'static str, causes: &'static [Cause]) -> Refusal {
    Refusal { says, causes, names: "--accept-loss", remedy: Remedy::Argument("--accept-loss") }
}

const REFUSALS: &[Refusal] = &[
    Refusal { says: "fenced", causes: &[Rival], names: "", remedy: Remedy::Again },
    Refusal { says: "names its topic no more", causes: &[TakenOut], names: "put it back", remedy: Remedy::PutBack },
    Refusal {
        says: "but there is no snapshot in",
        causes: &[StateLost],
        names: "--from-journal",
        remedy: Remedy::Argument("--from-journal"),
    },
    accept("no longer holds", &[Retention, Compaction, MadeAnew]),
    accept("retention has removed", &[Retention, Compaction, MadeAnew]),
    accept("the topic was made anew", &[MadeAnew]),
    Refusal { says: "Timed out", causes: &[SlowBroker], names: "", remedy: Remedy::Again },
    Refusal { says: "is out of range", causes: &[MadeAnew, Retention, Compaction], names: "Start again", remedy: Remedy::Again },
    // The topic is there again, and may lack partitions.
    Refusal { says: "is not there", causes: &[MadeAnew], names: "make it again", remedy: Remedy::Grow },
];

/// The processes of one group.
pub(super) struct Cast {
    pub(super) group: Group,
    home: TempDir,
    /// The active process.
    pub(super) main: Option<Process>,
    /// The folder of its state.
    pub(super) state: &'static str,
    /// The version of the rules with which processes are started.
    pub(super) rules: usize,
    /// The topics that the configuration names.
    pub(super) topics: Vec<String>,
    /// Topics that were taken out of it.
    pub(super) taken_out: Vec<String>,
    pub(super) causes: BTreeSet<Cause>,
    pub(super) refusals: usize,
    /// Arguments of the next start.
    arguments: BTreeSet<&'static str>,
}

impl Cast {
    pub(super) fn new(group: Group, topic: String) -> Self {
        Self {
            group,
            home: folder(),
            main: None,
            state: "a",
            rules: 0,
            topics: vec![topic],
            taken_out: Vec::new(),
            causes: BTreeSet::from([SlowBroker]),
            refusals: 0,
            arguments: BTreeSet::new(),
        }
    }

    fn command(&self, state: &str) -> Command {
        let version = self.rules;
        let deny = self.home.path().join(format!("deny-{version}.txt"));
        fs::write(&deny, format!("denied{}.example\n", denied_by(version))).expect("written");
        let topics: Vec<_> = self.topics.iter().map(|topic| format!("{topic:?}")).collect();
        let sets = [
            format!("kafka.topics.input=[{}]", topics.join(", ")),
            format!("policy.deny_files=[{:?}]", deny.display().to_string()),
            format!("policy.quarantine_score={}", [0.5, 0.6, 0.7][version % 3]),
            format!("operators.near_dup.mode={}", ["enforce", "shadow"][version % 2]),
        ];
        self.group.command_with(state, &sets.each_ref().map(String::as_str))
    }

    /// Starts a process with its own folder of state, which dies or stands still at a kill point if
    /// `variables` say so.
    pub(super) fn begin(&self, state: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut command = self.command(state);
        command.args(arguments).envs(variables.iter().copied());
        self.group.begin(command)
    }

    /// Starts the main process unless it runs, with every remedy that it asks for.
    pub(super) fn up(&mut self, world: &mut World) {
        for _ in 0..=REFUSALS_MAX {
            if self.main.as_mut().is_some_and(|main| main.ended().is_none() && main.is_active()) {
                return;
            }
            let arguments: Vec<&str> = self.arguments.iter().copied().collect();
            self.main = None;
            let mut process = self.begin(self.state, &arguments, &[]);
            if wait_active(&mut process) {
                self.arguments.clear();
                self.main = Some(process);
                return;
            }
            self.refused(world, &process);
        }
        panic!("refused {REFUSALS_MAX} times in a row, whatever remedy was applied");
    }

    /// A process has ended by itself: it must have had a reason, and say what helps.
    pub(super) fn refused(&mut self, world: &mut World, process: &Process) {
        let log = process.log();
        let said = log.lines().filter(|line| line.starts_with("weir: ")).collect::<Vec<_>>().join("\n");
        let known = REFUSALS.iter().find(|refusal| said.contains(refusal.says));
        let Some(refusal) = known else { panic!("ended for no known reason: {log}") };
        assert!(
            refusal.causes.iter().any(|cause| self.causes.contains(cause)),
            "refused, and nothing of {:?} has happened, only {:?}: {log}",
            refusal.causes,
            self.causes
        );
        assert!(said.contains(refusal.names), "a refusal that does not name its remedy {:?}: {said}", refusal.names);
        self.refusals += 1;
        match refusal.remedy {
            Remedy::Argument(argument) => {
                assert!(self.arguments.insert(argument), "{argument} did not help: {log}");
            }
            Remedy::PutBack => self.put_back(),
            Remedy::Grow => world.grow_as_before(),
            Remedy::Again => {}
        }
    }

    /// If the main process has ended by itself, sees why, and starts it again.
    pub(super) fn revive(&mut self, world: &mut World) {
        if let Some(mut main) = self.main.take_if(|main| main.ended().is_some()) {
            assert!(!main.ended().is_some_and(|status| status.success()), "ended without being asked: {}", main.log());
            self.refused(world, &main);
            self.up(world);
        }
    }

    /// Topics that were taken out of the configuration are in it again.
    pub(super) fn put_back(&mut self) {
        self.topics.append(&mut self.taken_out);
    }

    /// The next process is started along the journal.
    pub(super) fn begin_from_journal(&mut self) {
        self.arguments.insert("--from-journal");
    }
}

/// Waits until a process is active (true) or has ended (false).
pub(super) fn wait_active(process: &mut Process) -> bool {
    let begun = Instant::now();
    loop {
        if process.is_active() {
            return true;
        }
        if process.ended().is_some() {
            return process.is_active();
        }
        assert!(begun.elapsed() < LONG, "neither active nor ended after {LONG:?}: {}", process.log());
        thread::sleep(Duration::from_millis(25));
    }
}
