//! WARC 1.0 and 1.1 records, WET included.
//!
//! A record is a version line, header lines, an empty line, a block of `Content-Length` bytes and empty lines. Read
//! leniently: `\n` for `\r\n`, and any number of empty lines between records, none included. Otherwise the record is lost
//! with one of the codes below and reading goes on at the next line that begins with `WARC/1.`:
//!
//! | code | when |
//! |---|---|
//! | `warc_bad_header` | no version line where a record should begin; a header that does not end or is too long |
//! | `warc_bad_length` | `Content-Length` missing, no number, or given twice with different values |
//! | `warc_truncated` | the file ends within a record |
//! | `record_too_large` | a block over [`Limits::record_bytes_max`]; it is read over by its length |
//!
//! Content is not looked at, so a wrong length that ends within a later record takes that record with it.
//!
//! **Cost** one copy and one parse of the header. **State** one record.

mod header;

use std::{
    io::{self, BufRead},
    mem,
};

pub use header::Header;

use super::{
    Frame, SNIPPET_BYTES_MAX, lost,
    tape::{Line, Tape},
};
use crate::{compress::Damage, limits::Limits, source::Payload};

/// What every record begins with.
pub const VERSION_PREFIX: &[u8] = b"WARC/1.";

/// Splits a file into WARC records.
#[derive(Debug)]
pub struct Records<R> {
    tape: Tape<R>,
    limits: Limits,
    /// The record being read: where it begins, its header block, the empty line that closes it, and its block.
    begin: u64,
    header: Vec<u8>,
    closing: Vec<u8>,
    block: Vec<u8>,
    /// A version line that ended the record before it, and where it begins.
    version: Option<(u64, Vec<u8>)>,
    ended: bool,
}

/// How a header block ended.
enum HeaderEnd {
    Complete,
    Truncated,
    TooLong,
    NextRecord,
}

impl<R: BufRead> Records<R> {
    /// Frames `reader`.
    pub fn new(reader: R, limits: Limits) -> Self {
        let tape = Tape::new(reader);
        Self { tape, limits, begin: 0, header: Vec::new(), closing: Vec::new(), block: Vec::new(), version: None, ended: false }
    }

