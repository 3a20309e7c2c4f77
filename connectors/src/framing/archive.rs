//! Records of an archive: a header, and a block of the length that it states.
//!
//! WARC and ARC differ in what a header looks like ([`ArchiveFormat`]) and are alike in what can be wrong with them. What is no record
//! is lost with one of the format's codes, and reading goes on at the next line that begins a record:
//!
//! | code | when |
//! |---|---|
//! | `*_bad_header` | no header where a record should begin; one that does not end or is too long |
//! | `*_bad_length` | the stated length is missing, no number, contradictory, or not where the block ends |
//! | `*_truncated` | the file ends within a record |
//! | `record_too_large` | a block over [`Limits::record_bytes_max`]; it is read over by its length |
//!
//! A length is known to be wrong where the block does not end before a record, an empty line or the end, and a record begins
//! within it: then reading goes on there. Two signs are better than a line in the content, since whoever writes a page can
//! write one too. In a file packed record by record a member's beginning is a record's beginning, whatever the length says;
//! and a block cannot be longer than what is left of a plain file. What looks like a record within a block that ends where it
//! should is content, always.
//!
//! **Cost** one copy and one parse of the header; a block is searched only if its length is wrong. **State** one record.

use std::{io, marker::PhantomData, mem};

use super::{
    frame::{Frame, SNIPPET_BYTES_MAX},
    pushback::{BlockRead, LineRead, PushbackReader},
};
use crate::{
    compress::{Damage, Members},
    limits::Limits,
    source::{ArchiveHeader, HeaderFields, Payload},
};

/// Bytes behind a block that tell whether it ends where it should: two line breaks and the beginning of a record.
const BEHIND_BYTES: usize = 4 + 16;

/// What the records of an archive look like.
pub trait ArchiveFormat {
    /// Codes of records that are lost.
    const CODES: ArchiveCodes;
    /// Whether an empty line ends a header; otherwise a header is one line.
    const EMPTY_LINE_ENDS: bool;

    /// Whether a record may begin so, as far as 16 bytes can tell.
    fn begins(bytes: &[u8]) -> bool;

    /// Whether this line, in front of `below`, is so much like a record's first that a lost reader goes on there.
    fn is_first_line(line: &[u8], below: &[u8]) -> bool;

    /// Parses a header: its fields, and the length of the block that it states.
    ///
    /// # Errors
    /// If it is no header, or states no length.
    fn parse(header: &[u8]) -> Result<(HeaderFields, u64), HeaderFlaw>;

    /// Makes a record of a header and its block.
    fn payload(header: ArchiveHeader, block: Vec<u8>) -> Payload;
}

/// Codes of records that are lost.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveCodes {
    /// No header, or none that ends.
    pub bad_header: &'static str,
    /// No length, or a wrong one.
    pub bad_length: &'static str,
    /// The file ends within the record.
    pub truncated: &'static str,
}

/// What is wrong with a header: what was got and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// It is no header.
    Header(String),
    /// It states no length.
    Length(String),
}

/// Splits a file into records.
#[derive(Debug)]
pub struct ArchiveRecords<R, F> {
    input: PushbackReader<R>,
    limits: Limits,
    /// The record being read: where it begins, its header block, the empty line that closes it, and its block.
    begin: u64,
    header: Vec<u8>,
    closing: Vec<u8>,
    block: Vec<u8>,
    /// Whether a member of a packed file begins with it, and where that begins in the file.
    whole: bool,
    member: Option<u64>,
    /// A first line that ended the record before it, where it begins, and whether a member begins with it.
    next: Option<(u64, Vec<u8>, bool)>,
    ended: bool,
    format: PhantomData<F>,
}

/// How a header block ended.
enum HeaderEnd {
    Complete,
    Truncated,
    TooLong,
    NextRecord,
}

