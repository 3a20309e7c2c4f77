//! How is one zstd frame after the other unpacked (RFC 8878)?
//!
//! The first frame of a WARC file may hold a dictionary for the others (draft of the IIPC,
//! "Zstandard compression for WARC files").

use std::io::{self, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::{
    step::{UnpackError, UnpackStep},
    window::Window,
};
use crate::limits::Limits;

/// The first bytes of a frame.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The first bytes of the frame with the dictionary.
const DICTIONARY_MAGIC: [u8; 4] = [0x5d, 0x2a, 0x4d, 0x18];
/// Largest window, as a power of two: `zstd` itself accepts no larger one without `--long`.
const WINDOW_LOG_MAX: u32 = 27;

/// Unpacks frames.
pub(super) struct Zst {
    decoder: Decoder<'static>,
}

/// Whether a frame of metadata begins here.
pub(super) fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [low, 0x2a, 0x4d, 0x18, ..] if low & 0xf0 == 0x50)
}

impl Zst {
    pub(super) fn new() -> io::Result<Self> {
        Self::with(&[])
    }

    fn with(dictionary: &[u8]) -> io::Result<Self> {
        let mut decoder = Decoder::with_dictionary(dictionary)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { decoder })
    }

    /// Passes over the frame of metadata that is ahead. Loads the dictionary, if the frame is the
    /// first one and holds one.
    pub(super) fn skip(&mut self, window: &mut Window) -> Result<(), UnpackError> {
        let begin = window.position();
        let Some(head) = window.ahead(8)?.first_chunk::<8>().copied() else {
            window.advance(8);
            return Err(UnpackError::Damage("the file ends within a zstd frame of metadata".to_owned()));
        };
        window.advance(head.len());
        let mut left = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let mut dictionary = Vec::new();
        let wanted = begin == 0 && head.starts_with(&DICTIONARY_MAGIC);
        if wanted && left > Limits::DICTIONARY_BYTES_MAX {
            let most = Limits::DICTIONARY_BYTES_MAX;
            return Err(UnpackError::Damage(format!("a zstd dictionary of {left} bytes, expected at most {most}")));
        }
        while left > 0 {
            let ahead = window.ahead(1)?;
            let count = ahead.len().min(left);
            if count == 0 {
                return Err(UnpackError::Damage("the file ends within a zstd frame of metadata".to_owned()));
            }
            if wanted {
                dictionary.extend_from_slice(&ahead[..count]);
            }
            window.advance(count);
            left -= count;
        }
        if wanted {
            let unpacked = unpacked(dictionary);
            *self =
                unpacked.and_then(|d| Self::with(&d)).map_err(|e| UnpackError::Damage(format!("the zstd dictionary: {e}")))?;
        }
        Ok(())
    }

    /// Begins the frame that is ahead.
    pub(super) fn begin(&mut self) -> Result<(), UnpackError> {
        Ok(self.decoder.reinit()?)
    }

    /// Unpacks into `out`.
    pub(super) fn run(&mut self, window: &mut Window, out: &mut [u8]) -> Result<UnpackStep, UnpackError> {
        loop {
            let (mut input, mut output) = (InBuffer::around(window.ahead(1)?), OutBuffer::around(&mut *out));
            let left = self.decoder.run(&mut input, &mut output);
            let left = left.map_err(|error| UnpackError::Damage(format!("data that is no zstd: {error}")))?;
            let (read, written) = (input.pos(), output.pos());
            window.advance(read);
            if left == 0 || written > 0 {
                return Ok(UnpackStep { bytes: written, ended: left == 0, flaw: None });
            }
            if read == 0 {
                return Err(UnpackError::Damage("the file ends within a zstd frame".to_owned()));
            }
        }
    }

    /// Returns the first unpacked bytes of a frame that begins with `bytes`; `None` if no frame
    /// does. Forgets the frame that was being unpacked.
    pub(super) fn trial<'a>(&mut self, bytes: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
        self.decoder.reinit().ok()?;
        let (mut input, mut output) = (InBuffer::around(bytes), OutBuffer::around(&mut *out));
        self.decoder.run(&mut input, &mut output).ok()?;
        let written = output.pos();
        Some(&out[..written])
    }
}

/// Unpacks a dictionary, if it is packed itself.
fn unpacked(dictionary: Vec<u8>) -> io::Result<Vec<u8>> {
    if !dictionary.starts_with(&MAGIC) {
        return Ok(dictionary);
    }
    let mut unpacked = Vec::new();
    let most = Limits::DICTIONARY_BYTES_MAX as u64;
    let mut decoder = zstd::Decoder::with_buffer(&dictionary[..])?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    if decoder.take(most + 1).read_to_end(&mut unpacked)? as u64 > most {
        return Err(io::Error::other(format!("more than {most} bytes unpacked")));
    }
    Ok(unpacked)
}
