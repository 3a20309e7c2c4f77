//! Files, folders and remote objects as input; files as sink.
//!
//! | file | its question |
//! |---|---|
//! | `walk` | which files do the arguments mean |
//! | `file_list`, `file_shard` | which files does a list of names mean, and which of them does one of several machines read |
//! | `pairs` | which of the input files belong together |
//! | `input`, `input_format`, `wacz` | what is an input file, what does its name say, which archives are in a WACZ |
//! | `source`, `open_input`, `parquet_input` | which record comes next |
//! | `fingerprint` | is an input file still the one that an earlier run has read |
//! | `committer` | how are outputs written so that they can be brought back to a checkpoint |
//! | `staged`, `final_format`, `publish` | how is a record staged, in which format does it leave, where does it go in the last pass |
//! | `rewrite` | how are lines taken out of a finished file |
//! | `encoder`, `packed`, `durable`, `lock` | compression frames, whole files, changes that survive a crash, one process a folder |
//!
//! Outputs are as old as the newest checkpoint.

mod committer;
mod durable;
mod encoder;
mod file_list;
mod file_shard;
mod final_format;
mod fingerprint;
mod input;
mod input_format;
mod lock;
mod open_input;
mod packed;
mod pairs;
#[cfg(feature = "parquet")]
mod parquet_input;
mod publish;
mod rewrite;
mod source;
mod staged;
mod wacz;
mod walk;

pub use committer::{FileCheckpoint, FileCommitter, FileOptions, OutputCheckpoint, staged_part};
pub use durable::write_atomically;
pub use file_list::{ListBase, ListEntry, ResolvedList, resolve_list};
pub use file_shard::FileShard;
pub use final_format::{FinalFormatWriter, TableOutput};
pub use fingerprint::Fingerprint;
pub use input::{CompanionFile, InputFile, InputOrigin};
pub use lock::FolderLock;
pub use packed::PackedFile;
pub use publish::{publish_part, publish_whole};
pub use rewrite::{Rewrite, Rewritten};
pub use source::FileSource;
pub use staged::{StagedRecord, staged_archive, staged_row};
pub use wacz::ZipLocation;
pub use walk::{Walk, walk};
