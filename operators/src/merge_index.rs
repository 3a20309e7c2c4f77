//! How are copies found across file shards, which were filtered apart?
//!
//! When parts are joined their texts are no longer at hand. What is left is what each document
//! wrote into the operator's replay log.

use crate::{codec::Corrupt, finding::Reason};

/// The clean documents of the parts so far, by what they left in an operator's replay log.
pub trait MergeIndex {
    /// The reason for which a copy is recalled.
    fn reason(&self) -> Reason;

    /// The number of the document that the one with this replay record is a copy of.
    ///
    /// # Errors
    /// If the bytes are no replay record of the operator.
    fn find(&self, record: &[u8]) -> Result<Option<u32>, Corrupt>;

    /// Takes a document in. Numbers ascend; those left out are never copied.
    ///
    /// # Errors
    /// If the bytes are no replay record of the operator.
    fn add(&mut self, number: u32, record: &[u8]) -> Result<(), Corrupt>;
}
