//! Records in, in a reading order that can be repeated.

use std::sync::Arc;

use crate::{
    compress::Stretch,
    error::Error,
    position::{Partition, Position, Positions},
};

/// One delivered record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its identity.
    pub position: Position,
    /// Byte offset where it begins in its (decompressed) file; equal to the record's offset where there is none.
    pub byte_offset: u64,
    /// The file it lies in, if that is not its partition: of two that are read as one, the second.
    pub file: Option<Arc<str>>,
    /// What was read.
    pub payload: Payload,
    /// What came with the bytes; a record of a file has none.
    pub envelope: Option<Box<Envelope>>,
}

impl Record {
    /// A record without an envelope.
    #[must_use]
    pub fn new(position: Position, byte_offset: u64, payload: Payload) -> Self {
        Self { position, byte_offset, file: None, payload, envelope: None }
    }
}

/// What a broker delivers beside a record's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// Headers, in their order.
    pub headers: Vec<Header>,
    /// The record's own time, in milliseconds since 1970.
    pub time_ms: Option<i64>,
    /// The value exactly as delivered, where [`Record::payload`] is something framed out of it.
    pub value: Vec<u8>,
}

/// A named value beside a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name; several headers may have the same.
    pub name: String,
    /// Its value, if it is not null.
    pub value: Option<Vec<u8>>,
}

/// The bytes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One line, without its line break: a JSON document.
    Line(Vec<u8>),
    /// A WARC or WET record.
    Warc {
        /// The header block, from the version line on, without the closing empty line.
        header: Vec<u8>,
        /// The content block, exactly `Content-Length` bytes.
        block: Vec<u8>,
    },
    /// A WARC record, and the text that somebody else has made of it, which lies behind it or in a file of its own (WET).
    Joined {
        /// As in [`Payload::Warc`].
        header: Vec<u8>,
        /// As in [`Payload::Warc`].
        block: Vec<u8>,
        /// The record of the text.
        conversion: Box<Conversion>,
    },
    /// A row of a table, as the JSON line that says the same.
    Row(Vec<u8>),
    /// An ARC record.
    Arc {
        /// The line it begins with.
        header: Vec<u8>,
        /// The content block.
        block: Vec<u8>,
    },
    /// A page of HTML without an HTTP head.
    Html(Vec<u8>),
    /// Bytes that are no record. Data, not an error: it becomes a dead letter and reading goes on.
    Bad(Bad),
}

impl Payload {
    /// Bytes held.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Line(bytes) | Self::Row(bytes) | Self::Html(bytes) => bytes.len(),
            Self::Warc { header, block } | Self::Arc { header, block } => header.len() + block.len(),
            Self::Joined { header, block, conversion } => header.len() + block.len() + conversion.len(),
            Self::Bad(bad) => bad.bytes.len(),
        }
    }

    /// Whether no byte is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A WARC record of the type `conversion`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// As in [`Payload::Warc`].
    pub header: Vec<u8>,
    /// As in [`Payload::Warc`].
    pub block: Vec<u8>,
    /// The file it lies in, if that is another than that of the record it was made of.
    pub file: Option<Arc<str>>,
}

impl Conversion {
    fn len(&self) -> usize {
        self.header.len() + self.block.len()
    }
}

/// A lost stretch of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Stable code, such as `warc_bad_length`.
    pub code: &'static str,
    /// What was got and what was expected.
    pub message: String,
    /// The first bytes of the stretch, at most 4 KiB.
    pub bytes: Vec<u8>,
    /// Length of the whole stretch in bytes, unpacked.
    pub length: u64,
    /// Where it lies in the file, if that is packed and could not be unpacked there.
    pub packed: Option<Stretch>,
}

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
