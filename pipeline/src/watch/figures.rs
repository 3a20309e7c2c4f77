//! Which figures are kept, and how do the engine's become counters of this process?
//!
//! The engine's counts belong to its state: they outlive processes, go back with a snapshot, and go
//! forward again in a silent re-read. A counter that goes back looks like a restart to whoever
//! reads it, and everything would be counted twice. So the counters here hold what *this process*
//! has committed while it was active. That is the engine's counts less those it had when the
//! process became active, plus what earlier active times of the process have added.
//!
//! Records that are in flight when an active time ends are returned: they come again, here or in
//! another process. At any moment, received = routes + dead letters + without text + returned + in
//! flight.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use connectors::kafka::SourceCounts;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::{disk::Disk, phase::ProcessPhase};
use crate::{
    engine::{Content, Counts, FateChange, Outcome},
    policy::Route,
};

/// A stage, and the operator where one does its work; else "".
type StageName = (&'static str, &'static str);

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) phase: ProcessPhase,
    /// When the loop last moved.
    pub(super) last_beat: Instant,
    /// What the loop waits for at a broker, and since when; the oldest wait first.
    pub(super) waits: Vec<(&'static str, Instant)>,
    /// The records and bytes that were taken from the input.
    pub(super) received: u64,
    pub(super) received_bytes: u64,
    /// The records that were given back undecided.
    pub(super) returned: u64,
    /// Offsets of the input that were gone before they were read.
    pub(super) lost: u64,
    /// What the source has counted.
    pub(super) source: SourceCounts,
    /// What was counted in earlier active times.
    past: Counts,
    /// The engine's counts when this active time began.
    begun: Counts,
    /// The engine's counts now.
    now: Counts,
    /// By route: the documents of this active time that the engine has counted there and that
    /// became dead letters.
    replaced: [u64; 3],
    pub(super) recalls: BTreeMap<&'static str, u64>,
    pub(super) dead_letters: BTreeMap<&'static str, u64>,
    pub(super) state_bytes: BTreeMap<&'static str, u64>,
    pub(super) lag: BTreeMap<String, Option<u64>>,
    stages: BTreeMap<StageName, (Duration, Histogram)>,
    pub(super) batch_documents: Histogram,
    pub(super) commit_seconds: Histogram,
    pub(super) snapshot_stop_seconds: Histogram,
    pub(super) snapshot_bytes: u64,
    /// What is known of the disk of the state.
    pub(super) disk: Disk,
    /// When the last snapshot of this process was written; when the process began if there is none
    /// yet.
    pub(super) snapshot_at: Instant,
}

