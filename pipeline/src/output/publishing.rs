//! How does the staged corpus become the final one, in the last pass?
//!
//! Recalled documents go to `quarantine/` and restored copies to `clean/`. A part whose lines all
//! stay is renamed as it is; all other parts are written anew, in their final format
//! ([`FinalFormatWriter`]).
//!
//! A staged part depends on the stream alone, and where its records go depends on the ledger alone.
//! So a pass that is killed anywhere is done again with the same result.

use std::path::PathBuf;

use connectors::{
    committer::Channel,
    compression::Compression,
    error::Error,
    file::{FileCheckpoint, FileOptions, FinalFormatWriter, publish_part, publish_whole, staged_part},
};
use operators::{
    document::SeqNo,
    lookup::{Fate, Ledger as _},
};
use tracing::debug;

use crate::{
    layout::OutputFolder,
    state::ledger::{Arrival, Ledger},
};

/// Publishes all staged parts of a run whose first sequence number is `first`. `writer` knows the
/// run's input; `each` is called after every part.
///
/// # Errors
/// If a file cannot be read or written.
pub fn publish(
    output: &OutputFolder,
    options: FileOptions,
    writer: &mut FinalFormatWriter<'_>,
    checkpoint: &FileCheckpoint,
    ledger: &Ledger,
    first: SeqNo,
    mut each: impl FnMut(),
) -> Result<(), Error> {
    for (channel, arrival) in
        [(Channel::Clean, Arrival::Clean), (Channel::Duplicate, Arrival::Duplicate), (Channel::Quarantine, Arrival::Quarantined)]
    {
        let mut seqnos = (first..ledger.len() as SeqNo).filter(|&o| ledger.arrival(o) == arrival);
        let records = checkpoint.records(channel);
        let parts = records.div_ceil(options.part_records.max(1));
        for part in 0..parts {
            let in_part = options.part_records.min(records - part * options.part_records) as usize;
            let fates: Vec<Fate> = seqnos.by_ref().take(in_part).map(|o| ledger.fate(o)).collect();
            let staged = staged_part(output.root(), channel, part, options.compression);
            let targets = targets(output, channel, part, options.compression);
            let stays = fates.len() == in_part && fates.iter().all(|&fate| target_of(channel, Some(fate)) == 0);
            if stays && writer.leaves_all_as_staged() {
                publish_whole(&staged, &targets)?;
            } else {
                let mut decide = |record: u64, _: &[u8]| target_of(channel, fates.get(record as usize).copied());
                publish_part(&staged, &targets, writer, &mut decide)?;
            }
            debug!(channel = channel.name(), part, "published");
            each();
        }
    }
    Ok(())
}

/// The files that the records of a staged part can go to. They go to the first one unless their
/// fate has changed since.
fn targets(output: &OutputFolder, channel: Channel, part: u64, compression: Compression) -> Vec<PathBuf> {
    let suffix = compression.suffix();
    let path = |folder: Channel, stem: &str| output.root().join(folder.name()).join(format!("{stem}-{part:05}.jsonl{suffix}"));
    match channel {
        Channel::Clean => vec![path(Channel::Clean, "part"), path(Channel::Quarantine, "recalled")],
        Channel::Duplicate => vec![
            path(Channel::Duplicate, "part"),
            path(Channel::Clean, "restored"),
            path(Channel::Quarantine, "recalled-duplicates"),
        ],
        _ => vec![path(channel, "part")],
    }
}

/// The number of the file that a record goes to.
fn target_of(channel: Channel, fate: Option<Fate>) -> usize {
    match (channel, fate) {
        (Channel::Clean, Some(Fate::Recalled)) | (Channel::Duplicate, Some(Fate::Clean)) => 1,
        (Channel::Duplicate, Some(Fate::Recalled)) => 2,
        _ => 0,
    }
}
