//! What is one record of the input, and what came with it?
//!
//! A [`Record`] is what a source hands out and what decoding takes: its position, its [`Payload`],
//! and what a broker delivered beside the bytes ([`Envelope`]). Records of archives carry their
//! headers parsed ([`ArchiveHeader`]), so that nobody parses one again. Nothing here reads or
//! judges anything.

mod envelope;
mod header;
mod payload;

use std::sync::Arc;

pub use self::{
    envelope::{Envelope, EnvelopeHeader},
    header::{ArchiveHeader, HeaderFields},
    payload::{BadRecord, Conversion, Payload},
};
use crate::position::Position;

/// One delivered record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its identity.
    pub position: Position,
    /// The byte at which it begins in its (decompressed) file. A record of a broker has its offset
    /// here.
    pub byte_offset: u64,
    /// The file in which the record lies, if that is not its partition: the second one of two files
    /// read as one.
    pub file: Option<Arc<str>>,
    /// What was read.
    pub payload: Payload,
    /// What a broker delivered beside the bytes. A record of a file has no envelope.
    pub envelope: Option<Box<Envelope>>,
}

impl Record {
    /// Makes a record without an envelope.
    #[must_use]
    pub fn new(position: Position, byte_offset: u64, payload: Payload) -> Self {
        Self { position, byte_offset, file: None, payload, envelope: None }
    }
}
