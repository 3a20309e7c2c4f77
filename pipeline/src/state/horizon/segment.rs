//! Where are the texts of 4,096 documents? In an append-only [`Log`] of their tokens, and beside it, once it is full, in a filter that says which slices may hold a phrase.

use std::{
    fs, iter,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use operators::{
    document::SeqNo,
    text::{Token, hash::mix},
};
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    super::{StateError, log::Log},
    filter::{Filter, SLICE},
    layout::{SEGMENT, UNSEALED_BYTES_MAX, bytes_of},
};

/// The first byte of the entry of a text.
const IS_TEXT: u8 = 1;

/// The texts of a segment.
#[derive(Debug)]
pub(super) struct Texts {
    /// The sequence number of the first document.
    pub(super) first: SeqNo,
    /// The texts; an empty entry is no document.
    pub(super) log: Log,
    /// Where the entry of each document begins.
    at: Vec<u64>,
    /// An entry that is being written.
    entry: Vec<u8>,
}

impl Texts {
    /// Opens the log at `path`, or makes it, and cuts it to `length` bytes.
    pub(super) fn open(path: &Path, first: SeqNo, length: u64) -> Result<Self, StateError> {
        let log = Log::open(path, length)?;
        let mut at = Vec::new();
        log.scan(|place, _| {
            at.push(place);
            Ok(())
        })?;
        Ok(Self { first, log, at, entry: Vec::new() })
    }

    /// Returns the number of documents.
    pub(super) fn len(&self) -> SeqNo {
        self.at.len() as SeqNo
    }

    /// Appends the tokens of a text, or an empty entry.
    pub(super) fn append(&mut self, tokens: Option<&[Token]>) -> Result<(), StateError> {
        self.entry.clear();
        if let Some(tokens) = tokens {
            // Even a text without tokens is a text.
            self.entry.push(IS_TEXT);
            self.entry.extend(tokens.iter().flat_map(|token| token.0.to_le_bytes()));
        }
        self.at.push(self.log.append(&self.entry)?);
        Ok(())
    }

    /// Reads the tokens of the document `index` places after the first.
    pub(super) fn tokens(&self, index: usize) -> Option<Arc<[Token]>> {
        let bytes = self.log.read(*self.at.get(index)?).ok()?;
        let (tokens, _) = bytes.split_first()?.1.as_chunks::<4>();
        Some(tokens.iter().map(|token| Token(u32::from_le_bytes(*token))).collect())
    }

    /// Returns the memory that is held, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.at.capacity() * size_of::<u64>()
    }

    /// Returns a number that says whose tokens a filter was made of: those of this segment, with
    /// texts of these lengths.
    pub(super) fn identity(&self) -> u64 {
        let places: Vec<u8> = self.at.iter().chain(iter::once(&self.log.len())).flat_map(|at| at.to_le_bytes()).collect();
        mix(mix(u64::from(self.first)) ^ xxh3_64(&places))
    }
}

/// A full segment, which is only read from now on.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) texts: Arc<Texts>,
    /// The filter, once it is written. Without it every document may hold anything.
    filter: Arc<OnceLock<Filter>>,
}

impl Sealed {
    /// Makes a full segment, without a filter yet.
    pub(super) fn new(texts: Texts) -> Self {
        Self { texts: Arc::new(texts), filter: Arc::default() }
    }

    /// Uses the filter at `path` if it is sound, and makes it again from the texts if it is not.
    /// Returns whether it was made again.
    pub(super) fn restore_filter(&self, path: &Path) -> bool {
        let found = Filter::open(path, self.texts.identity());
        let is_missing = found.is_none();
        match found {
            Some(filter) => drop(self.filter.set(filter)),
            None => self.build_filter(path, &self.newest_tokens()),
        }
        is_missing
    }

    /// Returns the tokens of the last documents, as many as may be held: a filter asks twice for
    /// each document.
    fn newest_tokens(&self) -> Vec<Option<Arc<[Token]>>> {
        let (mut held, mut bytes) = (Vec::new(), 0);
        for index in (0..SEGMENT as usize).rev() {
            let tokens = self.texts.tokens(index);
            bytes += bytes_of(tokens.as_ref());
            held.push(tokens);
            if bytes > UNSEALED_BYTES_MAX {
                break;
            }
        }
        held.reverse();
        held
    }

    /// Makes the filter. `held` are the tokens of the last documents, where they are in memory. A
    /// failure is only logged, because without a filter a search is slower and has the same answer.
    pub(super) fn build_filter(&self, path: &Path, held: &[Option<Arc<[Token]>>]) {
        let read = SEGMENT as usize - held.len().min(SEGMENT as usize);
        let tokens_of = |index: usize| match index.checked_sub(read) {
            Some(i) => held[i].clone(),
            None => self.texts.tokens(index),
        };
        match Filter::build(path, self.texts.identity(), tokens_of) {
            Ok(filter) => drop(self.filter.set(filter)),
            Err(error) => warn!(%error, "texts from {} on have no filter: searches are slower", self.texts.first),
        }
    }

    /// The documents among `within` that may hold all the keys, in runs, oldest first.
    pub(super) fn candidates(&self, keys: &[u64], within: &Range<SeqNo>) -> Vec<SeqNo> {
        let first = self.texts.first;
        let within = within.start.max(first)..within.end.min(first + SEGMENT);
        if within.is_empty() {
            return Vec::new();
        }
        let slices = self.filter.get().map_or(u32::MAX, |filter| filter.slices(keys));
        within.filter(|o| slices >> ((o - first) as usize / SLICE) & 1 == 1).collect()
    }

    /// Returns the bytes on disk, of what is written.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.texts.log.len() + self.filter.get().map_or(0, Filter::bytes)
    }
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<(), StateError> {
    fs::remove_file(path).map_err(|e| StateError::file("remove", path, e))
}

/// Lists the files of segments in a folder: the first document of the segment, the ending of the
/// name, and the path.
pub(super) fn list(folder: &Path) -> Result<Vec<(SeqNo, String, PathBuf)>, StateError> {
    let entries = fs::read_dir(folder).map_err(|e| StateError::file("list", folder, e))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let (first, kind) = path.file_name()?.to_str()?.split_once('.')?;
            let is_ours = ["texts", "filter", "filter.tmp"].contains(&kind);
            is_ours.then_some(Some((first.parse().ok()?, kind.to_owned(), path.clone())))?
        })
        .collect();
    files.sort_unstable();
    Ok(files)
}
