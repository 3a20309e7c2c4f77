//! Where does an engine without a trusted background keep what it learns, and how far has it
//! learned?
//!
//! A learned version is kept beside the snapshots: fates have changed since, so it could not be
//! learned again.

use std::path::PathBuf;

use operators::document::SeqNo;

/// How an engine without a trusted background learns from its own past.
#[derive(Debug)]
pub struct Bootstrap {
    folder: PathBuf,
    /// Documents younger than this are not learned from.
    pub(super) delay: SeqNo,
    /// How many sequence numbers the version in force was learned from; 0 if none was learned yet.
    pub(super) learned: SeqNo,
}

impl Bootstrap {
    /// Versions are kept in `folder`, and learned from documents that are older than `delay`
    /// documents.
    pub fn new(folder: PathBuf, delay: SeqNo) -> Self {
        Self { folder, delay, learned: 0 }
    }

    pub(super) fn path(&self, learned: SeqNo) -> PathBuf {
        self.folder.join(format!("own-{learned:010}.weir"))
    }
}
