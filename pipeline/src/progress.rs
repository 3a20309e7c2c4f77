//! How does a command show how far it has come? With a bar on a terminal, and with a plain line
//! every ten seconds elsewhere.

use std::{
    cell::Cell,
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tracing::info;

use crate::engine::Counts;

/// The time between plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows how far a command has come.
pub struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    last_line: Cell<Instant>,
    size: Option<u64>,
}

impl Progress {
    /// Shows progress through `size` bytes of input, if the size is known.
    pub fn reading(size: Option<u64>) -> Self {
        let template = if size.is_some() {
            "{spinner} {bytes}/{total_bytes} [{wide_bar}] {bytes_per_sec} eta {eta} {msg}"
        } else {
            "{spinner} {bytes} {bytes_per_sec} {msg}"
        };
        Self::new(size, template)
    }

    /// Shows progress through `size` things, which are called `things`.
    pub fn counting(size: u64, things: &str) -> Self {
        Self::new(Some(size), &format!("{{spinner}} {{pos}}/{{len}} {things} [{{wide_bar}}] eta {{eta}} {{msg}}"))
    }

    /// Shows progress through the parts of the last pass.
    pub fn publishing() -> Self {
        Self::new(None, "{spinner} last pass: {pos} parts {msg}")
    }

    fn new(size: Option<u64>, template: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            size.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style)
        });
        let now = Instant::now();
        Self { bar, began: now, last_line: Cell::new(now), size }
    }

    /// The first `consumed` bytes of the input were read; shows the counts so far.
    pub fn at(&self, consumed: u64, counts: &Counts) {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        let message = format!(
            "{} records, {:.0}/s; {} clean, {} quarantined, {} duplicates, {} recalled",
            counts.received,
            counts.received as f64 / seconds,
            counts.clean,
            counts.quarantine,
            counts.duplicate,
            counts.recalled
        );
        self.show(consumed, &message);
    }

    /// The first `consumed` bytes, or things, are done; shows `message` beside that.
    pub fn show(&self, consumed: u64, message: &str) {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        if let Some(bar) = &self.bar {
            bar.set_position(consumed);
            bar.set_message(message.to_owned());
        } else if self.last_line.get().elapsed() >= PLAIN_EVERY {
            self.last_line.set(Instant::now());
            let done = self.size.filter(|&size| size > 0).map_or(0.0, |size| consumed as f64 / size as f64);
            let eta = if done > 0.0 { seconds / done - seconds } else { 0.0 };
            info!("{:.0}% {message}; eta {eta:.0} s", done * 100.0);
        }
    }

    /// One more thing is done.
    pub fn tick(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Everything is done: removes the bar.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
