//! What became of every document: one entry an ordinal, and one for each later change of fate.
//!
//! On disk ([`Log`]): identity (id, position), publisher, fate; about 60-120 bytes a document. In memory: fate, what it
//! copies and where its entry stands (24 bytes a document), and for each representative the list of its copies (4 bytes a copy).
//! Rebuilt from the log at start.

use std::{collections::BTreeMap, fs::File, path::Path};

use connectors::position::Position;
use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::Ordinal,
    lookup::{Fate, Ledger as Lookup},
};

use super::{StateError, log::Log};

const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
const NOTHING: u8 = 2;

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
    pub unit: String,
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
    at: u64,
    fate: Fate,
    arrival: Arrival,
}

impl Row {
    fn new(at: u64, fate: Fate) -> Self {
        Self { at, fate, arrival: Arrival::of(fate) }
    }
}

/// The fates of all documents.
#[derive(Debug)]
pub struct Ledger {
    log: Log,
    rows: Vec<Row>,
    copies: BTreeMap<Ordinal, Vec<Ordinal>>,
}

impl Ledger {
    /// Opens the log, cut to `length` bytes, and rebuilds the table.
    ///
    /// # Errors
    /// If the log cannot be read or is corrupt.
    pub fn open(path: &Path, length: u64) -> Result<Self, StateError> {
        let log = Log::open(path, length)?;
        let mut rows = Vec::new();
        let mut copies = BTreeMap::new();
        log.scan(|at, entry| {
            let mut from = Decoder::new(entry);
            match from.u8()? {
                DOCUMENT => {
                    let fate = read_fate(&mut from)?;
                    push(&mut rows, &mut copies, Row::new(at, fate));
                }
                NOTHING => push(&mut rows, &mut copies, Row::new(at, Fate::Unknown)),
                CHANGE => {
                    let ordinal = from.u32()?;
                    let fate = read_fate(&mut from)?;
                    let row = rows.get_mut(ordinal as usize).ok_or_else(|| from.corrupt("an ordinal seen before"))?;
                    change(row, &mut copies, ordinal, fate);
                }
                _ => return Err(from.corrupt("a known kind of entry")),
            }
            Ok(())
        })?;
        Ok(Self { log, rows, copies })
    }

    /// Number of ordinals given out.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no ordinal was given out.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Length of the log in bytes: what a snapshot keeps.
    pub fn log_bytes(&self) -> u64 {
        self.log.len()
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.copies.values().map(|c| 48 + c.capacity() * 4).sum::<usize>()
    }

    /// Adds the next document.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn push(&mut self, identity: &Identity, fate: Fate) -> Result<(), StateError> {
        let mut out = Encoder::default();
        out.u8(DOCUMENT);
        write_fate(&mut out, fate);
        out.str(&identity.id);
        out.str(&identity.position);
        out.u32(identity.place.partition);
        out.u64(identity.place.offset);
        out.u32(identity.run);
        out.str(&identity.unit);
        let at = self.log.append(&out.bytes)?;
        push(&mut self.rows, &mut self.copies, Row::new(at, fate));
        Ok(())
    }

    /// Gives the next ordinal to a record that is no document.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn push_nothing(&mut self) -> Result<(), StateError> {
        let at = self.log.append(&[NOTHING])?;
        push(&mut self.rows, &mut self.copies, Row::new(at, Fate::Unknown));
        Ok(())
    }

    /// Changes a document's fate.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn change(&mut self, ordinal: Ordinal, fate: Fate) -> Result<(), StateError> {
        let mut out = Encoder::default();
        out.u8(CHANGE);
        out.u32(ordinal);
        write_fate(&mut out, fate);
        self.log.append(&out.bytes)?;
        change(&mut self.rows[ordinal as usize], &mut self.copies, ordinal, fate);
        Ok(())
    }

    /// Who a document is; `None` for an ordinal that is no document.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn identity(&self, ordinal: Ordinal) -> Result<Option<Identity>, StateError> {
        let Some(row) = self.rows.get(ordinal as usize) else { return Ok(None) };
        let entry = self.log.read(row.at)?;
        read_identity(&entry).map_err(|e| StateError::corrupt("ledger", e))
    }

    /// What was decided about a record when it arrived.
    pub fn arrival(&self, ordinal: Ordinal) -> Arrival {
        self.rows.get(ordinal as usize).map_or(Arrival::Nothing, |r| r.arrival)
    }

    /// The documents held back as copies of `ordinal`, oldest first.
    pub fn copies(&self, ordinal: Ordinal) -> &[Ordinal] {
        self.copies.get(&ordinal).map_or(&[], Vec::as_slice)
    }

    /// Hands everything to the system; it is durable once the file given back is synced.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn flush(&mut self) -> Result<File, StateError> {
        self.log.flush()?;
        self.log.handle()
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync(&mut self) -> Result<(), StateError> {
        self.log.sync()
    }
}

