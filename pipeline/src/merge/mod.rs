//! The outputs of several machines become one: what each of them could not see of the others is caught up where it can be.
//!
//! Parts are joined in the order of their shards, whichever order they are given in. A document that is clean in its own
//! shard, and a copy of one that is clean in an earlier shard, is recalled and moves to `duplicates/`: exact copies by their
//! digests, near copies by their signatures, whose texts nobody compares any more, so with a margin. Everything else is each
//! shard's own: alarms, reputation, what is a page's boilerplate.
//!
//! Nothing of the shards is changed. A join that is killed is done again from its beginning, with the same bytes.
//!
//! **State** 24 bytes a document, 32 for each that is clean, and the index of near copies (176 bytes, of as many documents as
//! the operator remembers). **Cost** one read of the shards' logs; files are linked where the file system allows it.

mod copies;
mod corpus;
mod join;
mod part;
mod summary;

pub use self::{
    join::merge,
    part::{Part, in_order},
};
