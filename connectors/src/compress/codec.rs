//! How is a file packed, and what unpacks it?

use std::io;

use super::{
    gzip::{self, Gzip},
    zst::{self, Zst},
};

/// The first bytes of a zip. A zip that is read as one file has no sound directory, but has gzip
/// members among its bytes.
pub const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";

/// Unpacks the members of a file.
pub(super) enum Codec {
    /// The file is not packed.
    Plain,
    /// The file consists of gzip members.
    Gzip(Box<Gzip>),
    /// The file consists of zstd frames.
    Zstd(Box<Zst>),
}

impl Codec {
    /// Bytes that tell how a file is packed.
    pub(super) const MAGIC_BYTES: usize = zst::MAGIC.len();

    /// Chooses a codec by the first bytes of a file, [`Self::MAGIC_BYTES`] of them or more.
    pub(super) fn of_file(beginning: &[u8]) -> io::Result<Self> {
        Ok(if beginning.starts_with(&gzip::MAGIC[..2]) || beginning.starts_with(&ZIP_MAGIC) {
            Self::Gzip(Box::new(Gzip::new()))
        } else if beginning.starts_with(&zst::MAGIC) || zst::is_skippable(beginning) {
            Self::Zstd(Box::new(Zst::new()?))
        } else {
            Self::Plain
        })
    }

    /// Returns the first bytes of a member.
    pub(super) fn magic(&self) -> &'static [u8] {
        if matches!(self, Self::Gzip(_)) { &gzip::MAGIC } else { &zst::MAGIC }
    }

    /// Chooses a code by the format.
    pub(super) fn code(&self, of_gzip: &'static str, of_zstd: &'static str) -> &'static str {
        if matches!(self, Self::Gzip(_)) { of_gzip } else { of_zstd }
    }
}
