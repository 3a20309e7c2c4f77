//! Where do the records of an archive begin and end, and which stretches are no records?
//!
//! A record is a header, and a block of the length that the header states. WARC and ARC differ in
//! their headers ([`ArchiveFormat`]), and the same can be wrong with both. Bytes that are no record
//! become a bad record with one of these codes, and reading goes on at the next line that begins a
//! record:
//!
//! | code | when |
//! |---|---|
//! | `*_bad_header` | no header where a record should begin; one that does not end or is too long |
//! | `*_bad_length` | the stated length is missing, no number, contradictory, or not where the block ends |
//! | `*_truncated` | the file ends within a record |
//! | `record_too_large` | a block over [`Limits::record_bytes_max`]; it is passed over by its length |
//!
//! Three signs tell that a length is wrong. The weakest is a line that begins a record within a
//! block that does not end before a record, an empty line or the end: reading then goes on at that
//! line. Whoever writes a page can write such a line too, so two other signs go first. In a file
//! that is packed record by record, a record begins where a member begins, whatever the length
//! says. And a block cannot be longer than the rest of a plain file. Within a block that ends where
//! it should, nothing is ever taken for a record.
//!
//! **Cost** one copy and one parse of the header. A block is searched only if its length is wrong.
//! **State** one record.

use std::{io, marker::PhantomData, mem};

use super::{
    frame::{Frame, SNIPPET_BYTES_MAX},
    pushback::{BlockRead, LineRead, PushbackReader},
};
use crate::{
    compress::{Damage, MemberRead},
    limits::Limits,
    source::{ArchiveHeader, HeaderFields, Payload},
};

/// Bytes behind a block that tell whether it ends where it should: two line breaks and the
/// beginning of a record.
const BEHIND_BYTES: usize = 4 + 16;

/// How the records of an archive look.
pub trait ArchiveFormat {
    /// The codes of bad records.
    const CODES: ArchiveCodes;
    /// Whether an empty line ends a header; otherwise a header is one line.
    const EMPTY_LINE_ENDS: bool;

    /// Whether a record may begin with these bytes, as far as 16 bytes can tell.
    fn begins(bytes: &[u8]) -> bool;

    /// Whether this line looks so much like the first line of a record that reading goes on there
    /// after damage. The bytes `below` follow the line.
    fn is_first_line(line: &[u8], below: &[u8]) -> bool;

    /// Parses a header: its fields, and the length of the block that it states.
    ///
    /// # Errors
    /// If it is no header, or states no length.
    fn parse(header: &[u8]) -> Result<(HeaderFields, u64), HeaderFlaw>;

    /// Makes a record of a header and its block.
    fn payload(header: ArchiveHeader, block: Vec<u8>) -> Payload;
}

/// The codes of bad records.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveCodes {
    /// There is no header, or none that ends.
    pub bad_header: &'static str,
    /// The header states no length, or a wrong one.
    pub bad_length: &'static str,
    /// The file ends within the record.
    pub truncated: &'static str,
}

/// What is wrong with a header. The texts say what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// The bytes are no header.
    Header(String),
    /// The header states no length.
    Length(String),
}

/// Splits a file into records.
#[derive(Debug)]
pub struct ArchiveRecords<R, F> {
    input: PushbackReader<R>,
    limits: Limits,
    /// The record that is being read: where it begins, its header, the empty line that closes the
    /// header, and its block.
    begin: u64,
    header: Vec<u8>,
    closing: Vec<u8>,
    block: Vec<u8>,
    /// Whether a member of a packed file begins with the record, and where that member begins in
    /// the file.
    whole: bool,
    member: Option<u64>,
    /// The first line of the next record, if that line ended the record before it: where it begins,
    /// its bytes, and whether a member begins with it.
    next: Option<(u64, Vec<u8>, bool)>,
    ended: bool,
    format: PhantomData<F>,
}

/// How a header ended.
enum HeaderEnd {
    Complete,
    Truncated,
    TooLong,
    NextRecord,
}

impl<R: MemberRead, F: ArchiveFormat> ArchiveRecords<R, F> {
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

    /// Returns the next record; `None` at the end and ever after.
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

    /// Reads one record.
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

    /// Reads up to the first line that is not empty; returns false at the end of the file.
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

    /// Reads a header behind its first line.
    fn rest_of_header(&mut self) -> io::Result<HeaderEnd> {
        let mut line = Vec::new();
        loop {
            // All bytes of the header count, those of its first line included.
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

    /// Reads the block of a record.
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
            // Behind a cut in a member, inflating goes on for a while with other bytes, so a block may be full and wrong.
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
        // More line breaks than that are padding. The bytes behind them are judged when they are read.
        breaks == ahead.len() || breaks > 4 || F::begins(&ahead[breaks..])
    }

    /// Searches the block for a record, and goes back to where it begins.
    fn rescan(&mut self, length: u64) -> Option<Frame> {
        let at = next_record::<F>(&self.block)?;
        self.input.go_back(&self.block[at..]);
        self.block.truncate(at);
        let message = format!("another record begins after {at} bytes of a block, expected {length}");
        Some(self.bad(F::CODES.bad_length, message, self.input.position()))
    }

    /// Makes a bad record of a record in which the file ends.
    fn truncated(&mut self, message: String) -> Frame {
        self.ended = true;
        self.bad(F::CODES.truncated, message, self.input.position())
    }

    /// Passes over everything up to the first line of a record.
    fn resync(&mut self, code: &'static str, message: String) -> io::Result<Option<Frame>> {
        while self.next.is_none() {
            let (begin, member) = (self.input.position(), self.input.at_member()?);
            let mut line = Vec::new();
            if self.input.line(self.limits.header_bytes_max, &mut line)? == LineRead::End {
                break;
            }
            // The bytes below are not known yet. At the beginning of a member, a weaker sign is enough.
            if F::is_first_line(&line, b"") || member && F::begins(&line) {
                self.next = Some((begin, line, member));
            } else if self.block.len() < SNIPPET_BYTES_MAX {
                self.block.extend_from_slice(&line[..line.len().min(SNIPPET_BYTES_MAX)]);
            }
        }
        let end = self.next.as_ref().map_or(self.input.position(), |(begin, ..)| *begin);
        Ok(Some(self.bad(code, message, end)))
    }

    /// Makes a bad record of everything from the beginning of this record up to `end`.
    fn bad(&self, code: &'static str, message: String, end: u64) -> Frame {
        let head = &self.header[..self.header.len().min(SNIPPET_BYTES_MAX)];
        let rest = &self.block[..self.block.len().min(SNIPPET_BYTES_MAX)];
        Frame::bad(self.begin, code, message, &[head, &self.closing, rest].concat(), end.saturating_sub(self.begin))
    }

    /// Returns the reader of the bytes.
    pub fn reader(&self) -> &R {
        self.input.reader()
    }
}

/// Returns where the first record begins in a block.
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
