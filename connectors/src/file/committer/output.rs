//! How is one channel written to its file, or to its staged parts?

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{checkpoint::OutputCheckpoint, options::FileOptions};
use crate::{
    committer::Channel,
    compression::Compression,
    error::Error,
    file::{
        durable::{create_folder, folder_of, remove, sync_folder},
        encoder::FrameWriter,
    },
    kill,
};

/// Tells whether a channel is part of the corpus: staged in parts, compressed, and moved by the
/// last pass.
pub(super) fn is_corpus(channel: Channel) -> bool {
    matches!(channel, Channel::Clean | Channel::Quarantine | Channel::Duplicate)
}

/// Returns the path at which a part of a corpus channel is staged.
#[must_use]
pub fn staged_part(folder: &Path, channel: Channel, part: u64, compression: Compression) -> PathBuf {
    staged_folder(folder, channel).join(format!("part-{part:05}.jsonl{}", compression.suffix()))
}

fn staged_folder(folder: &Path, channel: Channel) -> PathBuf {
    folder.join(".weir").join("staged").join(channel.name())
}

/// Returns the number of the part that a staged file's name tells.
fn part_of(name: &str) -> Option<u64> {
    name.strip_prefix("part-")?.split('.').next()?.parse().ok()
}

/// The file or parts of one channel.
pub(super) struct ChannelOutput {
    folder: PathBuf,
    channel: Channel,
    options: FileOptions,
    at: OutputCheckpoint,
    writer: Option<FrameWriter>,
    /// Whether the file was written to, or created, since the last checkpoint.
    dirty: bool,
    created: bool,
}

impl ChannelOutput {
    pub(super) fn new(folder: &Path, channel: Channel, options: FileOptions) -> Self {
        let (folder, at) = (folder.to_owned(), OutputCheckpoint::default());
        Self { folder, channel, options, at, writer: None, dirty: false, created: false }
    }

    fn compression(&self) -> Compression {
        if is_corpus(self.channel) { self.options.compression } else { Compression::None }
    }

    fn path(&self) -> PathBuf {
        if is_corpus(self.channel) {
            staged_part(&self.folder, self.channel, self.at.part, self.options.compression)
        } else {
            self.folder.join(format!("{}.jsonl", self.channel.name()))
        }
    }

    /// Returns how many records may be appended at once: those for which the part has room, or the
    /// next one if it has none.
    pub(super) fn room(&self) -> usize {
        let part = self.options.part_records;
        let room = if is_corpus(self.channel) { part - self.at.records % part } else { u64::MAX };
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Appends records with their line breaks, no more than there is [`Self::room`] for. The first
    /// one begins in `lines` at `begin`, and each ends at one of `ends`.
    pub(super) fn append(&mut self, lines: &[u8], begin: usize, ends: &[usize]) -> Result<(), Error> {
        if is_corpus(self.channel) && self.at.records == self.options.part_records {
            self.roll()?;
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open()?,
        };
        writer.write_lines(lines, begin, ends)?;
        self.writer = Some(writer);
        self.at.records += ends.len() as u64;
        self.dirty = true;
        Ok(())
    }

    fn open(&mut self) -> Result<FrameWriter, Error> {
        let path = self.path();
        if self.at.bytes == 0 {
            self.created = true;
            return FrameWriter::create(&path, self.compression());
        }
        let file = File::options().append(true).open(&path).map_err(|source| Error::file("open", &path, source))?;
        Ok(FrameWriter::new(file, path, self.compression(), self.at.bytes))
    }

    /// Completes the part and begins the next one. The part is synced here, so that a checkpoint
    /// never has more than one file of this channel to sync.
    fn roll(&mut self) -> Result<(), Error> {
        self.flush()?;
        if let Some(writer) = self.writer.take() {
            writer.sync()?;
        }
        self.at = OutputCheckpoint { part: self.at.part + 1, records: 0, bytes: 0 };
        kill::point("part.rolled");
        Ok(())
    }

    /// Closes the compression frame, so that the file holds everything.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if let Some(writer) = &mut self.writer {
            writer.finish_frame()?;
            self.at.bytes = writer.bytes();
        }
        Ok(())
    }

    /// Makes the file durable. Returns its folder if that must be made durable, too.
    pub(super) fn sync(&mut self) -> Result<Option<PathBuf>, Error> {
        if self.dirty
            && let Some(writer) = &self.writer
        {
            writer.sync()?;
        }
        let folder = self.created.then(|| folder_of(&self.path()).to_owned());
        (self.dirty, self.created) = (false, false);
        Ok(folder)
    }

    pub(super) fn checkpoint(&self) -> OutputCheckpoint {
        self.at
    }

    /// Truncates the files to `checkpoint`. Nothing is synced where nothing changes.
    pub(super) fn recover(&mut self, checkpoint: OutputCheckpoint) -> Result<(), Error> {
        (self.writer, self.dirty, self.created, self.at) = (None, false, false, checkpoint);
        let path = self.path();
        let folder = folder_of(&path);
        let mut changed = false;
        if is_corpus(self.channel) {
            if self.options.corpus {
                create_folder(folder)?;
            }
            changed |= self.remove_parts_beyond(folder)?;
        } else {
            create_folder(folder)?;
            if !path.exists() {
                // The file is there even if nothing is ever written to it.
                File::create(&path).map_err(|source| Error::file("create", &path, source))?;
                changed = true;
            }
        }
        if checkpoint.bytes > 0 || path.exists() {
            truncate(&path, checkpoint.bytes)?;
        }
        if changed { sync_folder(folder) } else { Ok(()) }
    }

    /// Removes parts behind the checkpoint. Returns whether there were any.
    fn remove_parts_beyond(&self, folder: &Path) -> Result<bool, Error> {
        let failed = |source| Error::file("list", folder, source);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        let mut any = false;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let part = entry.file_name().to_str().and_then(part_of);
            if part.is_some_and(|part| part > self.at.part || (part == self.at.part && self.at.bytes == 0)) {
                remove(&entry.path())?;
                any = true;
            }
        }
        Ok(any)
    }
}

fn truncate(path: &Path, bytes: u64) -> Result<(), Error> {
    let open = || {
        let file = File::options().write(true).open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (file, length) = open().map_err(|source| Error::file("open", path, source))?;
    if length < bytes {
        let path = path.display();
        return Err(Error::Refused(format!(
            "{path} has {length} bytes, expected at least {bytes}: it was changed since the last run"
        )));
    }
    if length == bytes {
        return Ok(());
    }
    file.set_len(bytes).and_then(|()| file.sync_all()).map_err(|source| Error::file("truncate", path, source))
}
