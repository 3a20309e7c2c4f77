//! What does the engine say about one record?
//!
//! These are values of the domain. How they are written down, and where they go, is decided above
//! the engine, in [`crate::output`].

use operators::{
    document::SeqNo,
    finding::{Finding, ListRule},
    mode::Mode,
    operator::Recall,
    report::AlarmReport,
    text::Tokens,
};

use super::item::{Content, Item};
use crate::{policy::Verdict, state::ledger::Identity};

/// What leaves the engine about one record.
pub enum Outcome {
    /// A document and what was decided about it.
    Decided(Box<Decided>),
    /// A record that is no document, or has no text, or was only indexed.
    Nothing(Box<Item>),
}

impl Outcome {
    /// The record and what it holds.
    pub fn item(&self) -> &Item {
        match self {
            Self::Decided(decided) => &decided.item,
            Self::Nothing(item) => item,
        }
    }

    /// Gives up the tokens of the document, which nobody asks once it is settled: they are most of
    /// what it takes, and the next batch can have their memory.
    pub(super) fn forget_tokens(&mut self) {
        let item = match self {
            Self::Decided(decided) => &mut decided.item,
            Self::Nothing(item) => item,
        };
        if let Content::Document(work) = &mut item.content {
            work.computed.document.tokens = Tokens::default();
        }
    }
}

/// A document, what was decided about it, and what it changed for others.
pub struct Decided {
    /// The document and its record.
    pub item: Item,
    /// Who the document is.
    pub identity: Identity,
    /// Where it goes, and how suspicious it is.
    pub verdict: Verdict,
    /// The entry of the allow list without which it would be withheld.
    pub overruled_by: Option<ListRule>,
    /// What the operators found, and whether that counts.
    pub findings: Vec<(Finding, Mode)>,
    /// For each finding the id of the document that it names. `None` where it names none, or one
    /// that is forgotten.
    pub matches: Vec<Option<String>>,
    /// Recalls and restores of earlier documents.
    pub fate_changes: Vec<FateChange>,
    /// With a broker, the alarms that the document raised. With files, the alarms that are no
    /// longer looked for, with all their members; the alarms that are left are written at the end.
    pub alarms: Vec<NamedAlarm>,
}

/// What was learned of an earlier document, and what that changed.
#[derive(Clone, Debug)]
pub enum FateChange {
    /// The document had passed, or was held back as a copy, and turned out bad.
    Recalled {
        /// Who the document is.
        identity: Identity,
        /// Which operator recalls it, and why.
        recall: Recall,
    },
    /// The document had been held back as a copy and takes the place of its recalled
    /// representative.
    Restored {
        /// The document's sequence number.
        seqno: SeqNo,
        /// Who the document is.
        identity: Identity,
        /// The representative.
        original: Identity,
    },
    /// The document turned out bad, and stays where it is, because its publisher is allowed.
    Overruled {
        /// Who the document is.
        identity: Identity,
        /// Which operator would recall it, and why.
        recall: Recall,
        /// The entry of the allow list.
        rule: ListRule,
    },
}

impl FateChange {
    /// The sequence number of the document.
    pub fn seqno(&self) -> SeqNo {
        match self {
            Self::Recalled { recall, .. } | Self::Overruled { recall, .. } => recall.seqno,
            Self::Restored { seqno, .. } => *seqno,
        }
    }

    /// The document.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Recalled { identity, .. } | Self::Restored { identity, .. } | Self::Overruled { identity, .. } => identity,
        }
    }
}

/// An alarm with the names of its members.
#[derive(Clone, Debug)]
pub struct NamedAlarm {
    /// The alarm.
    pub alarm: AlarmReport,
    /// Ids of the documents that carry its phrase, oldest first.
    pub members: Vec<String>,
}
