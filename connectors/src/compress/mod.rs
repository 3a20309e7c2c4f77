//! What bytes does a file hold, packed or not?
//!
//! [`Reader`] reads plain, gzip (any number of members) and zstd (any number of frames, with a dictionary in the first one)
//! files, told apart by their first bytes and not by their names. Damaged or exploding data is no I/O failure: it comes
//! once, as an [`io::Error`] that carries a [`Damage`], and the next read goes on with the next member. That is looked for
//! from behind the damaged member's first byte (its own end may be missing) or, for a bomb, from where it was cut: the magic
//! must stand there, the header must be sound, and what it unpacks to must be [`Reader::expect`]ed.
//!
//! | code | what was lost |
//! |---|---|
//! | `gzip_corrupt`, `zstd_corrupt` | a member; what was read of it may be wrong, the more so the nearer to its end |
//! | `gzip_garbage`, `zstd_garbage` | bytes between members; zeros are padding and lose nothing |
//! | `decompression_bomb` | the rest of a member that unpacks to more than [`Limits::ratio_max`] times its size |
//!
//! **Cost** one copy of the decompressed bytes; searches go back over at most [`Limits::RESCAN_FREE_BYTES`] and twice what was
//! read. **State** 64 KiB unpacked, about 1 MiB packed, and at most 128 MiB of zstd window and 8 MiB of dictionary.

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
    members::Members,
    reader::Reader,
};

#[cfg(test)]
mod tests;
