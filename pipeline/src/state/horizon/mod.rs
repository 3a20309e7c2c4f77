//! Which texts do the last documents have, and which of them hold a phrase? An alarm asks this to
//! find the earlier carriers of its phrase.
//!
//! | file | question |
//! |---|---|
//! | `store` | How are texts appended, forgotten and searched? |
//! | `restore` | How does the store come back as a snapshot knew it? |
//! | `segment` | Where are the texts of 4,096 documents? |
//! | `filter` | Which documents of a full segment may hold a phrase? |
//! | `layout` | How is the store divided on disk and in memory? |
//!
//! A text is kept as its tokens, because nobody asks for anything else of it. On disk there are
//! segments of [`SEGMENT`] documents. Each is an append-only log of texts (about 0.75 bytes a byte
//! of English text; packed with zstd they would take 0.45, and packing each of them cost as much as
//! finding its copies) and, once it is full, a filter over its words and pairs of neighbours. In
//! memory there are the places of all texts (8 bytes a document) and the newest texts, up to
//! `memory_bytes` (4 bytes a token). Those of the segment that is not full yet are held beyond
//! that, up to 64 MiB, because the filter is made of them. Older texts are read when they are asked
//! for.
//!
//! What no operator asks is not kept ([`Recollection`](operators::lookup::Recollection)): no filters
//! and nothing in memory where none searches (who asks for single texts asks for few, and finds them
//! in the system's cache of the file), and no texts where none reads any. The files are there all the same, with
//! empty entries, so that an operator that is switched on later finds a horizon to go on with.
//!
//! A filter is made by a thread of its own while the stream goes on, at most one at a time. It only
//! says where not to look, so no answer depends on whether it is there. A filter that is missing or
//! not sound is made again from the texts at the start.
//!
//! The store reaches back exactly `documents_max` documents from the last epoch boundary. An answer
//! never depends on what memory or disk happen to hold beyond that.
//!
//! **Cost** of a search: each segment's filter is asked (about 10 us). Then the slices of 128
//! documents that seem to hold the phrase are looked at: about 1 ms per 10 MB of tokens in memory,
//! and 10 us a document on disk.

mod filter;
mod layout;
mod restore;
mod segment;
mod store;

pub use self::{layout::SEGMENT, store::Horizon};

#[cfg(test)]
mod tests;
