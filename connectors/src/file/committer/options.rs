//! With which settings are outputs written?

use crate::compression::Compression;

/// Settings of a [`FileCommitter`](super::FileCommitter). Outputs are continued only with the
/// settings they were begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Compression of the corpus; the other files are never compressed.
    pub compression: Compression,
    /// Records in a staged part, at least 1. The last pass keeps a byte or two for each record of
    /// one part in memory.
    pub part_records: u64,
    /// If false, records of the corpus are dropped, and only decisions, recalls, alarms and dead
    /// letters are written.
    pub corpus: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self { compression: Compression::None, part_records: 100_000, corpus: true }
    }
}
