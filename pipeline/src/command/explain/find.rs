//! Which decision is meant, what was learned about its document later, and where its text must lie?
//!
//! The corpus files keep the order of the input, so a document's place in them is the number of earlier documents that went
//! the same way. That finds documents without an id, and the right one of several with the same id.
//!
//! **Cost** one pass over recalls, decisions and alarms. **State** 9 bytes and the tree for each document recalled.

use std::{borrow::Cow, collections::BTreeMap};

use anyhow::Result;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    command::output_lines::{LINE_BYTES_MAX, LineFile, ParsedAlarm, ParsedDeadLetter, ParsedDecision, ParsedRecall},
    layout::OutputFolder,
};

/// Most documents of one id that are listed.
const POSITIONS_MAX: usize = 20;
/// Most recalls and alarms of one document that are shown.
const SHOWN_MAX: usize = 32;

/// What was found.
pub(super) enum Answer {
    /// The document.
    One(Box<Found>),
    /// Not one document.
    None(Missed),
}

/// A document and everything that is said about it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub decision: ParsedDecision,
    /// Recalls and restores, oldest first.
    pub recalls: Vec<ParsedRecall>,
    /// Alarms it is a member of or that its findings name; without their members.
    pub alarms: Vec<NamedAlarm>,
    /// Where it ended.
    pub series: Series,
    /// How many documents lie in that series before it.
    pub rank: u64,
    /// How many documents went its way at arrival before it.
    pub rank_at_arrival: u64,
}

/// An alarm, and how many documents carry it.
#[derive(Debug)]
pub(super) struct NamedAlarm {
    pub alarm: ParsedAlarm,
    pub members: usize,
}

/// What was searched in vain.
#[derive(Debug, Default)]
pub(super) struct Missed {
    pub decisions: u64,
    pub unreadable: u64,
    /// Documents of this id, and the positions of the first of them.
    pub candidates: u64,
    pub positions: Vec<String>,
    pub recalls: Vec<ParsedRecall>,
    pub dead_letters: Vec<ParsedDeadLetter>,
}

/// Corpus files that belong together: in the order of their numbers they hold their documents in the input's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Series {
    #[default]
    Clean,
    Recalled,
    Duplicate,
    Restored,
    RecalledDuplicate,
    Quarantine,
    /// A copy of a document of an earlier shard, which a merge has found.
    Copied,
    CopiedRestored,
}

impl Series {
    const COUNT: usize = 8;

    /// Where a document of this route at arrival is, by what was last learned about it.
    fn of(route: &str, last: Option<Later>) -> Self {
        match (route, last) {
            ("clean", Some(Later::Recalled)) => Self::Recalled,
            ("clean", Some(Later::Copied)) => Self::Copied,
            ("clean", _) => Self::Clean,
            ("duplicate", Some(Later::Copied)) => Self::CopiedRestored,
            ("duplicate", None) => Self::Duplicate,
            ("duplicate", Some(Later::Restored)) => Self::Restored,
            ("duplicate", Some(Later::Recalled)) => Self::RecalledDuplicate,
            _ => Self::Quarantine,
        }
    }

    /// Where a document of this route is before the last pass.
    pub(super) fn arrival(route: &str) -> Self {
        Self::of(route, None)
    }

    /// The folder, and the beginning of the files' names.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    Recalled,
    Restored,
    Copied,
}

impl Later {
    fn of(recall: &ParsedRecall) -> Self {
        match (recall.action.as_str(), recall.reason.as_str()) {
            ("restore", _) => Self::Restored,
            (_, "exact_duplicate" | "near_duplicate") => Self::Copied,
            _ => Self::Recalled,
        }
    }
}

