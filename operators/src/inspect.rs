//! Operators that need no state: they look at one document alone.

use crate::{document::Document, finding::Finding};

/// Looks at one document and reports. Pure: the same document gives the same findings.
pub trait Inspector: Send + Sync {
    /// Stable name: config key, metric label, a finding's source.
    fn name(&self) -> &'static str;

    /// Appends what is suspicious about `document` to `found`.
    fn inspect(&self, document: &Document, found: &mut Vec<Finding>);

    /// What is suspicious about `document` at event time `now`, in seconds since 1970. Event time is known only when a
    /// document is settled, so this finding cannot take the document's vote. `None`: no record has told its time yet.
    fn inspect_at(&self, _document: &Document, _now: Option<i64>) -> Option<Finding> {
        None
    }
}
