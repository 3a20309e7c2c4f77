//! Files and folders as sink.
//!
//! [`walk`] turns arguments into a list of files, [`listed`] a list of names, [`FileSource`] reads them in that order, [`FileCommitter`] stages the
//! corpus and writes decisions, [`publish_part`] makes a staged part final, [`Rewrite`] takes lines out of
//! finished files. Outputs are as old as the newest checkpoint.

mod committer;
mod durable;
mod encoder;
mod fingerprint;
mod leaving;
mod listed;
mod lock;
mod opened;
mod packed;
mod pairs;
mod publish;
mod rewrite;
mod shard;
mod source;
mod staged;
mod wacz;
mod walk;

pub use committer::{FileCheckpoint, FileCommitter, FileOptions, OutputCheckpoint, staged_part};
pub use durable::write_atomically;
pub use encoder::Compression;
pub use fingerprint::Fingerprint;
pub use leaving::{AsTable, Cell, Leaving};
pub use listed::{Base, ByteRange, Listed, ListedFiles, listed};
pub use lock::FolderLock;
pub use packed::PackedFile;
pub use publish::publish_part;
pub use rewrite::{Rewrite, Rewritten};
pub use shard::Shard;
pub use source::FileSource;
pub use staged::{Staged, staged_archive, staged_row};
pub use wacz::Place;
pub use walk::{Companion, InputFile, Origin, Walk, walk};
