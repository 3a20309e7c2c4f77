//! Which fate does each remembered document have, and which copies does it stand for?
//!
//! **State** 24 bytes a document, and 4 bytes a copy for each representative.

use std::collections::{BTreeMap, VecDeque};

use operators::{
    codec::{Corrupt, Decoder},
    document::SeqNo,
    lookup::Fate,
};

use super::{super::segments::Segments, entry::LedgerEntry};

/// What was decided about a record when it arrived. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was let through.
    Clean,
    /// It was held back as a copy.
    Duplicate,
    /// It was withheld.
    Quarantined,
    /// It is no document.
    Nothing,
}

impl Arrival {
    /// Returns what was decided about a record whose first fate is this one.
    fn of(fate: Fate) -> Self {
        match fate {
            Fate::Clean => Self::Clean,
            Fate::Duplicate(_) => Self::Duplicate,
            Fate::Quarantined | Fate::Recalled => Self::Quarantined,
            Fate::Unknown => Self::Nothing,
        }
    }
}

/// What the table knows of one sequence number.
#[derive(Clone, Copy, Debug)]
pub(super) struct FateRow {
    /// Where its entry begins in the piece that holds its sequence number.
    pub(super) at: u64,
    /// What is known of it now.
    pub(super) fate: Fate,
    /// What was decided when it arrived.
    pub(super) arrival: Arrival,
}

impl FateRow {
    /// Makes the row of a sequence number that has just arrived.
    pub(super) fn new(at: u64, fate: Fate) -> Self {
        Self { at, fate, arrival: Arrival::of(fate) }
    }
}

/// A document from before the floor that has copies behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptRow {
    /// The piece that holds its newest entry, and where in the piece the entry begins.
    pub(super) entry: (SeqNo, u64),
    /// What is known of it now.
    pub(super) fate: Fate,
}

/// The fates of all documents that are remembered.
#[derive(Debug, Default)]
pub(super) struct FateTable {
    /// Everything before this sequence number is forgotten.
    pub(super) floor: SeqNo,
    /// The sequence number of the first row. It is the floor, except while a log is read that
    /// begins elsewhere.
    pub(super) first: SeqNo,
    pub(super) rows: VecDeque<FateRow>,
    /// The copies of each representative, oldest first; none from before the floor.
    pub(super) copies: BTreeMap<SeqNo, VecDeque<SeqNo>>,
    /// The representatives from before the floor.
    pub(super) kept: BTreeMap<SeqNo, KeptRow>,
}

impl FateTable {
    /// Returns the sequence number that comes next.
    pub(super) fn next(&self) -> SeqNo {
        self.first + self.rows.len() as SeqNo
    }

    /// Returns the row of a sequence number that is not forgotten.
    pub(super) fn row(&self, seqno: SeqNo) -> Option<&FateRow> {
        self.rows.get(seqno.checked_sub(self.first)? as usize)
    }

    /// Adds the row of the next sequence number.
    pub(super) fn push(&mut self, row: FateRow) {
        if let Fate::Duplicate(of) = row.fate {
            let seqno = self.next();
            self.copies.entry(of).or_default().push_back(seqno);
        }
        self.rows.push_back(row);
    }

    /// Changes the fate of a document.
    pub(super) fn change(&mut self, seqno: SeqNo, fate: Fate) {
        let row = seqno.checked_sub(self.first).and_then(|at| self.rows.get_mut(at as usize));
        let Some(row) = row else {
            if let Some(kept) = self.kept.get_mut(&seqno) {
                kept.fate = fate;
            }
            return;
        };
        let before = row.fate;
        row.fate = fate;
        if let Fate::Duplicate(of) = before {
            self.drop_copy(of, seqno);
        }
        if let Fate::Duplicate(of) = fate {
            let list = self.copies.entry(of).or_default();
            let at = list.partition_point(|&c| c < seqno);
            list.insert(at, seqno);
        }
    }

    /// Takes a document out of the copies of another.
    fn drop_copy(&mut self, of: SeqNo, copy: SeqNo) {
        let Some(list) = self.copies.get_mut(&of) else { return };
        list.retain(|&c| c != copy);
        if list.is_empty() {
            self.copies.remove(&of);
            self.kept.remove(&of);
        }
    }

    /// Drops the rows before `floor`. Those with copies behind it are kept apart.
    pub(super) fn forget(&mut self, floor: SeqNo, segments: &Segments) {
        self.floor = floor;
        while self.first < floor
            && let Some(row) = self.rows.pop_front()
        {
            let seqno = self.first;
            self.first += 1;
            if let Fate::Duplicate(of) = row.fate {
                self.drop_copy(of, seqno);
            }
            if self.copies.contains_key(&seqno)
                && let Some(piece) = segments.first_of(seqno)
            {
                self.kept.insert(seqno, KeptRow { entry: (piece, row.at), fate: row.fate });
            }
        }
    }

    /// Applies an entry of the log, which begins at byte `at` of a piece.
    pub(super) fn apply(&mut self, piece: SeqNo, at: u64, entry: &[u8], segments: &Segments) -> Result<(), Corrupt> {
        let mut from = Decoder::new(entry);
        match LedgerEntry::decode(&mut from)? {
            LedgerEntry::Document(fate) => self.push(FateRow::new(at, fate)),
            LedgerEntry::Nothing => self.push(FateRow::new(at, Fate::Unknown)),
            LedgerEntry::Change(seqno, fate) => {
                if seqno >= self.next() {
                    return Err(from.corrupt("a sequence number seen before"));
                }
                self.change(seqno, fate);
            }
            LedgerEntry::Forget(floor) => {
                if floor > self.next() {
                    return Err(from.corrupt("a floor within what was seen"));
                }
                self.forget(floor, segments);
            }
            LedgerEntry::Kept(seqno, fate) => {
                self.kept.insert(seqno, KeptRow { entry: (piece, at), fate });
            }
        }
        Ok(())
    }
}
