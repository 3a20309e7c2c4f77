//! Which clean documents of a shard are copies of clean documents of earlier ones?

use std::{
    collections::{BTreeMap, HashMap},
    iter::zip,
};

use anyhow::{Context, Result, bail};
use operators::{
    codec::Corrupt,
    document::SeqNo,
    exact_dedup::{ExactDedup, replayed_digest},
    finding::Reason,
    lookup::{Fate, Ledger as _},
    mode::Mode,
    near_dup::{NearDup, merge_index::NearMergeIndex},
    operator::Operator as _,
};

use super::Part;
use crate::state::replay_log::ReplayLog;

/// A copy across shards.
pub(super) struct Copy {
    /// Number of the part that holds the document it is a copy of, and that document.
    pub(super) of: (usize, SeqNo),
    pub(super) operator: &'static str,
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
    let mut known = Known::new(parts)?;
    let mut copies = Copies::default();
    for (number, part) in parts.iter().enumerate() {
        let mut found = BTreeMap::new();
        let logs = PartLogs::open(part)?;
        if number > 0 {
            known.ask_exact(part, &logs, &mut found)?;
            known.ask_near(part, &logs, &mut found)?;
        }
        copies.forgotten += logs.forgotten(part);
        if number + 1 < parts.len() {
            known.add(number, part, &logs, &found)?;
        }
        copies.by_part.push(found);
    }
    Ok(copies)
}

/// What a finished shard kept of its documents' texts.
struct PartLogs {
    exact: ReplayLog,
    near: ReplayLog,
    /// The oldest sequence numbers that are still there.
    from: [SeqNo; 2],
}

impl PartLogs {
    fn open(part: &Part) -> Result<Self> {
        let (kept, decided) = (part.output.share(), &part.decided);
        let [exact, near] = decided
            .traces
            .with_context(|| format!("{}: run.json does not say where the replay records end", part.root().display()))?;
        let open = |name, tail| ReplayLog::open(&kept.replay_log(name), decided.next, tail);
        let (exact, near) = (open(ExactDedup::NAME, exact)?, open(NearDup::NAME, near)?);
        let from = [&exact, &near].map(|logs| logs.first().max(decided.first));
        Ok(Self { exact, near, from })
    }

    fn forgotten(&self, part: &Part) -> u64 {
        let until = self.from[0].max(self.from[1]).min(part.decided.next);
        (part.decided.first..until).filter(|&seqno| part.ledger.fate(seqno) == Fate::Clean).count() as u64
    }
}

/// Calls `each` with every clean document of a part that `found` does not have, and its replay record.
fn each_clean(part: &Part, logs: (&ReplayLog, SeqNo), mut each: impl FnMut(SeqNo, &[u8]) -> Result<(), Corrupt>) -> Result<()> {
    let (logs, from) = logs;
    Ok(logs.replay(from, |first, block| {
        for (seqno, record) in zip(first.., block).skip_while(|(seqno, _)| *seqno < from) {
            if part.ledger.fate(seqno) == Fate::Clean {
                each(seqno, record)?;
            }
        }
        Ok(())
    })?)
}

/// The clean documents of the shards so far.
struct Known {
    exact: Option<HashMap<[u64; 2], u32>>,
    near: Option<NearMergeIndex>,
    /// Number of the first document of each part, counted through all of them.
    begins: Vec<u32>,
}

impl Known {
    fn new(parts: &[Part]) -> Result<Self> {
        let mut begins = vec![0_u32];
        for part in parts {
            let next = begins.last().and_then(|begin| begin.checked_add(part.seqnos().len() as u32));
            let Some(next) = next else { bail!("the shards hold over {} records, the most that can be joined", u32::MAX) };
            begins.push(next);
        }
        let operators = parts.first().map(|part| (&part.share.exact_dedup, &part.share.near_dup));
        let exact = operators.is_some_and(|(exact, _)| exact.mode == Mode::Enforce).then(HashMap::new);
        let near = operators.filter(|(_, near)| near.mode == Mode::Enforce).map(|(_, near)| NearMergeIndex::new(near));
        Ok(Self { exact, near, begins })
    }

    fn place(&self, number: u32) -> (usize, SeqNo) {
        let part = self.begins.partition_point(|&begin| begin <= number) - 1;
        (part, number - self.begins[part])
    }

    fn ask_exact(&self, part: &Part, logs: &PartLogs, found: &mut BTreeMap<SeqNo, Copy>) -> Result<()> {
        let Some(exact) = &self.exact else { return Ok(()) };
        each_clean(part, (&logs.exact, logs.from[0]), |seqno, record| {
            if let Some(&number) = replayed_digest(record)?.and_then(|digest| exact.get(&digest)) {
                let copy = Copy { of: self.place(number), operator: ExactDedup::NAME, reason: Reason::ExactDuplicate };
                found.insert(seqno, copy);
            }
            Ok(())
        })
    }

    fn ask_near(&self, part: &Part, logs: &PartLogs, found: &mut BTreeMap<SeqNo, Copy>) -> Result<()> {
        let Some(near) = &self.near else { return Ok(()) };
        each_clean(part, (&logs.near, logs.from[1]), |seqno, record| {
            if !found.contains_key(&seqno)
                && let Some(similar) = near.similar(record)?
            {
                let copy = Copy { of: self.place(similar.seqno), operator: NearDup::NAME, reason: Reason::NearDuplicate };
                found.insert(seqno, copy);
            }
            Ok(())
        })
    }

    /// Takes in the clean documents of a part that are no copies.
    fn add(&mut self, number: usize, part: &Part, logs: &PartLogs, found: &BTreeMap<SeqNo, Copy>) -> Result<()> {
        let (begin, first) = (self.begins[number], part.decided.first);
        if let Some(exact) = &mut self.exact {
            let most = part.share.exact_dedup.documents_max as usize;
            each_clean(part, (&logs.exact, logs.from[0]), |seqno, record| {
                if let Some(digest) = replayed_digest(record)?.filter(|_| !found.contains_key(&seqno) && exact.len() < most) {
                    exact.entry(digest).or_insert(begin + (seqno - first));
                }
                Ok(())
            })?;
        }
        if let Some(near) = &mut self.near {
            each_clean(part, (&logs.near, logs.from[1]), |seqno, record| {
                if found.contains_key(&seqno) { Ok(()) } else { near.add(begin + (seqno - first), record) }
            })?;
        }
        Ok(())
    }
}
