//! At which offset does reading begin in a partition, and is what was read before still there?
//!
//! | position | what is known | reading begins |
//! |---|---|---|
//! | `n > 0` | | at `n`; refused above the end (the topic was made anew) and below the oldest record (retention removed some) |
//! | 0 | its beginning, from the snapshot, the journal, this process or beside the committed offset | there; refused below the oldest record |
//! | 0 | an offset that another tool committed | there |
//! | 0 | it was found after the others | at the oldest record |
//! | 0 | nothing | where `kafka.start` says; refused if that is not set |
//!
//! What is refused above the end or below the oldest record goes on at the oldest record if the
//! user accepts the loss (`--accept-loss`).
//!
//! A position below the oldest record is no loss where the committed offset says that everything
//! in between was passed over: tombstones and markers expire as records do, and are no loss.
//!
//! A topic that was made anew and has grown beyond the position is noticed by the record before the
//! position ([`super::identity`]).

use super::{config::StartPosition, input_partitions::InputPartition, offsets::CommittedOffset, query::PartitionExtent};

/// Where reading begins in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StartOffset {
    /// The partition's beginning: where reading started, or starts, while nothing has been read.
    pub(super) beginning: u64,
    /// The first offset to fetch now.
    pub(super) at: u64,
    /// The offset that should be fetched, if it is gone and the user accepts that.
    pub(super) lost_from: Option<u64>,
}

/// What the configuration and the command line say about beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StartRules {
    /// Where a partition begins of which nothing is known.
    pub(super) start: Option<StartPosition>,
    /// Whether reading goes on at the oldest record where those before it are gone.
    pub(super) accepts_loss: bool,
}

/// Returns where reading begins in a partition when the engine stands at `position`.
///
/// # Errors
/// With the reason why it cannot begin.
pub(super) fn start_offset(
    partition: &InputPartition,
    position: u64,
    extent: PartitionExtent,
    committed: Option<CommittedOffset>,
    rules: StartRules,
) -> Result<StartOffset, StartProblem> {
    let PartitionExtent { low, high } = extent;
    let recorded = committed.and_then(|c| c.begin);
    let beginning = match (partition.beginning.or(recorded), committed, rules.start) {
        (Some(known), _, _) => known,
        // Reading began somewhere before this position; where no longer matters.
        (None, _, _) if position > 0 => position,
        (None, Some(foreign), _) => foreign.offset,
        (None, None, _) if !partition.first => low,
        (None, None, Some(StartPosition::Earliest)) => low,
        (None, None, Some(StartPosition::Latest)) => high,
        (None, None, None) => return Err(StartProblem::NoStart),
    };
    let from = if position == 0 { beginning } else { position };
    let name = partition.name();
    if from > high && rules.accepts_loss {
        return Ok(StartOffset { beginning: low, at: low, lost_from: Some(from) });
    }
    if from > high {
        return Err(StartProblem::Changed(ends_before(&name, high, from)));
    }
    // The offset that is committed for this very position may lie further on.
    let passed = committed.filter(|c| c.position == Some(position)).map_or(from, |c| c.offset);
    let at = from.max(passed.min(high));
    if at < low && rules.accepts_loss {
        return Ok(StartOffset { beginning, at: low, lost_from: Some(at) });
    }
    if at < low {
        let unread = low.saturating_sub(committed.map_or(at, |c| c.offset.max(at)));
        return Err(StartProblem::Changed(if unread > 0 {
            format!(
                "{name} begins at offset {low}, expected {at}: its retention has removed {unread} offsets that were not read; \
                 --accept-loss goes on at the oldest record and says how many were lost"
            )
        } else {
            format!(
                "{name} begins at offset {low}, expected {at}: its retention has removed {} offsets that were decided after the \
                 state was saved. Nothing is lost, but the state cannot learn them again; --accept-loss goes on without",
                low - at
            )
        }));
    }
    Ok(StartOffset { beginning, at, lost_from: None })
}

/// What is said of a partition that ends before what was read of it.
pub(super) fn ends_before(name: &str, high: u64, expected: u64) -> String {
    format!(
        "{name} ends at offset {high}, expected at least {expected}: the topic was made anew, or its brokers have lost records; \
         --accept-loss takes it for a new topic and reads it from its oldest record on"
    )
}

