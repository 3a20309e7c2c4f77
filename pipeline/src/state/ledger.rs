//! What became of every document? The ledger has one entry a sequence number, and one for each
//! later change of fate.
//!
//! | file | question |
//! |---|---|
//! | `ledger` | How are fates noted, asked for and forgotten? |
//! | `fate_table` | Which fate does each remembered document have, and which copies does it stand for? |
//! | `entry` | Which entries does the log have, and which bytes? |
//!
//! On disk ([`Segments`]) there are identity (id, position), publisher and fate, about 60 to 120
//! bytes a document. In memory there are the fate, what the document copies, and where its entry
//! begins (24 bytes a document), and for each representative the list of its copies (4 bytes a
//! copy). The memory is rebuilt from the log at the start.
//!
//! A replay asks for every document at its end. A stage runs for months and forgets:
//! [`Ledger::forget`] drops what is before a sequence number, except old documents that a
//! remembered one is a copy of. Those are written again, so that the files before that sequence
//! number can be removed. What is known is a function of the stream and of the floors alone, and
//! never of which files are left.

mod entry;
mod fate_table;

use std::{fs::File, path::Path};

use operators::{
    codec::Corrupt,
    document::SeqNo,
    lookup::{Fate, Ledger as Lookup},
};

pub use self::{entry::Identity, fate_table::Arrival};
use self::{
    entry::{LedgerEntry, read_identity},
    fate_table::{FateRow, FateTable, KeptRow},
};
use super::{StateError, segments::Segments};

/// The identities and fates of all documents that are remembered.
#[derive(Debug)]
pub struct Ledger {
    segments: Segments,
    table: FateTable,
}

impl Ledger {
    /// How many sequence numbers a file holds.
    pub const SPAN: SeqNo = 1 << 16;

    /// Opens the log in `folder` and rebuilds the table from it. The log is cut so that `next`
    /// sequence numbers are known; its last file is cut to `tail_bytes` bytes. New files will hold
    /// `span` sequence numbers.
    ///
    /// # Errors
    /// Fails if the log cannot be read or is corrupt.
    pub fn open(folder: &Path, span: SeqNo, next: SeqNo, tail_bytes: u64) -> Result<Self, StateError> {
        let segments = Segments::open(folder, "ledger", span, next, tail_bytes)?;
        let begun_at = segments.since(0).next().map_or(0, |(first, _)| first);
        let mut table = FateTable { first: begun_at, ..FateTable::default() };
        for (first, log) in segments.since(0) {
            if table.next() != first {
                return Err(StateError::corrupt(
                    folder,
                    Corrupt { what: "an entry of every sequence number", at: first as usize },
                ));
            }
            log.scan(|at, entry| table.apply(first, at, entry, &segments))?;
        }
        // Only files of what was forgotten may be missing.
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
        // Some were written again before their last copy was forgotten.
        let FateTable { kept, copies, .. } = &mut table;
        kept.retain(|seqno, _| copies.contains_key(seqno));
        Ok(Self { segments, table })
    }

    /// Returns how many sequence numbers were given out.
    pub fn len(&self) -> usize {
        self.table.next() as usize
    }

    /// Returns whether no sequence number was given out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of the last file. [`Self::open`] needs them, with the number of sequence
    /// numbers.
    pub fn tail_bytes(&self) -> u64 {
        self.segments.tail_bytes()
    }

