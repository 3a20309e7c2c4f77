//! Bounded reads that know where they are.

use std::io::{self, BufRead, Read};

use crate::{
    compress::{Damage, Members},
    limits::Limits,
};

/// A reader that counts what was taken from it, so that the place is known even after an error, and that takes bytes back.
#[derive(Debug)]
pub(super) struct Tape<R> {
    inner: R,
    position: u64,
    /// Bytes given back, how many of them were read again, and how many it was gone back over in all.
    again: Vec<u8>,
    at: usize,
    gone_back: u64,
    /// An error that was met by looking ahead.
    held: Option<io::Error>,
    /// What a record begins with: where a member of a packed file begins so, whatever was being read is over.
    begins: fn(&[u8]) -> bool,
}

/// What [`Tape::line`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// No byte left.
    End,
    /// A line that fits, with its line break if it has one.
    Whole,
    /// A line that does not fit; it was read to its end, its beginning was kept.
    Long,
}

/// What [`Tape::block`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// All bytes asked for.
    Whole,
    /// The end after so many bytes.
    End(u64),
    /// After so many bytes, a member of a packed file that begins as a record does.
    Record(u64),
}

impl<R: Members> Tape<R> {
    /// Reads `inner`, whose records begin so.
    pub(super) fn new(inner: R, begins: fn(&[u8]) -> bool) -> Self {
        Self { inner, position: 0, again: Vec::new(), at: 0, gone_back: 0, held: None, begins }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn reader(&self) -> &R {
        &self.inner
    }

    /// Bytes that are left, where that is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        Some(self.inner.remaining()? + (self.again.len() - self.at) as u64)
    }

    /// Whether the next byte is the first of a member of a packed file.
    pub(super) fn at_member(&mut self) -> io::Result<bool> {
        if self.at < self.again.len() {
            return Ok(false);
        }
        self.damage()?;
        self.inner.at_member()
    }

    /// Whether a member begins here, with a record.
    pub(super) fn at_record(&mut self) -> io::Result<bool> {
        let begins = self.begins;
        Ok(self.at_member()? && begins(self.fill_buf()?))
    }

    /// The next bytes, at least `wanted` of them; fewer before the end, before damage and before a member.
    pub(super) fn ahead(&mut self, wanted: usize) -> &[u8] {
        while self.again.len() - self.at < wanted && self.held.is_none() {
            let member = self.inner.at_member();
            if !matches!(member, Ok(false)) {
                self.held = member.err();
                break;
            }
            match self.inner.fill_buf() {
                Ok([]) => break,
                Ok(available) => {
                    let count = available.len().min(wanted);
                    self.again.extend_from_slice(&available[..count]);
                    self.inner.consume(count);
                }
                Err(error) => self.held = Some(error),
            }
        }
        &self.again[self.at..]
    }

    /// An error that was met by looking ahead.
    fn damage(&mut self) -> io::Result<()> {
        self.held.take().map_or(Ok(()), Err)
    }

    /// Where the member of the byte read last begins in the file, if that is packed.
    pub(super) fn member_offset(&self) -> Option<u64> {
        self.inner.member_offset()
    }

    /// Meets what is wrong with the rest of a member that a record has been read from, of which up to `most` bytes are looked
    /// at; what is wrong behind the member is met when it is read.
    pub(super) fn check_member(&mut self, offset: Option<u64>, most: usize) -> io::Result<()> {
        let mut rest = Vec::new();
        if let Err(error) = self.block(most as u64, most, true, &mut rest) {
            self.held = Some(error);
        }
        let damage = self.held.as_ref().and_then(|error| error.get_ref()).and_then(|error| error.downcast_ref::<Damage>());
        if damage.is_some_and(|damage| Some(damage.stretch.offset) == offset) {
            return self.damage();
        }
        // Garbage behind a sound record is said when it is read. That is done once for a member, so it needs no bound.
        self.give_back(&rest);
        Ok(())
    }

    /// Puts bytes back in front, the last ones read.
    fn give_back(&mut self, bytes: &[u8]) {
        self.position -= bytes.len() as u64;
        self.again.splice(..self.at, bytes.iter().copied());
        self.at = 0;
    }

    /// Goes back over the last bytes read, to read them as something else; not if that was done too often.
    pub(super) fn go_back(&mut self, bytes: &[u8]) {
        let count = bytes.len() as u64;
        if self.gone_back + count <= Limits::RESCAN_FREE_BYTES.saturating_add(self.position.saturating_mul(2)) {
            self.gone_back += count;
            self.give_back(bytes);
        }
    }

    /// Appends the next line to `out`: at most `keep` bytes and its line break. A member that begins as a record does ends it.
    pub(super) fn line(&mut self, keep: usize, out: &mut Vec<u8>) -> io::Result<Line> {
        let (mut read, mut kept) = (0, 0);
        loop {
            if read > 0 && self.at_record()? {
                break;
            }
            let available = self.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let mut rest = available;
            let count = rest.skip_until(b'\n')?;
            let ended = available[count - 1] == b'\n';
            let text = count - usize::from(ended);
            let room = text.min(keep - kept);
            out.extend_from_slice(&available[..room]);
            read += count;
            kept += text;
            if kept > keep {
                self.consume(count);
                if !ended {
                    self.rest_of_line()?;
                }
                return Ok(Line::Long);
            }
            if ended {
                out.push(b'\n');
            }
            self.consume(count);
            if ended {
                break;
            }
        }
        Ok(if read == 0 { Line::End } else { Line::Whole })
    }

    fn rest_of_line(&mut self) -> io::Result<()> {
        loop {
            if self.at_record()? {
                return Ok(());
            }
            let available = self.fill_buf()?;
            let count = (&*available).skip_until(b'\n')?;
            let ended = count == 0 || available[count - 1] == b'\n';
            self.consume(count);
            if ended {
                return Ok(());
            }
        }
    }

    /// Reads `count` bytes and appends the first `keep` to `out`. With `whole`, a member that begins as a record does ends it.
    pub(super) fn block(&mut self, count: u64, keep: usize, whole: bool, out: &mut Vec<u8>) -> io::Result<Block> {
        let (mut read, mut room) = (0, keep);
        while read < count {
            if whole && self.at_record()? {
                return Ok(Block::Record(read));
            }
            let available = self.fill_buf()?;
            if available.is_empty() {
                return Ok(Block::End(read));
            }
            let taken = (available.len() as u64).min(count - read) as usize;
            let kept = taken.min(room);
            out.extend_from_slice(&available[..kept]);
            self.consume(taken);
            (read, room) = (read + taken as u64, room - kept);
        }
        Ok(Block::Whole)
    }
}

impl<R: Members> Read for Tape<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Members> BufRead for Tape<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at < self.again.len() {
            return Ok(&self.again[self.at..]);
        }
        self.damage()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        if self.at < self.again.len() {
            self.at += amount;
            if self.at == self.again.len() {
                self.again.clear();
                self.at = 0;
            }
        } else {
            self.inner.consume(amount);
        }
    }
}
