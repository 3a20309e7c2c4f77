//! What does `decisions` say about a document?

use operators::{background::Silence, finding::Finding, mode::Mode};
use serde::Serialize;
use serde_json::Value;

use super::schema::{ALLOW_LIST, ENGINE, RuleLine, SCHEMA, alarm_name, rounded};
use crate::engine::{Content, Decided, Settings};

/// The line of one document's decision.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionLine<'a> {
    v: u32,
    id: &'a str,
    position: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    domain: &'a str,
    route: &'static str,
    score: f64,
    /// The entry of the allow list without which the document would be withheld for its findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    overruled_by: Option<RuleLine<'a>>,
    findings: Vec<FindingLine<'a>>,
    /// Its code, of a document with findings. Not given where neither the record nor the text tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// Why the background said nothing about it, if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    unjudged: Option<&'static str>,
    /// Code of the dead letter that replaces the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<&'static str>,
    provenance: Value,
    verdict_digest: String,
    engine: &'static str,
}

/// One finding of a decision.
#[derive(Clone, Debug, Serialize)]
struct FindingLine<'a> {
    operator: &'static str,
    reason: &'static str,
    score: f64,
    #[serde(skip_serializing_if = "is_enforced")]
    mode: Mode,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    matched: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phrase: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    spans: &'a [(u32, u32)],
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<f64>,
    /// The entry of the deny list that it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleLine<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_enforced(mode: &Mode) -> bool {
    *mode == Mode::Enforce
}

impl<'a> DecisionLine<'a> {
    /// The line of a decided document. `dead_letter` is the code of the dead letter that replaces
    /// it, if one does.
    pub fn new(settings: &Settings, decided: &'a Decided, dead_letter: Option<&'static str>) -> Self {
        let page = match &decided.item.content {
            Content::Document(work) => Some(&work.page),
            Content::WithoutText(_) | Content::Reject(_) => None,
        };
        let matches = decided.matches.iter().map(Option::as_deref);
        let findings = decided.findings.iter().zip(matches);
        let language = decided.identity.language;
        Self {
            v: SCHEMA,
            id: &decided.identity.id,
            position: &decided.identity.position,
            url: page.and_then(|page| page.url.as_deref()),
            domain: &decided.identity.publisher,
            route: decided.verdict.route.as_str(),
            score: rounded(decided.verdict.score),
            overruled_by: decided.overruled_by.as_ref().map(|rule| RuleLine::new(ALLOW_LIST, rule)),
            findings: findings.map(|((finding, mode), matched)| FindingLine::new(settings, finding, *mode, matched)).collect(),
            language: (language.is_known() && !decided.findings.is_empty()).then_some(language.code()),
            unjudged: settings.silence(language).map(Silence::as_str),
            dead_letter,
            provenance: page.and_then(|page| serde_json::to_value(&page.provenance).ok()).unwrap_or_default(),
            verdict_digest: settings.verdict_digest_hex(),
            engine: ENGINE,
        }
    }
}

impl<'a> FindingLine<'a> {
    fn new(settings: &Settings, finding: &'a Finding, mode: Mode, matched: Option<&'a str>) -> Self {
        let evidence = &finding.evidence;
        Self {
            operator: finding.operator,
            reason: finding.reason.as_str(),
            score: rounded(finding.score.get()),
            mode,
            matched,
            alarm: evidence.alarm.map(|alarm| alarm_name(settings.shard, alarm)),
            phrase: evidence.phrase.as_deref(),
            spans: &evidence.spans,
            observed: evidence.observed.map(rounded),
            expected: evidence.expected.map(rounded),
            rule: evidence.rule.as_deref().map(|rule| RuleLine::new("policy.deny_files", rule)),
        }
    }
}

/// The reasons of the findings that count, each once, with commas between them.
pub fn reasons(findings: &[(Finding, Mode)]) -> String {
    let enforced = findings.iter().filter(|(_, mode)| *mode == Mode::Enforce);
    let mut reasons: Vec<&str> = enforced.map(|(finding, _)| finding.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.join(",")
}
