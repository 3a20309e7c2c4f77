//! What is known of a record on its way through the engine?
//!
//! These are plain values without behaviour: [`super::prepare`] fills them in, the phases read
//! them, and [`super::settle`] takes them apart.

use std::any::Any;

use connectors::source::Record;
use decode::{Page, Reject, WithoutText};
use operators::{
    document::{Document, SeqNo},
    finding::Finding,
    mode::Mode,
    operator::Tick,
};

use super::settings::Settings;

/// What a document asks of one keyed operator: an `Operator::Probe` whose type only that operator's
/// runtime knows.
pub type Probe = Box<dyn Any + Send + Sync>;

/// One record with its sequence number and what became of it.
pub struct Item {
    /// The record's place in reading order.
    pub seqno: SeqNo,
    /// The record as it was delivered.
    pub record: Record,
    /// The digest of the record's payload, where a journal tells it.
    pub digest: Option<u64>,
    /// What the record holds.
    pub content: Content,
}

/// What a record holds.
pub enum Content {
    /// A document.
    Document(Box<Work>),
    /// A sound record without text.
    WithoutText(WithoutText),
    /// Bytes that are no record; they become a dead letter.
    Reject(Reject),
}

/// A document on its way.
pub struct Work {
    /// The page as it was decoded. Its text has become the document's, unless preparing it failed:
    /// see [`Self::text`].
    pub page: Page,
    /// Whether preparing the document failed. Such a document is withheld, and no keyed operator
    /// sees it.
    pub failed: bool,
    /// What was computed from the document alone.
    pub computed: Computed,
}

/// What is computed from a document alone.
pub struct Computed {
    /// The document with its features.
    pub document: Document,
    /// What the inspectors found, and whether it counts.
    pub inspected: Vec<(Finding, Mode)>,
    /// Whether the document votes. It does not if enforced findings of inspectors alone would
    /// withhold it.
    pub votes: bool,
    /// What the document asks of each keyed operator, in the order of the operators. An operator
    /// that is off is asked nothing.
    pub probes: Vec<Option<Probe>>,
}

impl Work {
    /// The text that is written out.
    pub fn text(&self) -> &str {
        if self.failed { &self.page.text } else { self.computed.document.own() }
    }
}

impl Item {
    /// When and how the record is folded; `epoch` is the number of records between two epoch
    /// boundaries.
    pub(super) fn tick(&self, epoch: SeqNo) -> Tick {
        let votes = matches!(&self.content, Content::Document(work) if work.computed.votes);
        Tick { seqno: self.seqno, epoch: self.seqno / epoch * epoch, votes }
    }

    /// The document that the record holds, unless preparing it failed.
    pub(super) fn document(&self) -> Option<&Work> {
        match &self.content {
            Content::Document(work) if !work.failed => Some(work),
            _ => None,
        }
    }
}

/// Records between two epoch boundaries, which go through the phases together: all of them see the
/// same published decisions.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The engine's settings.
    pub settings: &'a Settings,
    /// The records, in reading order.
    pub items: &'a [Item],
    /// For each record, whether a phase has panicked on it.
    pub failed: &'a [bool],
}

impl<'a> Window<'a> {
    /// The document of record number `at` that keyed operators are asked about, and when it is
    /// folded.
    pub(super) fn document(&self, at: usize) -> Option<(Tick, &'a Work)> {
        let item = self.items.get(at)?;
        Some((item.tick(self.settings.epoch), item.document()?))
    }

    /// As [`Self::document`], if no phase has panicked on the document.
    pub(super) fn sound_document(&self, at: usize) -> Option<(Tick, &'a Work)> {
        if self.failed.get(at) == Some(&false) { self.document(at) } else { None }
    }
}
