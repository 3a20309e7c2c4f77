//! Which frames does a file hold, whatever its format and however it is packed?

use std::io::{self, Cursor};

use super::{arc::ArcRecords, format::Format, frame::Frame, jsonl::JsonLines, warc::WarcRecords};
use crate::{
    compress::{MemberRead, Reader},
    limits::Limits,
};

/// Bytes looked at to guess the format of a file of which nothing else is known.
const SNIFF_BYTES: usize = 64;

/// Splits a file into frames.
#[derive(Debug)]
pub enum Framer<R> {
    /// Lines.
    Jsonl(JsonLines<R>),
    /// WARC records.
    Warc(WarcRecords<R>),
    /// ARC records.
    Arc(ArcRecords<R>),
}

impl Framer<Reader> {
    /// Frames the bytes of a file, packed or not. The format is guessed from the first bytes,
    /// unless it is given.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(mut reader: Reader, format: Option<Format>, limits: Limits) -> io::Result<Self> {
        let format = match format {
            Some(format) => format,
            // An empty stream is no error: it has no records.
            None => Format::sniff(reader.peek(SNIFF_BYTES)?).unwrap_or(Format::Jsonl),
        };
        if format == Format::Parquet {
            let why = "it holds Parquet, which is read from its end: expected a file on disk, or an address in .parquet";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        reader.expect(format.begins());
        Ok(Self::new(format, reader, limits))
    }

    /// Frames bytes in memory, packed or not.
    ///
    /// # Errors
    /// If a decoder cannot be made. No bytes are an error.
    pub fn of_bytes(bytes: Vec<u8>, format: Option<Format>, limits: Limits) -> io::Result<Self> {
        let size = bytes.len() as u64;
        let reader = Reader::new(Box::new(Cursor::new(bytes)), &limits)?.sized(Some(size));
        Self::open(reader, format, limits)
    }
}

impl<R: MemberRead> Framer<R> {
    /// Frames `reader`.
    pub fn new(format: Format, reader: R, limits: Limits) -> Self {
        match format {
            // [`Self::open`] has refused a stream of Parquet before.
            Format::Jsonl | Format::Parquet => Self::Jsonl(JsonLines::new(reader, limits)),
            Format::Warc => Self::Warc(WarcRecords::new(reader, limits)),
            Format::Arc => Self::Arc(ArcRecords::new(reader, limits)),
        }
    }

    /// Returns the next frame; `None` at the end and ever after.
    ///
    /// # Errors
    /// If the file cannot be read. [`crate::compress::Damage`] is no error here: it becomes a
    /// frame.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        match self {
            Self::Jsonl(lines) => lines.next_frame(),
            Self::Warc(records) => records.next_frame(),
            Self::Arc(records) => records.next_frame(),
        }
    }

    /// Returns the reader of the bytes.
    pub fn reader(&self) -> &R {
        match self {
            Self::Jsonl(lines) => lines.reader(),
            Self::Warc(records) => records.reader(),
            Self::Arc(records) => records.reader(),
        }
    }
}
