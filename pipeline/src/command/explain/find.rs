//! Which decision is meant, what was learned about its document later, and where in the corpus is
//! its text?
//!
//! The corpus files keep the order of the input. So the place of a document in them is the number
//! of earlier documents that took the same route. This finds documents without an id, and the right
//! one of several with the same id.
//!
//! **Cost** one pass over recalls, decisions and alarms. **State** 9 bytes and a node of a tree for
//! each document that was recalled.

use std::{borrow::Cow, collections::BTreeMap};

use anyhow::Result;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    command::output_lines::{LINE_BYTES_MAX, LineFile, ParsedAlarm, ParsedDeadLetter, ParsedDecision, ParsedRecall},
    layout::OutputFolder,
};

/// The most documents of one id that are listed.
const POSITIONS_MAX: usize = 20;
/// The most recalls and alarms of one document that are shown.
const SHOWN_MAX: usize = 32;

/// What a search has found.
pub(super) enum FindResult {
    /// One document.
    Document(Box<FoundDocument>),
    /// No document, or several.
    NoDocument(NotFound),
}

/// A document, and everything that the outputs say about it.
#[derive(Debug, Default)]
pub(super) struct FoundDocument {
    pub decision: ParsedDecision,
    /// Recalls and restores, oldest first.
    pub recalls: Vec<ParsedRecall>,
    /// The alarms that list it or that its findings name, without their members.
    pub alarms: Vec<AlarmOfDocument>,
    /// The series of corpus files that it ended in.
    pub series: CorpusSeries,
    /// How many documents come before it in that series.
    pub rank: u64,
    /// How many documents before it had the same route at arrival.
    pub rank_at_arrival: u64,
}

/// An alarm, and how many members it lists.
#[derive(Debug)]
pub(super) struct AlarmOfDocument {
    pub alarm: ParsedAlarm,
    pub members: usize,
}

/// What was searched when no single document was found.
#[derive(Debug, Default)]
pub(super) struct NotFound {
    pub decisions: u64,
    pub unreadable: u64,
    /// How many documents have this id.
    pub candidates: u64,
    /// The positions of the first of them.
    pub positions: Vec<String>,
    pub recalls: Vec<ParsedRecall>,
    pub dead_letters: Vec<ParsedDeadLetter>,
}

/// A series of corpus files. In the order of their numbers, they hold documents in the order of the
/// input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CorpusSeries {
    #[default]
    Clean,
    Recalled,
    Duplicate,
    Restored,
    RecalledDuplicate,
    Quarantine,
    /// Copies of documents of an earlier shard, which a merge has found.
    Copied,
    CopiedRestored,
}

impl CorpusSeries {
    const COUNT: usize = 8;

    /// Returns the series of a document, by its route at arrival and by what was learned about it
    /// last.
    fn of(route: &str, last: Option<LaterFate>) -> Self {
        match (route, last) {
            ("clean", Some(LaterFate::Recalled)) => Self::Recalled,
            ("clean", Some(LaterFate::Copied)) => Self::Copied,
            ("clean", _) => Self::Clean,
            ("duplicate", Some(LaterFate::Copied)) => Self::CopiedRestored,
            ("duplicate", None) => Self::Duplicate,
            ("duplicate", Some(LaterFate::Restored)) => Self::Restored,
            ("duplicate", Some(LaterFate::Recalled)) => Self::RecalledDuplicate,
            _ => Self::Quarantine,
        }
    }

    /// Returns the series of a document before the last pass.
    pub(super) fn arrival(route: &str) -> Self {
        Self::of(route, None)
    }

    /// Returns the folder of the series, and the beginning of its files' names.
    pub(super) fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Clean => ("clean", "part"),
            Self::Recalled => ("quarantine", "recalled"),
            Self::Duplicate => ("duplicates", "part"),
            Self::Restored => ("clean", "restored"),
            Self::RecalledDuplicate => ("quarantine", "recalled-duplicates"),
            Self::Quarantine => ("quarantine", "part"),
            Self::Copied => ("duplicates", "copied"),
            Self::CopiedRestored => ("duplicates", "copied-restored"),
        }
    }
}

/// What was learned about a document later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaterFate {
    Recalled,
    Restored,
    Copied,
}

impl LaterFate {
    fn of(recall: &ParsedRecall) -> Option<Self> {
        match (recall.action.as_str(), recall.reason.as_str()) {
            ("overruled", _) => None,
            ("restore", _) => Some(Self::Restored),
            (_, "exact_duplicate" | "near_duplicate") => Some(Self::Copied),
            _ => Some(Self::Recalled),
        }
    }
}

/// Finds a document by its position or its id. A position wins over ids.
pub(super) fn find(output: &OutputFolder, asked: &str) -> Result<FindResult> {
    let mut missed = NotFound::default();
    let (later, recalls) = recalls(output, asked, &mut missed)?;
    let Some(mut found) = decision(output, asked, &later, &mut missed)? else {
        missed.recalls = recalls;
        missed.dead_letters = dead_letters(output, asked)?;
        return Ok(FindResult::NoDocument(missed));
    };
    let decision = &found.decision;
    found.recalls = recalls.into_iter().filter(|r| r.id == decision.id && r.position == decision.position).collect();
    found.alarms = alarms(output, &found)?;
    Ok(FindResult::Document(Box::new(found)))
}

