//! How are outputs written to files, so that they can be brought back to a checkpoint?
//!
//! ```text
//! DIR/.weir/staged/CHANNEL/part-00000.jsonl[.gz|.zst]    clean, quarantine, duplicates: moved by the last pass
//! DIR/CHANNEL.jsonl                                      decisions, recalls, alarms, dead-letters: always there, never compressed
//! ```
//!
//! A batch is kept in memory until its commit, which appends it. Nothing is durable before the next
//! checkpoint: that closes the compression frames, syncs the files and names their lengths, and
//! `recover` truncates everything to them. So outputs are never newer than the snapshot that holds
//! the checkpoint, and no journal is needed: the one given to `commit` is dropped. The same records
//! with checkpoints at the same places give the same bytes, whatever was truncated in between.
//!
//! **Cost** one copy and one compression. **State** one batch, and 256 KiB for each channel. A
//! failed commit may have appended to some files and not to others, so nothing is accepted after it
//! until `recover`.

mod checkpoint;
mod options;
mod output;

use std::path::{Path, PathBuf};

pub use checkpoint::{FileCheckpoint, OutputCheckpoint};
use memchr::memchr;
pub use options::FileOptions;
pub use output::staged_part;

use self::output::ChannelOutput;
use super::durable::sync_folder;
use crate::{
    committer::{Channel, Committer, Outgoing, Recovered},
    error::Error,
    kill,
    position::Positions,
};

/// Writes outputs into a folder.
pub struct FileCommitter {
    options: FileOptions,
    outputs: Vec<ChannelOutput>,
    /// The open batch, channel by channel.
    batch: Vec<ChannelBatch>,
    state: CommitterState,
}

/// Records of one channel in the open batch, and where each of them ends.
#[derive(Clone, Default)]
struct ChannelBatch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CommitterState {
    /// What the files hold is unknown: only `recover` is allowed.
    Unknown,
    Ready,
    InBatch,
}

impl FileCommitter {
    /// Makes a committer for `folder`. Its first call must be [`Committer::recover`]; nothing is
    /// touched before that.
    #[must_use]
    pub fn new(folder: &Path, options: FileOptions) -> Self {
        let options = FileOptions { part_records: options.part_records.max(1), ..options };
        let outputs = Channel::ALL.iter().map(|channel| ChannelOutput::new(folder, *channel, options)).collect();
        Self { options, outputs, batch: vec![ChannelBatch::default(); Channel::ALL.len()], state: CommitterState::Unknown }
    }

    fn expect_state(&self, expected: CommitterState, call: &str) -> Result<(), Error> {
        if self.state == expected {
            return Ok(());
        }
        let why = match self.state {
            CommitterState::Unknown => "outputs have not been recovered, or a commit has failed",
            CommitterState::Ready => "no batch is open",
            CommitterState::InBatch => "a batch is open",
        };
        Err(Error::Refused(format!("{call}: {why}")))
    }

    fn append_batch(&mut self) -> Result<(), Error> {
        for (output, batch) in self.outputs.iter_mut().zip(&self.batch) {
            let (mut begin, mut ends) = (0, &batch.ends[..]);
            while !ends.is_empty() {
                let (some, rest) = ends.split_at(output.room().min(ends.len()));
                output.append(&batch.bytes, begin, some)?;
                (begin, ends) = (some.last().copied().unwrap_or(begin), rest);
            }
            if begin > 0 {
                kill::point("commit.partial");
            }
        }
        Ok(())
    }

    fn clear_batch(&mut self) {
        for batch in &mut self.batch {
            batch.bytes.clear();
            batch.ends.clear();
        }
    }

    fn make_durable(&mut self) -> Result<(), Error> {
        for output in &mut self.outputs {
            output.flush()?;
        }
        kill::point("checkpoint.flushed");
        let mut folders: Vec<PathBuf> = Vec::new();
        for output in &mut self.outputs {
            folders.extend(output.sync()?);
        }
        kill::point("checkpoint.files_synced");
        folders.sort();
        folders.dedup();
        folders.iter().try_for_each(|folder| sync_folder(folder))?;
        kill::point("checkpoint.synced");
        Ok(())
    }
}

impl Committer for FileCommitter {
    fn recover(&mut self, checkpoint: Option<&[u8]>) -> Result<Recovered, Error> {
        self.state = CommitterState::Unknown;
        self.clear_batch();
        let checkpoint = match checkpoint {
            Some(bytes) => FileCheckpoint::decode(bytes)?,
            None => FileCheckpoint::beginning(self.options),
        };
        checkpoint.check(self.options)?;
        for (output, to) in self.outputs.iter_mut().zip(checkpoint.outputs) {
            output.recover(to)?;
            kill::point("recover.truncated");
        }
        kill::point("recover.done");
        self.state = CommitterState::Ready;
        Ok(Recovered::default())
    }

    fn keeps_journal(&self) -> bool {
        false
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.expect_state(CommitterState::Ready, "begin")?;
        self.state = CommitterState::InBatch;
        Ok(())
    }

    /// Adds a record as one line. The line break is added here; a record that contains one is
    /// refused, since the last pass counts lines.
    fn write(&mut self, record: &Outgoing<'_>) -> Result<(), Error> {
        let Outgoing { channel, value, .. } = *record;
        self.expect_state(CommitterState::InBatch, "write")?;
        if let Some(at) = memchr(b'\n', value) {
            return Err(Error::Refused(format!("record for {} has a line break at byte {at}, expected none", channel.name())));
        }
        if self.options.corpus || !output::is_corpus(channel) {
            let batch = &mut self.batch[channel as usize];
            batch.bytes.extend_from_slice(value);
            batch.bytes.push(b'\n');
            batch.ends.push(batch.bytes.len());
        }
        Ok(())
    }

    /// Appends the batch to the files. Positions and journal are dropped: outputs are never newer
    /// than the snapshot.
    fn commit(&mut self, _: &Positions, _: &[u8]) -> Result<(), Error> {
        self.expect_state(CommitterState::InBatch, "commit")?;
        // If appending fails half way, it is unknown what the files hold.
        self.state = CommitterState::Unknown;
        kill::point("commit.begun");
        self.append_batch()?;
        self.clear_batch();
        self.state = CommitterState::Ready;
        kill::point("commit.done");
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, Error> {
        self.expect_state(CommitterState::Ready, "checkpoint")?;
        self.state = CommitterState::Unknown;
        self.make_durable()?;
        self.state = CommitterState::Ready;
        let outputs = self.outputs.iter().map(ChannelOutput::checkpoint).collect();
        Ok(FileCheckpoint { options: self.options, outputs }.encode())
    }
}

#[cfg(test)]
pub(super) mod tests;
