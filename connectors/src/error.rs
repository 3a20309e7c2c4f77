//! What can go wrong with the world outside: files, disks, brokers. A bad record is no error but data
//! ([`crate::source::Payload::Bad`]).

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
}

/// A failed dependency.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be used.
    #[error("{action} {path}: {source}")]
    File {
        /// What was tried, such as "open".
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The input is not what an earlier run has seen.
    #[error("input has changed since the last run: {0}")]
    Changed(String),
    /// An output cannot be continued.
    #[error("{0}")]
    Refused(String),
    /// A call to a broker failed; `class` says what may be done about it.
    #[error("{action}: {reason}")]
    Broker {
        /// What was tried, such as "commit the transaction".
        action: &'static str,
        /// What may be done about it. The call was tried again already where that is allowed.
        class: ErrorClass,
        /// What the client said.
        reason: String,
    },
    /// Another process has taken over: this one must not write any more.
    #[error("{action}: fenced by a newer process of the same group: {reason}")]
    Fenced {
        /// What was tried.
        action: &'static str,
        /// What the client said.
        reason: String,
    },
    /// A record that its topic does not take. Nothing was written, the batch stays open.
    #[error("record of {bytes} bytes for {channel}, its topic takes at most {bytes_max}")]
    TooLarge {
        /// Where it was to go.
        channel: &'static str,
        /// Its size with key and headers.
        bytes: usize,
        /// What the topic takes.
        bytes_max: usize,
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

    /// What a reader said: an error of ours that it carries, or a failed read of `path`.
    pub(crate) fn reading(path: impl Into<PathBuf>, source: io::Error) -> Self {
        source.downcast::<Self>().unwrap_or_else(|source| Self::file("read", path, source))
    }
}