    /// Returns the bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.segments.disk_bytes()
    }

    /// Returns the memory that is held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let copies = self.table.copies.values().map(|c| 48 + c.capacity() * 4).sum::<usize>();
        self.table.rows.capacity() * size_of::<FateRow>() + copies + self.table.kept.len() * (size_of::<KeptRow>() + 16)
    }

    /// Begins a new file if one is due.
    fn begin_piece_if_due(&mut self) -> Result<(), StateError> {
        let next = self.table.next();
        if self.segments.begins_at(next) { self.segments.begin(next) } else { Ok(()) }
    }

    /// Adds the next document.
    ///
    /// # Errors
    /// Fails if the log cannot be written.
    pub fn push(&mut self, identity: &Identity, fate: Fate) -> Result<(), StateError> {
        self.push_entry(&LedgerEntry::Document(fate).encode(Some(identity)), fate)
    }

    /// Gives the next sequence number to a record that is no document.
    ///
    /// # Errors
    /// Fails if the log cannot be written.
    pub fn push_nothing(&mut self) -> Result<(), StateError> {
        self.push_entry(&LedgerEntry::Nothing.encode(None), Fate::Unknown)
    }

    /// Appends the entry of the next sequence number.
    fn push_entry(&mut self, entry: &[u8], fate: Fate) -> Result<(), StateError> {
        self.begin_piece_if_due()?;
        let (_, at) = self.segments.append(entry)?;
        self.table.push(FateRow::new(at, fate));
        Ok(())
    }

    /// Changes a document's fate.
    ///
    /// # Errors
    /// Fails if the log cannot be written.
    pub fn change(&mut self, seqno: SeqNo, fate: Fate) -> Result<(), StateError> {
        self.segments.append(&LedgerEntry::Change(seqno, fate).encode(None))?;
        self.table.change(seqno, fate);
        Ok(())
    }

    /// Reads the identity of a document; `None` for a sequence number that is no document or is
    /// forgotten.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn identity(&self, seqno: SeqNo) -> Result<Option<Identity>, StateError> {
        let of_row = || Some((self.segments.first_of(seqno)?, self.table.row(seqno)?.at));
        let of_kept = || self.table.kept.get(&seqno).map(|kept| kept.entry);
        let Some((piece, at)) = of_row().or_else(of_kept) else { return Ok(None) };
        let entry = self.segments.read(piece, at)?;
        read_identity(&entry).map_err(|e| StateError::corrupt(self.segments.folder(), e))
    }

    /// Returns what was decided about a record when it arrived.
    pub fn arrival(&self, seqno: SeqNo) -> Arrival {
        self.table.row(seqno).map_or(Arrival::Nothing, |r| r.arrival)
    }

    /// Returns the documents that others are held back as copies of, oldest first.
    pub fn representatives(&self) -> impl Iterator<Item = SeqNo> + '_ {
        self.table.copies.keys().copied()
    }

    /// Returns the documents that are held back as copies of `seqno` and are not forgotten, oldest
    /// first.
    pub fn copies(&self, seqno: SeqNo) -> Vec<SeqNo> {
        self.table.copies.get(&seqno).map_or_else(Vec::new, |list| list.iter().copied().collect())
    }

    /// Forgets everything before `floor`, except documents that a later one is a copy of.
    ///
    /// # Complexity
    /// Linear in what is forgotten and in the documents that were kept before.
    ///
    /// # Errors
    /// Fails if the log cannot be read or written.
    pub fn forget(&mut self, floor: SeqNo) -> Result<(), StateError> {
        if floor <= self.table.floor {
            return Ok(());
        }
        self.segments.append(&LedgerEntry::Forget(floor).encode(None))?;
        self.table.forget(floor, &self.segments);
        // The files of these will be removed.
        let oldest = self.segments.first_of(floor).unwrap_or(floor);
        for (seqno, kept) in self.table.kept.iter_mut().filter(|(_, kept)| kept.entry.0 < oldest) {
            let entry = self.segments.read(kept.entry.0, kept.entry.1)?;
            let identity = read_identity(&entry).map_err(|e| StateError::corrupt(self.segments.folder(), e))?;
            let Some(identity) = identity else { continue };
            kept.entry = self.segments.append(&LedgerEntry::Kept(*seqno, kept.fate).encode(Some(&identity)))?;
        }
        Ok(())
    }

    /// Removes the files of what was forgotten up to `floor`. The oldest kept snapshot must have
    /// forgotten it as well.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub fn remove_before(&mut self, floor: SeqNo) -> Result<(), StateError> {
        self.segments.remove_before(floor)
    }

    /// Hands everything to the system, and returns the length of the last file, which a snapshot
    /// keeps. It is durable once the [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        self.segments.flush()
    }

    /// Returns the files that were added to since the last call.
    ///
    /// # Errors
    /// Fails if the system gives no handles.
    pub fn unsynced(&mut self) -> Result<Vec<File>, StateError> {
        self.segments.unsynced()
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// Fails if the disk fails.
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

#[cfg(test)]
mod tests;
