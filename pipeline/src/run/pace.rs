//! How large are batches, and how far apart are snapshots?

use crate::config::Config;

/// Most documents in a micro-batch from files.
const FILE_BATCH_DOCUMENTS: usize = 256;

/// The size of a micro-batch and the distance between snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Most records in a micro-batch.
    pub batch_documents: usize,
    /// Most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// Sequence numbers from one snapshot to the next. Snapshots are taken at multiples of it.
    pub snapshot_documents: u32,
}

impl Pace {
    /// The pace of a run that reads files. To commit costs it next to nothing, and a small batch
    /// finds its memory in the processor's caches, where the batch before has left it.
    pub fn of_files(config: &Config) -> Self {
        let pace = Self::of(config);
        Self { batch_documents: pace.batch_documents.min(FILE_BATCH_DOCUMENTS), ..pace }
    }

    /// The pace that a configuration asks for.
    pub fn of(config: &Config) -> Self {
        Self {
            batch_documents: config.engine.batch_documents,
            batch_bytes: config.engine.batch_bytes,
            snapshot_documents: config.state.snapshot_documents,
        }
    }
}
