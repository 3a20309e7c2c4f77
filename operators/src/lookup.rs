//! What operators ask of the engine: the fate of earlier documents, and their texts.

use std::sync::Arc;

use crate::{document::SeqNo, text::Token};

/// What became of an earlier document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// In the corpus: clean at arrival, or restored.
    Clean,
    /// A copy of the named document.
    Duplicate(SeqNo),
    /// Withheld at arrival.
    Quarantined,
    /// Passed at arrival, recalled later.
    Recalled,
    /// No longer known, or never a document (a dead letter, a record without text).
    Unknown,
}

/// The fate of every earlier document. Answered in memory, about 5 ns a call.
pub trait Ledger {
    /// What has become of `seqno` so far.
    fn fate(&self, seqno: SeqNo) -> Fate;
}

/// The matching tokens of earlier documents within the recall horizon.
///
/// `tokens` may be called from several threads. An answer depends on the sequence number and the horizon alone, never on what is
/// cached.
pub trait Horizon: Sync {
    /// Tokens of an earlier document; `None` beyond the horizon.
    fn tokens(&self, seqno: SeqNo) -> Option<Arc<[Token]>>;

    /// Earlier documents that may hold every one of `words` and of the `pairs` of neighbours, oldest first.
    /// A superset: the caller checks each text.
    fn may_carry(&self, span: &[Token]) -> Vec<SeqNo>;
}