/// Hashes the identity of a document. Ids are not unique, and positions are unique only within a
/// run.
fn key(id: &str, position: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&(id.len() as u64).to_le_bytes());
    hasher.update(id.as_bytes());
    hasher.update(position.as_bytes());
    hasher.digest()
}

/// Reads what was learned last about each document, and all lines about the one that is asked for.
fn recalls(output: &OutputFolder, asked: &str, missed: &mut NotFound) -> Result<(BTreeMap<u64, LaterFate>, Vec<ParsedRecall>)> {
    let mut later = BTreeMap::new();
    let mut ours = Vec::new();
    each_line(output, "recalls.jsonl", &mut missed.unreadable, |recall: ParsedRecall| {
        later.extend(LaterFate::of(&recall).map(|fate| (key(&recall.id, &recall.position), fate)));
        if (recall.id == asked || recall.position == asked) && ours.len() < SHOWN_MAX {
            ours.push(recall);
        }
    })?;
    Ok((later, ours))
}

/// The part of a decision that is read from every line.
#[derive(Deserialize)]
struct DecisionRoute<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    position: Cow<'a, str>,
    #[serde(borrow)]
    route: Cow<'a, str>,
}

/// Finds the decision that is asked for, and its place in the corpus.
fn decision(
    output: &OutputFolder,
    asked: &str,
    later: &BTreeMap<u64, LaterFate>,
    missed: &mut NotFound,
) -> Result<Option<FoundDocument>> {
    let mut file = LineFile::open(&output.file("decisions.jsonl"), LINE_BYTES_MAX)?;
    let (mut in_series, mut at_arrival) = ([0; CorpusSeries::COUNT], [0; CorpusSeries::COUNT]);
    let (mut by_position, mut by_id): (Option<FoundDocument>, Option<FoundDocument>) = (None, None);
    while let Some(line) = file.next_line()? {
        let Some((line, brief)) =
            line.as_ref().ok().and_then(|l| Some((l, serde_json::from_slice::<DecisionRoute<'_>>(l).ok()?)))
        else {
            missed.unreadable += 1;
            continue;
        };
        missed.decisions += 1;
        let series = CorpusSeries::of(&brief.route, later.get(&key(&brief.id, &brief.position)).copied());
        let arrived = CorpusSeries::arrival(&brief.route);
        let (rank, rank_at_arrival) = (in_series[series as usize], at_arrival[arrived as usize]);
        if brief.position == asked || brief.id == asked {
            let decision = serde_json::from_slice(line)?;
            let found = FoundDocument { decision, series, rank, rank_at_arrival, ..FoundDocument::default() };
            if brief.id == asked {
                missed.candidates += 1;
                if missed.positions.len() < POSITIONS_MAX {
                    missed.positions.push(brief.position.to_string());
                }
            }
            if brief.position == asked {
                by_position = by_position.or(Some(found));
            } else {
                by_id = by_id.or(Some(found));
            }
        }
        in_series[series as usize] += 1;
        at_arrival[arrived as usize] += 1;
    }
    Ok(by_position.or(by_id.filter(|_| missed.candidates == 1)))
}

/// Reads the dead letters at a position.
fn dead_letters(output: &OutputFolder, asked: &str) -> Result<Vec<ParsedDeadLetter>> {
    let mut found = Vec::new();
    each_line(output, "dead-letters.jsonl", &mut 0, |letter: ParsedDeadLetter| {
        if letter.position == asked && found.len() < SHOWN_MAX {
            found.push(letter);
        }
    })?;
    Ok(found)
}

/// Reads the alarms that list the document, or that its findings and recalls name.
fn alarms(output: &OutputFolder, found: &FoundDocument) -> Result<Vec<AlarmOfDocument>> {
    let findings = found.decision.findings.iter().filter_map(|f| f.alarm.as_deref());
    let named: Vec<&str> = findings.chain(found.recalls.iter().filter_map(|r| r.alarm.as_deref())).collect();
    let mut alarms = Vec::new();
    each_line(output, "alarms.jsonl", &mut 0, |mut alarm: ParsedAlarm| {
        let ours = named.contains(&alarm.name.as_str()) || alarm.members.contains(&found.decision.id);
        if ours && alarms.len() < SHOWN_MAX {
            let members = std::mem::take(&mut alarm.members).len();
            alarms.push(AlarmOfDocument { alarm, members });
        }
    })?;
    Ok(alarms)
}

/// Reads a file line by line. Lines that cannot be read are counted.
fn each_line<T: for<'a> Deserialize<'a>>(
    output: &OutputFolder,
    name: &str,
    unreadable: &mut u64,
    mut each: impl FnMut(T),
) -> Result<()> {
    let mut file = LineFile::open(&output.file(name), LINE_BYTES_MAX)?;
    while let Some(line) = file.next_line()? {
        match line.ok().and_then(|line| serde_json::from_slice(&line).ok()) {
            Some(value) => each(value),
            None => *unreadable += 1,
        }
    }
    Ok(())
}
