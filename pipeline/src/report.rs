//! What did a run find, and how long did it take?
//!
//! `report.json` has the same bytes for the same input. Times, rates and sizes differ from run to
//! run, so they are in `timings.json`.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write, path::Path, time::Duration};

use anyhow::{Context, Result};
use connectors::file::write_atomically;
use data_encoding::HEXLOWER;
use operators::report::ClusterReport;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Counts, Engine, LanguageCounts},
    output::lines::{ENGINE, SCHEMA},
    run::Ingredients,
};

/// How many publishers and clusters the report names.
pub(crate) const TOP: usize = 10;

/// How many languages the table at the end of a command names.
const LANGUAGES_SHOWN: usize = 20;

/// A cluster: a document and its copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterLine {
    /// The id of the document that was the first to be copied. It names the cluster for as long as
    /// the cluster is remembered.
    pub id: String,
    /// The number of documents, that one included.
    pub documents: u32,
    /// The number of distinct publishers; 32 means 32 or more.
    pub publishers: usize,
}

/// What a merge of file shards found between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The number of shards.
    pub shards: u32,
    /// Clean documents that are exact copies of clean documents in earlier shards.
    pub exact_copies: u64,
    /// Clean documents that are near copies of clean documents in earlier shards.
    pub near_copies: u64,
    /// Clean documents that could not be compared, because their shard is longer than its operators
    /// remember.
    pub forgotten: u64,
}

/// `report.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Schema version.
    pub v: u32,
    /// The program that wrote it.
    pub engine: String,
    /// The digest of everything that affects verdicts.
    pub verdict_digest: String,
    /// The digest of the background that documents were compared with.
    pub background: String,
    /// What was counted in this run.
    pub counts: Counts,
    /// Documents in the final corpus: those that were clean at arrival, without those recalled and
    /// with those restored.
    pub final_clean: u64,
    /// Whether `received = clean + quarantine + duplicate + dead_letters + without_text`.
    pub identity_holds: bool,
    /// Alarms raised so far in this state.
    pub alarms: u32,
    /// Clusters of copies that are still remembered.
    pub clusters: u64,
    /// The largest clusters.
    pub largest_clusters: Vec<ClusterLine>,
    /// The publishers with most documents among those that the background does not know, and how
    /// many documents each has. They are only reported.
    pub unseen_contributors: Vec<(String, u64)>,
    /// What was found between file shards, if this is a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
    /// What a reader of the report must know.
    pub warnings: Vec<String>,
}

impl Report {
    /// Makes the report of a run whose input is decided.
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
        let clusters = engine.clusters();
        Ok(Self {
            v: SCHEMA,
            engine: ENGINE.to_owned(),
            verdict_digest: engine.settings().verdict_digest_hex(),
            background: HEXLOWER.encode(&ingredients.background.digest()),
            final_clean: engine.final_clean(),
            identity_holds: counts.is_whole(),
            alarms: engine.alarms_raised(),
            clusters: clusters.len() as u64,
            largest_clusters: largest_clusters(engine, clusters)?,
            unseen_contributors: contributions.top().iter().take(TOP).map(|c| (c.publisher.to_string(), c.documents)).collect(),
            counts,
            joined: None,
            warnings,
        })
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// Never in practice: everything in a report can be written as JSON.
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

    /// The table that a command prints at its end.
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
        if c.languages.len() > 1 {
            let _ = writeln!(out, "\n      language  documents   withheld   recalled   unjudged");
            let mut languages: Vec<_> = c.languages.iter().collect();
            languages.sort_by_key(|(code, counts)| (Reverse(counts.documents), *code));
            for (code, LanguageCounts { documents, unjudged, withheld, recalled }) in languages.iter().take(LANGUAGES_SHOWN) {
                let _ = writeln!(out, "{code:>14} {documents:>10} {withheld:>10} {recalled:>10} {unjudged:>10}");
            }
            if languages.len() > LANGUAGES_SHOWN {
                let _ = writeln!(out, "{:>14} more", languages.len() - LANGUAGES_SHOWN);
            }
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "\nwarning: {warning}");
        }
        out
    }
}

fn largest_clusters(engine: &Engine, mut all: Vec<ClusterReport>) -> Result<Vec<ClusterLine>> {
    all.sort_by_key(|cluster| (Reverse(cluster.documents), cluster.id));
    let line = |cluster: &ClusterReport| {
        let identity = engine.ledger().identity(cluster.id)?;
        let (documents, publishers) = (cluster.documents, cluster.publishers);
        Ok(identity.map(|i| ClusterLine { id: i.id, documents, publishers }))
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
    /// Seconds by stage, and by operator where one takes them (`fold/near_dup`), added up over
    /// threads.
    pub stage_seconds: BTreeMap<String, f64>,
}

impl Timings {
    /// Sets how long deciding took, and the sizes that the engine has reached.
    pub fn decide(&mut self, took: Duration, engine: &Engine) {
        self.decide_seconds = took.as_secs_f64();
        self.documents_per_second = engine.counts().received as f64 / self.decide_seconds.max(1e-9);
        self.state_bytes = engine.state_bytes().into_iter().collect();
        self.disk_bytes = engine.disk_bytes().into_iter().collect();
        let name =
            |stage: &str, operator: &str| if operator.is_empty() { stage.to_owned() } else { format!("{stage}/{operator}") };
        self.stage_seconds =
            engine.spent().into_iter().map(|(stage, operator, took)| (name(stage, operator), took.as_secs_f64())).collect();
    }

    /// The table of stages that `weir replay --timings` prints, the longest first: seconds, and
    /// microseconds a record.
    pub fn table(&self) -> String {
        let mut stages: Vec<_> = self.stage_seconds.iter().collect();
        stages.sort_by(|a, b| b.1.total_cmp(a.1));
        let records = (self.documents_per_second * self.decide_seconds).max(1.0);
        let line = |name: &str, seconds: f64| format!("{name:>28} {seconds:>10.3} {:>12.2}\n", seconds * 1e6 / records);
        let mut out = format!("\n{:>28} {:>10} {:>12}\n", "stage", "seconds", "us a record");
        out.extend(stages.iter().map(|(name, seconds)| line(name, **seconds)));
        out + &line("all stages", self.stage_seconds.values().sum())
    }

    /// Sets how long the last pass took.
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
