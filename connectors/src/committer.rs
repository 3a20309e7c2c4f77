//! Outputs and input positions, made visible together.
//!
//! ```text
//! recover(mark)                          -> what is visible beyond the state's own snapshot
//! begin, write*, commit | abort          one micro-batch
//! mark                                   a point that recover can come back to, stored in the snapshot
//! ```
//!
//! For files outputs are as old as the newest snapshot: `recover` truncates to its mark and nothing is beyond. For Kafka
//! (and [`crate::memory`]) outputs are transactions newer than the snapshot: `recover` returns the journal of what was
//! committed since, and the engine re-reads it silently.

use crate::{error::Error, position::Positions, source::Header};

/// Where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Into the corpus.
    Clean,
    /// Withheld.
    Quarantine,
    /// Copies of clean documents.
    Duplicate,
    /// One line a document.
    Decisions,
    /// One line a recall or restore.
    Recalls,
    /// One line an alarm.
    Alarms,
    /// Records that are no documents.
    DeadLetters,
}

impl Channel {
    /// All channels, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Clean, Self::Quarantine, Self::Duplicate, Self::Decisions, Self::Recalls, Self::Alarms, Self::DeadLetters];

    /// Stable name: a file's stem, a folder, a config key.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Quarantine => "quarantine",
            Self::Duplicate => "duplicates",
            Self::Decisions => "decisions",
            Self::Recalls => "recalls",
            Self::Alarms => "alarms",
            Self::DeadLetters => "dead-letters",
        }
    }
}

/// Of a Kafka batch of one record: its head (61), and lengths, deltas and attributes of the record.
const RECORD_OVERHEAD: usize = 61 + 32;
/// Of a header: two lengths.
const HEADER_OVERHEAD: usize = 10;

/// A record on its way out. Files keep the value alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Where it goes.
    pub channel: Channel,
    /// Its key, for a broker.
    pub key: Option<&'a [u8]>,
    /// Its headers, for a broker.
    pub headers: &'a [Header],
    /// Its bytes.
    pub value: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// A record without key and headers.
    #[must_use]
    pub fn plain(channel: Channel, value: &'a [u8]) -> Self {
        Self { channel, key: None, headers: &[], value }
    }

    /// What it takes in a topic, as an upper bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|h| h.name.len() + h.value.as_ref().map_or(0, Vec::len) + HEADER_OVERHEAD);
        self.value.len() + self.key.map_or(0, <[u8]>::len) + headers.sum::<usize>() + RECORD_OVERHEAD
    }
}

/// What is visible at the sink beyond the snapshot's mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Journal records committed after the mark, oldest first.
    pub journal: Vec<Vec<u8>>,
}

/// Makes outputs visible.
pub trait Committer: Send {
    /// Comes back to `mark` (`None`: the very beginning) and says what is visible beyond it.
    ///
    /// # Errors
    /// If the outputs cannot be brought there.
    fn recover(&mut self, mark: Option<&[u8]>) -> Result<Recovered, Error>;

    /// The most bytes that a record of a channel may take ([`Outgoing::bytes`]). Of most sinks: any number.
    fn bytes_max(&self, _: Channel) -> usize {
        usize::MAX
    }

    /// Begins a micro-batch.
    ///
    /// # Errors
    /// If the sink cannot be reached.
    fn begin(&mut self) -> Result<(), Error>;

    /// Adds a record to the micro-batch.
    ///
    /// # Errors
    /// If it cannot be written.
    fn write(&mut self, record: &Outgoing<'_>) -> Result<(), Error>;

    /// Makes the micro-batch, its journal record and the input `positions` after it visible, all or nothing.
    ///
    /// # Errors
    /// If that failed; the engine then aborts, goes back to its snapshot and recovers.
    fn commit(&mut self, positions: &Positions, journal: &[u8]) -> Result<(), Error>;

    /// Whether [`Self::retry`] may help after this error of `begin`, `write` or `commit`. Of most sinks: no.
    fn is_worth_retrying(&self, _: &Error) -> bool {
        false
    }

    /// Makes another try of a failed micro-batch possible; true if it was committed after all, with `journal`.
    ///
    /// # Errors
    /// If the sink cannot be reached, or somebody else has written to it meanwhile.
    fn retry(&mut self, _journal: &[u8]) -> Result<bool, Error> {
        Err(Error::Refused("retry: these outputs are opened anew after a failure".to_owned()))
    }

    /// Drops the micro-batch.
    ///
    /// # Errors
    /// If the sink cannot be reached.
    fn abort(&mut self) -> Result<(), Error>;

    /// Makes everything committed durable and names this point for [`Self::recover`].
    ///
    /// # Errors
    /// If it cannot be made durable.
    fn mark(&mut self) -> Result<Vec<u8>, Error>;
}
