//! What the engine needs of the configuration, resolved once.

use std::collections::BTreeSet;

use connectors::position::Position;
use operators::{document::SeqNo, mode::Mode};

use super::fault::Faults;
use crate::{config::OutputFormat, encode::hex, features::Features, state::ledger::Ledger};

/// How far back anything refers to documents: the longest memory of an operator or of the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    documents: SeqNo,
    /// Floors are multiples of it.
    span: SeqNo,
}

impl Reach {
    /// A reach of so many documents; what is behind it is forgotten in eighths of it, of at most 65,536 documents.
    pub fn new(documents: SeqNo, epoch: SeqNo) -> Self {
        let span = (documents / 8).min(Ledger::SPAN).max(epoch) / epoch * epoch;
        Self { documents, span }
    }

    /// Sequence numbers in a file of the ledger.
    pub fn span(self) -> SeqNo {
        self.span
    }

    /// The sequence number before which everything is forgotten at `epoch`.
    pub fn floor(self, epoch: SeqNo) -> SeqNo {
        epoch.saturating_sub(self.documents) / self.span * self.span
    }
}

/// Resolved settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// Sequence numbers between epoch boundaries.
    pub epoch: SeqNo,
    /// Combined score from which a document is withheld.
    pub quarantine_score: f64,
    /// Whether a bad record counts.
    pub reputation_mode: Mode,
    /// How records are decoded.
    pub decode: decode::Options,
    /// How features are computed.
    pub features: Features,
    /// Names of the partitions.
    pub partitions: Vec<String>,
    /// As what documents leave in files.
    pub format: Option<OutputFormat>,
    /// Whether records come from a broker and go to one: they have keys and headers, and alarms go out as they are raised.
    pub broker: bool,
    /// Whether documents beyond [`Self::reach`] are forgotten.
    pub forgets: bool,
    /// How far back anything refers to documents.
    pub reach: Reach,
    /// Which of several machines' share this is.
    pub shard: Option<u32>,
    /// Whether documents are only taken into the indexes of copies: nothing is looked for in them and nothing is decided.
    pub only_indexes: bool,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: [u8; 16],
    /// Records that kill the process: they are withheld without being looked at.
    pub skips: BTreeSet<Position>,
    /// What a test broke.
    pub faults: Faults,
}

impl Settings {
    /// The public name of a position, such as `crawl.jsonl#17` or `topic/0/17`.
    pub fn position_name(&self, position: Position) -> String {
        let partition = self.partitions.get(position.partition as usize).map_or("?", String::as_str);
        let separator = if self.broker { '/' } else { '#' };
        format!("{partition}{separator}{}", position.offset)
    }

    /// The verdict digest as written in every decision.
    pub fn verdict_digest_hex(&self) -> String {
        hex(&self.verdict_digest)
    }
}
