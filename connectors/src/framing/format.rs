//! How do records lie in a file: as lines, as records of an archive, or as rows?

use super::{arc, archive::ArchiveFormat, warc};

/// How records lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document a line.
    Jsonl,
    /// WARC or WET.
    Warc,
    /// Rows of a table. Such a file is read from its end, so it is no stream that could be framed.
    Parquet,
    /// ARC.
    Arc,
}

impl Format {
    /// Guesses the format from a file's first (decompressed) bytes.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if warc::Warc::begins(bytes) {
            Some(Self::Warc)
        } else if bytes.starts_with(arc::FILE_PREFIX.as_bytes()) {
            Some(Self::Arc)
        } else if bytes.starts_with(b"{") {
            Some(Self::Jsonl)
        } else if bytes.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else {
            None
        }
    }

    /// Returns a test that says whether bytes may be the beginning of a record, as far as a few
    /// bytes can tell.
    #[must_use]
    pub fn begins(self) -> fn(&[u8]) -> bool {
        match self {
            Self::Jsonl | Self::Parquet => |_| true,
            Self::Warc => warc::Warc::begins,
            Self::Arc => arc::Arc::begins,
        }
    }
}
