//! At which offset does reading begin in a partition, and is what was read before still there?
//!
//! | position | known | reading begins |
//! |---|---|---|
//! | `n > 0` | | at `n`; refused above the end (the topic was made anew) and below the oldest record (retention overtook) |
//! | 0 | its beginning, from this process or beside the committed offset | there; refused below the oldest record |
//! | 0 | an offset that another tool committed | there |
//! | 0 | found after the others | at the oldest record |
//! | 0 | nothing | where `kafka.start` says; refused without it |
//!
//! A position below the oldest record is accepted where the committed offset says that everything in between was passed
//! over: tombstones and markers expire as records do, and are no loss.
//!
//! Not noticed: a topic made anew that has grown beyond the position. The client gives no identity of topics.

use std::{
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, KafkaResult},
};

use super::{
    client::Reading,
    config::Start,
    errors::{self, Call, Outcome},
    numbering::Entry,
    offsets::Committed,
};
use crate::error::Error;

/// How long a question to the brokers may take, tries included.
const LOOK_TIMEOUT: Duration = Duration::from_secs(15);
/// One try.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Asks until there is an answer, an error that stays, or no time left.
pub(super) fn look<T>(mut ask: impl FnMut(Duration) -> KafkaResult<T>) -> Result<T, Error> {
    let deadline = Instant::now() + LOOK_TIMEOUT;
    loop {
        match ask(TRY_TIMEOUT) {
            Ok(answer) => return Ok(answer),
            Err(error) if is_retriable(&error) && Instant::now() < deadline => thread::sleep(TRY_AGAIN_AFTER),
            Err(error) => return Err(errors::failed(Call::Look, &error, None)),
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    errors::classify(Call::Look, error) == Outcome::Retry
}

/// What a partition holds: the oldest record's offset, and the end of what is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Extent {
    /// Asks the brokers.
    pub(super) fn of(consumer: &Reading, topic: &str, id: i32) -> Result<Self, Error> {
        let ask = || look(|timeout| consumer.fetch_watermarks(topic, id, timeout));
        let (mut low, mut high) = ask()?;
        // The client asks for both ends at once, and where the first answer is an error and the second is none, it gives the
        // end as the beginning: an empty partition. One that is so is so when asked again.
        if low == high {
            (low, high) = ask()?;
        }
        Ok(Self { low: u64::try_from(low).unwrap_or(0), high: u64::try_from(high).unwrap_or(0) })
    }
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begin {
    /// The partition's beginning.
    pub(super) beginning: u64,
    /// The first offset to fetch.
    pub(super) at: u64,
}

/// Where reading begins in a partition when the engine stands at `position`; else why it cannot.
pub(super) fn resolve(
    entry: &Entry,
    position: u64,
    extent: Extent,
    committed: Option<Committed>,
    start: Option<Start>,
) -> Result<Begin, Problem> {
    let Extent { low, high } = extent;
    let recorded = committed.and_then(|c| c.begin);
    let beginning = match (entry.beginning.or(recorded), committed, start) {
        (Some(known), _, _) => known,
        // A position further on was begun somewhere; where no longer matters.
        (None, _, _) if position > 0 => position,
        (None, Some(foreign), _) => foreign.offset,
        (None, None, _) if !entry.first => low,
        (None, None, Some(Start::Earliest)) => low,
        (None, None, Some(Start::Latest)) => high,
        (None, None, None) => return Err(Problem::NoStart),
    };
    let from = if position == 0 { beginning } else { position };
    let name = entry.name();
    if from > high {
        return Err(Problem::Changed(format!(
            "{name} ends at offset {high}, expected at least {from}: the topic was made anew, or records were lost"
        )));
    }
    // What is committed for just this position may lie further on.
    let passed = committed.filter(|c| c.position == Some(position)).map_or(from, |c| c.offset);
    let at = from.max(passed.min(high));
    if at < low {
        return Err(Problem::Changed(format!(
            "{name} begins at offset {low}, expected {at}: its retention has removed {} offsets that were not read",
            low - at
        )));
    }
    Ok(Begin { beginning, at })
}

/// Why reading cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The group has nothing committed and nobody said where to begin.
    NoStart,
    /// The topic is not what was read.
    Changed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { low: 10, high: 50 };

    fn ours(offset: u64, begin: u64, position: u64) -> Committed {
        Committed { offset, begin: Some(begin), position: Some(position) }
    }

    fn foreign(offset: u64) -> Committed {
        Committed { offset, begin: None, position: None }
    }

    fn begin(position: u64, committed: impl Into<Option<Committed>>, start: Option<Start>) -> Result<(u64, u64), String> {
        begin_of(&Entry::new("t", 0, true), position, committed.into(), start)
    }

    fn begin_of(entry: &Entry, position: u64, committed: Option<Committed>, start: Option<Start>) -> Result<(u64, u64), String> {
        match resolve(entry, position, EXTENT, committed, start) {
            Ok(begin) => Ok((begin.beginning, begin.at)),
            Err(Problem::NoStart) => Err("no start".to_owned()),
            Err(Problem::Changed(why)) => Err(why),
        }
    }

    #[test]
    fn where_nothing_is_known_the_start_is_asked() {
        assert_eq!(begin(0, None, Some(Start::Earliest)), Ok((10, 10)));
        assert_eq!(begin(0, None, Some(Start::Latest)), Ok((50, 50)));
        assert_eq!(begin(0, None, None), Err("no start".to_owned()));
        assert_eq!(begin_of(&Entry::new("t", 0, false), 0, None, Some(Start::Latest)), Ok((10, 10)), "found later");
    }

    #[test]
    fn the_start_is_asked_once() {
        // `latest` would be 50 now; what was decided then holds.
        assert_eq!(begin(0, ours(20, 20, 0), Some(Start::Latest)), Ok((20, 20)));
        assert_eq!(begin(0, ours(45, 20, 45), Some(Start::Latest)), Ok((20, 20)), "a re-read from the beginning");
        assert_eq!(begin(0, foreign(30), Some(Start::Latest)), Ok((30, 30)));
        let known = Entry { beginning: Some(15), ..Entry::new("t", 0, true) };
        assert_eq!(begin_of(&known, 0, None, None), Ok((15, 15)));
    }

    #[test]
    fn positions_hold_within_what_is_there() {
        assert_eq!(begin(10, None, None), Ok((10, 10)));
        assert_eq!(begin(50, None, None), Ok((50, 50)));
        assert!(begin(51, None, None).is_err_and(|why| why.contains("made anew")));
        assert!(begin(9, None, None).is_err_and(|why| why.contains("removed 1 offsets")));
        assert!(begin(0, ours(5, 5, 0), None).is_err_and(|why| why.contains("removed 5 offsets")));
    }

    #[test]
    fn what_was_passed_over_may_expire() {
        assert_eq!(begin(7, ours(12, 3, 7), None), Ok((3, 12)));
        assert_eq!(begin(0, ours(11, 2, 0), None), Ok((2, 11)));
        assert!(begin(7, ours(12, 3, 12), None).is_err(), "a commit of another position says nothing");
        assert!(begin(7, ours(9, 3, 7), None).is_err(), "and one before the oldest record is not enough");
    }
}
