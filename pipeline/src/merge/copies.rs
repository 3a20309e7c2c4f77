//! Which clean documents of a file shard are copies of clean documents of earlier shards?
//!
//! Every operator that looks for copies is asked, in the order of the registry, by what its
//! documents left in its replay log ([`MergeIndex`]); the first one that finds a copy has it.

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

use super::shard::FinishedShard;
use crate::{
    config::Operators,
    registry::{Keyed, of_copies},
    state::replay_log::ReplayLog,
};

/// A copy of a document of an earlier shard.
pub(super) struct ShardCopy {
    /// The document that it is a copy of: the number of its shard, and its sequence number there.
    pub(super) of: (usize, SeqNo),
    /// The operator that found the copy.
    pub(super) operator: &'static str,
    /// Why the document is recalled.
    pub(super) reason: Reason,
}

/// All copies of documents of earlier shards.
#[derive(Default)]
pub(super) struct ShardCopies {
    /// The copies of each shard.
    pub(super) by_shard: Vec<BTreeMap<SeqNo, ShardCopy>>,
    /// How many clean documents could not be compared, since their shard had forgotten what they
    /// left.
    pub(super) forgotten: u64,
}

impl ShardCopies {
    pub(super) fn count(&self, reason: Reason) -> u64 {
        self.by_shard.iter().flat_map(BTreeMap::values).filter(|copy| copy.reason == reason).count() as u64
    }

    pub(super) fn is_copy(&self, shard: usize, seqno: SeqNo) -> bool {
        self.by_shard[shard].contains_key(&seqno)
    }
}

/// Finds all copies, shard by shard. A shard is asked about as a whole before it is taken in, so
/// that it is never compared with itself.
pub(super) fn find(shards: &[FinishedShard]) -> Result<ShardCopies> {
    let config = shards.first().map(|shard| shard.share.config()).transpose()?.unwrap_or_default();
    let mut known = Known::new(&config, shards)?;
    let mut copies = ShardCopies::default();
    for (number, shard) in shards.iter().enumerate() {
        let logs = ShardLogs::open(&config, shard)?;
        let found = if number > 0 { known.ask(shard, &logs)? } else { BTreeMap::new() };
        copies.forgotten += logs.forgotten(shard);
        if number + 1 < shards.len() {
            known.add(number, shard, &logs, &found)?;
        }
        copies.by_shard.push(found);
    }
    Ok(copies)
}

/// What a finished shard kept of its documents' texts: for each operator its replay log, and the
/// oldest sequence number that is still in it.
struct ShardLogs(Vec<(ReplayLog, SeqNo)>);

impl ShardLogs {
    fn open(config: &Operators, shard: &FinishedShard) -> Result<Self> {
        let (kept, decided) = (shard.output.share(), &shard.decided);
        let missing = || format!("{}: run.json does not say where the replay records end", shard.root().display());
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

    fn forgotten(&self, shard: &FinishedShard) -> u64 {
        let oldest = self.0.iter().map(|(_, from)| *from).fold(shard.decided.first, SeqNo::max);
        let forgotten = shard.decided.first..oldest.min(shard.decided.next);
        forgotten.filter(|&seqno| shard.ledger.fate(seqno) == Fate::Clean).count() as u64
    }
}

/// Calls `each` with every clean document of a shard that is still in a replay log, and with its
/// record there.
fn each_clean(
    shard: &FinishedShard,
    (log, from): &(ReplayLog, SeqNo),
    mut each: impl FnMut(SeqNo, &[u8]) -> Result<(), Corrupt>,
) -> Result<()> {
    Ok(log.replay(*from, |first, block| {
        for (seqno, record) in zip(first.., block).skip_while(|(seqno, _)| seqno < from) {
            if shard.ledger.fate(seqno) == Fate::Clean {
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
    /// The number of the first document of each shard, counted through all shards.
    begins: Vec<u32>,
}

impl Known {
    fn new(config: &Operators, shards: &[FinishedShard]) -> Result<Self> {
        let mut begins = vec![0_u32];
        for shard in shards {
            let next = begins.last().and_then(|begin| begin.checked_add(shard.seqnos().len() as u32));
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
        let shard = self.begins.partition_point(|&begin| begin <= number) - 1;
        (shard, number - self.begins[shard])
    }

    /// Finds the copies among the clean documents of a shard.
    fn ask(&self, shard: &FinishedShard, logs: &ShardLogs) -> Result<BTreeMap<SeqNo, ShardCopy>> {
        let mut found = BTreeMap::new();
        for ((operator, index), log) in zip(&self.indexes, &logs.0) {
            let Some(index) = index else { continue };
            each_clean(shard, log, |seqno, record| {
                if !found.contains_key(&seqno)
                    && let Some(number) = index.find(record)?
                {
                    found.insert(seqno, ShardCopy { of: self.place(number), operator, reason: index.reason() });
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Takes in the clean documents of a shard that are no copies.
    fn add(&mut self, number: usize, shard: &FinishedShard, logs: &ShardLogs, found: &BTreeMap<SeqNo, ShardCopy>) -> Result<()> {
        let (begin, first) = (self.begins[number], shard.decided.first);
        for ((_, index), log) in zip(&mut self.indexes, &logs.0) {
            let Some(index) = index else { continue };
            each_clean(
                shard,
                log,
                |seqno, record| {
                    if found.contains_key(&seqno) { Ok(()) } else { index.add(begin + (seqno - first), record) }
                },
            )?;
        }
        Ok(())
    }
}
