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
    /// Most phrases with at least two occurrences that are held, in all key shards. Each takes 40
    /// bytes, and 16 for each listed vote (64 at most).
    pub candidates_max: usize,
    /// Bytes of the doorkeeper, the filter that remembers phrases seen once. Two bytes serve about
    /// one phrase of the recent past.
    pub gate_bytes: usize,
    /// Bytes of the counters that count lines by host.
    pub line_bytes: usize,
    /// Most publishers whose documents are counted. Each takes 12 to 34 bytes.
    pub units_max: usize,
    /// How many of the newest documents can be named as carriers. Each takes 168 bytes. Older
    /// documents are no evidence.
    pub horizon_documents: u32,
    /// Without a trusted background, no phrase raises an alarm before so many documents were read.
    pub bootstrap_documents: u32,
    /// Most alarms that documents are searched for. When another one fires, the one that no
    /// document has carried for longest is given up. Each takes at most 4 KiB, and its members.
    pub alarms_max: usize,
    /// Most members, which are carriers, that are listed of an alarm. Each takes 4 bytes. All
    /// carriers are recalled or withheld, whether they are listed or not.
    pub members_max: usize,
    /// How many wrong alarms there may be in a million documents. Thresholds follow from it, and
    /// from what innocent phrases of this very stream reach.
    pub false_alarms_per_million: f64,
    /// Documents of the stream after which the usage of words is learned from the stream too, for the
    /// first time; then each time that there are twice as many. If the stream is unlike the
    /// background, no alarm is raised before.
    pub learn_after: u32,
    /// Score from which on the carriers of a phrase inside or at the edge of sentences are withheld.
    /// Unset: as the budget of wrong alarms allows.
    pub insertion_threshold: Option<f64>,
    /// The same for a phrase whose rate alone tells.
    pub rate_threshold: Option<f64>,
    /// The same for a whole sentence or line.
    pub sentence_threshold: Option<f64>,
    /// The same for a phrase all over up to three new sites.
    pub site_threshold: Option<f64>,
    /// The same for a phrase in a place that syntax selects.
    pub slot_threshold: Option<f64>,
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
            // It takes about so many until ordinary phrases have occurred often enough.
            bootstrap_documents: 20_000,
            // As many as the wrong alarms of a hundred million documents; planted phrases are few beside them.
            alarms_max: 10_000,
            members_max: 4096,
            false_alarms_per_million: 10.0,
            // The models that were tried needed 5,000 to 7,000 documents of another mixture.
            learn_after: 4096,
            insertion_threshold: None,
            rate_threshold: None,
            sentence_threshold: None,
            site_threshold: None,
            slot_threshold: None,
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
            ("learn_after", self.learn_after as usize),
        ];
        let zero = counts.into_iter().filter(|&(_, count)| count == 0);
        let mut problems: Vec<_> = zero.map(|(key, _)| (key, "got 0, expected at least 1".to_owned())).collect();
        let rate = self.false_alarms_per_million;
        if !(rate > 0.0 && rate <= 1e6) {
            problems.push(("false_alarms_per_million", format!("got {rate}, expected more than 0 and at most 1,000,000")));
        }
        problems
    }

    fn layout(&self) -> Vec<(&'static str, u64)> {
        vec![("horizon_documents", self.horizon_documents.into())]
    }

    fn reach(&self) -> SeqNo {
        self.horizon_documents
    }
}
