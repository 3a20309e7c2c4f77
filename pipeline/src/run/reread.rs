//! Are the records that a re-read finds those that were decided?
//!
//! State is brought from its snapshot to where the journal ends by reading the same records again.
//! Between the two a cleaner or a retention may have removed some, or a topic of the same name may
//! have been made. Going on with whatever comes next would pass over records that nobody has
//! decided.

use connectors::{
    position::Position,
    source::{Payload, Record},
};

use crate::journal::RecordRun;

/// In what a re-read differs from the run that the journal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Records are gone.
    Gone {
        /// How many.
        count: u64,
        /// The offset of the first of them.
        first: u64,
        /// Whether the last record of the run is there, and the one that was decided.
        is_proven: bool,
    },
    /// A record has come that was not there before.
    Unexpected {
        /// Its offset.
        offset: u64,
    },
    /// The offsets are the same, and the records are others.
    Others,
}

/// Compares what was read again with the journal's run.
///
/// # Errors
/// With the first difference that there is.
pub(super) fn compare(run: &RecordRun, read: &[Record]) -> Result<(), Difference> {
    if let Some(record) = read.iter().find(|record| !run.offsets().contains(&record.position.offset)) {
        return Err(Difference::Unexpected { offset: record.position.offset });
    }
    let mut found = read.iter().map(|record| record.position.offset).peekable();
    let mut gone = run.offsets().filter(|offset| found.next_if_eq(offset).is_none());
    if let Some(first) = gone.next() {
        let last = read.last().filter(|record| record.position.offset + 1 == run.offsets().end);
        let is_last = last.map(|record| record.payload.digest() == run.last);
        if is_last == Some(false) {
            return Err(Difference::Others);
        }
        return Err(Difference::Gone { count: 1 + gone.count() as u64, first, is_proven: is_last.is_some() });
    }
    let mut again = RecordRun::new(run.partition, run.first);
    for record in read {
        again.push(record.payload.digest());
    }
    if again == *run { Ok(()) } else { Err(Difference::Others) }
}

impl Difference {
    /// What is said of a difference that the user has not accepted; `partition` is its name.
    pub(super) fn refusal(self, partition: &str, run: &RecordRun) -> String {
        let (first, end) = (run.first, run.offsets().end);
        match self {
            Self::Gone { count, first: gone, .. } => format!(
                "{partition} no longer holds {count} of the records at offsets {first} to {end}, the first of them {gone}: they \
                 were decided after the state was saved, and a cleaner or retention has removed them since. No decision is lost, \
                 but the state cannot learn them again; --accept-loss goes on without"
            ),
            Self::Unexpected { offset } => format!(
                "{partition} holds a record at offset {offset}, and where those at {first} to {end} were decided there was none: the \
                 topic was made anew; --accept-loss goes on without what the old one had taught, and reads it from its oldest \
                 record on"
            ),
            Self::Others => format!(
                "{partition} holds other records at offsets {first} to {end} than those that were decided: the topic was made anew; \
                 --accept-loss goes on without what the old ones had taught, and reads it from its oldest record on"
            ),
        }
    }
}

/// The run with stand-ins for records that are gone, if the user accepts that. Where nothing
/// shows that the partition is the old one, all of it is stand-ins: what is left of a run without its
/// last record cannot be told from records of a topic that was made anew. A stand-in holds no
/// document, so it teaches nothing; what was decided of the record holds.
pub(super) fn with_stand_ins(run: &RecordRun, read: Vec<Record>) -> Vec<Record> {
    let mut found = read.into_iter().peekable();
    let records = run.offsets().map(|offset| {
        found
            .next_if(|record| record.position.offset == offset)
            .unwrap_or_else(|| Record::new(Position { partition: run.partition, offset }, offset, Payload::stand_in()))
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64, text: &str) -> Record {
        Record::new(Position { partition: 0, offset }, offset, Payload::Line(text.as_bytes().to_vec()))
    }

    fn run(records: &[Record]) -> RecordRun {
        let mut run = RecordRun::new(0, records[0].position.offset);
        for record in records {
            run.push(record.payload.digest());
        }
        run
    }

    #[test]
    fn every_difference_is_told() {
        let decided = [record(5, "a"), record(6, "b"), record(7, "c")];
        let run = run(&decided);
        assert_eq!(compare(&run, &decided), Ok(()));
        let gone = |count, first, is_proven| Err(Difference::Gone { count, first, is_proven });
        assert_eq!(compare(&run, &[]), gone(3, 5, false));
        assert_eq!(compare(&run, &[record(5, "a"), record(7, "c")]), gone(1, 6, true));
        assert_eq!(compare(&run, &[record(7, "c")]), gone(2, 5, true));
        assert_eq!(compare(&run, &[record(7, "C")]), Err(Difference::Others));
        assert_eq!(compare(&run, &[record(6, "b")]), gone(2, 5, false));
        assert_eq!(compare(&run, &[record(4, "z")]), Err(Difference::Unexpected { offset: 4 }));
        assert_eq!(compare(&run, &[record(5, "a"), record(6, "b"), record(8, "c")]), Err(Difference::Unexpected { offset: 8 }));
        assert_eq!(compare(&run, &[record(5, "a"), record(6, "B"), record(7, "c")]), Err(Difference::Others));
    }

    #[test]
    fn stand_ins_keep_the_places_of_what_is_gone() {
        let run = run(&[record(5, "a"), record(6, "b"), record(7, "c")]);
        let records = with_stand_ins(&run, vec![record(6, "b")]);
        assert_eq!(records.iter().map(|record| record.position.offset).collect::<Vec<_>>(), [5, 6, 7]);
        let is_stand_in = |record: &Record| record.payload.is_stand_in();
        assert_eq!(records.iter().map(is_stand_in).collect::<Vec<_>>(), [true, false, true]);
    }
}
