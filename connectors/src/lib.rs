//! Bytes in, bytes out. Connectors know records, positions and channels; never documents or verdicts.
//!
//! A [`source::Source`] hands out records in a reading order that it can repeat from any [`position::Positions`]; a
//! [`committer::Committer`] makes outputs and input positions visible together.

pub mod committer;
pub mod error;
pub mod position;
pub mod source;
