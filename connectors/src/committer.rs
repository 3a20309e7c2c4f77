//! How do a batch's outputs and the input positions behind it become visible together?
//!
//! ```text
//! recover(checkpoint)      come back to a sink checkpoint; returns what is visible beyond it
//! begin, write*, commit    one micro-batch, visible as a whole or not at all
//! checkpoint               make everything durable, and name this point for a later `recover`
//! ```
//!
//! The caller stores the sink checkpoint in its own snapshot. A batch that is not committed leaves
//! nothing behind: after an error the caller recovers, and the sink drops what was open.
//!
//! For files, outputs are as old as the newest snapshot: `recover` truncates them to the
//! checkpoint, so nothing lies beyond it. For Kafka (and [`crate::memory`]) outputs are
//! transactions that are newer than the snapshot: `recover` returns the journal records committed
//! since, and the caller reads the same input again without writing it.
//!
//! This file does not say what a record means or where a document goes.

use crate::{error::Error, position::Positions, source::EnvelopeHeader};

/// An output of the program: where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Documents that stay in the corpus.
    Clean,
    /// Documents that are withheld.
    Quarantine,
    /// Copies of clean documents.
    Duplicate,
    /// One line for each document: what was decided and why.
    Decisions,
    /// One line for each recall or restore of a document that went out earlier.
    Recalls,
    /// One line for each alarm.
    Alarms,
    /// Records that hold no document.
    DeadLetters,
}

impl Channel {
    /// All channels, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Clean, Self::Quarantine, Self::Duplicate, Self::Decisions, Self::Recalls, Self::Alarms, Self::DeadLetters];

    /// The channel's stable name, which is also a file's stem, a folder's name and a config key.
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

/// Bytes that Kafka adds to a record that is alone in its batch: 61 of the batch's head, and at
/// most 32 for the record's own lengths, deltas and attributes.
const RECORD_OVERHEAD: usize = 61 + 32;
/// Bytes that Kafka adds to a header: two lengths of at most 5 bytes each.
const HEADER_OVERHEAD: usize = 10;

/// A record on its way out. Files keep only its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The output it belongs to.
    pub channel: Channel,
    /// Its key, for a broker.
    pub key: Option<&'a [u8]>,
    /// Its headers, for a broker.
    pub headers: &'a [EnvelopeHeader],
    /// Its bytes.
    pub value: &'a [u8],
}

impl<'a> Outgoing<'a> {
    /// Makes a record without key and headers.
    #[must_use]
    pub fn plain(channel: Channel, value: &'a [u8]) -> Self {
        Self { channel, key: None, headers: &[], value }
    }

    /// Returns the most bytes that the record takes in a topic, before compression.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|h| h.name.len() + h.value.as_ref().map_or(0, Vec::len) + HEADER_OVERHEAD);
        self.value.len() + self.key.map_or(0, <[u8]>::len) + headers.sum::<usize>() + RECORD_OVERHEAD
    }
}

/// What is visible at the sink beyond the checkpoint that was recovered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Journal records committed after the checkpoint, oldest first.
    pub journal: Vec<Vec<u8>>,
    /// Where the sink is, if no journal leads there and the user accepts that.
    pub went_on: Option<WentOn>,
}

/// Where a sink is that went on without a journal which leads there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WentOn {
    /// The input positions behind everything that is visible.
    pub positions: Positions,
    /// The last journal record, if there is one.
    pub last: Option<Vec<u8>>,
}

/// Makes outputs visible.
pub trait Committer: Send {
    /// Brings the outputs back to `checkpoint` (`None` is the very beginning) and returns what is
    /// visible beyond it. An open batch is dropped.
    ///
    /// # Errors
    /// If the outputs cannot be brought back to that point.
    fn recover(&mut self, checkpoint: Option<&[u8]>) -> Result<Recovered, Error>;

    /// Returns the most bytes that a record of a channel may take ([`Outgoing::bytes`]). Most sinks
    /// take any number.
    fn bytes_max(&self, _: Channel) -> usize {
        usize::MAX
    }

    /// Tells whether the sink takes a record. One that has to be packed for it may be longer than
    /// [`Self::bytes_max`].
    fn takes(&self, record: &Outgoing<'_>) -> bool {
        record.bytes() <= self.bytes_max(record.channel)
    }

    /// Returns the most bytes that a journal record may have. Most sinks take any number.
    fn journal_bytes_max(&self) -> usize {
        usize::MAX
    }

    /// Tells whether journal records come back from [`Self::recover`]. Where they do not, what they
    /// would say of each record need not be computed.
    fn keeps_journal(&self) -> bool {
        true
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

    /// Makes the micro-batch, its journal record and the input `positions` behind it visible, all
    /// of them or none.
    ///
    /// # Errors
    /// If that failed. Unless [`Self::retry`] is worth a try, the caller goes back to its snapshot
    /// and recovers.
    fn commit(&mut self, positions: &Positions, journal: &[u8]) -> Result<(), Error>;

    /// Tells whether [`Self::retry`] may help after this error of `begin`, `write` or `commit`. For
    /// most sinks it never does.
    fn is_worth_retrying(&self, _: &Error) -> bool {
        false
    }

    /// Prepares the sink for another try of a failed micro-batch. Returns true if the batch, which
    /// had the journal record `journal`, turns out to be committed after all.
    ///
    /// # Errors
    /// If the sink cannot be reached, or somebody else has written to it meanwhile.
    fn retry(&mut self, _journal: &[u8]) -> Result<bool, Error> {
        Err(Error::Refused("retry: these outputs are opened anew after a failure".to_owned()))
    }

    /// Tells, once, that the sink checkpoints before the newest one lead nowhere any more, so that a
    /// snapshot is due.
    fn has_lost_checkpoints(&mut self) -> bool {
        false
    }

    /// Makes everything committed durable and returns the sink checkpoint, which [`Self::recover`]
    /// can come back to.
    ///
    /// # Errors
    /// If it cannot be made durable.
    fn checkpoint(&mut self) -> Result<Vec<u8>, Error>;
}
