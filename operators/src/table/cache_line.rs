//! Blocks of one cache line, which filters and sketches are made of: a search in one of them reads
//! a single line.

use crate::{
    codec::{Corrupt, Decoder, Encoder},
    text::hash::reduce,
};

/// 512 bits that begin where a cache line begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct CacheLine(pub(crate) [u64; 8]);

impl CacheLine {
    /// Number of bytes.
    pub(crate) const BYTES: usize = 64;

    /// As many empty lines as `bytes` hold, at least one.
    pub(crate) fn empty(bytes: usize) -> Vec<Self> {
        vec![Self::default(); (bytes / Self::BYTES).max(1)]
    }

    /// The line among `lines` that a hash falls on, by the hash's upper bits.
    #[inline]
    pub(crate) fn index(hash: u64, lines: &[Self]) -> usize {
        reduce(hash, lines.len())
    }

    /// Writes lines as one list of numbers.
    pub(crate) fn save_all(lines: &[Self], out: &mut Encoder) {
        out.u64(lines.len() as u64 * 8);
        out.bytes.reserve(lines.len() * Self::BYTES);
        for word in lines.iter().flat_map(|line| line.0) {
            out.u64(word);
        }
    }

    /// Reads what [`Self::save_all`] wrote.
    ///
    /// # Errors
    /// If the bytes are not a whole number of lines, or none.
    pub(crate) fn load_all(from: &mut Decoder<'_>) -> Result<Vec<Self>, Corrupt> {
        let words = from.u64s()?;
        let (lines, rest) = words.as_chunks::<8>();
        if lines.is_empty() || !rest.is_empty() {
            return Err(from.corrupt("whole cache lines"));
        }
        Ok(lines.iter().map(|line| Self(*line)).collect())
    }
}
