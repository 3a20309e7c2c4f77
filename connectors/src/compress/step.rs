//! What does one step of unpacking give, or why does unpacking stop?
//!
//! The unpackers of gzip and zstd return these two types to the reader in `compress/reader`.

use std::io;

/// Why unpacking stopped.
pub(super) enum UnpackError {
    /// The file could not be read.
    Disk(io::Error),
    /// The data of the file cannot be unpacked any further.
    Damage(String),
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The result of one step of unpacking.
pub(super) struct UnpackStep {
    /// Bytes that were written.
    pub bytes: usize,
    /// Whether the member is over.
    pub ended: bool,
    /// Why the bytes that were unpacked from the member cannot be right.
    pub flaw: Option<&'static str>,
}
