//! Which bytes of a stored file are meant? Lists that name single records of archives, and requests
//! for parts of remote objects, say it with this type.

/// A stretch of a file's bytes, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteRange {
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl ByteRange {
    /// Returns the offset just behind the last byte.
    #[must_use]
    pub fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}
