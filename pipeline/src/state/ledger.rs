//! What became of every document: one entry a sequence number, and one for each later change of fate.
//!
//! On disk ([`Segments`]): identity (id, position), publisher, fate; about 60-120 bytes a document. In memory: fate, what it
//! copies and where its entry stands (24 bytes a document), and for each representative the list of its copies (4 bytes a copy).
//! Rebuilt from the log at start.
//!
//! A replay asks for every document at its end. A stage runs for months and forgets: [`Ledger::forget`] drops what is before
//! a sequence number, but for old documents that a remembered one is a copy of. Those are written again, so that the files before
//! that sequence number can go. What is known is a function of the stream and of the floors alone, never of which files are left.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    path::Path,
};

use connectors::position::Position;
use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    lookup::{Fate, Ledger as Lookup},
};

use super::{StateError, segments::Segments};

const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
const NOTHING: u8 = 2;
/// Everything before a sequence number is forgotten.
const FORGET: u8 = 3;
/// A forgotten document that is still copied.
const KEPT: u8 = 4;

/// Who a document is, for recalls and matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user-visible id.
    pub id: String,
    /// Name of the position, such as `crawl.jsonl#17`.
    pub position: String,
    /// Where it stands in the run that saw it.
    pub place: Position,
    /// Which run saw it: positions of earlier dumps are not in this run's outputs.
    pub run: u32,
    /// Name of its publisher.
    pub publisher: String,
}

/// What was decided about a record when it arrived; never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Let through.
    Clean,
    /// Held back as a copy.
    Duplicate,
    /// Withheld.
    Quarantined,
    /// Not a document.
    Nothing,
}

impl Arrival {
    fn of(fate: Fate) -> Self {
        match fate {
            Fate::Clean => Self::Clean,
            Fate::Duplicate(_) => Self::Duplicate,
            Fate::Quarantined | Fate::Recalled => Self::Quarantined,
            Fate::Unknown => Self::Nothing,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Where its entry begins in the piece that holds its sequence number.
    at: u64,
    fate: Fate,
    arrival: Arrival,
}

impl Row {
    fn new(at: u64, fate: Fate) -> Self {
        Self { at, fate, arrival: Arrival::of(fate) }
    }
}

/// A document from before the floor, with copies behind it.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// The piece that holds its newest entry, and where in it.
    entry: (SeqNo, u64),
    fate: Fate,
}

/// What is in memory.
#[derive(Debug, Default)]
struct Table {
    /// Everything before it is forgotten.
    floor: SeqNo,
    /// Sequence number of the first row: the floor, and while a log is read that begins elsewhere, where it begins.
    first: SeqNo,
    rows: VecDeque<Row>,
    /// By representative, oldest first; none from before the floor.
    copies: BTreeMap<SeqNo, VecDeque<SeqNo>>,
    /// Representatives from before the floor.
    kept: BTreeMap<SeqNo, Kept>,
}

impl Table {
    fn next(&self) -> SeqNo {
        self.first + self.rows.len() as SeqNo
    }

    fn row(&self, seqno: SeqNo) -> Option<&Row> {
        self.rows.get(seqno.checked_sub(self.first)? as usize)
    }

    fn push(&mut self, row: Row) {
        if let Fate::Duplicate(of) = row.fate {
            let seqno = self.next();
            self.copies.entry(of).or_default().push_back(seqno);
        }
        self.rows.push_back(row);
    }

    fn change(&mut self, seqno: SeqNo, fate: Fate) {
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

    fn drop_copy(&mut self, of: SeqNo, copy: SeqNo) {
        let Some(list) = self.copies.get_mut(&of) else { return };
        list.retain(|&c| c != copy);
        if list.is_empty() {
            self.copies.remove(&of);
            self.kept.remove(&of);
        }
    }

    /// Drops the rows before `floor`; those with copies behind it are kept apart.
    fn forget(&mut self, floor: SeqNo, segments: &Segments) {
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
                self.kept.insert(seqno, Kept { entry: (piece, row.at), fate: row.fate });
            }
        }
    }

    /// Takes in an entry of the log.
    fn take_in(&mut self, piece: SeqNo, at: u64, entry: &[u8], segments: &Segments) -> Result<(), Corrupt> {
        let mut from = Decoder::new(entry);
        match from.u8()? {
            DOCUMENT => self.push(Row::new(at, read_fate(&mut from)?)),
            NOTHING => self.push(Row::new(at, Fate::Unknown)),
            CHANGE => {
                let seqno = from.u32()?;
                let fate = read_fate(&mut from)?;
                if seqno >= self.next() {
                    return Err(from.corrupt("a sequence number seen before"));
                }
                self.change(seqno, fate);
            }
            FORGET => {
                let floor = from.u32()?;
                if floor > self.next() {
                    return Err(from.corrupt("a floor within what was seen"));
                }
                self.forget(floor, segments);
            }
            KEPT => {
                let seqno = from.u32()?;
                let fate = read_fate(&mut from)?;
                self.kept.insert(seqno, Kept { entry: (piece, at), fate });
            }
            _ => return Err(from.corrupt("a known kind of entry")),
        }
        Ok(())
    }
}