impl Figures {
    /// Makes the figures of a process that begins at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: ProcessPhase::Restoring { done: 0, of: 0 },
            last_beat: now,
            waits: Vec::new(),
            received: 0,
            received_bytes: 0,
            returned: 0,
            lost: 0,
            source: SourceCounts::default(),
            past: Counts::default(),
            begun: Counts::default(),
            now: Counts::default(),
            replaced: [0; 3],
            recalls: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            state_bytes: BTreeMap::new(),
            lag: BTreeMap::new(),
            stages: BTreeMap::new(),
            batch_documents: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            commit_seconds: seconds(),
            snapshot_stop_seconds: seconds(),
            snapshot_bytes: 0,
            disk: Disk::default(),
            snapshot_at: now,
        }
    }

    /// Notes that the loop has moved.
    pub(super) fn beat(&mut self, now: Instant) {
        self.last_beat = now;
    }

    /// Returns whether decided documents belong to this process: while it is active, and while it
    /// drains.
    fn counts_here(phase: ProcessPhase) -> bool {
        matches!(phase, ProcessPhase::Active | ProcessPhase::Stopping)
    }

    /// Changes the phase. An active time that ends returns what is in flight.
    pub(super) fn enter(&mut self, phase: ProcessPhase) {
        let before = Self::counts_here(self.phase);
        if before && !Self::counts_here(phase) {
            self.past = self.counted();
            (self.begun, self.replaced) = (self.now.clone(), [0; 3]);
            self.returned = self.received.saturating_sub(self.past.received);
        }
        self.phase = phase;
    }

    /// Counts records taken from the input.
    pub(super) fn receive(&mut self, records: u64, bytes: u64) {
        self.received += records;
        self.received_bytes += bytes;
    }

    /// Takes over the engine's counts.
    pub(super) fn count(&mut self, counts: &Counts) {
        self.now = counts.clone();
        if !Self::counts_here(self.phase) {
            self.begun = counts.clone();
        }
    }

    /// Counts recalls by operator and dead letters by code, which the engine's counts add up.
    pub(super) fn break_down(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Decided(decided) => {
                    for change in &decided.fate_changes {
                        if let FateChange::Recalled { recall, .. } = change {
                            *self.recalls.entry(recall.operator).or_default() += 1;
                        }
                    }
                }
                Outcome::Nothing(item) => {
                    if let Content::Reject(reject) = &item.content {
                        *self.dead_letters.entry(reject.code).or_default() += 1;
                    }
                }
            }
        }
    }

    /// Notes that documents of these routes became dead letters of these codes, since no topic takes them. Each is
    /// counted as a dead letter and no longer by its route.
    pub(super) fn replace(&mut self, routes: &[(Route, &'static str)]) {
        for (route, code) in routes {
            self.replaced[*route as usize] += 1;
            *self.dead_letters.entry(code).or_default() += 1;
        }
    }

    /// Returns what this process has counted.
    pub(super) fn counted(&self) -> Counts {
        let sum = |of: fn(&Counts) -> u64| of(&self.past) + of(&self.now).saturating_sub(of(&self.begun));
        let mut findings = self.past.findings.clone();
        for (name, now) in &self.now.findings {
            let begun = self.begun.findings.get(name).copied().unwrap_or(0);
            *findings.entry(name.clone()).or_default() += now.saturating_sub(begun);
        }
        let mut languages = self.past.languages.clone();
        for (code, now) in &self.now.languages {
            let begun = self.begun.languages.get(code).copied().unwrap_or_default();
            let sum = languages.entry(code.clone()).or_default();
            *sum = sum.with(now.with(begun, u64::saturating_sub), |a, b| a + b);
        }
        let routed = |of: fn(&Counts) -> u64, route: Route| sum(of).saturating_sub(self.replaced[route as usize]);
        Counts {
            received: sum(|c| c.received),
            clean: routed(|c| c.clean, Route::Clean),
            quarantine: routed(|c| c.quarantine, Route::Quarantine),
            duplicate: routed(|c| c.duplicate, Route::Duplicate),
            dead_letters: sum(|c| c.dead_letters) + self.replaced.iter().sum::<u64>(),
            without_text: sum(|c| c.without_text),
            without_url: sum(|c| c.without_url),
            recalled: sum(|c| c.recalled),
            restored: sum(|c| c.restored),
            findings,
            languages,
        }
    }

    /// Returns how many records were received and neither decided nor returned.
    pub(super) fn in_flight(&self, counted: &Counts) -> u64 {
        self.received.saturating_sub(counted.received + self.returned)
    }

    /// Takes over how long each stage has taken so far: what it is more than before was taken by the
    /// batch at hand.
    pub(super) fn spend(&mut self, times: &[(&'static str, &'static str, Duration)]) {
        for &(stage, operator, took) in times {
            let (before, histogram) = self.stages.entry((stage, operator)).or_insert_with(|| (Duration::ZERO, seconds()));
            histogram.observe(took.saturating_sub(*before).as_secs_f64());
            *before = took;
        }
    }

    /// Returns the histograms of all stages.
    pub(super) fn stages(&self) -> impl Iterator<Item = (StageName, &Histogram)> {
        self.stages.iter().map(|(name, (_, histogram))| (*name, histogram))
    }
}

/// Makes a histogram with buckets from 1 ms to 16 s, each twice the one before, and one for longer
/// times.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LanguageCounts;
    use crate::output::TOO_LARGE;

    fn counts(clean: u64, quarantine: u64) -> Counts {
        let findings = [("near_dup/copy".to_owned(), quarantine)].into();
        let language = LanguageCounts { documents: clean + quarantine, unjudged: clean, withheld: quarantine, recalled: 0 };
        let languages = [("ell".to_owned(), language)].into();
        Counts { received: clean + quarantine, clean, quarantine, findings, languages, ..Counts::default() }
    }

    #[test]
    fn only_what_this_process_commits_is_counted() {
        let mut figures = Figures::new(Instant::now());
        figures.count(&counts(100, 10));
        figures.enter(ProcessPhase::Active);
        assert_eq!(figures.counted().received, 0, "what the state remembers");
        figures.receive(8, 80);
        figures.count(&counts(103, 12));
        let counted = figures.counted();
        assert_eq!((counted.clean, counted.quarantine, counted.findings["near_dup/copy"]), (3, 2, 2));
        assert_eq!(counted.languages["ell"], LanguageCounts { documents: 5, unjudged: 3, withheld: 2, recalled: 0 });
        assert_eq!(figures.in_flight(&counted), 3);
    }

    #[test]
    fn a_document_that_became_a_dead_letter_is_counted_as_that() {
        let mut figures = Figures::new(Instant::now());
        figures.enter(ProcessPhase::Active);
        figures.receive(9, 90);
        figures.count(&counts(5, 4));
        figures.replace(&[Route::Clean, Route::Quarantine, Route::Clean].map(|route| (route, TOO_LARGE)));
        let expected = (9, 3, 3, 3);
        let counted = figures.counted();
        assert_eq!((counted.received, counted.clean, counted.quarantine, counted.dead_letters), expected);
        assert!(counted.is_whole() && figures.dead_letters[TOO_LARGE] == 3 && figures.in_flight(&counted) == 0);
        // Another active time of the process takes nothing off again.
        figures.enter(ProcessPhase::Restoring { done: 0, of: 0 });
        figures.count(&counts(0, 0));
        figures.enter(ProcessPhase::Active);
        let counted = figures.counted();
        assert_eq!((counted.received, counted.clean, counted.quarantine, counted.dead_letters), expected);
    }

    #[test]
    fn going_back_to_a_snapshot_counts_nothing_twice() {
        let mut figures = Figures::new(Instant::now());
        figures.enter(ProcessPhase::Active);
        figures.receive(7, 0);
        figures.count(&counts(4, 1));
        for done in [0, 2] {
            figures.enter(ProcessPhase::Restoring { done, of: 4 });
            // The snapshot's, then those of the re-read.
            figures.count(&counts(2 + done, done / 2));
        }
        let counted = figures.counted();
        assert_eq!((counted.clean, counted.quarantine, figures.returned), (4, 1, 2));
        assert_eq!(figures.in_flight(&counted), 0);
        figures.enter(ProcessPhase::Active);
        figures.receive(2, 0);
        figures.count(&counts(6, 1));
        let counted = figures.counted();
        assert_eq!((counted.clean, counted.quarantine, counted.received), (6, 1, 7));
        assert_eq!(figures.received, counted.received + figures.returned + figures.in_flight(&counted));
        figures.enter(ProcessPhase::Stopping);
        figures.count(&counts(7, 1));
        assert_eq!(figures.counted().clean, 7, "draining is work too");
    }
}
