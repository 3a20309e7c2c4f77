//! What does a running stage look like from outside: its metrics, and whether it is alive and
//! ready?
//!
//! | file | question |
//! |---|---|
//! | `phase` | What is the process doing? |
//! | `figures` | Which figures are kept, and how do the engine's counts become counters of this process? |
//! | `metrics` | Which metrics are there, and how are they written? |
//! | `health` | Is the process alive, and is it ready? |
//! | `disk` | What is known of the disk of the state, and what is wrong with it? |
//! | `disk_watch` | Will the disk take what the state writes next? |
//! | `server` | How are `/metrics`, `/livez` and `/readyz` served over HTTP? |
//!
//! The stage reports to a [`Watch`] what it does. Nothing here asks the stage for anything, and no
//! verdict depends on anything here. All figures are under one lock, so every scrape sees them as
//! they were at one moment, and the counts add up in it.
//!
//! **Cost** one lock and a few additions a batch. **State** a few kilobytes: the labels are
//! operators, reasons, codes, stores and partitions. They are never domains, addresses or phrases,
//! because whoever fills the input could make any number of those.

mod disk;
mod disk_watch;
mod figures;
mod health;
mod metrics;
mod phase;
mod server;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connectors::kafka::SourceCounts;
pub use disk_watch::watch_disk;
use figures::Figures;
pub use health::{Health, STANDBY_BEHIND_MAX};
pub use metrics::{METRICS, Metric, MetricKind};
pub use phase::ProcessPhase;
pub use server::{ServeError, Server, serve};

use crate::{
    engine::{Counts, Outcome},
    policy::Route,
};

/// What is known of a running stage. A process has one, which all its threads share.
#[derive(Debug)]
pub struct Watch {
    /// Names the configuration in force.
    config_digest: String,
    /// A loop that has not moved for longer counts as stuck.
    silence_max: Duration,
    figures: Arc<Mutex<Figures>>,
}

impl Watch {
    /// Makes a watch over a stage that has just started. `config_digest` names the configuration in
    /// force. `silence_max` is the longest time that the loop of a healthy stage goes without a
    /// [`Self::beat`].
    pub fn new(config_digest: impl Into<String>, silence_max: Duration) -> Arc<Self> {
        let figures = Arc::new(Mutex::new(Figures::new(Instant::now())));
        Arc::new(Self { config_digest: config_digest.into(), silence_max, figures })
    }

    /// Locks the figures. A thread that panicked with the lock leaves numbers that are still good
    /// to show.
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the loop has moved.
    pub fn beat(&self) {
        self.figures().beat(Instant::now());
    }

    /// Notes that the loop waits for a broker in order to do `action`. Until the returned value is
    /// dropped, the process counts as alive although its loop does not move.
    #[must_use = "the wait ends when this is dropped"]
    pub fn waiting(&self, action: &'static str) -> Waiting<'_> {
        self.figures().waits.push((action, Instant::now()));
        Waiting { watch: self, action }
    }

    /// Notes what the process does now. This is a beat as well.
    pub fn phase(&self, phase: ProcessPhase) {
        let mut figures = self.figures();
        figures.beat(Instant::now());
        figures.enter(phase);
    }

    /// Counts new records that were taken from the input. Records of a silent re-read are not new.
    pub fn received(&self, records: u64, bytes: u64) {
        self.figures().receive(records, bytes);
    }

    /// Counts offsets of the input that were gone before they were read, which the user accepted.
    pub fn lost(&self, offsets: u64) {
        self.figures().lost += offsets;
    }

    /// Takes over what the engine has counted. While the process is not active, the engine repeats
    /// the work of another process, which moves no counter.
    pub fn counts(&self, counts: &Counts) {
        self.figures().count(counts);
    }

    /// Notes that a batch was committed. `counts` are the engine's counts when the batch was
    /// decided, `outcomes` is what came of its records, and `replaced` are the routes of documents
    /// that became dead letters, with their codes.
    pub fn committed(&self, counts: &Counts, outcomes: &[Outcome], replaced: &[(Route, &'static str)]) {
        let mut figures = self.figures();
        figures.beat(Instant::now());
        figures.count(counts);
        figures.break_down(outcomes);
        figures.replace(replaced);
    }

    /// Notes the size of a batch that was committed, and how long the commit took.
    pub fn batch(&self, documents: usize, commit: Duration) {
        let figures = self.figures();
        figures.batch_documents.observe(documents as f64);
        figures.commit_seconds.observe(commit.as_secs_f64());
    }

    /// Notes how long each step has taken so far in this process, by its name and by that of the
    /// operator that took it.
    pub fn spent(&self, times: &[(&'static str, &'static str, Duration)]) {
        self.figures().spend(times);
    }

    /// Sets the bytes of memory by store.
    pub fn state(&self, bytes: &[(&'static str, usize)]) {
        self.figures().state_bytes = bytes.iter().map(|(store, bytes)| (*store, *bytes as u64)).collect();
    }

    /// Sets how many records wait, by `topic/partition`; `None` where that is not known.
    pub fn lag(&self, lag: &[(&str, Option<u64>)]) {
        self.figures().lag = lag.iter().map(|(partition, lag)| ((*partition).to_owned(), *lag)).collect();
    }

    /// Notes that a snapshot was taken, and how long the stream stood still for it. It is written
    /// behind.
    pub fn snapshot(&self, stop: Duration) {
        let mut figures = self.figures();
        figures.snapshot_stop_seconds.observe(stop.as_secs_f64());
        figures.snapshot_at = Instant::now();
    }

    /// Sets the bytes of the newest snapshot on disk.
    pub fn snapshot_bytes(&self, bytes: u64) {
        self.figures().snapshot_bytes = bytes;
    }

    /// Sets what the source has counted since the process began.
    pub fn source(&self, counts: SourceCounts) {
        self.figures().source = counts;
    }

    /// Returns all metrics as text in the `OpenMetrics` format.
    pub fn exposition(&self) -> String {
        metrics::exposition(&self.figures, &self.config_digest)
    }

    /// Returns whether the process is alive and should be left running.
    pub fn live(&self) -> Health {
        health::live(&self.figures(), self.silence_max, Instant::now())
    }

    /// Returns whether the process does its work, or could take over at once.
    pub fn ready(&self) -> Health {
        let figures = self.figures();
        health::ready(figures.phase, figures.disk.trouble(Instant::now()))
    }
}

/// A wait for a broker. It ends when this value is dropped.
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
