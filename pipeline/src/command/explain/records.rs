//! Lines of the output contract as they are read back, and how a file of them is streamed.

use std::{fs::File, io, path::Path};

use anyhow::{Context, Result};
use connectors::{compress::Reader, framing::jsonl::Lines, limits::Limits, source::Payload};
use serde::Deserialize;

/// Longest line of decisions, recalls and alarms: 4,096 members with the longest ids, every byte escaped, stay below.
pub(in crate::command) const LINE_BYTES_MAX: usize = 64 << 20;

/// A decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct Decision {
    pub id: String,
    pub position: String,
    pub url: Option<String>,
    pub domain: String,
    pub route: String,
    pub score: f64,
    pub findings: Vec<Finding>,
    pub provenance: Provenance,
    pub verdict_digest: String,
    pub engine: String,
}

/// Where the document comes from, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct Provenance {
    pub schema: String,
    pub fetched_at: Option<String>,
}

/// One finding of a decision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct Finding {
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
}

/// A recall or a restore.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct Recall {
    pub action: String,
    pub id: String,
    pub position: String,
    pub operator: String,
    pub reason: String,
    pub alarm: Option<String>,
    #[serde(rename = "match")]
    pub matched: Option<String>,
}

/// An alarm.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct Alarm {
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

/// A dead letter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::command) struct DeadLetter {
    pub position: String,
    pub code: String,
    pub message: String,
}

/// The lines of a file, packed or not; a file that is missing has none.
pub(in crate::command) struct LineFile {
    lines: Option<Lines<Reader>>,
    name: String,
}

impl LineFile {
    pub(in crate::command) fn open(path: &Path, record_bytes_max: usize) -> Result<Self> {
        let name = path.display().to_string();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { lines: None, name }),
            Err(error) => return Err(error).with_context(|| format!("open {name}")),
        };
        // Own outputs: repeated pages may well pack better than anything from outside is allowed to.
        let limits = Limits { record_bytes_max, ratio_max: u64::MAX, ..Limits::default() };
        let reader = Reader::new(Box::new(file), &limits).with_context(|| format!("read {name}"))?;
        Ok(Self { lines: Some(Lines::new(reader, limits)), name })
    }

    /// The next line; `Err` inside for one that is too long or damaged.
    pub(in crate::command) fn next_line(&mut self) -> Result<Option<Result<Vec<u8>, String>>> {
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
