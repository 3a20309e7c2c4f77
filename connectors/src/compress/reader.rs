//! Which bytes does a file hold, once it is unpacked?
//!
//! The reader unpacks one member after the other into its buffer, and never hands out bytes of two
//! members at once. Where data is damaged it finds the next member ([`search`]).

mod search;

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use super::{
    codec::Codec,
    damage::{Damage, Stretch},
    gzip,
    members::MemberRead,
    step::UnpackError,
    window::Window,
};
use crate::limits::Limits;

/// Unpacked bytes that are held.
pub(super) const BUFFER_BYTES: usize = 64 << 10;
/// Bytes of a new member that are unpacked before any is handed out, so that a reader can tell what
/// begins there.
const BEGINNING_BYTES: usize = 16;

/// A gzip member or zstd frame that is being unpacked.
struct Member {
    /// Where it begins in the file.
    offset: u64,
    /// Bytes unpacked from it.
    produced: u64,
}

/// Damage that a reader has come to. The reader reports it once the bytes that were unpacked before
/// it have been read.
struct PendingDamage {
    code: &'static str,
    message: String,
    /// Where the damaged member begins in the file.
    begin: u64,
    /// Where the search for the next member begins in the file.
    search_from: u64,
}

/// Reads the decompressed bytes of a file.
pub struct Reader {
    window: Window,
    codec: Codec,
    ratio_max: u64,
    /// Tells whether a member that a search has found unpacks to what is expected.
    expected: fn(&[u8]) -> bool,
    member: Option<Member>,
    /// Bytes unpacked from members that are no bombs.
    produced: u64,
    /// Bytes that searches have gone back over.
    rescanned: u64,
    pending: Option<PendingDamage>,
    /// Damage before the first byte.
    first: Option<Damage>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the newest member begins whose first byte is in `buffer`: there, and in the file.
    beginning: Option<(usize, u64)>,
    /// Where the member of the next byte begins in the file.
    member_offset: u64,
    size: Option<u64>,
}

impl Reader {
    /// Reads `inner` from its first byte on.
    ///
    /// # Errors
    /// If its first bytes cannot be read.
    pub fn new(inner: Box<dyn Read + Send>, limits: &Limits) -> io::Result<Self> {
        let mut window = Window::new(inner);
        // The inner reader may itself unpack something, and find damage there.
        let first = window.ahead(Codec::MAGIC_BYTES).map(|_| None).or_else(|error| Damage::from_error(error).map(Some))?;
        let codec = Codec::of_file(window.ahead(0)?)?;
        Ok(Self {
            window,
            codec,
            ratio_max: limits.ratio_max,
            expected: |_| true,
            member: None,
            produced: 0,
            rescanned: 0,
            pending: None,
            first,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            beginning: None,
            member_offset: 0,
            size: None,
        })
    }

    /// Sets how many bytes the file has, where that is known.
    #[must_use]
    pub fn sized(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// Sets what a member must unpack to that is found behind damage. By default it may unpack to
    /// anything.
    pub fn expect(&mut self, expected: fn(&[u8]) -> bool) {
        self.expected = expected;
    }

    /// Returns how many bytes have been taken from the file, as they lie on disk.
    pub fn consumed(&self) -> u64 {
        self.window.position()
    }

    /// Returns at least `wanted` of the next bytes without consuming them, or fewer at the end, at
    /// the end of a member, or before damage. The next read reports that damage.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.beginning = self.beginning.and_then(|(at, offset)| Some((at.checked_sub(self.start)?, offset)));
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < wanted.min(self.buffer.len()) && self.pending.is_none() {
            let before = self.end;
            if before > 0 && self.member.is_none() && !matches!(self.codec, Codec::Plain) {
                break; // bytes that are handed out at once belong to one member
            }
            self.unpack()?;
            if self.end == before {
                break;
            }
        }
        Ok(&self.buffer[..self.end])
    }

    /// Unpacks more bytes into the buffer. Adds nothing at the end of the file or at damage.
    fn unpack(&mut self) -> io::Result<()> {
        while self.pending.is_none() && self.end < self.buffer.len() {
            if matches!(self.codec, Codec::Plain) {
                self.end += self.window.read(&mut self.buffer[self.end..])?;
                return Ok(());
            }
            if self.member.is_none() && !self.begin_member()? {
                return Ok(());
            }
            let (Some(member), false) = (&mut self.member, self.pending.is_some()) else { return Ok(()) };
            let out = &mut self.buffer[self.end..];
            let step = match &mut self.codec {
                Codec::Plain => return Ok(()),
                Codec::Gzip(gzip) => gzip.run(&mut self.window, out),
                Codec::Zstd(zst) => zst.run(&mut self.window, out),
            };
            match step {
                Ok(step) => {
                    member.produced += step.bytes as u64;
                    let young = member.produced < BEGINNING_BYTES as u64;
                    self.end += step.bytes;
                    self.produced += step.bytes as u64;
                    if let Some(flaw) = step.flaw {
                        // The data has come to its end, so the next member begins here, or within the trailer.
                        self.note_damage(flaw, self.window.position() - gzip::TRAILER_BYTES as u64);
                    } else if step.ended {
                        self.member = None;
                    } else {
                        self.check_ratio();
                    }
                    if step.bytes > 0 && (step.ended || !young) {
                        return Ok(());
                    }
                }
                Err(error) => self.fail(error)?,
            }
        }
        Ok(())
    }

