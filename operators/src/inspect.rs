//! Operators that need no state: they look at one document alone.

use crate::{document::Document, finding::Finding};

/// Looks at one document and reports. Pure: the same document gives the same findings.
pub trait Inspector: Send + Sync {
    /// Stable name: config key, metric label, a finding's source.
    fn name(&self) -> &'static str;

    /// Appends what is suspicious about `document` to `found`.
    fn inspect(&self, document: &Document, found: &mut Vec<Finding>);
}
