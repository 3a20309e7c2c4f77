//! How do records come in, in a reading order that can be repeated?
//!
//! [`Source`] is the contract of every input. What it hands out is a [`Record`].

pub use crate::record::{ArchiveHeader, BadRecord, Conversion, Envelope, EnvelopeHeader, HeaderFields, Payload, Record};
use crate::{
    error::Error,
    position::{Partition, Positions},
};

/// How much of a table's rows is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Every column: lines say all that rows say.
    #[default]
    All,
    /// Lines have the columns of these names only; a table that has none of them is read whole.
    Named {
        /// Names of top-level columns.
        names: Vec<String>,
        /// Whether the others are read all the same, so that a row that is handed over can be copied whole.
        check_others: bool,
    },
}

/// How much to hand over at once. A batch holds at least one record, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Most records.
    pub records: usize,
    /// Most payload bytes.
    pub bytes: usize,
}

/// Hands out records.
///
/// Reading the same input from the same positions gives the same records; which partition comes next may vary between
/// runs (it is fixed for files), which is why the engine journals the order it saw.
pub trait Source: Send {
    /// Names of the partitions: paths relative to the argument, or `topic/partition`. A broker's list may grow at its end.
    fn partitions(&self) -> &[String];

    /// Numbers the partitions as an earlier run did; others follow. Called before [`Self::seek`].
    ///
    /// # Errors
    /// If one of them is no longer there.
    fn keep_numbers(&mut self, names: &[String]) -> Result<(), Error> {
        let now = self.partitions();
        match names.iter().enumerate().find(|(i, name)| now.get(*i) != Some(name)) {
            None => Ok(()),
            Some((i, name)) => {
                let got = now.get(i).map_or("nothing", String::as_str);
                Err(Error::Changed(format!("partition {i} of the input is {got}, expected {name}")))
            }
        }
    }

    /// Total payload bytes on disk, where known: for progress.
    fn size_hint(&self) -> Option<u64> {
        None
    }

    /// Bytes of [`Self::size_hint`] consumed so far.
    fn consumed(&self) -> u64 {
        0
    }

    /// Goes to `positions`: the next records read are those from there on.
    ///
    /// # Errors
    /// If the input does not reach there.
    fn seek(&mut self, positions: &Positions) -> Result<(), Error>;

    /// The next records; empty at the end of the input.
    ///
    /// # Errors
    /// If the input cannot be read.
    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error>;

    /// The next `count` records of one partition: for a re-read along a journal.
    ///
    /// # Errors
    /// If the input cannot be read or ends before.
    fn read_run(&mut self, partition: Partition, count: usize) -> Result<Vec<Record>, Error>;
}
