//! The options of `trigger_spike`.

use serde::{Deserialize, Serialize};

use crate::{config::OperatorConfig, document::SeqNo, mode::Mode};

/// The operator's name.
pub(super) const NAME: &str = "trigger_spike";

/// `[operators.trigger_spike]`. All of these options affect verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Most phrases with at least two occurrences that are held, in all key shards. Each takes 50
    /// bytes, and 8 for each listed carrier (64 at most).
    pub candidates_max: usize,
    /// Bytes of the doorkeeper, the filter that remembers phrases seen once. Two bytes serve about
    /// one phrase of the recent past.
    pub gate_bytes: usize,
    /// Bytes of the counters that count lines by host.
    pub line_bytes: usize,
    /// Most publishers whose documents are counted. Each takes 12 to 34 bytes.
    pub units_max: usize,
    /// How many of the newest documents can be named as carriers. Each takes 152 bytes. Older
    /// documents are no evidence.
    pub horizon_documents: u32,
    /// Most documents of one publisher that count as evidence.
    pub votes_per_unit: u32,
    /// Least number of different publishers that make a crowd.
    pub units_min: usize,
    /// Without a trusted background, no phrase raises an alarm before so many documents were read.
    pub bootstrap_documents: u32,
    /// Most alarms that documents are searched for. When another one fires, the one that no
    /// document has carried for longest is given up. Each takes at most 4 KiB, and its members.
    pub alarms_max: usize,
    /// Most members, which are carriers, that are listed of an alarm. Each takes 4 bytes. All
    /// carriers are recalled or withheld, whether they are listed or not.
    pub members_max: usize,
    /// Score from which on the carriers of a whole sentence or line are withheld. Unset: as
    /// calibrated.
    pub sentence_threshold: Option<f64>,
    /// The same for a phrase that opens or closes a sentence or line.
    pub edge_threshold: Option<f64>,
    /// The same for a phrase inside sentences.
    pub insertion_threshold: Option<f64>,
    /// The same for a phrase on a single new site.
    pub solo_threshold: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            // 50,000 pages have 4.0 M phrases that occur twice; the number grows more slowly after that.
            candidates_max: 6_000_000,
            // Two generations of 33 M phrases: the last 65,000 to 130,000 pages of 500 new phrases.
            gate_bytes: 64 << 20,
            // Two generations of 2 M lines.
            line_bytes: 32 << 20,
            units_max: 2_000_000,
            horizon_documents: 1_000_000,
            // One publisher is one voice. Four votes let a small content farm count for a little more than one page.
            votes_per_unit: 4,
            // Three publishers often have the same owner.
            units_min: 4,
            // It takes about so many until ordinary phrases have occurred often enough.
            bootstrap_documents: 20_000,
            // As many as the wrong alarms of a hundred million documents; planted phrases are few beside them.
            alarms_max: 10_000,
            members_max: 4096,
            sentence_threshold: None,
            edge_threshold: None,
            insertion_threshold: None,
            solo_threshold: None,
        }
    }
}

impl OperatorConfig for Config {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let counts = [
            ("candidates_max", self.candidates_max),
            ("gate_bytes", self.gate_bytes),
            ("line_bytes", self.line_bytes),
            ("units_max", self.units_max),
            ("horizon_documents", self.horizon_documents as usize),
            ("votes_per_unit", self.votes_per_unit as usize),
            ("units_min", self.units_min),
        ];
        let zero = counts.into_iter().filter(|&(_, count)| count == 0);
        zero.map(|(key, _)| (key, "got 0, expected at least 1".to_owned())).collect()
    }

    fn layout(&self) -> Vec<(&'static str, u64)> {
        vec![("horizon_documents", self.horizon_documents.into())]
    }

    fn reach(&self) -> SeqNo {
        self.horizon_documents
    }
}
