//! Which trait does each operator's table of options implement? It gives the operator's mode, the
//! sizes that fix the layout of its state, and how far back it remembers.

use crate::{document::SeqNo, mode::Mode};

/// The configuration of one operator: the table `[operators.NAME]`.
pub trait OperatorConfig {
    /// Whether the operator's findings count.
    fn mode(&self) -> Mode;

    /// Values that are out of their range: key and message, all of them.
    fn problems(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Options that the operator's state on disk is laid out by, with their values. A later run
    /// over the same state must have the same ones.
    fn layout(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// How many words of a document's own text the operator looks at, from its beginning. Where no
    /// operator that is on looks at more, the tokens of a document end behind so many words.
    fn words_read(&self) -> usize {
        usize::MAX
    }

    /// How many documents back the operator may name an earlier one. The fates of so many documents
    /// are kept.
    fn reach(&self) -> SeqNo {
        0
    }
}
