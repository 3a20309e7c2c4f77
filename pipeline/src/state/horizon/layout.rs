//! How is the horizon divided on disk and in memory?

use std::sync::Arc;

use operators::{document::SeqNo, text::Token};

/// How many documents a segment holds. Its files are removed as a whole.
pub const SEGMENT: SeqNo = 4096;
/// The tokens of the segment that is not full yet are held up to so many bytes, whatever the limit
/// of memory is.
pub(super) const UNSEALED_BYTES_MAX: usize = 64 << 20;
/// The ending of the name of a segment's log of texts.
pub(super) const TEXTS: &str = "texts";
/// The ending of the name of a segment's filter.
pub(super) const FILTER: &str = "filter";

/// Returns the memory that the tokens of a document take, in bytes.
pub(super) fn bytes_of(tokens: Option<&Arc<[Token]>>) -> usize {
    tokens.map_or(0, |t| t.len() * size_of::<Token>())
}
