//! Is the stream like the background, so that models of the background alone may be trusted?
//!
//! What is compared is the share of words that the background does not have. Text of the
//! background's own sources has few such words. Where there are more, the stream is of another
//! mixture, or the background is small beside it: then no alarm is raised before the usage of words
//! was learned from the stream too.

use super::facts::Ring;
use crate::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

/// Largest share of unknown words of a stream that is like the background, and fewest words that
/// tell.
const UNKNOWN_MAX: f64 = 0.03;
const WORDS_MIN: u64 = 10_000;

/// Counts as of the latest epoch boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Likeness {
    words: u64,
    unknown: u64,
    /// Documents before this one are counted.
    counted: SeqNo,
}

impl Likeness {
    /// Whether the stream so far is like the background.
    pub(super) fn is_alike(&self) -> bool {
        self.words >= WORDS_MIN && self.unknown as f64 <= UNKNOWN_MAX * self.words as f64
    }

    /// Counts the documents before `epoch - window`.
    pub(super) fn count(&mut self, epoch: SeqNo, window: u32, ring: &Ring) {
        while self.counted < epoch.saturating_sub(window) {
            if let Some(facts) = ring.get(self.counted) {
                self.words += u64::from(facts.words);
                self.unknown += u64::from(facts.unknown);
            }
            self.counted += 1;
        }
    }

    pub(super) fn save(&self, out: &mut Encoder) {
        out.u64(self.words);
        out.u64(self.unknown);
        out.u32(self.counted);
    }

    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(Self { words: from.u64()?, unknown: from.u64()?, counted: from.u32()? })
    }
}
