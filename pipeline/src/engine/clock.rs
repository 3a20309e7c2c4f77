//! What time is it in the stream? Event time is the median of the last 1,024 record times: one
//! record may be dated 2099, half of a thousand are not.
//!
//! The clock ticks when a document is settled, and is read as of the last epoch boundary, so it is
//! a function of the stream alone.
//!
//! **Cost** is 20 us at each epoch boundary. **State** is 8 KiB.

use std::collections::VecDeque;

use operators::codec::{Corrupt, Decoder, Encoder};

/// How many record times the median is taken of.
const TIMES: usize = 1024;

/// The event clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    times: VecDeque<i64>,
    now: Option<i64>,
}

impl Clock {
    /// Takes in the record time of a settled document.
    pub(super) fn tick(&mut self, time: Option<i64>) {
        if let Some(time) = time {
            if self.times.len() == TIMES {
                self.times.pop_front();
            }
            self.times.push_back(time);
        }
    }

    /// Makes the median of the times so far the event time.
    pub(super) fn publish(&mut self) {
        let mut sorted: Vec<i64> = self.times.iter().copied().collect();
        let middle = sorted.len() / 2;
        self.now = (!sorted.is_empty()).then(|| *sorted.select_nth_unstable(middle).1);
    }

    /// Event time as of the last epoch boundary, in seconds since 1970; `None` before any record
    /// has told its time.
    pub(super) fn now(&self) -> Option<i64> {
        self.now
    }

    /// Writes the clock.
    pub(super) fn save(&self, out: &mut Encoder) {
        out.u8(u8::from(self.now.is_some()));
        out.u64(self.now.unwrap_or(0) as u64);
        let times: Vec<u64> = self.times.iter().map(|&t| t as u64).collect();
        out.u64s(&times);
    }

    /// Reads what [`Self::save`] wrote.
    pub(super) fn load(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        let is_set = from.u8()? != 0;
        let now = from.u64()? as i64;
        let times: VecDeque<i64> = from.u64s()?.into_iter().map(|t| t as i64).collect();
        if times.len() > TIMES {
            return Err(from.corrupt("at most 1,024 record times"));
        }
        Ok(Self { times, now: is_set.then_some(now) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_liar_moves_nothing_and_epochs_publish() {
        let mut clock = Clock::default();
        clock.publish();
        assert_eq!(clock.now(), None);
        (0..2_000).for_each(|i| clock.tick(Some(1_000 + i)));
        clock.tick(Some(i64::MAX));
        clock.tick(None);
        assert_eq!(clock.now(), None, "not before an epoch boundary");
        clock.publish();
        assert_eq!(clock.now(), Some(1_000 + 2_000 - 1_023 + 512));
        let mut out = Encoder::default();
        clock.save(&mut out);
        let back = Clock::load(&mut Decoder::new(&out.bytes)).expect("what save wrote");
        assert_eq!((back.now(), back.times), (clock.now(), clock.times));
    }
}
