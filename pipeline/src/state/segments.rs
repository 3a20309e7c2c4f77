//! A log in pieces: files of a fixed number of ordinals, each an append-only [`Log`], the oldest removed as a whole.
//!
//! Entries belong to the ordinal that is next when they are appended. A snapshot keeps the next ordinal and the length of
//! the last file; what lies beyond is cut off when the pieces are opened again.

use std::{
    collections::VecDeque,
    fs::{self, File},
    mem,
    path::{Path, PathBuf},
};

use operators::{codec::Corrupt, document::Ordinal};

use super::{StateError, log::Log};

#[derive(Debug)]
struct Piece {
    first: Ordinal,
    log: Log,
    /// Whether something was added since [`Segments::unsynced`] was asked.
    dirty: bool,
}

/// The pieces of one log.
#[derive(Debug)]
pub struct Segments {
    folder: PathBuf,
    /// What a file's name ends with.
    suffix: &'static str,
    /// Ordinals in a piece.
    span: Ordinal,
    pieces: VecDeque<Piece>,
    /// Whether a piece was made since [`Self::unsynced`] was asked.
    grown: bool,
}

impl Segments {
    /// Opens the pieces in `folder`, which is made if it is missing, cut so that `next` ordinals are known, of which the last
    /// piece holds `tail_bytes`.
    ///
    /// # Errors
    /// If a piece cannot be opened or is shorter than that.
    pub fn open(folder: &Path, suffix: &'static str, span: Ordinal, next: Ordinal, tail_bytes: u64) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|e| StateError::file("make", folder, e))?;
        let mut this = Self { folder: folder.to_owned(), suffix, span, pieces: VecDeque::new(), grown: false };
        let mut firsts: Vec<Ordinal> = fs::read_dir(folder)
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

    fn path_of(&self, first: Ordinal) -> PathBuf {
        self.folder.join(format!("{first:010}.{}", self.suffix))
    }

    /// Where the pieces lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a piece begins at this ordinal, the next one.
    pub fn begins_at(&self, next: Ordinal) -> bool {
        self.pieces.is_empty() || (next.is_multiple_of(self.span) && self.pieces.back().is_some_and(|last| last.first < next))
    }

    /// Begins a piece at the next ordinal.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn begin(&mut self, next: Ordinal) -> Result<(), StateError> {
        if let Some(full) = self.pieces.back_mut() {
            full.log.flush()?;
        }
        let log = Log::open(&self.path_of(next), 0)?;
        self.pieces.push_back(Piece { first: next, log, dirty: true });
        self.grown = true;
        Ok(())
    }

    /// Appends an entry to the last piece: the piece's first ordinal, and where in it the entry begins.
    ///
    /// # Errors
    /// If there is no piece yet, or the disk is full.
    pub fn append(&mut self, entry: &[u8]) -> Result<(Ordinal, u64), StateError> {
        let Some(last) = self.pieces.back_mut() else {
            return Err(StateError::corrupt(&self.folder, Corrupt { what: "a file to append to", at: 0 }));
        };
        last.dirty = true;
        Ok((last.first, last.log.append(entry)?))
    }

    /// The entry that begins at `at` in the piece whose first ordinal is `first`.
    ///
    /// # Errors
    /// If that is gone or cannot be read.
    pub fn read(&self, first: Ordinal, at: u64) -> Result<Vec<u8>, StateError> {
        let found = self.pieces.binary_search_by_key(&first, |piece| piece.first);
        let gone = || StateError::corrupt(self.path_of(first), Corrupt { what: "a file that is there", at: 0 });
        self.pieces[found.map_err(|_| gone())?].log.read(at)
    }

    /// First ordinal of the piece that holds `ordinal`; `None` if it is not there.
    pub fn first_of(&self, ordinal: Ordinal) -> Option<Ordinal> {
        let after = self.pieces.partition_point(|piece| piece.first <= ordinal);
        Some(self.pieces.get(after.checked_sub(1)?)?.first)
    }

    /// The pieces from the one that holds `from` on, each with its first ordinal.
    pub fn since(&self, from: Ordinal) -> impl Iterator<Item = (Ordinal, &Log)> {
        let start = self.pieces.partition_point(|piece| piece.first <= from).saturating_sub(1);
        self.pieces.range(start..).map(|piece| (piece.first, &piece.log))
    }

    /// Hands everything to the system, and says how long the last piece is: what a snapshot keeps. It is durable once
    /// [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        let Some(last) = self.pieces.back_mut() else { return Ok(0) };
        last.log.flush()?;
        Ok(last.log.len())
    }

    /// Files that were added to since this was asked, and the folder if it has a new one: to be synced before a snapshot may
    /// name their lengths.
    ///
    /// # Errors
    /// If the system gives no handles.
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

    /// Removes pieces that end before `oldest`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&mut self, oldest: Ordinal) -> Result<(), StateError> {
        while let (Some(front), Some(second)) = (self.pieces.front(), self.pieces.get(1))
            && second.first <= oldest
        {
            let path = self.path_of(front.first);
            fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
            self.pieces.pop_front();
        }
        Ok(())
    }

    /// Bytes of the last piece.
    pub fn tail_bytes(&self) -> u64 {
        self.pieces.back().map_or(0, |last| last.log.len())
    }

    /// Bytes in all pieces.
    pub fn disk_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.log.len()).sum()
    }
}
