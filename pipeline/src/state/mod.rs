//! What is remembered on disk?
//!
//! Append-only logs ([`ledger`], [`horizon`], [`replay_log`]) hold what grows with the stream. A
//! [`snapshot`] holds copies of the bounded tables, the lengths of the logs and the input
//! positions, together in one file. Restoring it truncates the logs to those lengths. So a kill at
//! any moment costs the work since the last snapshot, and nothing else. `docs/formats.md` describes
//! the files.

pub mod base;
pub mod crash_journal;
pub mod horizon;
pub mod ledger;
pub mod log;
pub mod made_with;
pub mod replay_log;
pub mod segments;
pub mod snapshot;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use operators::codec::Corrupt;
use thiserror::Error;

/// Why state could not be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file or folder could not be used.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried, such as `open`.
        action: &'static str,
        /// The path of the file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The bytes of a file are not what was written.
    #[error("{path}: {source}")]
    Corrupt {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong.
        source: Corrupt,
    },
    /// The state belongs to something else, or is used up.
    #[error("{0}")]
    Refused(String),
}

/// Makes new names in a folder durable.
///
/// # Errors
/// Fails if the folder cannot be synced.
pub fn sync_folder(folder: &Path) -> Result<(), StateError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| StateError::file("sync", folder, e))
}

impl StateError {
    /// Wraps an I/O error with what was tried and where.
    pub fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }

    /// Wraps a decoding error with the file it is about.
    pub fn corrupt(path: impl Into<PathBuf>, source: Corrupt) -> Self {
        Self::Corrupt { path: path.into(), source }
    }
}
