//! Which bytes does a file hold, once it is unpacked?

mod search;

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use super::{
    codec::Codec,
    damage::{Damage, Stretch},
    gzip,
    members::Members,
    step::UnpackError,
    window::Window,
};
use crate::limits::Limits;

/// Unpacked bytes that are held.
pub(super) const BUFFER_BYTES: usize = 64 << 10;
/// Bytes of a new member that are unpacked before any is handed out, so that a reader can tell what begins there.
const BEGINNING_BYTES: usize = 16;

/// A gzip member or zstd frame that is being unpacked.
struct Member {
    /// Where it begins in the file.
    offset: u64,
    /// Bytes unpacked from it.
    produced: u64,
}

/// Damage that a reader has come to. The reader reports it once the bytes that were unpacked before it have been read.
struct PendingDamage {
    code: &'static str,
    message: String,
    begin: u64,
    /// Where the next member is looked for.
    search_from: u64,
}

/// Reads a file's decompressed bytes.
pub struct Reader {
    window: Window,
    codec: Codec,
    ratio_max: u64,
    /// What a member found by searching must unpack to.
    expected: fn(&[u8]) -> bool,
    member: Option<Member>,
    /// Bytes unpacked from members that are no bombs.
    produced: u64,
    /// Bytes that searches went back over.
    rescanned: u64,
    pending: Option<PendingDamage>,
    /// Damage before the first byte.
    first: Option<Damage>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The newest member whose first byte is in `buffer`: its place there and in the file.
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
        // What is read may be unpacked from something else, and damaged there.
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

    /// Says how many bytes the file has, where that is known.
    #[must_use]
    pub fn sized(self, size: Option<u64>) -> Self {
        Self { size, ..self }
    }

    /// Says what a member begins with that is found behind damage; anything, if nothing is said.
    pub fn expect(&mut self, expected: fn(&[u8]) -> bool) {
        self.expected = expected;
    }

    /// Bytes taken from the file so far, as they are on disk.
    pub fn consumed(&self) -> u64 {
        self.window.position()
    }

    /// At least `wanted` of the next bytes, not consumed; fewer at the end, at the end of a member, or before damage, which the
    /// next read says.
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
                break; // what is handed out belongs to one member
            }
            self.unpack()?;
            if self.end == before {
                break;
            }
        }
        Ok(&self.buffer[..self.end])
    }

    /// Unpacks more behind what is there; nothing at the end, or where damage was met.
    fn unpack(&mut self) -> io::Result<()> {
        while self.pending.is_none() && self.end < self.buffer.len() {
            if matches!(self.codec, Codec::Plain) {
                let mut ahead = self.window.ahead(1)?;
                let count = ahead.read(&mut self.buffer[self.end..])?;
                self.window.advance(count);
                self.end += count;
                return Ok(());
            }
            if self.member.is_none() && !self.begin_member()? {
                return Ok(());
            }
            let (Some(member), false) = (&mut self.member, self.pending.is_some()) else { return Ok(()) };
            let out = &mut self.buffer[self.end..];
            let made = match &mut self.codec {
                Codec::Plain => return Ok(()),
                Codec::Gzip(gzip) => gzip.run(&mut self.window, out),
                Codec::Zstd(zst) => zst.run(&mut self.window, out),
            };
            match made {
                Ok(made) => {
                    member.produced += made.bytes as u64;
                    let young = member.produced < BEGINNING_BYTES as u64;
                    self.end += made.bytes;
                    self.produced += made.bytes as u64;
                    if let Some(flaw) = made.flaw {
                        // The data came to its end, so the next member begins here, or within what was taken for the trailer.
                        self.note_damage(flaw, self.window.position() - gzip::TRAILER_BYTES as u64);
                    } else if made.ended {
                        self.member = None;
                    } else {
                        self.check_ratio();
                    }
                    if made.bytes > 0 && (made.ended || !young) {
                        return Ok(());
                    }
                }
                Err(fault) => self.fail(fault)?,
            }
        }
        Ok(())
    }

    /// Begins the next member; false at the end of the file, or where something else stands, which is then met damage.
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
        begun.or_else(|fault| self.fail(fault)).map(|()| true)
    }

    fn fail(&mut self, fault: UnpackError) -> io::Result<()> {
        match fault {
            UnpackError::Disk(error) => return Err(error),
            UnpackError::Damage(message) => {
                let begin = self.member.as_ref().map_or(self.window.position(), |member| member.offset);
                self.note_damage(&message, begin + 1);
            }
        }
        Ok(())
    }

    /// Ends the member with damage, behind which the next one is looked for from a place on.
    fn note_damage(&mut self, message: &str, search_from: u64) {
        let near = self.window.position();
        let begin = self.member.take().map_or(near, |member| member.offset);
        let code = self.codec.code("gzip_corrupt", "zstd_corrupt");
        self.pending =
            Some(PendingDamage { code, message: format!("{message}, near byte {near} of the file"), begin, search_from });
    }

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
        // What a bomb gave is no measure of the members behind it.
        self.produced = self.produced.saturating_sub(made);
        self.member = None;
    }

    /// Says the damage that was met, once the next member is found.
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
        // What is handed out at once belongs to one member.
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

impl Members for Reader {
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
