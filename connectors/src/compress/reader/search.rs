//! Where does the next member begin, after damage or among garbage?

use std::io;

use super::{PendingDamage, Reader};
use crate::{
    compress::{codec::Codec, zst},
    limits::Limits,
};

/// Packed bytes that are looked at to tell whether a member begins.
const TRIAL_BYTES: usize = 4 << 10;
/// Bytes that are unpacked from them.
const TRIAL_OUT_BYTES: usize = 256;

impl Reader {
    /// Goes to the first byte of a member, past padding and past frames of metadata. Returns false
    /// at the end of the file, and before garbage, which is damage.
    pub(super) fn find_beginning(&mut self) -> io::Result<bool> {
        let begin = self.window.position();
        loop {
            let ahead = self.window.ahead(Codec::MAGIC_BYTES)?;
            if ahead.is_empty() {
                return Ok(false);
            }
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            let skippable = zst::is_skippable(ahead);
            if zeros > 0 {
                self.window.advance(zeros);
            } else if self.magic(0)? {
                return Ok(true);
            } else if let Codec::Zstd(zst) = &mut self.codec
                && skippable
            {
                if let Err(error) = zst.skip(&mut self.window) {
                    self.fail(error)?;
                    return Ok(false);
                }
            } else {
                let code = self.codec.code("gzip_garbage", "zstd_garbage");
                let message = format!("got bytes that begin no member at byte {} of the file", self.window.position());
                let search_from = self.window.position();
                self.pending = Some(PendingDamage { code, message, begin, search_from });
                return Ok(false);
            }
        }
    }

    /// Whether the magic bytes of a member stand `at` bytes ahead.
    fn magic(&mut self, at: usize) -> io::Result<bool> {
        let magic = self.codec.magic();
        let ahead = self.window.ahead(at + magic.len())?;
        Ok(ahead.get(at..).is_some_and(|ahead| ahead.starts_with(magic)))
    }

    /// Goes to the next member behind this place of the file, or to the end of the file.
    pub(super) fn search(&mut self, from: u64) -> io::Result<()> {
        // Without an allowance, a file made of false beginnings would be unpacked again and again.
        let here = self.window.position();
        let allowed = Limits::RESCAN_FREE_BYTES.saturating_add(here.saturating_mul(2)).saturating_sub(self.rescanned);
        self.rescanned += self.window.go_back(from.max(here.saturating_sub(allowed)).min(here));
        loop {
            let magic = self.codec.magic()[0];
            let ahead = self.window.ahead(1)?;
            if ahead.is_empty() {
                return Ok(());
            }
            let count = ahead.iter().position(|byte| *byte == magic).unwrap_or(ahead.len());
            self.window.advance(count);
            if count == 0 {
                if self.magic(0)? && self.is_beginning()? {
                    return Ok(());
                }
                self.window.advance(1);
            }
        }
    }

    /// Whether the bytes ahead unpack to what is expected.
    fn is_beginning(&mut self) -> io::Result<bool> {
        let mut out = [0; TRIAL_OUT_BYTES];
        let ahead = self.window.ahead(TRIAL_BYTES)?;
        let unpacked = match &mut self.codec {
            Codec::Plain => None,
            Codec::Gzip(gzip) => gzip.trial(ahead, &mut out),
            Codec::Zstd(zst) => zst.trial(ahead, &mut out),
        };
        Ok(unpacked.is_some_and(self.expected))
    }
}
