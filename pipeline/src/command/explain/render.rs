//! What does the page say that `weir explain` prints?

use std::fmt::Write;

use super::{
    escape::escaped,
    excerpt::{SpanMarks, excerpt, place_of},
    find::{AlarmOfDocument, CorpusSeries, FoundDocument},
    words,
};
use crate::command::output_lines::ParsedFinding;

/// How many tokens of a text are searched for the phrase of an alarm. Detectors look at no more
/// than that.
const TOKENS_MAX: usize = 65_535;

/// Writes the page about a document. `text` is its text, or the reason why there is none.
pub(super) fn page(found: &FoundDocument, text: &Result<String, String>, marks: SpanMarks) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut out, found);
    let _ = findings(&mut out, found, text, marks);
    let _ = afterwards(&mut out, found, text, marks);
    if let Err(why) = text {
        let _ = writeln!(out, "\nno text: {why}");
    }
    out
}

/// Writes what the document is and where it went.
fn head(out: &mut String, found: &FoundDocument) -> std::fmt::Result {
    let decision = &found.decision;
    writeln!(out, "{}", escaped(&decision.id))?;
    writeln!(out, "  position    {}", escaped(&decision.position))?;
    if let Some(url) = &decision.url {
        writeln!(out, "  url         {}", escaped(url))?;
    }
    writeln!(out, "  publisher   {}", escaped(&decision.domain))?;
    if let Some(time) = &decision.provenance.fetched_at {
        writeln!(out, "  fetched     {}", escaped(time))?;
    }
    writeln!(out, "  at arrival  {}", words::route(&decision.route))?;
    writeln!(out, "  in the end  {}", fate(found.series))?;
    writeln!(out, "  score       {}", decision.score)?;
    if let Some(rule) = &decision.overruled_by {
        writeln!(out, "  overruled   it would be withheld, but its publisher is allowed: {}", words::rule(rule))?;
    }
    writeln!(out, "  decided by  {}, verdict digest {}", escaped(&decision.engine), escaped(&decision.verdict_digest))
}

/// Says what became of a document.
fn fate(series: CorpusSeries) -> &'static str {
    match series {
        CorpusSeries::Clean => "clean (in the corpus)",
        CorpusSeries::Recalled => "recalled (passed at arrival, now in quarantine)",
        CorpusSeries::Duplicate => "duplicate (kept apart as a copy)",
        CorpusSeries::Restored => "restored (a copy that is now in the corpus, in place of its recalled original)",
        CorpusSeries::RecalledDuplicate => "recalled (a copy at arrival, now in quarantine)",
        CorpusSeries::Quarantine => "quarantine (withheld)",
        CorpusSeries::Copied => "duplicate (passed in its shard, and found to be a copy when shards were joined)",
        CorpusSeries::CopiedRestored => "duplicate (restored in its shard, and found to be a copy when shards were joined)",
    }
}

/// Writes the findings of the decision, with their evidence.
fn findings(out: &mut String, found: &FoundDocument, text: &Result<String, String>, marks: SpanMarks) -> std::fmt::Result {
    let findings = &found.decision.findings;
    if findings.is_empty() {
        return writeln!(out, "\nno findings at arrival");
    }
    writeln!(out, "\nfindings at arrival")?;
    for finding in findings {
        writeln!(out, "\n  {}", words::finding(finding))?;
        if let Some(measured) = words::measured(finding) {
            writeln!(out, "    {measured}")?;
        }
        if let Some(rule) = &finding.rule {
            writeln!(out, "    by {}", words::rule(rule))?;
        }
        if let Some(matched) = &finding.matched {
            writeln!(out, "    copy of {}", escaped(matched))?;
        }
        if let Some(alarm) = &finding.alarm {
            writeln!(out, "    carries {}", escaped(alarm))?;
        }
        if let Some(phrase) = &finding.phrase {
            writeln!(out, "    phrase: {}", escaped(phrase))?;
        }
        if let Ok(text) = text {
            evidence(out, finding, text, marks)?;
        }
    }
    Ok(())
}

/// Writes the spans of a finding, each marked in its context.
fn evidence(out: &mut String, finding: &ParsedFinding, text: &str, marks: SpanMarks) -> std::fmt::Result {
    for &(from, to) in &finding.spans {
        match excerpt(text, (from, to), marks) {
            Some(shown) => writeln!(out, "    bytes {from}..{to}: {shown}")?,
            None => writeln!(out, "    bytes {from}..{to}: not in the text, which has {} bytes", text.len())?,
        }
    }
    Ok(())
}

/// Writes what was learned after the document was decided.
fn afterwards(out: &mut String, found: &FoundDocument, text: &Result<String, String>, marks: SpanMarks) -> std::fmt::Result {
    if !found.recalls.is_empty() {
        writeln!(out, "\nlater")?;
        for recall in &found.recalls {
            writeln!(out, "  {}", words::recall(recall))?;
        }
    }
    for AlarmOfDocument { alarm, members } in &found.alarms {
        let (name, operator, reason) = (escaped(&alarm.name), escaped(&alarm.operator), escaped(&alarm.reason));
        writeln!(out, "\n{name} ({operator}, {reason}, score {:.1})", alarm.score)?;
        writeln!(out, "  phrase: {}", escaped(&alarm.phrase))?;
        writeln!(
            out,
            "  when it fired: {} votes of {} publishers, ordinary are {:.2}; coherence of their contexts {:.3}",
            alarm.k, alarm.domains, alarm.expected, alarm.coherence
        )?;
        writeln!(out, "  {members} documents listed as members")?;
        let decided = found.decision.findings.iter().any(|f| f.alarm.as_ref() == Some(&alarm.name) && !f.spans.is_empty());
        // Spans of a finding were shown with it.
        let place =
            |text: &String| place_of(&alarm.phrase, text, TOKENS_MAX).and_then(|span| Some((span, excerpt(text, span, marks)?)));
        if let Some(((from, to), shown)) = text.as_ref().ok().filter(|_| !decided).and_then(place) {
            writeln!(out, "  bytes {from}..{to}: {shown}")?;
        }
    }
    Ok(())
}
