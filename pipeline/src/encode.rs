//! Lines of the output contract: decisions, recalls, alarms, dead letters. Every line carries `v`, the schema version.

use connectors::source::Record;
use decode::Reject;
use operators::{
    document::SeqNo,
    finding::{Finding, Reason},
    mode::Mode,
    operator::{Operator, Recall},
    trigger_spike::{Alarm, TriggerSpike},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    engine::Settings,
    language::language,
    policy::{Route, Verdict},
    state::ledger::Identity,
};

/// Schema version of every line.
pub const SCHEMA: u32 = 1;
/// What wrote the line.
pub const ENGINE: &str = concat!("weir ", env!("CARGO_PKG_VERSION"));
/// Bytes of a bad record that its dead letter keeps.
const DEAD_LETTER_BYTES_MAX: usize = 4096;

/// One document's decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    v: u32,
    id: String,
    position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    domain: String,
    route: &'static str,
    score: f64,
    findings: Vec<FindingLine>,
    /// Of a document with findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// Code of the dead letter that stands in the document's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<&'static str>,
    provenance: Value,
    verdict_digest: String,
    engine: &'static str,
    #[serde(skip)]
    pub(crate) verdict: Verdict,
}

/// One finding of a decision.
#[derive(Clone, Debug, Serialize)]
struct FindingLine {
    operator: &'static str,
    reason: &'static str,
    score: f64,
    #[serde(skip_serializing_if = "is_enforced")]
    mode: Mode,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phrase: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spans: Vec<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_enforced(mode: &Mode) -> bool {
    *mode == Mode::Enforce
}

/// The public name of an alarm; those of the shards of one list must not meet where their outputs are joined.
pub fn alarm_name(shard: Option<u32>, alarm: u32) -> String {
    shard.map_or_else(|| format!("alarm-{alarm}"), |shard| format!("alarm-{shard}.{alarm}"))
}

/// Four significant decimals: scores are for people, and short numbers are the same on every machine.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

impl Decision {
    /// The decision on a document; `matches` are the ids of what its findings name.
    pub fn new(
        identity: Identity,
        url: Option<String>,
        verdict: Verdict,
        findings: &[(Finding, Mode)],
        matches: Vec<Option<String>>,
        provenance: Value,
        settings: &Settings,
    ) -> Self {
        let line = |((finding, mode), matched): (&(Finding, Mode), Option<String>)| FindingLine {
            operator: finding.operator,
            reason: finding.reason.as_str(),
            score: rounded(finding.score.get()),
            mode: *mode,
            matched,
            alarm: finding.evidence.alarm.map(|alarm| alarm_name(settings.shard, alarm)),
            phrase: finding.evidence.phrase.clone(),
            spans: finding.evidence.spans.clone(),
            observed: finding.evidence.observed.map(rounded),
            expected: finding.evidence.expected.map(rounded),
        };
        Self {
            v: SCHEMA,
            id: identity.id,
            position: identity.position,
            url,
            domain: identity.publisher,
            route: verdict.route.as_str(),
            score: rounded(verdict.score),
            findings: findings.iter().zip(matches).map(line).collect(),
            language: None,
            dead_letter: None,
            provenance,
            verdict_digest: settings.verdict_digest_hex(),
            engine: ENGINE,
            verdict,
        }
    }

    /// With what is only written: the language of `text`, and the code of a dead letter in the document's place.
    #[must_use]
    pub fn completed(&self, text: Option<&str>, dead_letter: Option<&'static str>) -> Self {
        Self { language: text.and_then(language), dead_letter, ..self.clone() }
    }

    /// Whether anything was found.
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// The document's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How suspicious it is, 0 to 1.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// Reasons of the findings that count, each once, with commas between.
    pub fn reasons(&self) -> String {
        let mut reasons: Vec<&str> = self.findings.iter().filter(|f| f.mode == Mode::Enforce).map(|f| f.reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons.join(",")
    }

    /// Digest of everything that affects verdicts.
    pub fn verdict_digest(&self) -> &str {
        &self.verdict_digest
    }

    /// Where the document goes.
    pub fn route(&self) -> Route {
        self.verdict.route
    }
}

/// A recall or a restore.
#[derive(Clone, Debug, Serialize)]
pub struct RecallLine {
    v: u32,
    action: &'static str,
    id: String,
    position: String,
    operator: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<String>,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
    #[serde(skip)]
    seqno: SeqNo,
}

impl RecallLine {
    /// An earlier document turned out bad, in this shard if it is one of several.
    pub fn recall(identity: &Identity, recall: &Recall, shard: Option<u32>) -> Self {
        Self {
            seqno: recall.seqno,
            v: SCHEMA,
            action: "recall",
            id: identity.id.clone(),
            position: identity.position.clone(),
            operator: recall.operator,
            reason: recall.reason.as_str(),
            alarm: recall.alarm.map(|alarm| alarm_name(shard, alarm)),
            matched: None,
        }
    }

