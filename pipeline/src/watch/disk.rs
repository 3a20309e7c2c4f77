//! What is known of the disk of the state, and what is wrong with it?
//!
//! A write that has not come back counts with the time that has passed.

use std::time::{Duration, Instant};

/// A write and sync of a page that takes longer is slow: a snapshot makes thousands.
const SLOW: Duration = Duration::from_secs(2);

/// What is known of the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// Bytes that are free; `None` before the first look.
    pub(super) free: Option<u64>,
    /// Fewer free bytes are too few.
    pub(super) free_min: u64,
    /// How long the last write took.
    pub(super) took: Duration,
    /// Since when a write has not come back.
    pub(super) writing: Option<Instant>,
    /// Why the last write failed.
    pub(super) failed: Option<String>,
}

impl Disk {
    /// How long the last write took, or takes by now.
    pub(super) fn write_time(&self, now: Instant) -> Duration {
        self.writing.map_or(self.took, |since| now.saturating_duration_since(since).max(self.took))
    }

    /// What is wrong with the disk.
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        if let Some(why) = &self.failed {
            return Some(format!("the disk of the state refuses a write: {why}"));
        }
        if let Some(free) = self.free.filter(|free| *free < self.free_min) {
            return Some(format!(
                "the disk of the state has {free} bytes free, expected at least {} (state.free_bytes_min)",
                self.free_min
            ));
        }
        let took = self.write_time(now);
        (took > SLOW).then(|| {
            format!("the disk of the state takes {} ms for a page, expected at most {}", took.as_millis(), SLOW.as_millis())
        })
    }
}
