//! What do the lines of a run's outputs say when they are read back, and how is a file of them
//! streamed?
//!
//! Only the fields that a subcommand needs are read. A field that is missing has its default.

use std::{fs::File, io, path::Path};

use anyhow::{Context, Result};
use connectors::{compress::Reader, framing::jsonl::JsonLines, limits::Limits, source::Payload};
use serde::Deserialize;

/// The longest line of decisions, recalls and alarms, in bytes. An alarm with 4,096 members that
/// have the longest ids, with every byte escaped, is shorter.
pub(super) const LINE_BYTES_MAX: usize = 64 << 20;

/// A line of `decisions.jsonl`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedDecision {
    pub id: String,
    pub position: String,
    pub url: Option<String>,
    pub domain: String,
    pub route: String,
    pub score: f64,
    pub overruled_by: Option<ParsedRule>,
    pub findings: Vec<ParsedFinding>,
    pub provenance: ParsedProvenance,
    pub verdict_digest: String,
    pub engine: String,
}

/// Where a document comes from, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedProvenance {
    pub schema: String,
    pub fetched_at: Option<String>,
}

/// One finding of a decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedFinding {
    pub operator: String,
    pub reason: String,
    pub score: f64,
    pub mode: Option<String>,
    #[serde(rename = "match")]
    pub matched: Option<String>,
    pub alarm: Option<String>,
    pub phrase: Option<String>,
    pub spans: Vec<(u32, u32)>,
    pub observed: Option<f64>,
    pub expected: Option<f64>,
    pub rule: Option<ParsedRule>,
}

/// An entry of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedRule {
    pub list: String,
    pub file: String,
    pub line: u32,
    pub entry: String,
}

/// A line of `recalls.jsonl`: a recall, a restore, or a recall that was overruled.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedRecall {
    pub action: String,
    pub id: String,
    pub position: String,
    pub operator: String,
    pub reason: String,
    pub alarm: Option<String>,
    #[serde(rename = "match")]
    pub matched: Option<String>,
    pub overruled_by: Option<ParsedRule>,
}

/// A line of `alarms.jsonl`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedAlarm {
    #[serde(rename = "alarm")]
    pub name: String,
    pub operator: String,
    pub reason: String,
    pub phrase: String,
    pub members: Vec<String>,
    pub k: f64,
    pub domains: u32,
    pub expected: f64,
    pub coherence: f64,
    pub score: f64,
}

/// A line of `dead-letters.jsonl`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParsedDeadLetter {
    pub position: String,
    pub code: String,
    pub message: String,
}

/// The lines of a file, packed or not. A file that is missing has none.
pub(super) struct LineFile {
    lines: Option<JsonLines<Reader>>,
    name: String,
}

impl LineFile {
    /// Opens the file. Lines longer than `record_bytes_max` bytes are handed out as errors.
    pub(super) fn open(path: &Path, record_bytes_max: usize) -> Result<Self> {
        let name = path.display().to_string();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { lines: None, name }),
            Err(error) => return Err(error).with_context(|| format!("open {name}")),
        };
        // These are outputs of weir: repeated pages may pack better than an input is allowed to.
        let limits = Limits { record_bytes_max, ratio_max: u64::MAX, ..Limits::default() };
        let reader = Reader::new(Box::new(file), &limits).with_context(|| format!("read {name}"))?;
        Ok(Self { lines: Some(JsonLines::new(reader, limits)), name })
    }

    /// Returns the next line; the inner `Err` stands for a line that is too long or damaged.
    pub(super) fn next_line(&mut self) -> Result<Option<Result<Vec<u8>, String>>> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        let frame = lines.next_frame().with_context(|| format!("read {}", self.name))?;
        Ok(frame.map(|frame| match frame.payload {
            Payload::Line(line) => Ok(line),
            Payload::Bad(bad) => Err(bad.message),
            Payload::Html(_) | Payload::Row(_) | Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. } => {
                Err("got an archive's record, expected a line".to_owned())
            }
        }))
    }
}