    /// A document that passed in one shard is a copy of one that passed in an earlier shard.
    pub fn copy(seqno: SeqNo, copy: &Identity, found: (&'static str, Reason), original: &Identity) -> Self {
        let (operator, reason) = found;
        Self {
            seqno,
            v: SCHEMA,
            action: "recall",
            id: copy.id.clone(),
            position: copy.position.clone(),
            operator,
            reason: reason.as_str(),
            alarm: None,
            matched: Some(original.id.clone()),
        }
    }

    /// A copy takes the place of its recalled representative.
    pub fn restore(restored: SeqNo, copy: &Identity, original: &Identity) -> Self {
        Self {
            seqno: restored,
            v: SCHEMA,
            action: "restore",
            id: copy.id.clone(),
            position: copy.position.clone(),
            operator: "engine",
            reason: "representative_recalled",
            alarm: None,
            matched: Some(original.id.clone()),
        }
    }

    /// Which document it is about, by its place in reading order.
    pub fn seqno(&self) -> SeqNo {
        self.seqno
    }

    /// The document's position.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// Who asked for it: a metric's label.
    pub fn operator(&self) -> &'static str {
        self.operator
    }

    /// Whether it is a restore.
    pub fn is_restore(&self) -> bool {
        self.action == "restore"
    }
}

/// Says on the recalls channel how far recalls can no longer reach.
#[derive(Clone, Debug, Serialize)]
pub struct SettledLine {
    v: u32,
    action: &'static str,
    up_to: SeqNo,
}

impl SettledLine {
    /// No document before `up_to` will be recalled or restored any more.
    pub fn new(up_to: SeqNo) -> Self {
        Self { v: SCHEMA, action: "settled", up_to }
    }
}

/// An alarm with its members.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmLine {
    /// Schema version.
    pub v: u32,
    /// Its name.
    pub alarm: String,
    /// Operator that raised it.
    pub operator: &'static str,
    /// Which kind of spike.
    pub reason: &'static str,
    /// The phrase in matching form.
    pub phrase: String,
    /// Ids of its carriers, oldest first.
    pub members: Vec<String>,
    /// Capped votes when it fired.
    pub k: f64,
    /// Distinct publishers when it fired.
    pub domains: u32,
    /// Votes that would have been ordinary.
    pub expected: f64,
    /// Mean cosine of its carriers' contexts.
    pub coherence: f64,
    /// Its score.
    pub score: f64,
}

impl AlarmLine {
    /// The line of an alarm, of this shard if it is one of several; `members` are the ids of its carriers.
    pub fn new(alarm: &Alarm, members: Vec<String>, shard: Option<u32>) -> Self {
        Self {
            v: SCHEMA,
            alarm: alarm_name(shard, alarm.id),
            operator: TriggerSpike::NAME,
            reason: alarm.class.reason().as_str(),
            phrase: alarm.phrase.clone(),
            members,
            k: rounded(alarm.k),
            domains: alarm.domains,
            expected: rounded(alarm.expected),
            coherence: rounded(alarm.coherence),
            score: rounded(alarm.score),
        }
    }
}

/// A record that is no document.
#[derive(Clone, Debug, Serialize)]
struct DeadLetter<'a> {
    v: u32,
    position: String,
    /// The file it lies in, if that is not the position's.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    byte_offset: u64,
    code: &'static str,
    message: &'a str,
    bytes: String,
    encoding: &'static str,
    length: u64,
    /// Where the stretch begins in the packed file, if that could not be unpacked there, and how long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_length: Option<u64>,
}

/// The dead letter of a record.
pub fn dead_letter(record: &Record, position: String, reject: &Reject) -> Vec<u8> {
    use connectors::source::Payload;
    let (bytes, length): (&[u8], u64) = match &record.payload {
        Payload::Line(line) | Payload::Row(line) | Payload::Html(line) => (line, line.len() as u64),
        Payload::Warc { header, .. } | Payload::Arc { header, .. } | Payload::Joined { header, .. } => {
            (header.raw(), record.payload.len() as u64)
        }
        Payload::Bad(bad) => (&bad.bytes, bad.length),
    };
    let bytes = &bytes[..bytes.len().min(DEAD_LETTER_BYTES_MAX)];
    let (bytes, encoding) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf-8"),
        Err(_) => (hex(bytes), "hex"),
    };
    let message = &reject.message;
    let packed = match &record.payload {
        Payload::Bad(bad) => bad.packed,
        _ => None,
    };
    to_line(&DeadLetter {
        v: SCHEMA,
        position,
        file: record.file.as_deref(),
        byte_offset: record.byte_offset,
        code: reject.code,
        message,
        bytes,
        encoding,
        length,
        packed_offset: packed.map(|stretch| stretch.offset),
        packed_length: packed.map(|stretch| stretch.length),
    })
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A JSON line without its line break.
///
/// # Panics
/// Never: none of the types here can fail to serialise.
pub fn to_line(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and lists always serialise")
}
