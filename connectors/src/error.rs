//! What can go wrong with files, disks and brokers?
//!
//! A bad record is not an error but data ([`crate::source::Payload::Bad`]).

use std::{io, path::PathBuf};

use thiserror::Error;

/// What may be done about a failed call to a broker. The names are those of Kafka's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same call may be made again.
    Retriable,
    /// The open transaction must be aborted. After a recovery, work goes on.
    Abortable,
    /// The process must end.
    Fatal,
    /// This record can never be written; others can.
    Record,
}

/// A failure of something outside this program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be used.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried, such as "open".
        action: &'static str,
        /// The path that it was tried on.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something is no longer what an earlier run has seen.
    #[error("input has changed since the last run: {0}")]
    Changed(String),
    /// The journal does not lead on from a saved state.
    #[error(
        "{0}; --accept-loss keeps the state, goes on at the group's committed offsets, and does not learn what was decided in \
         between; a standby may begin with a copy of the active process's state.directory instead"
    )]
    JournalBroken(String),
    /// The program declines to go on, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// A call to a broker failed; `class` says what may be done about it.
    #[error("{action}: {reason}")]
    Broker {
        /// What was tried, such as "commit the transaction".
        action: &'static str,
        /// What may be done about it. The call was tried again already where that is allowed.
        class: ErrorClass,
        /// The client's message.
        reason: String,
    },
    /// Another process has taken over, so this one must not write any more.
    #[error("{action}: fenced by a newer process of the same group: {reason}")]
    Fenced {
        /// What was tried.
        action: &'static str,
        /// The client's message.
        reason: String,
    },
    /// A record is larger than its topic takes. Nothing was written, and the batch stays open.
    #[error("record of {bytes} bytes for {channel}, its topic takes at most {bytes_max}")]
    TooLarge {
        /// The output that the record was for.
        channel: &'static str,
        /// The size of the record with key and headers.
        bytes: usize,
        /// The most bytes that the topic takes.
        bytes_max: usize,
    },
    /// The brokers refuse records for what they are, so that no other try helps. Nothing of the
    /// batch was written.
    #[error("{topic} refuses a record for good: {reason}")]
    RecordsRefused {
        /// The topic of the first of them.
        topic: String,
        /// Their numbers, in the order in which the batch was written. The journal record has the
        /// number behind the last.
        records: Vec<usize>,
        /// Whether they are too large. Then any record that was sent along is among them.
        by_size: bool,
        /// The client's message.
        reason: String,
    },
    /// A fault injected by a test.
    #[error("injected fault: {0}")]
    Injected(&'static str),
}

impl Error {
    /// Wraps an I/O error with what was tried and where.
    pub fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }

    /// Turns a reader's error into the error of ours that it carries, or else into a failed read of
    /// `path`.
    pub(crate) fn reading(path: impl Into<PathBuf>, source: io::Error) -> Self {
        source.downcast::<Self>().unwrap_or_else(|source| Self::file("read", path, source))
    }
}
