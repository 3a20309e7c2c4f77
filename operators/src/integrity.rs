//! Does an archive record have the bytes whose digest the archive states?
//!
//! **Finds** records that were changed or damaged after they were written, while their digests were
//! not changed. **Leaves alone** records that state no digest, that the crawler cut, or whose
//! payload has the digest in any of the forms of which writers take it. **Misses** changes whose
//! author has also changed the digests.
//!
//! The default is shadow mode: some crawlers have written wrong digests for years, so on archives
//! of unknown origin a wrong digest says more about the writer than about a page.
//!
//! **Cost** none here: the digests are compared where the record is decoded. **State** none.

use serde::{Deserialize, Serialize};

use crate::{
    config::OperatorConfig,
    document::{Differs, Document},
    finding::{Finding, Reason, Score},
    inspect::Inspector,
    mode::Mode,
};

/// `[operators.integrity]`
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: Mode::Shadow }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn words_read(&self) -> usize {
        0
    }
}

/// The name of the inspector.
pub const NAME: &str = "integrity";

/// See the [module documentation](self).
#[derive(Clone, Debug, Default)]
pub struct Integrity;

impl Inspector for Integrity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, document: &Document, found: &mut Vec<Finding>) {
        let score = match document.differs {
            None => return,
            Some(Differs::Block) => 0.9,
            // Writers do not agree on what a payload is.
            Some(Differs::Payload) => 0.7,
        };
        found.push(Finding::new(NAME, Reason::DigestMismatch, Score::new(score)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::document;

    #[test]
    fn a_digest_that_differs_is_found() {
        for (differs, want) in [(None, None), (Some(Differs::Block), Some(0.9)), (Some(Differs::Payload), Some(0.7))] {
            let document = Document { differs, ..document("a.example", "an ordinary text") };
            let mut found = Vec::new();
            Integrity.inspect(&document, &mut found);
            assert_eq!(found.first().map(|finding| finding.reason), want.map(|_| Reason::DigestMismatch));
            assert_eq!(found.first().map(|finding| finding.score), want.map(Score::new));
        }
    }
}
