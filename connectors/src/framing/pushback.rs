//! Which line or block comes next, and where does it lie? Bounded reads that can be taken back.
//!
//! **State** the bytes that were pushed back, at most a block, and those that were looked at ahead.

use std::io::{self, BufRead, Read};

use memchr::memchr;

use crate::{
    compress::{Damage, MemberRead},
    limits::Limits,
};

/// A reader that bytes can be pushed back into. It counts the bytes that were taken from it, so
/// that the position is known even after an error.
#[derive(Debug)]
pub(super) struct PushbackReader<R> {
    inner: R,
    position: u64,
    /// Bytes that were pushed back, and those that [`Self::peek`] has read.
    pushed_back: Vec<u8>,
    /// The next byte to read in `pushed_back`.
    next: usize,
    /// How many bytes [`Self::go_back`] has gone back over in all.
    gone_back: u64,
    /// An error that came up while looking ahead. The next read returns it.
    pending_error: Option<io::Error>,
    /// Tells whether bytes begin a record. Where a member of a packed file begins with a record, a
    /// line or block that is being read ends.
    begins: fn(&[u8]) -> bool,
}

/// What [`PushbackReader::line`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineRead {
    /// Nothing: no byte is left.
    End,
    /// A line that fits, with its line break if it has one.
    Whole,
    /// A line that does not fit. It was read to its end, and its beginning was kept.
    Long,
}

/// What [`PushbackReader::block`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockRead {
    /// All bytes that were asked for.
    Whole,
    /// This many bytes; then the file ended.
    End(u64),
    /// This many bytes; then a member of a packed file began with a record.
    Record(u64),
}

impl<R: MemberRead> PushbackReader<R> {
    /// Reads `inner`. `begins` tells whether bytes begin a record.
    pub(super) fn new(inner: R, begins: fn(&[u8]) -> bool) -> Self {
        Self { inner, position: 0, pushed_back: Vec::new(), next: 0, gone_back: 0, pending_error: None, begins }
    }

    /// Returns the position of the next byte in the decompressed file.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Returns the reader of the bytes.
    pub(super) fn reader(&self) -> &R {
        &self.inner
    }

