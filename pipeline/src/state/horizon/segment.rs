//! Where are the texts of 4,096 documents? In an append-only [`Log`] of zstd-compressed texts, and
//! beside it, once it is full, in a filter that says which slices may hold a phrase.

use std::{
    cell::RefCell,
    fs, iter,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use operators::{
    document::SeqNo,
    text::{Token, Tokenizer, hash::mix},
};
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::{Compressor, Decompressor};

use super::{
    super::{StateError, log::Log},
    filter::{Filter, SLICE},
    layout::{SEGMENT, UNSEALED_BYTES_MAX, bytes_of},
};

/// A fast level. On texts of a few kilobytes the result is at most 15% larger than at higher
/// levels.
const ZSTD_LEVEL: i32 = 1;
/// The longest decompressed text, in bytes. The decoder of records has a lower limit.
const TEXT_BYTES_MAX: usize = 64 << 20;

thread_local! {
    /// Making a context costs more than compressing a text, so each thread keeps one.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a text for [`Horizon::push`](super::Horizon::push). This is done ahead, in parallel.
///
/// # Panics
/// Panics if there is no memory for a context.
pub fn compress(text: &str) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|held| {
        let compressor = held.get_or_insert_with(|| Compressor::new(ZSTD_LEVEL).expect("memory for a zstd context"));
        compressor.compress(text.as_bytes()).expect("compressing into a buffer of the bound's size cannot fail")
    })
}

/// Decompresses a text; `None` if the bytes are not sound.
fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|held| {
        let decompressor = held.get_or_insert_with(|| Decompressor::new().expect("memory for a zstd context"));
        let size = zstd::zstd_safe::get_frame_content_size(bytes).ok()??;
        decompressor.decompress(bytes, usize::try_from(size).ok()?.min(TEXT_BYTES_MAX)).ok()
    })
}

/// The texts of a segment.
#[derive(Debug)]
pub(super) struct Texts {
    /// The sequence number of the first document.
    pub(super) first: SeqNo,
    /// The compressed texts; an empty entry is no document.
    pub(super) log: Log,
    /// Where the entry of each document begins.
    at: Vec<u64>,
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
        Ok(Self { first, log, at })
    }

    /// Returns the number of documents.
    pub(super) fn len(&self) -> SeqNo {
        self.at.len() as SeqNo
    }

    /// Appends a compressed text.
    pub(super) fn append(&mut self, compressed: &[u8]) -> Result<(), StateError> {
        self.at.push(self.log.append(compressed)?);
        Ok(())
    }

    /// Reads the text of the document `index` places after the first.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        let bytes = self.log.read(*self.at.get(index)?).ok()?;
        if bytes.is_empty() {
            return None;
        }
        String::from_utf8(decompress(&bytes)?).ok()
    }

    /// Reads the tokens of the document `index` places after the first.
    pub(super) fn tokens(&self, index: usize, tokenizer: &Tokenizer) -> Option<Arc<[Token]>> {
        Some(tokenizer.tokens(&self.text(index)?).ids.into())
    }

    /// Returns the memory that is held, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.at.capacity() * size_of::<u64>()
    }

    /// Returns a number that says whose tokens a filter was made of: those of this segment, with
    /// texts of these lengths, made by this tokenizer.
    pub(super) fn identity(&self, tokenizer: &Tokenizer) -> u64 {
        let places: Vec<u8> = self.at.iter().chain(iter::once(&self.log.len())).flat_map(|at| at.to_le_bytes()).collect();
        mix(mix(tokenizer.identity() ^ u64::from(self.first)) ^ xxh3_64(&places))
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
    pub(super) fn restore_filter(&self, path: &Path, tokenizer: &Tokenizer) -> bool {
        let found = Filter::open(path, self.texts.identity(tokenizer));
        let is_missing = found.is_none();
        match found {
            Some(filter) => drop(self.filter.set(filter)),
            None => self.build_filter(path, tokenizer, &self.newest_tokens(tokenizer)),
        }
        is_missing
    }

    /// Returns the tokens of the last documents, as many as may be held. A filter asks twice for
    /// each document, and making tokens is what costs the most.
    fn newest_tokens(&self, tokenizer: &Tokenizer) -> Vec<Option<Arc<[Token]>>> {
        let (mut held, mut bytes) = (Vec::new(), 0);
        for index in (0..SEGMENT as usize).rev() {
            let tokens = self.texts.tokens(index, tokenizer);
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
    pub(super) fn build_filter(&self, path: &Path, tokenizer: &Tokenizer, held: &[Option<Arc<[Token]>>]) {
        let read = SEGMENT as usize - held.len().min(SEGMENT as usize);
        let tokens_of = |index: usize| match index.checked_sub(read) {
            Some(i) => held[i].clone(),
            None => self.texts.tokens(index, tokenizer),
        };
        match Filter::build(path, self.texts.identity(tokenizer), tokens_of) {
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