    /// The next record; `None` at the end and ever after.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        if self.ended {
            return Ok(None);
        }
        self.closing.clear();
        self.block.clear();
        self.record().or_else(|error| {
            self.ended = true;
            let damage = Damage::from_error(error)?;
            Ok(Some(self.lost(damage.code, damage.message, self.tape.position())))
        })
    }

    fn record(&mut self) -> io::Result<Option<Frame>> {
        if !self.first_line()? {
            self.ended = true;
            return Ok(None);
        }
        if !self.header.starts_with(VERSION_PREFIX) {
            let got = String::from_utf8_lossy(&self.header[..self.header.len().min(40)]).trim_end().to_owned();
            return self.resync("warc_bad_header", format!("record begins with {got:?}, expected WARC/1.0 or WARC/1.1"));
        }
        match self.rest_of_header()? {
            HeaderEnd::Complete => {}
            HeaderEnd::Truncated => return Ok(Some(self.truncated("file ends within a record's header".to_owned()))),
            HeaderEnd::TooLong => {
                let message = format!("header is longer than {} bytes", self.limits.header_bytes_max);
                return self.resync("warc_bad_header", message);
            }
            HeaderEnd::NextRecord => {
                return self.resync("warc_bad_header", "another record begins before the header's closing empty line".to_owned());
            }
        }
        match content_length(&Header::parse(&self.header)) {
            Ok(length) => self.content(length),
            Err(message) => self.resync("warc_bad_length", message),
        }
    }

    /// Finds the first line that is not empty; false at the end of the file.
    fn first_line(&mut self) -> io::Result<bool> {
        if let Some((begin, version)) = self.version.take() {
            (self.begin, self.header) = (begin, version);
            return Ok(true);
        }
        loop {
            self.begin = self.tape.position();
            self.header.clear();
            if self.tape.line(self.limits.header_bytes_max, &mut self.header)? == Line::End {
                return Ok(false);
            }
            if !is_empty_line(&self.header) {
                return Ok(true);
            }
        }
    }

    fn rest_of_header(&mut self) -> io::Result<HeaderEnd> {
        let mut line = Vec::new();
        loop {
            // What is read counts, also of the version line, so that no part escapes the limit.
            let Some(room) = self.limits.header_bytes_max.checked_sub(self.header.len()) else {
                return Ok(HeaderEnd::TooLong);
            };
            line.clear();
            let begin = self.tape.position();
            match self.tape.line(room, &mut line)? {
                Line::End => return Ok(HeaderEnd::Truncated),
                Line::Long => {
                    self.header.extend_from_slice(&line);
                    return Ok(HeaderEnd::TooLong);
                }
                Line::Whole if is_empty_line(&line) => {
                    self.closing = line;
                    return Ok(HeaderEnd::Complete);
                }
                Line::Whole if line.starts_with(VERSION_PREFIX) => {
                    self.version = Some((begin, line));
                    return Ok(HeaderEnd::NextRecord);
                }
                Line::Whole => self.header.extend_from_slice(&line),
            }
        }
    }

    fn content(&mut self, length: u64) -> io::Result<Option<Frame>> {
        let too_large = length > self.limits.record_bytes_max as u64;
        let keep = if too_large { SNIPPET_BYTES_MAX } else { length as usize };
        let read = self.tape.block(length, keep, &mut self.block)?;
        if read < length {
            Ok(Some(self.truncated(format!("file ends after {read} bytes of a block, expected {length}"))))
        } else if too_large {
            let message = format!("block of {length} bytes, expected at most {}", self.limits.record_bytes_max);
            Ok(Some(self.lost("record_too_large", message, self.tape.position())))
        } else {
            let payload = Payload::Warc { header: mem::take(&mut self.header), block: mem::take(&mut self.block) };
            Ok(Some(Frame { byte_offset: self.begin, payload }))
        }
    }

    fn truncated(&mut self, message: String) -> Frame {
        self.ended = true;
        self.lost("warc_truncated", message, self.tape.position())
    }

    /// Loses everything up to the next version line.
    fn resync(&mut self, code: &'static str, message: String) -> io::Result<Option<Frame>> {
        while self.version.is_none() {
            let begin = self.tape.position();
            let mut line = Vec::new();
            if self.tape.line(self.limits.header_bytes_max, &mut line)? == Line::End {
                break;
            }
            if line.starts_with(VERSION_PREFIX) {
                self.version = Some((begin, line));
            } else if self.block.len() < SNIPPET_BYTES_MAX {
                self.block.extend_from_slice(&line[..line.len().min(SNIPPET_BYTES_MAX)]);
            }
        }
        let end = self.version.as_ref().map_or(self.tape.position(), |(begin, _)| *begin);
        Ok(Some(self.lost(code, message, end)))
    }

    fn lost(&self, code: &'static str, message: String, end: u64) -> Frame {
        let head = &self.header[..self.header.len().min(SNIPPET_BYTES_MAX)];
        let rest = &self.block[..self.block.len().min(SNIPPET_BYTES_MAX)];
        lost(self.begin, code, message, &[head, &self.closing, rest].concat(), end.saturating_sub(self.begin))
    }

    /// The bytes' reader.
    pub fn reader(&self) -> &R {
        self.tape.reader()
    }
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r" | b"")
}

fn content_length(header: &Header) -> Result<u64, String> {
    let mut values = header.get_all("Content-Length");
    let value = values.next().ok_or("no Content-Length, expected one")?;
    if let Some(other) = values.find(|other| *other != value) {
        return Err(format!("Content-Length given as {value:?} and {other:?}, expected one"));
    }
    // `parse` alone would take a plus sign.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { value.parse().ok() } else { None };
    number.ok_or_else(|| format!("Content-Length {:?}, expected a number", value.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests;