/// The fates of all documents.
#[derive(Debug)]
pub struct Ledger {
    segments: Segments,
    table: Table,
}

impl Ledger {
    /// Sequence numbers in a file.
    pub const SPAN: SeqNo = 1 << 16;

    /// Opens the log in `folder`, cut so that `next` sequence numbers are known, of which the last file holds `tail_bytes`, and
    /// rebuilds the table. Files that are begun hold `span` sequence numbers.
    ///
    /// # Errors
    /// If the log cannot be read or is corrupt.
    pub fn open(folder: &Path, span: SeqNo, next: SeqNo, tail_bytes: u64) -> Result<Self, StateError> {
        let segments = Segments::open(folder, "ledger", span, next, tail_bytes)?;
        let begun_at = segments.since(0).next().map_or(0, |(first, _)| first);
        let mut table = Table { first: begun_at, ..Table::default() };
        for (first, log) in segments.since(0) {
            if table.next() != first {
                return Err(StateError::corrupt(
                    folder,
                    Corrupt { what: "an entry of every sequence number", at: first as usize },
                ));
            }
            log.scan(|at, entry| table.take_in(first, at, entry, &segments))?;
        }
        // Only what was forgotten may be missing.
        if begun_at > table.floor {
            let what = "the files from the last floor on";
            return Err(StateError::corrupt(folder, Corrupt { what, at: table.floor as usize }));
        }
        if table.next() != next {
            return Err(StateError::corrupt(
                folder,
                Corrupt { what: "as many sequence numbers as the snapshot names", at: next as usize },
            ));
        }
        // Written again before their last copy was forgotten.
        let Table { kept, copies, .. } = &mut table;
        kept.retain(|seqno, _| copies.contains_key(seqno));
        Ok(Self { segments, table })
    }

    /// Number of sequence numbers given out.
    pub fn len(&self) -> usize {
        self.table.next() as usize
    }

    /// Whether no sequence number was given out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the last file: with the number of sequence numbers what [`Self::open`] needs.
    pub fn tail_bytes(&self) -> u64 {
        self.segments.tail_bytes()
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.segments.disk_bytes()
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let copies = self.table.copies.values().map(|c| 48 + c.capacity() * 4).sum::<usize>();
        self.table.rows.capacity() * size_of::<Row>() + copies + self.table.kept.len() * (size_of::<Kept>() + 16)
    }

    fn begin_piece_if_due(&mut self) -> Result<(), StateError> {
        let next = self.table.next();
        if self.segments.begins_at(next) { self.segments.begin(next) } else { Ok(()) }
    }

