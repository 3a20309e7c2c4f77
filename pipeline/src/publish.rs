//! The last pass: the staged corpus becomes the final one. Recalled documents go to `quarantine/`, restored copies to
//! `clean/`; lines are renamed as they stand, all else is given the form it leaves in ([`FinalFormatWriter`]).
//!
//! Each staged part is a function of the stream, and where its records go a function of the ledger, so a pass that is killed
//! anywhere is done again with the same result.

use std::path::PathBuf;

use connectors::{
    committer::Channel,
    compression::Compression,
    file::{FileCheckpoint, FileOptions, FinalFormatWriter, publish_part, staged_part},
};
use operators::{
    document::SeqNo,
    lookup::{Fate, Ledger as _},
};
use tracing::debug;

use crate::{
    layout::OutputFolder,
    stage::StageError,
    state::ledger::{Arrival, Ledger},
};

/// Publishes all staged parts of a run whose first sequence number is `first`; `leaving` knows the run's input. `each` is told after
/// every part.
///
/// # Errors
/// If a file cannot be read or written.
pub fn publish(
    output: &OutputFolder,
    options: FileOptions,
    leaving: &mut FinalFormatWriter<'_>,
    mark: &FileCheckpoint,
    ledger: &Ledger,
    first: SeqNo,
    mut each: impl FnMut(),
) -> Result<(), StageError> {
    for (channel, arrival) in
        [(Channel::Clean, Arrival::Clean), (Channel::Duplicate, Arrival::Duplicate), (Channel::Quarantine, Arrival::Quarantined)]
    {
        let mut seqnos = (first..ledger.len() as SeqNo).filter(|&o| ledger.arrival(o) == arrival);
        let records = mark.records(channel);
        let parts = records.div_ceil(options.part_records.max(1));
        for part in 0..parts {
            let in_part = options.part_records.min(records - part * options.part_records) as usize;
            let fates: Vec<Fate> = seqnos.by_ref().take(in_part).map(|o| ledger.fate(o)).collect();
            let staged = staged_part(output.root(), channel, part, options.compression);
            let targets = targets(output, channel, part, options.compression);
            let mut decide = |record: u64, _: &[u8]| target_of(channel, fates.get(record as usize).copied());
            publish_part(&staged, &targets, leaving, &mut decide)?;
            debug!(channel = channel.name(), part, "published");
            each();
        }
    }
    Ok(())
}

/// Where the records of a staged part can go; the first is where they go unless something was learned later.
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

fn target_of(channel: Channel, fate: Option<Fate>) -> usize {
    match (channel, fate) {
        (Channel::Clean, Some(Fate::Recalled)) | (Channel::Duplicate, Some(Fate::Clean)) => 1,
        (Channel::Duplicate, Some(Fate::Recalled)) => 2,
        _ => 0,
    }
}
