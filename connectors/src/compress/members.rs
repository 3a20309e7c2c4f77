//! Where do the parts begin that a file was packed in?
//!
//! Archives are packed record by record, so the beginning of a member is a record's beginning that no page can forge: what
//! stands inside of a member is content.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// A reader that knows where members begin, if its bytes were packed. [`BufRead::fill_buf`] never hands out bytes of two of
/// them at once, and at least 16 bytes of a new one, if it has as many.
pub trait Members: BufRead {
    /// Whether the next byte is the first of a member.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn at_member(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// Where the member of the byte handed out last begins in the file; `None` for a file that is not packed.
    fn member_offset(&self) -> Option<u64> {
        None
    }

    /// Bytes that are left, where that is known.
    fn remaining(&self) -> Option<u64> {
        None
    }
}

impl Members for &[u8] {
    fn remaining(&self) -> Option<u64> {
        Some(self.len() as u64)
    }
}

impl<R: Read> Members for BufReader<R> {}

impl<T: AsRef<[u8]>> Members for Cursor<T> {
    fn remaining(&self) -> Option<u64> {
        Some((self.get_ref().as_ref().len() as u64).saturating_sub(self.position()))
    }
}
