//! How large are batches, and how far apart are snapshots?

use std::time::Duration;

use crate::config::Config;

/// Most documents in a micro-batch from files.
const FILE_BATCH_DOCUMENTS: usize = 128;

/// The size of a micro-batch and the distance between snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Most records in a micro-batch.
    pub batch_documents: usize,
    /// Most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// Sequence numbers from one snapshot to the next. Snapshots are taken at multiples of it.
    pub snapshot_documents: u32,
    /// The longest time from one snapshot to the next, while documents come at all.
    pub snapshot_every: Duration,
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
            snapshot_every: Duration::MAX,
        }
    }

    /// The pace of a stage between topics. Only there are snapshots taken by time: in files the
    /// frames of compressed outputs end at snapshots, and the bytes must not depend on a clock.
    pub fn of_stage(config: &Config) -> Self {
        Self { snapshot_every: Duration::from_secs(config.state.snapshot_seconds.into()), ..Self::of(config) }
    }
}
