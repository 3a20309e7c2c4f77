//! How is a log kept in pieces, so that its oldest part can be removed?
//!
//! Each piece is a file of a fixed number of sequence numbers and an append-only [`Log`]. An entry
//! belongs to the sequence number that is next when it is appended. A snapshot keeps the next
//! sequence number and the length of the last piece. What lies beyond is cut off when the pieces
//! are opened again.

use std::{
    collections::VecDeque,
    fs::{self, File},
    mem,
    path::{Path, PathBuf},
};

use operators::{codec::Corrupt, document::SeqNo};

use super::{StateError, log::Log};

/// One file of the log.
#[derive(Debug)]
struct Piece {
    /// The first sequence number that its entries belong to.
    first: SeqNo,
    log: Log,
    /// Whether something was added since [`Segments::unsynced`] was called.
    dirty: bool,
}

/// The pieces of one log.
#[derive(Debug)]
pub struct Segments {
    folder: PathBuf,
    /// The ending of the files' names.
    suffix: &'static str,
    /// How many sequence numbers a piece holds.
    span: SeqNo,
    pieces: VecDeque<Piece>,
    /// Whether a piece was made since [`Self::unsynced`] was called.
    grown: bool,
}

impl Segments {
    /// Opens the pieces in `folder`, which is made if it is missing. They are cut so that `next`
    /// sequence numbers are known; the last piece is cut to `tail_bytes` bytes.
    ///
    /// # Errors
    /// Fails if a piece cannot be opened, or is shorter than that.
    pub fn open(folder: &Path, suffix: &'static str, span: SeqNo, next: SeqNo, tail_bytes: u64) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|e| StateError::file("make", folder, e))?;
        let mut this = Self { folder: folder.to_owned(), suffix, span, pieces: VecDeque::new(), grown: false };
        let mut firsts: Vec<SeqNo> = fs::read_dir(folder)
            .map_err(|e| StateError::file("list", folder, e))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(suffix)?.strip_suffix('.')?.parse().ok())
            .collect();
        firsts.sort_unstable();
        let last = firsts.iter().copied().filter(|&first| first < next).max();
        for first in firsts {
            let path = this.path_of(first);
            if first >= next {
                fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
                continue;
            }
            let whole = fs::metadata(&path).map_err(|e| StateError::file("read the length of", &path, e))?.len();
            let log = Log::open(&path, if last == Some(first) { tail_bytes } else { whole })?;
            this.pieces.push_back(Piece { first, log, dirty: false });
        }
        Ok(this)
    }

    /// Returns the path of the piece that begins at `first`.
    fn path_of(&self, first: SeqNo) -> PathBuf {
        self.folder.join(format!("{first:010}.{}", self.suffix))
    }

    /// Returns the folder of the pieces.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns whether a piece begins at `next`, the next sequence number.
    pub fn begins_at(&self, next: SeqNo) -> bool {
        self.pieces.is_empty() || (next.is_multiple_of(self.span) && self.pieces.back().is_some_and(|last| last.first < next))
    }

    /// Begins a piece at the next sequence number.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn begin(&mut self, next: SeqNo) -> Result<(), StateError> {
        if let Some(full) = self.pieces.back_mut() {
            full.log.flush()?;
        }
        let log = Log::open(&self.path_of(next), 0)?;
        self.pieces.push_back(Piece { first: next, log, dirty: true });
        self.grown = true;
        Ok(())
    }

    /// Appends an entry to the last piece. Returns the piece's first sequence number, and where in
    /// the piece the entry begins.
    ///
    /// # Errors
    /// Fails if there is no piece yet, or if the disk is full.
    pub fn append(&mut self, entry: &[u8]) -> Result<(SeqNo, u64), StateError> {
        let Some(last) = self.pieces.back_mut() else {
            return Err(StateError::corrupt(&self.folder, Corrupt { what: "a file to append to", at: 0 }));
        };
        last.dirty = true;
        Ok((last.first, last.log.append(entry)?))
    }

    /// Reads the entry that begins at `at` in the piece whose first sequence number is `first`.
    ///
    /// # Errors
    /// Fails if the piece is gone or cannot be read.
    pub fn read(&self, first: SeqNo, at: u64) -> Result<Vec<u8>, StateError> {
        let found = self.pieces.binary_search_by_key(&first, |piece| piece.first);
        let gone = || StateError::corrupt(self.path_of(first), Corrupt { what: "a file that is there", at: 0 });
        self.pieces[found.map_err(|_| gone())?].log.read(at)
    }

    /// Returns the first sequence number of the piece that holds `seqno`; `None` if there is no
    /// such piece.
    pub fn first_of(&self, seqno: SeqNo) -> Option<SeqNo> {
        let after = self.pieces.partition_point(|piece| piece.first <= seqno);
        Some(self.pieces.get(after.checked_sub(1)?)?.first)
    }

    /// Returns the pieces from the one that holds `from` on, each with its first sequence number.
    pub fn since(&self, from: SeqNo) -> impl Iterator<Item = (SeqNo, &Log)> {
        let start = self.pieces.partition_point(|piece| piece.first <= from).saturating_sub(1);
        self.pieces.range(start..).map(|piece| (piece.first, &piece.log))
    }

    /// Hands everything to the system, and returns the length of the last piece, which a snapshot
    /// keeps. It is durable once the [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        let Some(last) = self.pieces.back_mut() else { return Ok(0) };
        last.log.flush()?;
        Ok(last.log.len())
    }

    /// Returns the files that were added to since the last call, and the folder if it has a new
    /// file. They must be synced before a snapshot may name their lengths.
    ///
    /// # Errors
    /// Fails if the system gives no handles.
    pub fn unsynced(&mut self) -> Result<Vec<File>, StateError> {
        let mut files = Vec::new();
        for piece in self.pieces.iter_mut().filter(|piece| piece.dirty) {
            files.push(piece.log.handle()?);
            piece.dirty = false;
        }
        if mem::take(&mut self.grown) {
            files.push(File::open(&self.folder).map_err(|e| StateError::file("open", &self.folder, e))?);
        }
        Ok(files)
    }

    /// Removes the pieces that end before `oldest`.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub fn remove_before(&mut self, oldest: SeqNo) -> Result<(), StateError> {
        while let (Some(front), Some(second)) = (self.pieces.front(), self.pieces.get(1))
            && second.first <= oldest
        {
            let path = self.path_of(front.first);
            fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
            self.pieces.pop_front();
        }
        Ok(())
    }

    /// Returns the bytes of the last piece.
    pub fn tail_bytes(&self) -> u64 {
        self.pieces.back().map_or(0, |last| last.log.len())
    }

    /// Returns the bytes of all pieces.
    pub fn disk_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.log.len()).sum()
    }
}
