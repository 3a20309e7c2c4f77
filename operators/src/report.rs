//! What an operator says about its state as a whole: the alarms that it has raised, and the
//! clusters of copies it knows.
//!
//! The engine adds the names of documents, and the outputs show both.

use crate::{document::SeqNo, finding::Reason};

/// An alarm: something that many documents carry, and who carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmReport {
    /// Operator that raised the alarm.
    pub operator: &'static str,
    /// The alarm's number among those of its operator, in the order of raising.
    pub id: u32,
    /// The reason that its carriers are withheld for.
    pub reason: Reason,
    /// What they carry, in matching form.
    pub phrase: String,
    /// Documents that carry it, in the order found; not necessarily all.
    pub members: Vec<SeqNo>,
    /// Votes that counted when the alarm was raised.
    pub votes: f64,
    /// Different publishers among them.
    pub publishers: u32,
    /// Votes that would have been ordinary.
    pub expected: f64,
    /// Mean cosine of the carriers' contexts.
    pub coherence: f64,
    /// The score at which the alarm was raised.
    pub score: f64,
}

/// A document and its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterReport {
    /// The document that others were first found to copy.
    pub id: SeqNo,
    /// Documents, that one included.
    pub documents: u32,
    /// Different publishers, counted up to a bound.
    pub publishers: usize,
}