impl<R: Members, F: ArchiveFormat> ArchiveRecords<R, F> {
    /// Frames `reader`.
    pub fn new(reader: R, limits: Limits) -> Self {
        let (header, closing, block) = (Vec::new(), Vec::new(), Vec::new());
        let input = PushbackReader::new(reader, F::begins);
        Self {
            input,
            limits,
            begin: 0,
            header,
            closing,
            block,
            whole: false,
            member: None,
            next: None,
            ended: false,
            format: PhantomData,
        }
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
            let damage = Damage::from_error(error).inspect_err(|_| self.ended = true)?;
            let mut frame = self.bad(damage.code, damage.message, self.input.position());
            if let Payload::Bad(bad) = &mut frame.payload {
                bad.packed = Some(damage.stretch);
            }
            Ok(Some(frame))
        })
    }

    fn record(&mut self) -> io::Result<Option<Frame>> {
        if !self.first_line()? {
            self.ended = true;
            return Ok(None);
        }
        if !F::begins(&self.header)
            && let Err(HeaderFlaw::Header(message)) = F::parse(&self.header)
        {
            return self.resync(F::CODES.bad_header, message);
        }
        let header_end = if F::EMPTY_LINE_ENDS {
            self.rest_of_header()?
        } else if self.header.len() < self.limits.header_bytes_max {
            HeaderEnd::Complete
        } else {
            HeaderEnd::TooLong
        };
        match header_end {
            HeaderEnd::Complete => {}
            HeaderEnd::Truncated => return Ok(Some(self.truncated("file ends within a record's header".to_owned()))),
            HeaderEnd::TooLong => {
                let message = format!("header is longer than {} bytes", self.limits.header_bytes_max);
                return self.resync(F::CODES.bad_header, message);
            }
            HeaderEnd::NextRecord => {
                return self
                    .resync(F::CODES.bad_header, "another record begins before the header's closing empty line".to_owned());
            }
        }
        self.member = self.input.member_offset();
        match F::parse(&self.header) {
            Ok((fields, length)) => self.content(fields, length),
            Err(HeaderFlaw::Length(message)) => self.resync(F::CODES.bad_length, message),
            Err(HeaderFlaw::Header(message)) => self.resync(F::CODES.bad_header, message),
        }
    }

    /// Finds the first line that is not empty; false at the end of the file.
    fn first_line(&mut self) -> io::Result<bool> {
        if let Some((begin, line, whole)) = self.next.take() {
            (self.begin, self.header, self.whole) = (begin, line, whole);
            return Ok(true);
        }
        loop {
            self.begin = self.input.position();
            self.header.clear();
            self.whole = self.input.at_member()?;
            if self.input.line(self.limits.header_bytes_max, &mut self.header)? == LineRead::End {
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
            let (begin, member) = (self.input.position(), self.input.at_member()?);
            match self.input.line(room, &mut line)? {
                LineRead::End => return Ok(HeaderEnd::Truncated),
                LineRead::Long => {
                    self.header.extend_from_slice(&line);
                    return Ok(HeaderEnd::TooLong);
                }
                LineRead::Whole if is_empty_line(&line) => {
                    self.closing = line;
                    return Ok(HeaderEnd::Complete);
                }
                LineRead::Whole if F::begins(&line) => {
                    self.next = Some((begin, line, member));
                    return Ok(HeaderEnd::NextRecord);
                }
                LineRead::Whole => self.header.extend_from_slice(&line),
            }
        }
    }

    fn content(&mut self, fields: HeaderFields, length: u64) -> io::Result<Option<Frame>> {
        let too_large = length > self.limits.record_bytes_max as u64;
        if let Some(left) = self.input.remaining().filter(|left| too_large && *left < length) {
            let message = format!("block of {length} bytes, and the file has {left} more");
            return self.resync(F::CODES.bad_length, message);
        }
        let keep = if too_large { SNIPPET_BYTES_MAX } else { length as usize };
        let read = self.input.block(length, keep, self.whole, &mut self.block)?;
        if too_large && read == BlockRead::Whole {
            let message = format!("block of {length} bytes, expected at most {}", self.limits.record_bytes_max);
            return Ok(Some(self.bad("record_too_large", message, self.input.position())));
        }
        let ends_well = read == BlockRead::Whole && self.is_followed_well();
        if self.whole && read == BlockRead::Whole {
            // A member that is cut off goes on for a while as something else, so a block may be full and wrong.
            let most = if ends_well { BEHIND_BYTES } else { self.limits.record_bytes_max };
            self.input.check_member(self.member, most)?;
        }
        if !ends_well
            && !too_large
            && !self.whole
            && let Some(frame) = self.rescan(length)
        {
            return Ok(Some(frame));
        }
        match read {
            BlockRead::Whole => {
                let header = ArchiveHeader::new(mem::take(&mut self.header), fields);
                let payload = F::payload(header, mem::take(&mut self.block));
                Ok(Some(Frame { byte_offset: self.begin, payload }))
            }
            BlockRead::End(read) => {
                Ok(Some(self.truncated(format!("file ends after {read} bytes of a block, expected {length}"))))
            }
            BlockRead::Record(read) => {
                let message = format!("another record begins after {read} bytes of a block, expected {length}");
                Ok(Some(self.bad(F::CODES.bad_length, message, self.input.position())))
            }
        }
    }

    /// Whether an empty line, a record, a member or the end comes next.
    fn is_followed_well(&mut self) -> bool {
        let ahead = self.input.peek(BEHIND_BYTES);
        let breaks = ahead.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        // More line breaks than that are padding, and what follows them is seen when it is read.
        breaks == ahead.len() || breaks > 4 || F::begins(&ahead[breaks..])
    }

    /// Finds a record that begins within the block, and goes back there.
    fn rescan(&mut self, length: u64) -> Option<Frame> {
        let at = next_record::<F>(&self.block)?;
        self.input.go_back(&self.block[at..]);
        self.block.truncate(at);
        let message = format!("another record begins after {at} bytes of a block, expected {length}");
        Some(self.bad(F::CODES.bad_length, message, self.input.position()))
    }

    fn truncated(&mut self, message: String) -> Frame {
        self.ended = true;
        self.bad(F::CODES.truncated, message, self.input.position())
    }

    /// Loses everything up to the next version line.
    fn resync(&mut self, code: &'static str, message: String) -> io::Result<Option<Frame>> {
        while self.next.is_none() {
            let (begin, member) = (self.input.position(), self.input.at_member()?);
            let mut line = Vec::new();
            if self.input.line(self.limits.header_bytes_max, &mut line)? == LineRead::End {
                break;
            }
            // Of what is below nothing is known yet; of a first line in a member's beginning nothing more is asked.
            if F::is_first_line(&line, b"") || member && F::begins(&line) {
                self.next = Some((begin, line, member));
            } else if self.block.len() < SNIPPET_BYTES_MAX {
                self.block.extend_from_slice(&line[..line.len().min(SNIPPET_BYTES_MAX)]);
            }
        }
        let end = self.next.as_ref().map_or(self.input.position(), |(begin, ..)| *begin);
        Ok(Some(self.bad(code, message, end)))
    }

    fn bad(&self, code: &'static str, message: String, end: u64) -> Frame {
        let head = &self.header[..self.header.len().min(SNIPPET_BYTES_MAX)];
        let rest = &self.block[..self.block.len().min(SNIPPET_BYTES_MAX)];
        Frame::bad(self.begin, code, message, &[head, &self.closing, rest].concat(), end.saturating_sub(self.begin))
    }

    /// The bytes' reader.
    pub fn reader(&self) -> &R {
        self.input.reader()
    }
}

/// Where the first record begins in a block.
fn next_record<F: ArchiveFormat>(block: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < block.len() {
        let end = block[at..].iter().position(|byte| *byte == b'\n').map_or(block.len(), |end| at + end + 1);
        if F::is_first_line(&block[at..end], &block[end..]) {
            return Some(at);
        }
        at = end;
    }
    None
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r" | b"")
}
