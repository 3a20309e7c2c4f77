//! Which bytes does a file hold, packed or not?
//!
//! [`Reader`] reads plain files, gzip (any number of members) and zstd (any number of frames, with
//! a dictionary in the first one). It tells them apart by their first bytes and not by their names.
//! A *member* is a gzip member or a zstd frame.
//!
//! Damaged or exploding data is no I/O failure. The reader reports it once, as an
//! [`std::io::Error`] that carries a [`Damage`], and the next read goes on with the next member.
//! That member is searched for from behind the first byte of the damaged one, whose own end may be
//! missing; behind a bomb, from where it was cut off. A member begins where its magic bytes stand,
//! its header is sound, and it unpacks to what the caller expects ([`Reader::expect`]).
//!
//! | code | what was lost |
//! |---|---|
//! | `gzip_corrupt`, `zstd_corrupt` | a member. What was read of it may be wrong, the more so the nearer to its end |
//! | `gzip_garbage`, `zstd_garbage` | bytes between members. Zeros are padding, and nothing is lost with them |
//! | `decompression_bomb` | the rest of a member that unpacks to more than [`Limits::ratio_max`] times its size |
//!
//! **Cost** one copy of the decompressed bytes. Searches go back over at most
//! [`Limits::RESCAN_FREE_BYTES`] and twice what was read. **State** 64 KiB unpacked, about 1 MiB
//! packed, and at most 128 MiB of zstd window and 8 MiB of dictionary.
//!
//! [`Limits::ratio_max`]: crate::limits::Limits::ratio_max
//! [`Limits::RESCAN_FREE_BYTES`]: crate::limits::Limits::RESCAN_FREE_BYTES

mod codec;
mod damage;
mod gzip;
mod members;
mod reader;
mod step;
mod window;
mod zst;

pub use self::{
    codec::ZIP_MAGIC,
    damage::{Damage, Stretch},
    members::MemberRead,
    reader::Reader,
};

#[cfg(test)]
mod tests;