/// Looks a document up by position or id. A position wins over ids.
pub(super) fn find(output: &OutputFolder, asked: &str) -> Result<Answer> {
    let mut missed = Missed::default();
    let (later, recalls) = recalls(output, asked, &mut missed)?;
    let Some(mut found) = decision(output, asked, &later, &mut missed)? else {
        missed.recalls = recalls;
        missed.dead_letters = dead_letters(output, asked)?;
        return Ok(Answer::None(missed));
    };
    let decision = &found.decision;
    found.recalls = recalls.into_iter().filter(|r| r.id == decision.id && r.position == decision.position).collect();
    found.alarms = alarms(output, &found)?;
    Ok(Answer::One(Box::new(found)))
}

/// A document's identity as a key. Ids are not unique, and positions only within a run.
fn key(id: &str, position: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&(id.len() as u64).to_le_bytes());
    hasher.update(id.as_bytes());
    hasher.update(position.as_bytes());
    hasher.digest()
}

/// What was learned last about each document, and the lines about the one that is asked for.
fn recalls(output: &OutputFolder, asked: &str, missed: &mut Missed) -> Result<(BTreeMap<u64, Later>, Vec<ParsedRecall>)> {
    let mut later = BTreeMap::new();
    let mut ours = Vec::new();
    each_line(output, "recalls.jsonl", &mut missed.unreadable, |recall: ParsedRecall| {
        later.insert(key(&recall.id, &recall.position), Later::of(&recall));
        if (recall.id == asked || recall.position == asked) && ours.len() < SHOWN_MAX {
            ours.push(recall);
        }
    })?;
    Ok((later, ours))
}

/// As much of a decision as every line is read for.
#[derive(Deserialize)]
struct Brief<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    position: Cow<'a, str>,
    #[serde(borrow)]
    route: Cow<'a, str>,
}

fn decision(output: &OutputFolder, asked: &str, later: &BTreeMap<u64, Later>, missed: &mut Missed) -> Result<Option<Found>> {
    let mut file = LineFile::open(&output.file("decisions.jsonl"), LINE_BYTES_MAX)?;
    let (mut in_series, mut at_arrival) = ([0; Series::COUNT], [0; Series::COUNT]);
    let (mut by_position, mut by_id): (Option<Found>, Option<Found>) = (None, None);
    while let Some(line) = file.next_line()? {
        let Some((line, brief)) = line.as_ref().ok().and_then(|l| Some((l, serde_json::from_slice::<Brief<'_>>(l).ok()?))) else {
            missed.unreadable += 1;
            continue;
        };
        missed.decisions += 1;
        let series = Series::of(&brief.route, later.get(&key(&brief.id, &brief.position)).copied());
        let arrived = Series::arrival(&brief.route);
        let (rank, rank_at_arrival) = (in_series[series as usize], at_arrival[arrived as usize]);
        if brief.position == asked || brief.id == asked {
            let decision = serde_json::from_slice(line)?;
            let found = Found { decision, series, rank, rank_at_arrival, ..Found::default() };
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

/// Dead letters at the position.
fn dead_letters(output: &OutputFolder, asked: &str) -> Result<Vec<ParsedDeadLetter>> {
    let mut found = Vec::new();
    each_line(output, "dead-letters.jsonl", &mut 0, |letter: ParsedDeadLetter| {
        if letter.position == asked && found.len() < SHOWN_MAX {
            found.push(letter);
        }
    })?;
    Ok(found)
}

/// Alarms that the document is a member of, or that its findings and recalls name.
fn alarms(output: &OutputFolder, found: &Found) -> Result<Vec<NamedAlarm>> {
    let findings = found.decision.findings.iter().filter_map(|f| f.alarm.as_deref());
    let named: Vec<&str> = findings.chain(found.recalls.iter().filter_map(|r| r.alarm.as_deref())).collect();
    let mut alarms = Vec::new();
    each_line(output, "alarms.jsonl", &mut 0, |mut alarm: ParsedAlarm| {
        let ours = named.contains(&alarm.name.as_str()) || alarm.members.contains(&found.decision.id);
        if ours && alarms.len() < SHOWN_MAX {
            let members = std::mem::take(&mut alarm.members).len();
            alarms.push(NamedAlarm { alarm, members });
        }
    })?;
    Ok(alarms)
}

/// Reads a file line by line; lines that are not what they should be are counted.
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
