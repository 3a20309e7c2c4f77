//! What comes out of a framer: a record, or a bad stretch, with its place in the file.

use crate::source::{BadRecord, Payload};

/// Bytes kept of a stretch that is no record.
pub const SNIPPET_BYTES_MAX: usize = 4 << 10;

/// A record as it lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it begins in the decompressed bytes.
    pub byte_offset: u64,
    /// What it holds.
    pub payload: Payload,
}

impl Frame {
    /// Makes a frame for a stretch of `length` bytes that is no record. `bytes` is the beginning of
    /// the stretch or more.
    pub(super) fn bad(byte_offset: u64, code: &'static str, message: String, bytes: &[u8], length: u64) -> Self {
        let bytes = bytes[..bytes.len().min(SNIPPET_BYTES_MAX)].to_vec();
        Self { byte_offset, payload: Payload::Bad(BadRecord { code, message, bytes, length, packed: None }) }
    }
}