    /// Adds the next document.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn push(&mut self, identity: &Identity, fate: Fate) -> Result<(), StateError> {
        let mut out = Encoder::default();
        out.u8(DOCUMENT);
        write_fate(&mut out, fate);
        write_identity(&mut out, identity);
        self.push_entry(&out.bytes, fate)
    }

    /// Gives the next sequence number to a record that is no document.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn push_nothing(&mut self) -> Result<(), StateError> {
        self.push_entry(&[NOTHING], Fate::Unknown)
    }

    fn push_entry(&mut self, entry: &[u8], fate: Fate) -> Result<(), StateError> {
        self.begin_piece_if_due()?;
        let (_, at) = self.segments.append(entry)?;
        self.table.push(Row::new(at, fate));
        Ok(())
    }

    /// Changes a document's fate.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn change(&mut self, seqno: SeqNo, fate: Fate) -> Result<(), StateError> {
        let mut out = Encoder::default();
        out.u8(CHANGE);
        out.u32(seqno);
        write_fate(&mut out, fate);
        self.segments.append(&out.bytes)?;
        self.table.change(seqno, fate);
        Ok(())
    }

    /// Who a document is; `None` for a sequence number that is no document, or is forgotten.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn identity(&self, seqno: SeqNo) -> Result<Option<Identity>, StateError> {
        let of_row = || Some((self.segments.first_of(seqno)?, self.table.row(seqno)?.at));
        let of_kept = || self.table.kept.get(&seqno).map(|kept| kept.entry);
        let Some((piece, at)) = of_row().or_else(of_kept) else { return Ok(None) };
        let entry = self.segments.read(piece, at)?;
        read_identity(&entry).map_err(|e| StateError::corrupt(self.segments.folder(), e))
    }

    /// What was decided about a record when it arrived.
    pub fn arrival(&self, seqno: SeqNo) -> Arrival {
        self.table.row(seqno).map_or(Arrival::Nothing, |r| r.arrival)
    }

    /// The documents held back as copies of `seqno` that are not forgotten, oldest first.
    pub fn copies(&self, seqno: SeqNo) -> Vec<SeqNo> {
        self.table.copies.get(&seqno).map_or_else(Vec::new, |list| list.iter().copied().collect())
    }

    /// Forgets everything before `floor`, but for documents that a later one is a copy of. **Cost** what is forgotten, and a
    /// look at each document that was kept before.
    ///
    /// # Errors
    /// If the log cannot be read or written.
    pub fn forget(&mut self, floor: SeqNo) -> Result<(), StateError> {
        if floor <= self.table.floor {
            return Ok(());
        }
        let mut out = Encoder::default();
        out.u8(FORGET);
        out.u32(floor);
        self.segments.append(&out.bytes)?;
        self.table.forget(floor, &self.segments);
        // Their files will go.
        let oldest = self.segments.first_of(floor).unwrap_or(floor);
        for (seqno, kept) in self.table.kept.iter_mut().filter(|(_, kept)| kept.entry.0 < oldest) {
            let entry = self.segments.read(kept.entry.0, kept.entry.1)?;
            let identity = read_identity(&entry).map_err(|e| StateError::corrupt(self.segments.folder(), e))?;
            let Some(identity) = identity else { continue };
            let mut out = Encoder::default();
            out.u8(KEPT);
            out.u32(*seqno);
            write_fate(&mut out, kept.fate);
            write_identity(&mut out, &identity);
            kept.entry = self.segments.append(&out.bytes)?;
        }
        Ok(())
    }

    /// Removes the files of what was forgotten up to `floor`, which the oldest kept snapshot must have forgotten as well.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&mut self, floor: SeqNo) -> Result<(), StateError> {
        self.segments.remove_before(floor)
    }

    /// Hands everything to the system, and says how long the last file is: what a snapshot keeps. It is durable once
    /// [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        self.segments.flush()
    }

    /// Files that were added to since this was asked.
    ///
    /// # Errors
    /// If the system gives no handles.
    pub fn unsynced(&mut self) -> Result<Vec<File>, StateError> {
        self.segments.unsynced()
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync(&mut self) -> Result<(), StateError> {
        self.flush()?;
        for file in self.unsynced()? {
            file.sync_all().map_err(|e| StateError::file("sync", self.segments.folder(), e))?;
        }
        Ok(())
    }
}

impl Lookup for Ledger {
    fn fate(&self, seqno: SeqNo) -> Fate {
        let kept = || self.table.kept.get(&seqno).map(|kept| kept.fate);
        self.table.row(seqno).map(|row| row.fate).or_else(kept).unwrap_or(Fate::Unknown)
    }
}

fn write_fate(out: &mut Encoder, fate: Fate) {
    let (tag, of) = match fate {
        Fate::Clean => (0, 0),
        Fate::Duplicate(of) => (1, of),
        Fate::Quarantined => (2, 0),
        Fate::Recalled => (3, 0),
        Fate::Unknown => (4, 0),
    };
    out.u8(tag);
    out.u32(of);
}

fn read_fate(from: &mut Decoder<'_>) -> Result<Fate, Corrupt> {
    let tag = from.u8()?;
    let of = from.u32()?;
    Ok(match tag {
        0 => Fate::Clean,
        1 => Fate::Duplicate(of),
        2 => Fate::Quarantined,
        3 => Fate::Recalled,
        4 => Fate::Unknown,
        _ => return Err(from.corrupt("a known fate")),
    })
}

fn write_identity(out: &mut Encoder, identity: &Identity) {
    out.str(&identity.id);
    out.str(&identity.position);
    out.u32(identity.place.partition);
    out.u64(identity.place.offset);
    out.u32(identity.run);
    out.str(&identity.publisher);
}

fn read_identity(entry: &[u8]) -> Result<Option<Identity>, Corrupt> {
    let mut from = Decoder::new(entry);
    match from.u8()? {
        DOCUMENT => {}
        KEPT => drop(from.u32()?),
        _ => return Ok(None),
    }
    read_fate(&mut from)?;
    Ok(Some(Identity {
        id: from.str()?.to_owned(),
        position: from.str()?.to_owned(),
        place: Position { partition: from.u32()?, offset: from.u64()? },
        run: from.u32()?,
        publisher: from.str()?.to_owned(),
    }))
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
