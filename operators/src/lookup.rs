//! What may operators ask the engine about earlier documents? Their fates and their texts.

use std::sync::Arc;

use crate::{document::SeqNo, text::Token};

/// What has become of an earlier document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The document is in the corpus: it was clean at arrival, or was restored.
    Clean,
    /// The document is a copy of the named one.
    Duplicate(SeqNo),
    /// The document was withheld at arrival.
    Quarantined,
    /// The document passed at arrival and was recalled later.
    Recalled,
    /// The sequence number is no longer known, or was never a document (a dead letter, a record
    /// without text).
    Unknown,
}

/// The fates of all earlier documents. A call is answered from memory and takes about 5 ns.
pub trait Ledger {
    /// What has become of `seqno` so far.
    fn fate(&self, seqno: SeqNo) -> Fate;
}

/// What an operator asks of the texts of earlier documents. What none asks is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recollection {
    /// Nothing.
    #[default]
    Nothing,
    /// [`Horizon::tokens`].
    Tokens,
    /// [`Horizon::tokens`] and [`Horizon::may_carry`].
    Search,
}

/// The tokens of earlier documents within the recall horizon.
///
/// `tokens` may be called from several threads. An answer depends on the sequence number and the
/// horizon alone, never on what is cached.
pub trait Horizon: Sync {
    /// The tokens of an earlier document; `None` if it is beyond the horizon.
    fn tokens(&self, seqno: SeqNo) -> Option<Arc<[Token]>>;

    /// Earlier documents that may hold every token of `span` and every pair of its neighbours,
    /// oldest first. Some of them may not hold the span: the caller checks each text.
    fn may_carry(&self, span: &[Token]) -> Vec<SeqNo>;
}
