//! How far is everything settled, and when is that said?

use std::time::{Duration, Instant};

use connectors::committer::Channel;
use operators::document::SeqNo;

use super::Active;
use crate::{
    encode::{SettledLine, to_line},
    router::Line,
};

/// Writes the marks on the recalls topic.
pub(super) struct Marks {
    every: Duration,
    written: Instant,
    settled: SeqNo,
}

impl Marks {
    pub(super) fn every(every: Duration) -> Self {
        Self { every, written: Instant::now(), settled: 0 }
    }

    /// Said again where nothing has moved: a reader forgets recalls only after a later mark.
    pub(super) fn write_if_due(&mut self, stage: &mut Active, is_idle: bool) {
        if self.written.elapsed() >= self.every {
            self.write(stage, is_idle);
        }
    }

    /// How far nothing will be recalled any more; in a stream that has been idle for long enough everything is called settled.
    pub(super) fn write(&mut self, stage: &mut Active, is_idle: bool) {
        let settled = if is_idle { stage.engine().next() } else { stage.engine().settled_up_to() };
        self.settled = self.settled.max(settled);
        if self.settled > 0 {
            self.written = Instant::now();
            stage.write_beside(Line::plain(Channel::Recalls, to_line(&SettledLine::new(self.settled))));
        }
    }
}
