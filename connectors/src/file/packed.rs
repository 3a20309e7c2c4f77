//! How is a file of lines written so that it is there as a whole or not at all?

use std::path::{Path, PathBuf};

use super::{
    durable::{create_folder, folder_of, rename, sync_folder, temporary},
    encoder::FrameWriter,
};
use crate::{compression::Compression, error::Error};

/// Writes lines to a file that gets its name only when it is finished.
pub struct PackedFile {
    path: PathBuf,
    writer: FrameWriter,
}

impl PackedFile {
    /// Begins the file `path`, and makes its folder.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn create(path: &Path, compression: Compression) -> Result<Self, Error> {
        create_folder(folder_of(path))?;
        let writer = FrameWriter::create(&temporary(path), compression)?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Adds a line, and its line break.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_line(&mut self, line: &[u8]) -> Result<(), Error> {
        self.writer.write(line)?;
        self.writer.write(b"\n")
    }

    /// Gives the file its name, and makes it durable.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(mut self) -> Result<(), Error> {
        self.writer.finish_frame()?;
        self.writer.sync()?;
        rename(&temporary(&self.path), &self.path)?;
        sync_folder(folder_of(&self.path))
    }
}
