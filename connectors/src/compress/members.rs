//! Where do the members begin in which a file was packed?
//!
//! Archives are packed record by record, so a member begins where a record begins. No page can
//! forge that: its own bytes stand inside of a member.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// A reader that knows where members begin, if its bytes were packed. [`BufRead::fill_buf`] never
/// returns bytes of two members at once. Of a new member it returns at least 16 bytes, if the
/// member has as many.
pub trait MemberRead: BufRead {
    /// Whether the next byte is the first of a member.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn at_member(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    /// Returns where the member of the last byte that was handed out begins in the file; `None` for
    /// a file that is not packed.
    fn member_offset(&self) -> Option<u64> {
        None
    }

    /// Returns how many bytes are left, where that is known.
    fn remaining(&self) -> Option<u64> {
        None
    }
}

impl MemberRead for &[u8] {
    fn remaining(&self) -> Option<u64> {
        Some(self.len() as u64)
    }
}

impl<R: Read> MemberRead for BufReader<R> {}

impl<T: AsRef<[u8]>> MemberRead for Cursor<T> {
    fn remaining(&self) -> Option<u64> {
        Some((self.get_ref().as_ref().len() as u64).saturating_sub(self.position()))
    }
}
