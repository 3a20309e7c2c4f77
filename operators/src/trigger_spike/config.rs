//! Options of `trigger_spike`.

use serde::{Deserialize, Serialize};

use crate::mode::Mode;

/// Options of `trigger_spike`. All of them affect verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `enforce`, `shadow` (reported, not acted on) or `off`.
    pub mode: Mode,
    /// Most phrases seen at least twice that are held, over all shards. 50 bytes each, and 8 for each listed carrier (64 at most).
    pub candidates_max: usize,
    /// Bytes of the filter that remembers phrases seen once. A byte serves about half a phrase of the recent past.
    pub gate_bytes: usize,
    /// Bytes of the counters of lines by host.
    pub line_bytes: usize,
    /// Most publishers whose documents are counted. 12 to 34 bytes each.
    pub units_max: usize,
    /// Newest documents that can still be named as carriers: 152 bytes each. Documents beyond carry no evidence.
    pub horizon_documents: u32,
    /// Documents of one publisher that count as evidence.
    pub votes_per_unit: u32,
    /// Different publishers that make a crowd.
    pub units_min: usize,
    /// Without a trusted background: documents before which no phrase raises an alarm.
    pub bootstrap_documents: u32,
    /// Most alarms that are looked for; when another fires, the one that no document carried for longest is given up.
    /// 4 KiB each at most, but for members.
    pub alarms_max: usize,
    /// Most members listed of an alarm. 4 bytes each. All of them are recalled or withheld, listed or not.
    pub members_max: usize,
    /// Score from which a whole sentence or line that spikes is withheld; unset: as calibrated.
    pub sentence_threshold: Option<f64>,
    /// The same for a phrase at an edge of a sentence or line.
    pub edge_threshold: Option<f64>,
    /// The same for a phrase inside sentences.
    pub insertion_threshold: Option<f64>,
    /// The same for a phrase on one new site.
    pub solo_threshold: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            // 50,000 pages have 4.0 M phrases that occur twice; growth slows after that.
            candidates_max: 6_000_000,
            // Two generations of 33 M phrases: the last 65,000 to 130,000 pages of 500 new phrases.
            gate_bytes: 64 << 20,
            // Two generations of 2 M lines.
            line_bytes: 32 << 20,
            units_max: 2_000_000,
            horizon_documents: 1_000_000,
            // One publisher is one voice; four let a small farm count for a little more than one page.
            votes_per_unit: 4,
            // Three are often one owner's.
            units_min: 4,
            // About what it takes until ordinary phrases have shown themselves.
            bootstrap_documents: 20_000,
            // Wrong alarms of a hundred million documents; planted phrases are few beside them.
            alarms_max: 10_000,
            members_max: 4096,
            sentence_threshold: None,
            edge_threshold: None,
            insertion_threshold: None,
            solo_threshold: None,
        }
    }
}
