//! How much of a hostile input is held in memory or decompressed at most?

/// Bounds on one input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line or archive block that is passed on; a longer one becomes a `record_too_large`.
    pub record_bytes_max: usize,
    /// Most decompressed bytes for each compressed byte of a file or of one of its members, after
    /// the first [`Limits::RATIO_FREE_BYTES`].
    pub ratio_max: u64,
    /// Longest header block of an archive's record.
    pub header_bytes_max: usize,
}

impl Limits {
    /// Decompressed bytes before the ratio counts, because short files of repeated text are not
    /// bombs.
    pub const RATIO_FREE_BYTES: u64 = 16 << 20;
    /// Bytes that may be read again in search of a record's beginning, in addition to twice what
    /// was read. Without this bound, a file of false beginnings would make the reader do the same
    /// work for each of them.
    pub const RESCAN_FREE_BYTES: u64 = 64 << 20;
    /// Longest zstd dictionary: those in use have 100 KiB to 1 MiB.
    pub const DICTIONARY_BYTES_MAX: usize = 8 << 20;
    /// Most files in a WACZ that are looked at; its index and its pages are a handful, its archives
    /// at most thousands.
    pub const ZIP_ENTRIES_MAX: u64 = 1 << 16;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 16 << 20, // the largest pages of a crawl are cut at 1 MiB, books reach some MiB
            ratio_max: 1000,            // deflate ends at 1032; real text is below 20
            header_bytes_max: 64 << 10, // a URL of 8 KiB in three fields leaves room
        }
    }
}
