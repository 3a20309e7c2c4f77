//! How is a running stage, seen from outside?
//!
//! | file | its question |
//! |---|---|
//! | `figures` | which figures are kept, and how do the engine's become counters of this process |
//! | `metrics` | which metrics are there, and how are they written |
//! | `health` | is it alive, is it ready |
//! | `server` | `/metrics`, `/livez`, `/readyz` over HTTP |
//!
//! The stage tells a [`Watch`] what it does; nothing here asks the stage, and no verdict depends on anything here. All
//! figures are under one lock, so that every scrape sees them at one moment and the identity of the counts holds in it.
//!
//! **Cost** a lock and a few additions a batch. **State** a few kilobytes: labels are operators, reasons, codes, stores,
//! partitions; never a domain, an address or a phrase, which whoever fills the input could multiply.

mod figures;
mod health;
mod metrics;
mod server;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use figures::Figures;
pub use health::{Health, STANDBY_BEHIND_MAX};
pub use metrics::{Kind, METRICS, Metric};
pub use server::{ServeError, Server, serve};

use crate::{
    engine::{Counts, Outcome},
    policy::Route,
};

/// What the process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// State is brought forward along the journal.
    Restoring {
        /// Records read again.
        done: u64,
        /// Records to read.
        of: u64,
    },
    /// Follows the journal of the active process.
    Standby {
        /// Journal records that it has not followed yet.
        behind: u64,
    },
    /// Reads, decides, commits.
    Active,
    /// Drains and leaves.
    Stopping,
}

impl Phase {
    /// Its name, every phase's at its place.
    pub const NAMES: [&str; 4] = ["restoring", "standby", "active", "stopping"];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[match self {
            Self::Restoring { .. } => 0,
            Self::Standby { .. } => 1,
            Self::Active => 2,
            Self::Stopping => 3,
        }]
    }
}

/// What is known of a running stage. One a process, shared by all its threads.
#[derive(Debug)]
pub struct Watch {
    config_digest: String,
    /// After so long without a beat the loop counts as stuck.
    silence_max: Duration,
    figures: Mutex<Figures>,
}

impl Watch {
    /// A watch over a stage that has just started. `config_digest` names the configuration in force, `silence_max` is the
    /// longest that a healthy loop goes without a beat.
    pub fn new(config_digest: impl Into<String>, silence_max: Duration) -> Arc<Self> {
        let figures = Mutex::new(Figures::new(Instant::now()));
        Arc::new(Self { config_digest: config_digest.into(), silence_max, figures })
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop has moved.
    pub fn beat(&self) {
        self.figures().beat(Instant::now());
    }

    /// The loop waits for a broker, to do what `action` says: it is alive although it does not move, until the answer is
    /// dropped.
    #[must_use = "the wait ends when this is dropped"]
    pub fn waiting(&self, action: &'static str) -> Waiting<'_> {
        self.figures().waits.push((action, Instant::now()));
        Waiting { watch: self, action }
    }

    /// What the process does now. A beat.
    pub fn phase(&self, phase: Phase) {
        let mut figures = self.figures();
        figures.beat(Instant::now());
        figures.enter(phase);
    }

    /// New records were taken from the input; those of a silent re-read are not new.
    pub fn received(&self, records: u64, bytes: u64) {
        self.figures().receive(records, bytes);
    }

    /// What the engine has counted. While the process is not active that is another one's work, done again: it moves no
    /// counter.
    pub fn counts(&self, counts: &Counts) {
        self.figures().count(counts);
    }

    /// A batch was committed: what the engine had counted when it was decided, what came of its records, and the routes of
    /// documents whose dead letters stand in their places.
    pub fn committed(&self, counts: &Counts, outcomes: &[Outcome], replaced: &[Route]) {
        let mut figures = self.figures();
        figures.beat(Instant::now());
        figures.count(counts);
        figures.break_down(outcomes);
        figures.replace(replaced);
    }

    /// Size of a batch that was committed, and how long that took.
    pub fn batch(&self, documents: usize, commit: Duration) {
        let figures = self.figures();
        figures.batch_documents.observe(documents as f64);
        figures.commit_seconds.observe(commit.as_secs_f64());
    }

    /// What a batch spent in a stage of its way.
    pub fn stage_seconds(&self, stage: &'static str, took: Duration) {
        self.figures().stage_seconds(stage).observe(took.as_secs_f64());
    }

    /// Bytes of memory by store.
    pub fn state(&self, bytes: &[(&'static str, usize)]) {
        self.figures().state_bytes = bytes.iter().map(|(store, bytes)| (*store, *bytes as u64)).collect();
    }

    /// Evictions by store, since the process began.
    pub fn evictions(&self, evictions: &[(&'static str, u64)]) {
        self.figures().evictions = evictions.iter().copied().collect();
    }

    /// Records that wait, by `topic/partition`; `None` where that is not known.
    pub fn lag(&self, lag: &[(&str, Option<u64>)]) {
        self.figures().lag = lag.iter().map(|(partition, lag)| ((*partition).to_owned(), *lag)).collect();
    }

    /// A snapshot was written: how long the stream stood still for it, and its size.
    pub fn snapshot(&self, stop: Duration, bytes: u64) {
        let mut figures = self.figures();
        figures.snapshot_stop_seconds.observe(stop.as_secs_f64());
        (figures.snapshot_bytes, figures.snapshot_at) = (bytes, Instant::now());
    }

    /// Rules were loaded anew, or refused.
    pub fn reload(&self, accepted: bool) {
        let mut figures = self.figures();
        figures.reloads[usize::from(!accepted)] += 1;
    }

    /// All metrics as text, in the `OpenMetrics` format.
    pub fn exposition(self: &Arc<Self>) -> String {
        metrics::exposition(self)
    }

    /// Whether the process should be left running.
    pub fn live(&self) -> Health {
        health::live(&self.figures(), self.silence_max, Instant::now())
    }

    /// Whether the process does its work, or could take over at once.
    pub fn ready(&self) -> Health {
        health::ready(self.figures().phase)
    }
}

/// A wait for a broker; it ends when this is dropped.
#[derive(Debug)]
pub struct Waiting<'a> {
    watch: &'a Watch,
    action: &'static str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut figures = self.watch.figures();
        if let Some(i) = figures.waits.iter().position(|(action, _)| *action == self.action) {
            figures.waits.remove(i);
        }
        figures.beat(Instant::now());
    }
}
