//! Bytes in, bytes out: sources of records and sinks of outputs.
//!
//! Connectors know records, positions and channels, and never documents or verdicts. A
//! [`source::Source`] returns records in a reading order that it can repeat from any
//! [`position::Positions`]. A [`committer::Committer`] makes outputs and input positions visible
//! together.
//!
//! | sink | source | committer | outputs become visible |
//! |---|---|---|---|
//! | [`mod@file`] | [`file::FileSource`] | [`file::FileCommitter`] | at the newest checkpoint; [`file::publish_part`] makes the corpus final |
//! | [`kafka`] | [`kafka::KafkaSource`] | [`kafka::KafkaCommitter`] | at each commit, with its journal record and the offsets |
//! | [`memory`] | [`memory::MemorySource`] | [`memory::MemoryCommitter`] | at each commit, with its journal record |
//! | [`discard`] | | [`discard::Discard`] | never, as only the state is wanted |
//!
//! [`remote`] reads objects of stores and web servers for [`file::FileSource`], and `rows` reads
//! and writes Parquet.

pub mod byte_range;
pub mod committer;
pub mod compress;
pub mod compression;
pub mod discard;
pub mod error;
pub mod file;
pub mod framing;
pub mod kafka;
pub mod kill;
pub mod limits;
pub mod memory;
pub mod position;
pub mod record;
pub mod remote;
#[cfg(feature = "parquet")]
pub mod rows;
pub mod source;
pub mod table_cell;
