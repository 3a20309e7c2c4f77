//! What a run found, once: `report.json` (the same bytes for the same input) and `timings.json` (not).

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write, path::Path, time::Duration};

use anyhow::{Context, Result};
use connectors::file::write_atomically;
use operators::{document::SeqNo, near_dup::clusters::Cluster};
use serde::{Deserialize, Serialize};

use crate::{
    assemble::Ingredients,
    encode::{ENGINE, SCHEMA, hex},
    engine::{Counts, Engine},
};

/// Contributors and clusters that the report names.
pub(crate) const TOP: usize = 10;

/// A document and its copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterLine {
    /// The document that others were first found to copy: the cluster's name for as long as it is remembered.
    pub id: String,
    /// Documents, that one included.
    pub documents: u32,
    /// Distinct publishers; 32 means at least so many.
    pub publishers: usize,
}

/// What a join of shards found between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Shards joined.
    pub shards: u32,
    /// Clean documents that are exact copies of clean ones in earlier shards.
    pub exact_copies: u64,
    /// Near copies.
    pub near_copies: u64,
    /// Clean documents that could not be compared any more: their shard is longer than its operators remember.
    pub forgotten: u64,
}

/// `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Schema version.
    pub v: u32,
    /// What wrote it.
    pub engine: String,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: String,
    /// What ordinary text was learned from.
    pub background: String,
    /// Counters of this run.
    pub counts: Counts,
    /// Final corpus: clean at arrival, less recalled, plus restored.
    pub final_clean: u64,
    /// `received = clean + quarantine + duplicate + dead_letters + without_text`.
    pub identity_holds: bool,
    /// Alarms raised so far in this state.
    pub alarms: u32,
    /// Clusters of copies that are still remembered.
    pub clusters: u64,
    /// The largest of them.
    pub largest_clusters: Vec<ClusterLine>,
    /// Publishers that nothing is known of, with the most documents: reported, not acted on.
    pub unseen_contributors: Vec<(String, u64)>,
    /// Where shards were joined: what was found between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
    /// Things a reader must know.
    pub warnings: Vec<String>,
}

impl Report {
    /// The report of a decided run.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn of(engine: &Engine, ingredients: &Ingredients) -> Result<Self> {
        let counts = engine.counts().clone();
        let mut warnings = ingredients.warnings.clone();
        let documents = counts.clean + counts.quarantine + counts.duplicate;
        if counts.without_url > 0 {
            warnings.push(format!(
                "{} of {documents} documents have no URL: each file counts as one publisher, so evidence across domains is blind there",
                counts.without_url
            ));
        }
        let contributions = engine.contributions()?;
        Ok(Self {
            v: SCHEMA,
            engine: ENGINE.to_owned(),
            verdict_digest: engine.settings().verdict_digest_hex(),
            background: hex(&ingredients.background.digest()),
            final_clean: engine.final_clean(),
            identity_holds: counts.is_whole(),
            alarms: engine.alarms_raised(),
            clusters: engine.lanes().near.operator.clusters().iter().count() as u64,
            largest_clusters: largest_clusters(engine)?,
            unseen_contributors: contributions.top().iter().take(TOP).map(|c| (c.publisher.to_string(), c.documents)).collect(),
            counts,
            joined: None,
            warnings,
        })
    }

    /// The report's bytes.
    ///
    /// # Errors
    /// Never in practice: there is nothing in it that cannot be written.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a report back.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let c = &self.counts;
        let mut out = String::new();
        let mut row = |name: &str, n: u64, note: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name:>14} {n:>10}  {note}");
        };
        row("received", c.received, "records");
        row("clean", c.clean, "at arrival");
        row("quarantine", c.quarantine, "at arrival");
        row("duplicate", c.duplicate, "at arrival");
        row("dead letters", c.dead_letters, "records that are no documents");
        row("without text", c.without_text, "sound records that hold none");
        row("recalled", c.recalled, "passed, and later known to be bad");
        row("restored", c.restored, "copies in place of a recalled original");
        row("alarms", u64::from(self.alarms), "phrases that spiked");
        if let Some(joined) = &self.joined {
            row("shards", joined.shards.into(), "joined");
            row("exact copies", joined.exact_copies, "of documents of earlier shards, moved to duplicates/");
            row("near copies", joined.near_copies, "the same, by signature");
            row("not compared", joined.forgotten, "clean documents beyond what their shard remembered");
        }
        row("final clean", self.final_clean, "documents in clean/");
        if !c.findings.is_empty() {
            let _ = writeln!(out, "\n      findings");
            for (name, n) in &c.findings {
                let _ = writeln!(out, "{n:>25}  {name}");
            }
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "\nwarning: {warning}");
        }
        out
    }
}

fn largest_clusters(engine: &Engine) -> Result<Vec<ClusterLine>> {
    let mut all: Vec<_> = engine.lanes().near.operator.clusters().iter().collect();
    all.sort_by_key(|(id, cluster)| (Reverse(cluster.size), *id));
    let line = |(id, cluster): &(SeqNo, &Cluster)| {
        let identity = engine.ledger().identity(*id)?;
        Ok(identity.map(|i| ClusterLine { id: i.id, documents: cluster.size, publishers: cluster.publishers() }))
    };
    all.iter().take(TOP).filter_map(|cluster| line(cluster).transpose()).collect()
}

/// `timings.json`: times, rates and sizes, which differ from run to run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timings {
    /// The whole command, in seconds.
    pub total_seconds: f64,
    /// Reading and deciding, in seconds.
    pub decide_seconds: f64,
    /// The last pass, in seconds.
    pub publish_seconds: f64,
    /// Documents a second while deciding.
    pub documents_per_second: f64,
    /// Bytes of memory by store.
    pub state_bytes: BTreeMap<&'static str, usize>,
    /// Bytes of disk by store.
    pub disk_bytes: BTreeMap<&'static str, u64>,
}

impl Timings {
    /// Deciding took this long.
    pub fn decide(&mut self, took: Duration, engine: &Engine) {
        self.decide_seconds = took.as_secs_f64();
        self.documents_per_second = engine.counts().received as f64 / self.decide_seconds.max(1e-9);
        self.state_bytes = engine.state_bytes().into_iter().collect();
        self.disk_bytes = engine.disk_bytes().into_iter().collect();
    }

    /// The last pass took this long.
    pub fn publish(&mut self, took: Duration) {
        self.publish_seconds = took.as_secs_f64();
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, &serde_json::to_vec_pretty(self)?)?)
    }
}
