//! Bounded reads that know where they are.

use std::io::{self, BufRead, Read};

/// A reader that counts what was taken from it, so that the place is known even after an error.
#[derive(Debug)]
pub(super) struct Tape<R> {
    inner: R,
    position: u64,
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

impl<R: BufRead> Tape<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, position: 0 }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn reader(&self) -> &R {
        &self.inner
    }

    /// Appends the next line to `out`: at most `keep` bytes and its line break.
    pub(super) fn line(&mut self, keep: usize, out: &mut Vec<u8>) -> io::Result<Line> {
        let room = keep as u64 + 1;
        let read = self.by_ref().take(room).read_until(b'\n', out)? as u64;
        if read == 0 {
            Ok(Line::End)
        } else if read == room && out.last() != Some(&b'\n') {
            out.pop();
            self.skip_until(b'\n')?;
            Ok(Line::Long)
        } else {
            Ok(Line::Whole)
        }
    }

    /// Reads `count` bytes and appends the first `keep` to `out`; fewer only at the end. Returns how many were read.
    pub(super) fn block(&mut self, count: u64, keep: usize, out: &mut Vec<u8>) -> io::Result<u64> {
        let begin = self.position;
        self.by_ref().take(count.min(keep as u64)).read_to_end(out)?;
        while self.position - begin < count {
            let available = self.fill_buf()?.len() as u64;
            if available == 0 {
                break;
            }
            self.consume(available.min(count - (self.position - begin)) as usize);
        }
        Ok(self.position - begin)
    }
}

impl<R: BufRead> Read for Tape<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Tape<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        self.inner.consume(amount);
    }
}