    /// Returns how many bytes are left, where that is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        Some(self.inner.remaining()? + (self.pushed_back.len() - self.next) as u64)
    }

    /// Whether the next byte is the first of a member of a packed file.
    pub(super) fn at_member(&mut self) -> io::Result<bool> {
        if self.next < self.pushed_back.len() {
            return Ok(false);
        }
        self.take_pending_error()?;
        self.inner.at_member()
    }

    /// Whether a member begins here, and begins with a record.
    pub(super) fn at_record(&mut self) -> io::Result<bool> {
        let begins = self.begins;
        Ok(self.at_member()? && begins(self.fill_buf()?))
    }

    /// Returns the next bytes without consuming them: at least `wanted`, or fewer before the end,
    /// before damage and before a member.
    pub(super) fn peek(&mut self, wanted: usize) -> &[u8] {
        while self.pushed_back.len() - self.next < wanted && self.pending_error.is_none() {
            let member = self.inner.at_member();
            if !matches!(member, Ok(false)) {
                self.pending_error = member.err();
                break;
            }
            match self.inner.fill_buf() {
                Ok([]) => break,
                Ok(available) => {
                    let count = available.len().min(wanted);
                    self.pushed_back.extend_from_slice(&available[..count]);
                    self.inner.consume(count);
                }
                Err(error) => self.pending_error = Some(error),
            }
        }
        &self.pushed_back[self.next..]
    }

    /// Fails with the error that came up while looking ahead, if there is one.
    fn take_pending_error(&mut self) -> io::Result<()> {
        self.pending_error.take().map_or(Ok(()), Err)
    }

    /// Returns where the member of the last byte read begins in the file, if the file is packed.
    pub(super) fn member_offset(&self) -> Option<u64> {
        self.inner.member_offset()
    }

    /// Checks the rest of the member at `offset`, from which a record has been read, and looks at
    /// up to `most` bytes of it. Fails if that member is damaged. Damage behind the member is
    /// reported when it is read.
    pub(super) fn check_member(&mut self, offset: Option<u64>, most: usize) -> io::Result<()> {
        let mut rest = Vec::new();
        if let Err(error) = self.block(most as u64, most, true, &mut rest) {
            self.pending_error = Some(error);
        }
        let damage =
            self.pending_error.as_ref().and_then(|error| error.get_ref()).and_then(|error| error.downcast_ref::<Damage>());
        if damage.is_some_and(|damage| Some(damage.stretch.offset) == offset) {
            return self.take_pending_error();
        }
        // Garbage behind a sound record is reported when it is read. This is done once a member, so it needs no bound.
        self.push_back(&rest);
        Ok(())
    }

    /// Pushes back the bytes that were read last.
    fn push_back(&mut self, bytes: &[u8]) {
        self.position -= bytes.len() as u64;
        self.pushed_back.splice(..self.next, bytes.iter().copied());
        self.next = 0;
    }

    /// Goes back over the bytes that were read last, so that they are read as something else. Does
    /// nothing once it has gone back too far in all: [`Limits::RESCAN_FREE_BYTES`] and twice what
    /// was read.
    pub(super) fn go_back(&mut self, bytes: &[u8]) {
        let count = bytes.len() as u64;
        if self.gone_back + count <= Limits::RESCAN_FREE_BYTES.saturating_add(self.position.saturating_mul(2)) {
            self.gone_back += count;
            self.push_back(bytes);
        }
    }

    /// Appends the next line to `out`: at most `keep` bytes and its line break. A member that
    /// begins with a record ends the line.
    pub(super) fn line(&mut self, keep: usize, out: &mut Vec<u8>) -> io::Result<LineRead> {
        let (mut read, mut kept) = (0, 0);
        loop {
            if read > 0 && self.at_record()? {
                break;
            }
            let available = self.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let end = memchr(b'\n', available);
            let text = end.unwrap_or(available.len());
            let (ended, count) = (end.is_some(), text + usize::from(end.is_some()));
            let room = text.min(keep - kept);
            // Most lines come in one piece, so this is all that they take.
            out.reserve(room + 1);
            out.extend_from_slice(&available[..room]);
            read += count;
            kept += text;
            if kept > keep {
                self.consume(count);
                if !ended {
                    self.rest_of_line()?;
                }
                return Ok(LineRead::Long);
            }
            if ended {
                out.push(b'\n');
            }
            self.consume(count);
            if ended {
                break;
            }
        }
        Ok(if read == 0 { LineRead::End } else { LineRead::Whole })
    }

    /// Reads over the rest of a line.
    fn rest_of_line(&mut self) -> io::Result<()> {
        loop {
            if self.at_record()? {
                return Ok(());
            }
            let available = self.fill_buf()?;
            let end = memchr(b'\n', available);
            let count = end.map_or(available.len(), |end| end + 1);
            let ended = count == 0 || end.is_some();
            self.consume(count);
            if ended {
                return Ok(());
            }
        }
    }

    /// Reads `count` bytes and appends the first `keep` to `out`. With `whole`, a member that
    /// begins with a record ends the block.
    pub(super) fn block(&mut self, count: u64, keep: usize, whole: bool, out: &mut Vec<u8>) -> io::Result<BlockRead> {
        let (mut read, mut room) = (0, keep);
        while read < count {
            if whole && self.at_record()? {
                return Ok(BlockRead::Record(read));
            }
            let available = self.fill_buf()?;
            if available.is_empty() {
                return Ok(BlockRead::End(read));
            }
            let taken = (available.len() as u64).min(count - read) as usize;
            let kept = taken.min(room);
            out.extend_from_slice(&available[..kept]);
            self.consume(taken);
            (read, room) = (read + taken as u64, room - kept);
        }
        Ok(BlockRead::Whole)
    }
}

impl<R: MemberRead> Read for PushbackReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: MemberRead> BufRead for PushbackReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.next < self.pushed_back.len() {
            return Ok(&self.pushed_back[self.next..]);
        }
        self.take_pending_error()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        if self.next < self.pushed_back.len() {
            self.next += amount;
            if self.next == self.pushed_back.len() {
                self.pushed_back.clear();
                self.next = 0;
            }
        } else {
            self.inner.consume(amount);
        }
    }
}
