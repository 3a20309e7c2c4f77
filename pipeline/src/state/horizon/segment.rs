//! Where are the texts of 4,096 documents? An append-only [`Log`] of zstd-compressed texts, and once it is full a filter.

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
    SEGMENT, UNSEALED_BYTES_MAX, bytes_of,
    filter::{Filter, SLICE},
};

/// Fast, and within 15% of the size of higher levels on texts of a few kilobytes.
const ZSTD_LEVEL: i32 = 1;
/// No text is longer than this when decompressed; the decoder's limit is lower.
const TEXT_BYTES_MAX: usize = 64 << 20;

thread_local! {
    /// A context costs more to make than a text to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a text for [`Horizon::push`](super::Horizon::push): done ahead, in parallel.
///
/// # Panics
/// If there is no memory for a context.
pub fn compress(text: &str) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|held| {
        let compressor = held.get_or_insert_with(|| Compressor::new(ZSTD_LEVEL).expect("memory for a zstd context"));
        compressor.compress(text.as_bytes()).expect("compressing into a buffer of the bound's size cannot fail")
    })
}

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
    pub(super) first: SeqNo,
    pub(super) log: Log,
    at: Vec<u64>,
}

impl Texts {
    /// Opens the log at `path` or makes it, and cuts it to `length` bytes.
    pub(super) fn open(path: &Path, first: SeqNo, length: u64) -> Result<Self, StateError> {
        let log = Log::open(path, length)?;
        let mut at = Vec::new();
        log.scan(|place, _| {
            at.push(place);
            Ok(())
        })?;
        Ok(Self { first, log, at })
    }

    /// Number of documents.
    pub(super) fn len(&self) -> SeqNo {
        self.at.len() as SeqNo
    }

    pub(super) fn append(&mut self, compressed: &[u8]) -> Result<(), StateError> {
        self.at.push(self.log.append(compressed)?);
        Ok(())
    }

    /// The text of the document `index` after the first.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        let bytes = self.log.read(*self.at.get(index)?).ok()?;
        if bytes.is_empty() {
            return None;
        }
        String::from_utf8(decompress(&bytes)?).ok()
    }

    /// The tokens of the document `index` after the first.
    pub(super) fn tokens(&self, index: usize, tokenizer: &Tokenizer) -> Option<Arc<[Token]>> {
        Some(tokenizer.tokens(&self.text(index)?).ids.into())
    }

    /// Memory held, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.at.capacity() * size_of::<u64>()
    }

    /// Whose the tokens are: of this segment, with texts of these lengths, by this tokenizer.
    pub(super) fn identity(&self, tokenizer: &Tokenizer) -> u64 {
        let places: Vec<u8> = self.at.iter().chain(iter::once(&self.log.len())).flat_map(|at| at.to_le_bytes()).collect();
        mix(mix(tokenizer.identity() ^ u64::from(self.first)) ^ xxh3_64(&places))
    }
}

/// A full segment: it is only read any more.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) texts: Arc<Texts>,
    /// Filled when the filter is written. Until then, and if it cannot be, every document may hold anything.
    filter: Arc<OnceLock<Filter>>,
}

impl Sealed {
    pub(super) fn new(texts: Texts) -> Self {
        Self { texts: Arc::new(texts), filter: Arc::default() }
    }

    /// Uses the filter at `path` if it is sound, else makes it anew from the texts; whether it did.
    pub(super) fn restore_filter(&self, path: &Path, tokenizer: &Tokenizer) -> bool {
        let found = Filter::open(path, self.texts.identity(tokenizer));
        let is_missing = found.is_none();
        match found {
            Some(filter) => drop(self.filter.set(filter)),
            None => self.build_filter(path, tokenizer, &self.newest_tokens(tokenizer)),
        }
        is_missing
    }

    /// Tokens of the last documents, as many as may be held: a filter asks twice, and making tokens costs the most.
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

    /// Makes the filter; `held` are the tokens of the last documents, where they are in memory. Without a filter a search
    /// is slower and no different, so a failure is only said.
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

    /// Bytes on disk, of those written.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.texts.log.len() + self.filter.get().map_or(0, Filter::bytes)
    }
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<(), StateError> {
    fs::remove_file(path).map_err(|e| StateError::file("remove", path, e))
}

/// The names in a folder that are a segment's: its first document and what the file holds.
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
