//! Where does a record begin and end in a file's bytes?
//!
//! Framing never fails on data: what is no record becomes a [`Bad`] with its place, and reading goes on. Only a failing
//! disk is an error. Nothing longer than the [`Limits`] is held.

pub mod arc;
pub mod archive;
pub mod joined;
pub mod jsonl;
mod tape;
pub mod warc;

use std::io::{self, Cursor};

use self::archive::Kind;
use crate::{
    compress::{Members, Reader},
    limits::Limits,
    source::{Bad, Payload},
};

/// Bytes of a lost stretch that are kept.
pub const SNIPPET_BYTES_MAX: usize = 4 << 10;

/// Looked at to tell how records lie in a file that nothing else is known of.
const SNIFF_BYTES: usize = 64;

/// How records lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document a line.
    Jsonl,
    /// WARC or WET.
    Warc,
    /// Rows of a table. A file of them is read from its end, so it is no stream that could be framed.
    Parquet,
    /// ARC.
    Arc,
}

impl Format {
    /// Guesses from a file's first (decompressed) bytes.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if warc::Warc::begins(bytes) {
            Some(Self::Warc)
        } else if bytes.starts_with(arc::FILE_PREFIX.as_bytes()) {
            Some(Self::Arc)
        } else if bytes.starts_with(b"{") {
            Some(Self::Jsonl)
        } else if bytes.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else {
            None
        }
    }

    /// Whether bytes may be the beginning of a record, as far as a few of them can tell.
    #[must_use]
    pub fn begins(self) -> fn(&[u8]) -> bool {
        match self {
            Self::Jsonl | Self::Parquet => |_| true,
            Self::Warc => warc::Warc::begins,
            Self::Arc => arc::Arc::begins,
        }
    }
}

/// A record as it lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it begins in the decompressed bytes.
    pub byte_offset: u64,
    /// Its bytes.
    pub payload: Payload,
}

/// Splits a file into frames.
#[derive(Debug)]
pub enum Framer<R> {
    /// Lines.
    Jsonl(jsonl::Lines<R>),
    /// WARC records.
    Warc(warc::Records<R>),
    /// ARC records.
    Arc(arc::Records<R>),
}

impl Framer<Reader> {
    /// Frames a file's bytes, packed as they are. What they hold is told by their beginning, unless it is given.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(mut reader: Reader, format: Option<Format>, limits: Limits) -> io::Result<Self> {
        let format = match format {
            Some(format) => format,
            // Nothing at all is no fault: an empty stream has no records.
            None => Format::sniff(reader.peek(SNIFF_BYTES)?).unwrap_or(Format::Jsonl),
        };
        if format == Format::Parquet {
            let why = "it holds Parquet, which is read from its end: expected a file on disk, or an address in .parquet";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        reader.expect(format.begins());
        Ok(Self::new(format, reader, limits))
    }

    /// Frames bytes in memory, packed as they are.
    ///
    /// # Errors
    /// Never of what the bytes are; if a decoder cannot be made.
    pub fn of_bytes(bytes: Vec<u8>, format: Option<Format>, limits: Limits) -> io::Result<Self> {
        let size = bytes.len() as u64;
        let reader = Reader::new(Box::new(Cursor::new(bytes)), &limits)?.sized(Some(size));
        Self::open(reader, format, limits)
    }
}

impl<R: Members> Framer<R> {
    /// Frames `reader`.
    pub fn new(format: Format, reader: R, limits: Limits) -> Self {
        match format {
            // Whoever opens files refuses a stream of Parquet before it comes to this.
            Format::Jsonl | Format::Parquet => Self::Jsonl(jsonl::Lines::new(reader, limits)),
            Format::Warc => Self::Warc(warc::Records::new(reader, limits)),
            Format::Arc => Self::Arc(arc::Records::new(reader, limits)),
        }
    }

    /// The next frame; `None` at the end and ever after.
    ///
    /// # Errors
    /// If the file cannot be read. [`crate::compress::Damage`] is none: it becomes a frame.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        match self {
            Self::Jsonl(lines) => lines.next_frame(),
            Self::Warc(records) => records.next_frame(),
            Self::Arc(records) => records.next_frame(),
        }
    }

    /// The bytes' reader.
    pub fn reader(&self) -> &R {
        match self {
            Self::Jsonl(lines) => lines.reader(),
            Self::Warc(records) => records.reader(),
            Self::Arc(records) => records.reader(),
        }
    }
}

/// A frame for a lost stretch, of which `bytes` is the beginning or more.
fn lost(byte_offset: u64, code: &'static str, message: String, bytes: &[u8], length: u64) -> Frame {
    let bytes = bytes[..bytes.len().min(SNIPPET_BYTES_MAX)].to_vec();
    Frame { byte_offset, payload: Payload::Bad(Bad { code, message, bytes, length, packed: None }) }
}
