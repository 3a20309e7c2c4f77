//! What does the engine need of the configuration? Here it is resolved, once.

use std::{collections::BTreeSet, sync::Arc};

use connectors::position::Position;
use data_encoding::HEXLOWER;
use operators::{
    background::{Background, Silence},
    document::SeqNo,
    text::Language,
};

use super::{fault::Faults, spent::Spent};
use crate::{config::OutputFormat, features::Features, state::ledger::Ledger};

/// How far back an operator or the horizon may refer to a document, whichever remembers longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    documents: SeqNo,
    /// Documents are forgotten up to multiples of this number.
    span: SeqNo,
}

impl Reach {
    /// A reach of this many documents. What is behind it is forgotten in eighths of the reach, of
    /// at most 65,536 documents each.
    pub fn new(documents: SeqNo, epoch: SeqNo) -> Self {
        let span = (documents / 8).min(Ledger::SPAN).max(epoch) / epoch * epoch;
        Self { documents, span }
    }

    /// The number of documents in one file of the ledger.
    pub fn span(self) -> SeqNo {
        self.span
    }

    /// The sequence number before which everything is forgotten at the epoch boundary `epoch`.
    pub fn floor(self, epoch: SeqNo) -> SeqNo {
        epoch.saturating_sub(self.documents) / self.span * self.span
    }
}

/// What becomes of the journal records of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalUse {
    /// They are kept, with a digest of each record.
    Kept,
    /// The sink drops them, so digests of records are not computed for them.
    Dropped,
}

/// Resolved settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// Sequence numbers between epoch boundaries.
    pub epoch: SeqNo,
    /// Combined score from which a document is withheld.
    pub quarantine_score: f64,
    /// How records are decoded.
    pub decode: decode::Options,
    /// How features are computed.
    pub features: Features,
    /// Names of the partitions, in the order of their numbers.
    pub partitions: Vec<String>,
    /// The format of documents in files; `None`: the one they came in.
    pub format: Option<OutputFormat>,
    /// Whether records come from a broker and go to one. They then have keys and headers, and
    /// alarms are written when they are raised.
    pub broker: bool,
    /// Whether documents beyond [`Self::reach`] are forgotten.
    pub forgets: bool,
    /// How far back anything refers to documents.
    pub reach: Reach,
    /// The number of this file shard, if it is one of several.
    pub shard: Option<u32>,
    /// What becomes of journal records.
    pub journal: JournalUse,
    /// Whether documents are only taken into the indexes of copies. Nothing is looked for in them
    /// and nothing is decided.
    pub only_indexes: bool,
    /// The background that operators judge by, if there is one and one of them asks it.
    pub background: Option<Arc<Background>>,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: [u8; 16],
    /// Poison records: they crash the process, so they are withheld without being looked at.
    pub skips: BTreeSet<Position>,
    /// What a test has broken.
    pub faults: Faults,
    /// Where time has gone.
    pub spent: Spent,
}

impl Settings {
    /// Why the background says nothing about documents of a language, if that is so.
    pub fn silence(&self, language: Language) -> Option<Silence> {
        self.background.as_ref()?.silence(language)
    }

    /// The public name of a position, such as `crawl.jsonl#17` or `topic/0/17`.
    pub fn position_name(&self, position: Position) -> String {
        let partition = self.partitions.get(position.partition as usize).map_or("?", String::as_str);
        let separator = if self.broker { '/' } else { '#' };
        format!("{partition}{separator}{}", position.offset)
    }

    /// The verdict digest as written in every decision.
    pub fn verdict_digest_hex(&self) -> String {
        HEXLOWER.encode(&self.verdict_digest)
    }
}
