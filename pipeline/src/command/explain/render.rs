//! The page that `weir explain` prints.

use std::fmt::Write;

use super::{
    escape::escaped,
    excerpt::{Marks, excerpt, place_of},
    find::{Found, NamedAlarm, Series},
    words,
};
use crate::command::output_lines::ParsedFinding;

/// Tokens of a text that are searched for an alarm's phrase: as many as detectors look at, at most.
const TOKENS_MAX: usize = 65_535;

/// Everything about a document. `text` is its text, or why there is none.
pub(super) fn page(found: &Found, text: &Result<String, String>, marks: Marks) -> String {
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

fn head(out: &mut String, found: &Found) -> std::fmt::Result {
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
    writeln!(out, "  decided by  {}, verdict digest {}", escaped(&decision.engine), escaped(&decision.verdict_digest))
}

/// What became of it.
fn fate(series: Series) -> &'static str {
    match series {
        Series::Clean => "clean (in the corpus)",
        Series::Recalled => "recalled (passed at arrival, now in quarantine)",
        Series::Duplicate => "duplicate (kept apart as a copy)",
        Series::Restored => "restored (a copy that is now in the corpus, in place of its recalled original)",
        Series::RecalledDuplicate => "recalled (a copy at arrival, now in quarantine)",
        Series::Quarantine => "quarantine (withheld)",
        Series::Copied => "duplicate (passed in its shard, and found to be a copy when shards were joined)",
        Series::CopiedRestored => "duplicate (restored in its shard, and found to be a copy when shards were joined)",
    }
}

fn findings(out: &mut String, found: &Found, text: &Result<String, String>, marks: Marks) -> std::fmt::Result {
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

fn evidence(out: &mut String, finding: &ParsedFinding, text: &str, marks: Marks) -> std::fmt::Result {
    for &(from, to) in &finding.spans {
        match excerpt(text, (from, to), marks) {
            Some(shown) => writeln!(out, "    bytes {from}..{to}: {shown}")?,
            None => writeln!(out, "    bytes {from}..{to}: not in the text, which has {} bytes", text.len())?,
        }
    }
    Ok(())
}

/// What was learned after the document was decided.
fn afterwards(out: &mut String, found: &Found, text: &Result<String, String>, marks: Marks) -> std::fmt::Result {
    if !found.recalls.is_empty() {
        writeln!(out, "\nlater")?;
        for recall in &found.recalls {
            writeln!(out, "  {}", words::recall(recall))?;
        }
    }
    for NamedAlarm { alarm, members } in &found.alarms {
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