    /// Begins the next member. Returns false at the end of the file, or where something else
    /// stands, which is damage.
    fn begin_member(&mut self) -> io::Result<bool> {
        if !self.find_beginning()? {
            return Ok(false);
        }
        let offset = self.window.position();
        self.member = Some(Member { offset, produced: 0 });
        self.beginning = Some((self.end, offset));
        let begun = match &mut self.codec {
            Codec::Plain => Ok(()),
            Codec::Gzip(gzip) => gzip.begin(&mut self.window),
            Codec::Zstd(zst) => zst.begin(),
        };
        begun.or_else(|error| self.fail(error)).map(|()| true)
    }

    /// Passes on a failure to read, and notes damage.
    fn fail(&mut self, error: UnpackError) -> io::Result<()> {
        match error {
            UnpackError::Disk(error) => return Err(error),
            UnpackError::Damage(message) => {
                let begin = self.member.as_ref().map_or(self.window.position(), |member| member.offset);
                self.note_damage(&message, begin + 1);
            }
        }
        Ok(())
    }

    /// Ends the member with damage. The next member is searched for from `search_from` on.
    fn note_damage(&mut self, message: &str, search_from: u64) {
        let near = self.window.position();
        let begin = self.member.take().map_or(near, |member| member.offset);
        let code = self.codec.code("gzip_corrupt", "zstd_corrupt");
        self.pending =
            Some(PendingDamage { code, message: format!("{message}, near byte {near} of the file"), begin, search_from });
    }

    /// Ends the member, if it unpacks to too many bytes.
    fn check_ratio(&mut self) {
        let Some(member) = &self.member else { return };
        let (here, ratio) = (self.window.position(), self.ratio_max);
        let over = |made: u64, of: u64| made > Limits::RATIO_FREE_BYTES && made > of.saturating_mul(ratio);
        if !over(member.produced, here - member.offset) && !over(self.produced, here) {
            return;
        }
        let (made, of) = (member.produced, here - member.offset);
        let message = format!("{of} compressed bytes gave {made} bytes, expected at most {ratio} for each");
        self.pending = Some(PendingDamage { code: "decompression_bomb", message, begin: member.offset, search_from: here });
        // The bytes that a bomb gave do not count against the members behind it.
        self.produced = self.produced.saturating_sub(made);
        self.member = None;
    }

    /// Finds the next member, and returns the damage as an error.
    fn report(&mut self, pending: PendingDamage) -> io::Error {
        if let Err(error) = self.search(pending.search_from) {
            return error;
        }
        let stretch = Stretch { offset: pending.begin, length: self.window.position() - pending.begin };
        Damage { code: pending.code, message: pending.message, stretch }.into()
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end, self.beginning) = (0, 0, None);
            if let Some(first) = self.first.take() {
                return Err(first.into());
            }
            if let Some(pending) = self.pending.take() {
                return Err(self.report(pending));
            }
            self.unpack()?;
            if self.end == 0
                && let Some(pending) = self.pending.take()
            {
                return Err(self.report(pending));
            }
        }
        // Bytes that are handed out at once belong to one member.
        let end = match self.beginning {
            Some((at, offset)) if at <= self.start => {
                self.member_offset = offset;
                self.end
            }
            Some((at, _)) => at,
            None => self.end,
        };
        Ok(&self.buffer[self.start..end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.end.min(self.start + amount);
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("consumed", &self.consumed()).finish_non_exhaustive()
    }
}

impl MemberRead for Reader {
    fn at_member(&mut self) -> io::Result<bool> {
        Ok(!self.fill_buf()?.is_empty() && self.beginning.is_some_and(|(at, _)| at == self.start))
    }

    fn member_offset(&self) -> Option<u64> {
        (!matches!(self.codec, Codec::Plain)).then_some(self.member_offset)
    }

    fn remaining(&self) -> Option<u64> {
        let plain = matches!(self.codec, Codec::Plain);
        let unread = self.size.filter(|_| plain)?.saturating_sub(self.window.position());
        Some(unread + (self.end - self.start) as u64)
    }
}
