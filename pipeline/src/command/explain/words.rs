//! What do findings, routes and recalls mean in plain words?

use super::escape::escaped;
use crate::command::output_lines::{ParsedFinding, ParsedRecall, ParsedRule};

/// For each reason: what it means, and what its `observed` and `expected` count. A reason that is
/// not here comes from a newer weir.
const REASONS: [(&str, &str, &str); 19] = [
    ("exact_duplicate", "the same text as an earlier document", ""),
    ("near_duplicate", "nearly the same text as an earlier document", "similarity of their word 5-grams"),
    ("sentence_spike", "carries a whole sentence or line that spread over many publishers", "publishers' votes"),
    ("edge_spike", "carries a phrase at the edge of sentences that spread over many publishers", "publishers' votes"),
    ("insertion_spike", "carries a phrase inside ever different sentences of many publishers", "publishers' votes"),
    ("single_site_spike", "carries a phrase that stands all over one new site", "pages' votes"),
    ("tag_characters", "holds characters of the Unicode tag block, which nobody sees and models read", "places"),
    ("invisible_run", "holds runs of invisible characters", "places"),
    ("zero_width_in_word", "holds invisible characters inside words", "places"),
    ("variation_selectors", "holds variation selectors where no glyph varies", "places"),
    ("bidi_in_word", "holds controls inside words that turn the direction of writing", "places"),
    ("mixed_script_words", "holds words that mix look-alike letters of several scripts", "words"),
    ("disguised_text", "holds prose that it renders so that nobody sees it", "words"),
    ("hidden_text", "holds prose that it does not render", "words"),
    ("gibberish", "holds words in an order that ordinary text does not have", "share of strange word pairs"),
    ("denied_unit", "its publisher is on a deny list", ""),
    ("poor_reputation", "its publisher has a bad record in reviewed verdicts", "bound of the share of bad documents"),
    ("digest_mismatch", "its record's bytes do not have the digest that the archive states", ""),
    ("operator_failed", "a detector failed on it, so it is withheld to be safe", ""),
];

/// Returns what a reason means.
pub(super) fn reason(reason: &str) -> Option<&'static str> {
    REASONS.iter().find(|(name, ..)| *name == reason).map(|(_, words, _)| *words)
}

/// Returns a finding in one sentence.
pub(super) fn finding(finding: &ParsedFinding) -> String {
    let name = escaped(&finding.reason);
    let meaning = reason(&finding.reason).map_or_else(|| name.clone(), str::to_owned);
    let mode = match finding.mode.as_deref() {
        None | Some("enforce") => String::new(),
        Some(mode) => format!(", {} mode: not acted on", escaped(mode)),
    };
    format!("{} ({name}, score {}{mode}): {meaning}", escaped(&finding.operator), finding.score)
}

/// Returns what was counted, beside what is ordinary.
pub(super) fn measured(finding: &ParsedFinding) -> Option<String> {
    let observed = finding.observed?;
    let unit = REASONS.iter().find(|(name, ..)| *name == finding.reason).map_or("", |(_, _, unit)| *unit);
    let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
    Some(match finding.expected {
        Some(expected) => format!("observed {observed}, ordinary is up to {expected}{unit}"),
        None => format!("observed {observed}{unit}"),
    })
}

/// Returns an entry of a list, and where it stands.
pub(super) fn rule(rule: &ParsedRule) -> String {
    format!("{} in {}, line {} ({})", escaped(&rule.entry), escaped(&rule.file), rule.line, escaped(&rule.list))
}

/// Returns a recall, a restore or what was overruled in one sentence.
pub(super) fn recall(recall: &ParsedRecall) -> String {
    if recall.action == "restore" {
        let original = recall.matched.as_deref().map_or_else(|| "its original".to_owned(), escaped);
        return format!("restored: it takes the place of {original}, which was recalled");
    }
    let meaning = reason(&recall.reason).map_or_else(|| escaped(&recall.reason), str::to_owned);
    let alarm = recall.alarm.as_deref().map(|alarm| format!(", {}", escaped(alarm))).unwrap_or_default();
    let of =
        recall.matched.as_deref().map(|of| format!("; a merge found it to be a copy of {}", escaped(of))).unwrap_or_default();
    let by = format!("{} ({}{alarm}): {meaning}{of}", escaped(&recall.operator), escaped(&recall.reason));
    match &recall.overruled_by {
        Some(allowed) => format!("stays, since its publisher is allowed ({}); else recalled by {by}", rule(allowed)),
        None => format!("recalled by {by}"),
    }
}

/// Returns where a document of this route goes.
pub(super) fn route(route: &str) -> String {
    match route {
        "clean" => "clean (into the corpus)".to_owned(),
        "quarantine" => "quarantine (withheld)".to_owned(),
        "duplicate" => "duplicate (kept apart as a copy)".to_owned(),
        other => escaped(other),
    }
}

#[cfg(test)]
mod tests {
    use operators::finding::Reason;

    use super::*;

    #[test]
    fn every_reason_has_words() {
        assert_eq!(Reason::ALL.len(), REASONS.len());
        for known in Reason::ALL {
            assert!(reason(known.as_str()).is_some(), "{known} has none");
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_is_shown_as_it_is() {
        let new = ParsedFinding {
            operator: "op\u{202e}".into(),
            reason: "new".into(),
            score: 0.5,
            observed: Some(2.0),
            ..ParsedFinding::default()
        };
        assert_eq!(finding(&new), "op\\u{202e} (new, score 0.5): new");
        assert_eq!(measured(&new).as_deref(), Some("observed 2"));
    }
}
