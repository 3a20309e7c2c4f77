//! In which forms do records come, and what is kept of bytes that are no record?

use std::sync::Arc;

use super::header::ArchiveHeader;
use crate::compress::Stretch;

/// The code of a record that is gone. It is never written.
const GONE: &str = "record_gone";

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One line, without its line break: a JSON document.
    Line(Vec<u8>),
    /// A WARC or WET record.
    Warc {
        /// The header block: its bytes reach from the version line up to the closing empty line,
        /// which is left out.
        header: ArchiveHeader,
        /// The content block, exactly `Content-Length` bytes.
        block: Vec<u8>,
    },
    /// A WARC record joined with the text that somebody else has extracted from it. The record of
    /// that text follows in the same file or comes from a file of its own (WET).
    Joined {
        /// The header of the WARC record, as in [`Payload::Warc`].
        header: ArchiveHeader,
        /// The block of the WARC record, as in [`Payload::Warc`].
        block: Vec<u8>,
        /// The record of the text.
        conversion: Box<Conversion>,
    },
    /// A row of a table, as the JSON line that says the same.
    Row(Vec<u8>),
    /// An ARC record.
    Arc {
        /// The line that the record begins with. Its fields are those of the WARC record that says
        /// the same.
        header: ArchiveHeader,
        /// The content block.
        block: Vec<u8>,
    },
    /// A page of HTML without an HTTP head.
    Html(Vec<u8>),
    /// Bytes that are no record. They are data and no error: they become a dead letter, and reading
    /// goes on.
    Bad(BadRecord),
}

impl Payload {
    /// Returns the number of bytes of the record, as they were read.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Line(bytes) | Self::Row(bytes) | Self::Html(bytes) => bytes.len(),
            Self::Warc { header, block } | Self::Arc { header, block } => header.raw().len() + block.len(),
            Self::Joined { header, block, conversion } => header.raw().len() + block.len() + conversion.len(),
            Self::Bad(bad) => bad.bytes.len(),
        }
    }

    /// Returns a hash of the bytes of the record, as they were read: the same record gives the same
    /// hash, whatever it is taken for.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = blake3::Hasher::new();
        match self {
            Self::Line(bytes) | Self::Row(bytes) | Self::Html(bytes) => drop(hasher.update(bytes)),
            Self::Warc { header, block } | Self::Arc { header, block } => drop(hasher.update(header.raw()).update(block)),
            Self::Joined { header, block, conversion } => {
                hasher.update(header.raw()).update(block).update(conversion.header.raw()).update(&conversion.block);
            }
            Self::Bad(bad) => drop(hasher.update(&bad.bytes).update(&bad.length.to_le_bytes())),
        }
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }

    /// Returns what stands for a record that was decided once and is gone. It holds no document.
    #[must_use]
    pub fn stand_in() -> Self {
        let message = "decided before, and gone since".to_owned();
        Self::Bad(BadRecord { code: GONE, message, bytes: Vec::new(), length: 0, packed: None })
    }

    /// Tells whether this is a [`Self::stand_in`].
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        matches!(self, Self::Bad(bad) if bad.code == GONE)
    }

    /// Whether no byte is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A WARC record of the type `conversion`: text that somebody else has extracted from another
/// record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// As in [`Payload::Warc`].
    pub header: ArchiveHeader,
    /// As in [`Payload::Warc`].
    pub block: Vec<u8>,
    /// The file in which it lies, if that is not the file of the record from which the text was
    /// extracted.
    pub file: Option<Arc<str>>,
}

impl Conversion {
    fn len(&self) -> usize {
        self.header.raw().len() + self.block.len()
    }
}

/// A stretch of the input that is no record and is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// Stable code, such as `warc_bad_length`.
    pub code: &'static str,
    /// What was found and what was expected.
    pub message: String,
    /// The first bytes of the stretch, at most 4 KiB.
    pub bytes: Vec<u8>,
    /// Length of the whole stretch in bytes, unpacked.
    pub length: u64,
    /// Where the stretch lies in the file, if the file is packed and could not be unpacked there.
    pub packed: Option<Stretch>,
}
