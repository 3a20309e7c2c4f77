//! Up to which document is everything settled, and when is that written to the recalls topic?

use std::time::{Duration, Instant};

use connectors::{
    committer::{Channel, Committer},
    source::Source,
};
use operators::document::SeqNo;

use crate::{
    output::{
        OutputRecord,
        lines::{SettledLine, to_line},
    },
    run::Stage,
};

/// Writes the settled watermarks of an active process.
pub(super) struct SettledWatermarks {
    every: Duration,
    written_at: Instant,
    /// The highest watermark so far: it never goes back.
    settled: SeqNo,
}

impl SettledWatermarks {
    /// Writes one watermark in each time of `every`.
    pub(super) fn every(every: Duration) -> Self {
        Self { every, written_at: Instant::now(), settled: 0 }
    }

    /// Writes a watermark if it is time for one, also where it has not moved: a reader forgets
    /// recalls only after a later watermark.
    pub(super) fn write_if_due(&mut self, stage: &mut Stage<impl Source, impl Committer>, is_idle: bool) {
        if self.written_at.elapsed() >= self.every {
            self.write(stage, is_idle);
        }
    }

    /// Adds a watermark to the next commit: no document below it will be recalled or restored any
    /// more. In a stream that has been idle for long enough (`is_idle`) every document is called
    /// settled.
    pub(super) fn write(&mut self, stage: &mut Stage<impl Source, impl Committer>, is_idle: bool) {
        let settled = if is_idle { stage.engine().next() } else { stage.engine().settled_watermark() };
        self.settled = self.settled.max(settled);
        if self.settled > 0 {
            self.written_at = Instant::now();
            stage.write_beside(OutputRecord::plain(Channel::Recalls, to_line(&SettledLine::new(self.settled))));
        }
    }
}
