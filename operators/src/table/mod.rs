//! Bounded tables of keyed hashes: what counts, filters and candidates are made of.
//!
//! All of them take 64-bit keys that are keyed hashes already, hold a number of bytes fixed by their options, and behave
//! the same on every machine. None of them iterates in an order that depends on anything but the sequence of calls.

pub mod bloom;
pub mod candidates;
pub(crate) mod copies;
pub mod counts;
pub mod gate;
pub mod pool;
pub mod sketch;

pub use bloom::Bloom;
pub use candidates::{Candidate, Candidates};
pub(crate) use copies::Copies;
pub use counts::Counts;
pub use gate::Gate;
pub use sketch::Sketch;

/// One cache line: a look-up in a blocked filter touches no more than this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [u64; 8]);

impl Line {
    /// Number of bytes.
    pub(crate) const BYTES: usize = 64;
}

/// Which of `n` lines a hash falls on: its upper bits, without a division.
#[inline]
pub(crate) fn line_of(hash: u64, n: usize) -> usize {
    ((u128::from(hash) * n as u128) >> 64) as usize
}

/// Writes lines as one run of numbers.
pub(crate) fn save_lines(lines: &[Line], out: &mut crate::codec::Encoder) {
    out.u64(lines.len() as u64 * 8);
    out.bytes.reserve(lines.len() * Line::BYTES);
    for word in lines.iter().flat_map(|l| l.0) {
        out.u64(word);
    }
}

/// Reads what [`save_lines`] wrote.
pub(crate) fn load_lines(from: &mut crate::codec::Decoder<'_>) -> Result<Vec<Line>, crate::codec::Corrupt> {
    let words = from.u64s()?;
    let (lines, rest) = words.as_chunks::<8>();
    if lines.is_empty() || !rest.is_empty() {
        return Err(from.corrupt("whole cache lines"));
    }
    Ok(lines.iter().map(|l| Line(*l)).collect())
}
