//! How do records come in, in a reading order that can be repeated?
//!
//! [`Source`] is the contract of every input. What it hands out is a [`Record`].

use std::ops::Range;

pub use crate::record::{ArchiveHeader, BadRecord, Conversion, Envelope, EnvelopeHeader, HeaderFields, Payload, Record};
use crate::{
    error::Error,
    position::{Partition, Positions},
};

/// Which columns of a table are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Every column, so that a line says everything that its row says.
    #[default]
    All,
    /// Only the columns of these names. A table that has none of them is read whole.
    Named {
        /// The names of top-level columns.
        names: Vec<String>,
        /// Whether the other columns are read nevertheless, so that a row that was handed out can
        /// be copied whole.
        check_others: bool,
    },
}

/// How much to read at once. A batch holds at least one record, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Most records.
    pub records: usize,
    /// Most payload bytes.
    pub bytes: usize,
}

/// What is fixed of a partition once records of it were decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPartition {
    /// Its name, as in [`Source::partitions`].
    pub name: String,
    /// The offset at which reading began; `None` if it is not known, or for a file.
    pub beginning: Option<u64>,
    /// The digest of the record just before the position that goes with it ([`Payload::digest`]);
    /// `None` if it is not known.
    pub last: Option<u64>,
}

impl From<&str> for KnownPartition {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), beginning: None, last: None }
    }
}

/// A place at which reading could not go on: the record that was next is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The partition.
    pub partition: Partition,
    /// The offset that was next.
    pub from: u64,
    /// The offset at which reading goes on instead.
    pub to: u64,
}

impl Loss {
    /// Returns how many offsets were never read. Where a partition was made anew nobody knows.
    #[must_use]
    pub fn offsets(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// An input that hands out records.
///
/// Reading the same input from the same positions gives the same records. Which partition comes
/// next may vary between runs (it is fixed for files), and therefore the engine journals the order
/// that it has seen.
pub trait Source: Send {
    /// Returns the names of the partitions: paths relative to the argument, or `topic/partition`.
    /// The list of a broker may grow at its end.
    fn partitions(&self) -> &[String];

    /// Returns what a restart must know of the partitions, in the order of their numbers.
    fn known_partitions(&self) -> Vec<KnownPartition> {
        self.partitions().iter().map(|name| KnownPartition::from(&**name)).collect()
    }

    /// Numbers the partitions as an earlier run did. New ones follow. It is called before
    /// [`Self::seek`].
    ///
    /// # Errors
    /// If one of them is no longer there.
    fn keep_numbers(&mut self, known: &[KnownPartition]) -> Result<(), Error> {
        let now = self.partitions();
        match known.iter().enumerate().find(|(i, partition)| now.get(*i) != Some(&partition.name)) {
            None => Ok(()),
            Some((i, KnownPartition { name, .. })) => {
                let got = now.get(i).map_or("nothing", String::as_str);
                Err(Error::Changed(format!("partition {i} of the input is {got}, expected {name}")))
            }
        }
    }

    /// Returns the bytes of all payloads on disk, where that is known. They serve to show progress.
    fn size_hint(&self) -> Option<u64> {
        None
    }

    /// Returns how many bytes of [`Self::size_hint`] have been consumed.
    fn consumed(&self) -> u64 {
        0
    }

    /// Goes to `positions`, so that the next records are those from there on.
    ///
    /// # Errors
    /// If the input does not reach there.
    fn seek(&mut self, positions: &Positions) -> Result<(), Error>;

    /// Returns where the last [`Self::seek`] could not go, if the user accepts that.
    fn losses(&self) -> &[Loss] {
        &[]
    }

    /// A re-read has found that a partition is another one than was read before, or that a journal
    /// says so of an earlier one (`false`): from here on a seek behind its first record goes to its
    /// oldest record, and a run of it has no records.
    fn set_made_anew(&mut self, _partition: Partition, _is_anew: bool) {}

    /// Nothing will be read for a while: what reading ahead takes may be given up until then.
    fn rest(&mut self) {}

    /// Returns the next records; none at the end of the input.
    ///
    /// # Errors
    /// If the input cannot be read.
    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error>;

    /// Whether records may be read while those before them are still being looked at. A broker must
    /// hear of each read in time, so its client decides by itself what it fetches.
    fn may_read_ahead(&self) -> bool {
        false
    }

    /// Returns the next records of one partition, up to the end of `offsets`. This serves to read
    /// the input again along a journal, which names consecutive offsets that all had a record. What
    /// comes back may lack some that the input no longer holds.
    ///
    /// # Errors
    /// If the input cannot be read or ends before.
    fn read_run(&mut self, partition: Partition, offsets: Range<u64>) -> Result<Vec<Record>, Error>;
}
