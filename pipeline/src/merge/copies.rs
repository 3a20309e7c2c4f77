//! Which clean documents of a shard are copies of clean documents of earlier ones?
//!
//! Every operator that looks for copies is asked, in the order of the registry, by what its documents left in its replay
//! log ([`MergeIndex`]); the first one that finds a copy has it.

use std::{collections::BTreeMap, iter::zip};

use anyhow::{Context, Result, bail};
use operators::{
    codec::Corrupt,
    document::SeqNo,
    finding::Reason,
    lookup::{Fate, Ledger as _},
    merge_index::MergeIndex,
    mode::Mode,
};

use super::part::Part;
use crate::{
    config::Operators,
    registry::{Keyed, of_copies},
    state::replay_log::ReplayLog,
};

/// A copy across shards.
pub(super) struct Copy {
    /// Number of the part that holds the document it is a copy of, and that document.
    pub(super) of: (usize, SeqNo),
    /// The operator that found it.
    pub(super) operator: &'static str,
    /// Why the document is recalled.
    pub(super) reason: Reason,
}

/// All copies across shards.
#[derive(Default)]
pub(super) struct Copies {
    /// Of each part.
    pub(super) by_part: Vec<BTreeMap<SeqNo, Copy>>,
    /// Clean documents whose digests or signatures their shard had forgotten already.
    pub(super) forgotten: u64,
}

impl Copies {
    pub(super) fn count(&self, reason: Reason) -> u64 {
        self.by_part.iter().flat_map(BTreeMap::values).filter(|copy| copy.reason == reason).count() as u64
    }

    pub(super) fn is_copy(&self, part: usize, seqno: SeqNo) -> bool {
        self.by_part[part].contains_key(&seqno)
    }
}

/// Finds them, shard by shard: a shard is asked about as a whole before it is taken in, so that it is never compared with itself.
pub(super) fn find(parts: &[Part]) -> Result<Copies> {
    let config = parts.first().map(|part| part.share.config()).transpose()?.unwrap_or_default();
    let mut known = Known::new(&config, parts)?;
    let mut copies = Copies::default();
    for (number, part) in parts.iter().enumerate() {
        let logs = PartLogs::open(&config, part)?;
        let found = if number > 0 { known.ask(part, &logs)? } else { BTreeMap::new() };
        copies.forgotten += logs.forgotten(part);
        if number + 1 < parts.len() {
            known.add(number, part, &logs, &found)?;
        }
        copies.by_part.push(found);
    }
    Ok(copies)
}

/// What a finished shard kept of its documents' texts: for each operator its replay log, and the oldest sequence number
/// that is still in it.
struct PartLogs(Vec<(ReplayLog, SeqNo)>);

impl PartLogs {
    fn open(config: &Operators, part: &Part) -> Result<Self> {
        let (kept, decided) = (part.output.share(), &part.decided);
        let missing = || format!("{}: run.json does not say where the replay records end", part.root().display());
        let tails = decided.traces.as_ref().with_context(missing)?;
        let mut logs = Vec::new();
        for (number, entry) in of_copies(config).enumerate() {
            let tail = *tails.get(number).with_context(missing)?;
            let log = ReplayLog::open(&kept.replay_log(entry.name), decided.next, tail)?;
            let from = log.first().max(decided.first);
            logs.push((log, from));
        }
        Ok(Self(logs))
    }

    fn forgotten(&self, part: &Part) -> u64 {
        let oldest = self.0.iter().map(|(_, from)| *from).fold(part.decided.first, SeqNo::max);
        let forgotten = part.decided.first..oldest.min(part.decided.next);
        forgotten.filter(|&seqno| part.ledger.fate(seqno) == Fate::Clean).count() as u64
    }
}

/// Calls `each` with every clean document of a part that is still in a replay log, and its record there.
fn each_clean(
    part: &Part,
    (log, from): &(ReplayLog, SeqNo),
    mut each: impl FnMut(SeqNo, &[u8]) -> Result<(), Corrupt>,
) -> Result<()> {
    Ok(log.replay(*from, |first, block| {
        for (seqno, record) in zip(first.., block).skip_while(|(seqno, _)| seqno < from) {
            if part.ledger.fate(seqno) == Fate::Clean {
                each(seqno, record)?;
            }
        }
        Ok(())
    })?)
}

/// The clean documents of the shards so far.
struct Known {
    /// For each operator that looks for copies its name and its index, if it enforces.
    indexes: Vec<(&'static str, Option<Box<dyn MergeIndex>>)>,
    /// Number of the first document of each part, counted through all of them.
    begins: Vec<u32>,
}

impl Known {
    fn new(config: &Operators, parts: &[Part]) -> Result<Self> {
        let mut begins = vec![0_u32];
        for part in parts {
            let next = begins.last().and_then(|begin| begin.checked_add(part.seqnos().len() as u32));
            let Some(next) = next else { bail!("the shards hold over {} records, the most that can be joined", u32::MAX) };
            begins.push(next);
        }
        let index = |entry: Keyed<'_>| {
            let enforces = entry.mode == Mode::Enforce;
            (entry.name, if enforces { entry.merge_index() } else { None })
        };
        Ok(Self { indexes: of_copies(config).map(index).collect(), begins })
    }

    fn place(&self, number: u32) -> (usize, SeqNo) {
        let part = self.begins.partition_point(|&begin| begin <= number) - 1;
        (part, number - self.begins[part])
    }

    /// The copies among the clean documents of a part.
    fn ask(&self, part: &Part, logs: &PartLogs) -> Result<BTreeMap<SeqNo, Copy>> {
        let mut found = BTreeMap::new();
        for ((operator, index), log) in zip(&self.indexes, &logs.0) {
            let Some(index) = index else { continue };
            each_clean(part, log, |seqno, record| {
                if !found.contains_key(&seqno)
                    && let Some(number) = index.find(record)?
                {
                    found.insert(seqno, Copy { of: self.place(number), operator, reason: index.reason() });
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Takes in the clean documents of a part that are no copies.
    fn add(&mut self, number: usize, part: &Part, logs: &PartLogs, found: &BTreeMap<SeqNo, Copy>) -> Result<()> {
        let (begin, first) = (self.begins[number], part.decided.first);
        for ((_, index), log) in zip(&mut self.indexes, &logs.0) {
            let Some(index) = index else { continue };
            each_clean(
                part,
                log,
                |seqno, record| {
                    if found.contains_key(&seqno) { Ok(()) } else { index.add(begin + (seqno - first), record) }
                },
            )?;
        }
        Ok(())
    }
}
