//! Which ids came by lately?
//!
//! **State** hashes of the newest [`IDS_MAX`] ids: some 3 MB when full.

use std::collections::{BTreeSet, VecDeque};

/// Ids that are kept: more than a file of Common Crawl has responses.
pub(super) const IDS_MAX: usize = 1 << 16;

/// A set of the newest ids. Adding one more than [`IDS_MAX`] forgets the oldest.
#[derive(Debug, Default)]
pub(super) struct RecentIds {
    /// Hashes of the ids.
    pub(super) ids: BTreeSet<[u8; 16]>,
    /// The same hashes, the oldest first.
    pub(super) order: VecDeque<[u8; 16]>,
}

impl RecentIds {
    /// Adds an id, unless it is there.
    pub(super) fn add(&mut self, id: &str) {
        let hash = hash(id);
        if !self.ids.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > IDS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    /// Whether the id is among the newest.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(&hash(id))
    }
}

/// Hashes an id with BLAKE3: ids are whatever an archive says, and nobody shall make two that
/// collide.
fn hash(id: &str) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
    hash
}
