//! What does a document leave in the replay log of `near_dup`?
//!
//! ```text
//! number of keys u8 | band keys, 5 bytes each | signature and cluster, words of 32 bits
//! ```

use super::index::UNUSED_BITS;
use crate::codec::Corrupt;

/// Bytes of a key in a replay record, which holds the bits that the index looks at.
pub(super) const KEY_BYTES: usize = (u64::BITS - UNUSED_BITS).div_ceil(8) as usize;

/// The keys of a replay record, and the bytes behind them.
pub(super) fn keys_of(record: &[u8]) -> Result<(impl Iterator<Item = u64>, &[u8]), Corrupt> {
    let (&count, rest) = record.split_first().unwrap_or((&0, &[]));
    let too_short = Corrupt { what: "as many keys as counted", at: 1 };
    let (keys, kept) = rest.split_at_checked(usize::from(count) * KEY_BYTES).ok_or(too_short)?;
    let bits = |key: &[u8; KEY_BYTES]| key.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte)) << UNUSED_BITS;
    Ok((keys.as_chunks::<KEY_BYTES>().0.iter().map(bits), kept))
}
