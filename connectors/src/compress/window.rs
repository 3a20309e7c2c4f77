//! Which bytes of a file come next, and which came last? Bytes as they lie on disk.
//!
//! The newest bytes are kept, so that a search for the next member can go back. The file cannot be
//! read again, since it may be a pipe. **State** at most [`KEPT_BYTES_MAX`] behind the next byte,
//! and about twice as much until the bytes are moved.

use std::io::{self, Read};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How far one can go back, in bytes. Damaged deflate data is noticed after some KiB, and truncated
/// members are mostly shorter than this.
pub(super) const KEPT_BYTES_MAX: usize = 512 << 10;

/// Reads a file and keeps the newest bytes of it.
pub(super) struct Window {
    inner: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// The next byte, in `bytes`.
    at: usize,
    /// Where `bytes` begins in the file.
    base: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { inner, bytes: Vec::new(), at: 0, base: 0, ended: false }
    }

    /// Returns the position of the next byte in the file.
    pub(super) fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Returns at least `wanted` of the next bytes, or fewer at the end.
    pub(super) fn ahead(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.bytes.len() - self.at < wanted && self.more()? {}
        Ok(&self.bytes[self.at..])
    }

    /// Reads bytes and consumes them; none at the end. They are not kept, so one cannot go back to
    /// them.
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at < self.bytes.len() {
            let count = (&self.bytes[self.at..]).read(out)?;
            self.at += count;
            return Ok(count);
        }
        self.base = self.position();
        (self.at, self.bytes) = (0, Vec::new());
        let count = loop {
            match self.inner.read(out) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.base += count as u64;
        Ok(count)
    }

    /// Consumes bytes that are ahead.
    pub(super) fn advance(&mut self, count: usize) {
        self.at = self.bytes.len().min(self.at + count);
    }

    /// Reads more bytes; returns false at the end.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 2 * KEPT_BYTES_MAX {
            let gone = self.at - KEPT_BYTES_MAX;
            self.bytes.drain(..gone);
            (self.at, self.base) = (KEPT_BYTES_MAX, self.base + gone as u64);
        }
        let old = self.bytes.len();
        self.bytes.resize(old + CHUNK_BYTES, 0);
        let read = loop {
            match self.inner.read(&mut self.bytes[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.bytes.truncate(old + read.as_ref().map_or(0, |count| *count));
        self.ended = read? == 0;
        Ok(!self.ended)
    }

    /// Goes back to a position in the file, or as near to it as bytes are kept. Returns how far it
    /// went, in bytes.
    pub(super) fn go_back(&mut self, position: u64) -> u64 {
        let before = self.position();
        self.at = position.clamp(self.base, before).saturating_sub(self.base) as usize;
        before - self.position()
    }
}
