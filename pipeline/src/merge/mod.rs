//! How do the outputs of several machines become one? Each machine has filtered one file shard of a
//! list and could not see the others; what can still be found out about documents of different
//! shards is found out here.
//!
//! Shards are joined in the order of their numbers, whichever order they are given in. A document
//! that is clean in its own shard, and a copy of one that is clean in an earlier shard, is recalled
//! and moves to `duplicates/`. Exact copies are found by their digests. Near copies are found by
//! their signatures, and with a margin, since their texts are no longer compared. Nothing else is
//! decided again: alarms, reputation, and what is a page's boilerplate are each shard's own.
//!
//! Nothing of the shards is changed. A join that is killed is done again from its beginning, with
//! the same bytes.
//!
//! **State** is 24 bytes a document, 32 for each that is clean, and the index of near copies (176
//! bytes, of as many documents as the operator remembers). **Cost** is one reading of the shards'
//! logs; files are linked where the file system allows it.
//!
//! ```text
//! join      what is done in which order: lines, corpora, report
//!   copies    which clean documents are copies of documents of earlier shards
//!   corpus    the corpus files, copies apart
//!   summary   the report
//!     shard     a finished file shard, opened and checked
//! ```

mod copies;
mod corpus;
mod join;
mod shard;
mod summary;

pub use self::{
    join::merge,
    shard::{FinishedShard, in_order},
};