impl Lookup for Ledger {
    fn fate(&self, ordinal: Ordinal) -> Fate {
        self.rows.get(ordinal as usize).map_or(Fate::Unknown, |r| r.fate)
    }
}

fn push(rows: &mut Vec<Row>, copies: &mut BTreeMap<Ordinal, Vec<Ordinal>>, row: Row) {
    if let Fate::Duplicate(of) = row.fate {
        copies.entry(of).or_default().push(rows.len() as Ordinal);
    }
    rows.push(row);
}

fn change(row: &mut Row, copies: &mut BTreeMap<Ordinal, Vec<Ordinal>>, ordinal: Ordinal, fate: Fate) {
    if let Fate::Duplicate(of) = row.fate
        && let Some(list) = copies.get_mut(&of)
    {
        list.retain(|&c| c != ordinal);
        if list.is_empty() {
            copies.remove(&of);
        }
    }
    if let Fate::Duplicate(of) = fate {
        let list = copies.entry(of).or_default();
        let at = list.partition_point(|&c| c < ordinal);
        list.insert(at, ordinal);
    }
    row.fate = fate;
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

fn read_identity(entry: &[u8]) -> Result<Option<Identity>, Corrupt> {
    let mut from = Decoder::new(entry);
    if from.u8()? != DOCUMENT {
        return Ok(None);
    }
    read_fate(&mut from)?;
    Ok(Some(Identity {
        id: from.str()?.to_owned(),
        position: from.str()?.to_owned(),
        place: Position { partition: from.u32()?, offset: from.u64()? },
        run: from.u32()?,
        unit: from.str()?.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(n: u64) -> Identity {
        Identity {
            id: format!("id{n}"),
            position: format!("f#{n}"),
            place: Position { partition: 0, offset: n },
            run: 0,
            unit: "u".into(),
        }
    }

    #[test]
    fn survives_a_restart_with_its_changes() -> Result<(), StateError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger");
        let mut ledger = Ledger::open(&path, 0)?;
        ledger.push(&identity(0), Fate::Clean)?;
        ledger.push_nothing()?;
        ledger.push(&identity(2), Fate::Duplicate(0))?;
        ledger.push(&identity(3), Fate::Duplicate(0))?;
        ledger.change(0, Fate::Recalled)?;
        ledger.change(2, Fate::Clean)?;
        ledger.change(3, Fate::Duplicate(2))?;
        ledger.sync()?;
        let length = ledger.log_bytes();
        ledger.change(3, Fate::Recalled)?;
        drop(ledger);
        let ledger = Ledger::open(&path, length)?;
        let fates: Vec<_> = (0..5).map(|o| ledger.fate(o)).collect();
        assert_eq!(fates, [Fate::Recalled, Fate::Unknown, Fate::Clean, Fate::Duplicate(2), Fate::Unknown]);
        assert_eq!((ledger.copies(0), ledger.copies(2)), (&[][..], &[3][..]));
        assert_eq!(ledger.identity(2)?, Some(identity(2)));
        assert_eq!(ledger.identity(1)?, None);
        Ok(())
    }
}