/// Why reading cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartProblem {
    /// The group has committed nothing, and the configuration does not say where to begin.
    NoStart,
    /// The topic is not the one that was read before.
    Changed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: PartitionExtent = PartitionExtent { low: 10, high: 50 };

    fn ours(offset: u64, begin: u64, position: u64) -> CommittedOffset {
        CommittedOffset { offset, begin: Some(begin), position: Some(position) }
    }

    fn foreign(offset: u64) -> CommittedOffset {
        CommittedOffset { offset, begin: None, position: None }
    }

    fn begin(
        position: u64,
        committed: impl Into<Option<CommittedOffset>>,
        start: Option<StartPosition>,
    ) -> Result<(u64, u64), String> {
        begin_of(&InputPartition::new("t", 0, true), position, committed.into(), start)
    }

    fn begin_of(
        partition: &InputPartition,
        position: u64,
        committed: Option<CommittedOffset>,
        start: Option<StartPosition>,
    ) -> Result<(u64, u64), String> {
        match start_offset(partition, position, EXTENT, committed, StartRules { start, accepts_loss: false }) {
            Ok(begin) => Ok((begin.beginning, begin.at)),
            Err(StartProblem::NoStart) => Err("no start".to_owned()),
            Err(StartProblem::Changed(why)) => Err(why),
        }
    }

    #[test]
    fn where_nothing_is_known_the_start_is_asked() {
        assert_eq!(begin(0, None, Some(StartPosition::Earliest)), Ok((10, 10)));
        assert_eq!(begin(0, None, Some(StartPosition::Latest)), Ok((50, 50)));
        assert_eq!(begin(0, None, None), Err("no start".to_owned()));
        assert_eq!(
            begin_of(&InputPartition::new("t", 0, false), 0, None, Some(StartPosition::Latest)),
            Ok((10, 10)),
            "found later"
        );
    }

    #[test]
    fn the_start_is_asked_once() {
        // `latest` would be 50 now; what was decided then holds.
        assert_eq!(begin(0, ours(20, 20, 0), Some(StartPosition::Latest)), Ok((20, 20)));
        assert_eq!(begin(0, ours(45, 20, 45), Some(StartPosition::Latest)), Ok((20, 20)), "a re-read from the beginning");
        assert_eq!(begin(0, foreign(30), Some(StartPosition::Latest)), Ok((30, 30)));
        let known = InputPartition { beginning: Some(15), ..InputPartition::new("t", 0, true) };
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
    fn what_was_decided_is_not_called_unread() {
        assert!(begin(4, ours(10, 3, 10), None).is_err_and(|why| why.contains("6 offsets that were decided after")));
        assert!(begin(4, ours(8, 3, 8), None).is_err_and(|why| why.contains("removed 2 offsets that were not read")));
    }

    #[test]
    fn a_loss_that_is_accepted_goes_on_at_the_oldest_record() {
        let accepted = |position, committed| {
            let partition = InputPartition::new("t", 0, true);
            let rules = StartRules { start: None, accepts_loss: true };
            start_offset(&partition, position, EXTENT, committed, rules).expect("accepted")
        };
        let lost = |begin: StartOffset| (begin.at, begin.lost_from);
        assert_eq!(lost(accepted(4, None)), (10, Some(4)), "retention");
        assert_eq!(lost(accepted(51, None)), (10, Some(51)), "made anew");
        assert_eq!(lost(accepted(0, Some(ours(5, 5, 0)))), (10, Some(5)), "before anything was read");
        assert_eq!(lost(accepted(7, Some(ours(12, 3, 7)))), (12, None), "nothing is lost");
    }

    #[test]
    fn what_was_passed_over_may_expire() {
        assert_eq!(begin(7, ours(12, 3, 7), None), Ok((3, 12)));
        assert_eq!(begin(0, ours(11, 2, 0), None), Ok((2, 11)));
        assert!(begin(7, ours(12, 3, 12), None).is_err(), "a commit of another position says nothing");
        assert!(begin(7, ours(9, 3, 7), None).is_err(), "and one before the oldest record is not enough");
    }
}
