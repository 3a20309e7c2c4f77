//! What must a detector without state do? It looks at one document alone.

use crate::{document::Document, finding::Finding};

/// Looks at one document and reports what is suspicious. The same document always gives the same
/// findings.
pub trait Inspector: Send + Sync {
    /// The inspector's stable name: its key in the configuration, its label in metrics, and the
    /// source of its findings.
    fn name(&self) -> &'static str;

    /// Appends what is suspicious about `document` to `found`.
    fn inspect(&self, document: &Document, found: &mut Vec<Finding>);

    /// What is suspicious about `document` at event time `now`, in seconds since 1970. Event time
    /// is known only when a document is settled, so this finding cannot take the document's vote.
    /// `None`: no record has told its time yet.
    fn inspect_at(&self, _document: &Document, _now: Option<i64>) -> Option<Finding> {
        None
    }
}
