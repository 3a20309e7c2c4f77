//! The texts of the last documents: what an alarm searches for its earlier carriers.
//!
//! On disk: segments of [`SEGMENT`] documents, each an append-only [`Log`] of zstd-compressed texts (about 0.45 bytes a
//! byte of text). In memory: where each text stands (12 bytes a document), and the matching tokens of the newest
//! documents up to `memory_bytes` (4 bytes a token); older ones are read, decompressed and tokenised again when asked for.
//!
//! The store reaches back `documents_max` documents from the last border, exactly: an answer never depends on what
//! memory or disk happens to hold beyond. A search costs about 10 ms per 100 MB of tokens in memory and about 40 us a
//! document on disk.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use operators::{
    document::Ordinal,
    lookup,
    text::{Token, Tokenizer},
};
use rayon::prelude::*;
use zstd::bulk::{Compressor, Decompressor};

use super::{StateError, log::Log};

/// Documents in a segment: a file that is removed as a whole.
pub const SEGMENT: Ordinal = 4096;
/// Fast, and within 15% of the size of higher levels on texts of a few kilobytes.
const ZSTD_LEVEL: i32 = 1;
/// No text is longer than this when decompressed; the decoder's limit is lower.
const TEXT_BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
struct Segment {
    first: Ordinal,
    log: Log,
    at: Vec<u64>,
}

/// Texts of the last documents.
#[derive(Debug)]
pub struct Horizon {
    folder: PathBuf,
    tokenizer: Tokenizer,
    documents_max: Ordinal,
    memory_max: usize,
    segments: VecDeque<Segment>,
    /// Tokens of the newest documents; the last entry belongs to `next - 1`.
    recent: VecDeque<Option<Arc<[Token]>>>,
    recent_bytes: usize,
    next: Ordinal,
    floor: Ordinal,
}

thread_local! {
    /// A context costs more to make than a text to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a text for [`Horizon::push`]: done ahead, in parallel.
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

impl Horizon {
    /// Opens the segments in `folder` so that `next` documents are known, of which the last segment's log has
    /// `tail_bytes` bytes.
    ///
    /// # Errors
    /// If a segment cannot be read or is corrupt.
    pub fn open(
        folder: &Path,
        tokenizer: Tokenizer,
        documents_max: Ordinal,
        memory_max: usize,
        next: Ordinal,
        tail_bytes: u64,
    ) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|e| StateError::file("make", folder, e))?;
        let mut horizon = Self {
            folder: folder.to_owned(),
            tokenizer,
            documents_max,
            memory_max,
            segments: VecDeque::new(),
            recent: VecDeque::new(),
            recent_bytes: 0,
            next: 0,
            floor: 0,
        };
        for first in horizon.firsts_on_disk()? {
            let path = horizon.path(first);
            if first >= next {
                fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
                continue;
            }
            let length = if next - first <= SEGMENT { tail_bytes } else { file_bytes(&path)? };
            let log = Log::open(&path, length)?;
            let mut at = Vec::new();
            log.scan(|place, _| {
                at.push(place);
                Ok(())
            })?;
            horizon.segments.push_back(Segment { first, log, at });
        }
        horizon.next = next;
        horizon.remember_recent();
        Ok(horizon)
    }

    fn firsts_on_disk(&self) -> Result<Vec<Ordinal>, StateError> {
        let entries = fs::read_dir(&self.folder).map_err(|e| StateError::file("list", &self.folder, e))?;
        let mut firsts: Vec<Ordinal> =
            entries.filter_map(|e| e.ok()?.file_name().to_str()?.strip_suffix(".texts")?.parse().ok()).collect();
        firsts.sort_unstable();
        Ok(firsts)
    }

    fn path(&self, first: Ordinal) -> PathBuf {
        self.folder.join(format!("{first:010}.texts"))
    }

    /// Fills the memory with the newest documents' tokens, as if they had just been pushed.
    fn remember_recent(&mut self) {
        let mut ordinal = self.next;
        while ordinal > 0 && self.recent_bytes < self.memory_max {
            let from = ordinal.saturating_sub(SEGMENT);
            let chunk: Vec<_> = (from..ordinal).into_par_iter().map(|o| self.read(o)).collect();
            for tokens in chunk.into_iter().rev() {
                self.recent_bytes += bytes_of(tokens.as_ref());
                self.recent.push_front(tokens);
            }
            ordinal = from;
        }
        self.forget_beyond_memory();
    }

    /// Appends the next document: its tokens and its compressed text; `None` for an ordinal that is no document.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn push(&mut self, document: Option<(Arc<[Token]>, &[u8])>) -> Result<(), StateError> {
        if self.next.is_multiple_of(SEGMENT) || self.segments.is_empty() {
            let log = Log::open(&self.path(self.next), 0)?;
            if let Some(full) = self.segments.back_mut() {
                full.log.sync()?;
            }
            self.segments.push_back(Segment { first: self.next, log, at: Vec::new() });
        }
        let (tokens, bytes) = document.map_or((None, &[][..]), |(tokens, bytes)| (Some(tokens), bytes));
        if let Some(segment) = self.segments.back_mut() {
            segment.at.push(segment.log.append(bytes)?);
        }
        self.recent_bytes += bytes_of(tokens.as_ref());
        self.recent.push_back(tokens);
        self.next += 1;
        self.forget_beyond_memory();
        Ok(())
    }

    fn forget_beyond_memory(&mut self) {
        while self.recent_bytes > self.memory_max
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= bytes_of(oldest.as_ref());
        }
    }

    /// Moves the far end of the horizon: it is `documents_max` before `border`.
    pub fn border(&mut self, border: Ordinal) {
        self.floor = border.saturating_sub(self.documents_max);
    }

    /// Removes segments that no horizon of a kept snapshot reaches: those before the one that began at `oldest_kept`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&mut self, oldest_kept: Ordinal) -> Result<(), StateError> {
        let keep_from = oldest_kept.saturating_sub(self.documents_max);
        while let Some(oldest) = self.segments.front()
            && oldest.first + SEGMENT <= keep_from
        {
            let path = self.path(oldest.first);
            fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
            self.segments.pop_front();
        }
        Ok(())
    }

    /// Makes everything durable and returns the bytes of the last segment: what a snapshot keeps.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn sync(&mut self) -> Result<u64, StateError> {
        match self.segments.back_mut() {
            Some(segment) => {
                segment.log.sync()?;
                Ok(segment.log.len())
            }
            None => Ok(0),
        }
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.recent_bytes + self.recent.len() * 24 + self.segments.iter().map(|s| s.at.capacity() * 8).sum::<usize>()
    }

    /// Disk held, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.log.len()).sum()
    }

    /// The text of an earlier document, from disk.
    pub fn text(&self, ordinal: Ordinal) -> Option<String> {
        let first = self.segments.front()?.first;
        let segment = self.segments.get(((ordinal.checked_sub(first)?) / SEGMENT) as usize)?;
        let bytes = segment.log.read(*segment.at.get((ordinal - segment.first) as usize)?).ok()?;
        if bytes.is_empty() {
            return None;
        }
        String::from_utf8(decompress(&bytes)?).ok()
    }

    fn read(&self, ordinal: Ordinal) -> Option<Arc<[Token]>> {
        Some(self.tokenizer.tokens(&self.text(ordinal)?).ids.into())
    }
}

impl lookup::Horizon for Horizon {
    fn tokens(&self, ordinal: Ordinal) -> Option<Arc<[Token]>> {
        if ordinal < self.floor || ordinal >= self.next {
            return None;
        }
        let oldest_in_memory = self.next - self.recent.len() as Ordinal;
        match ordinal.checked_sub(oldest_in_memory) {
            Some(i) => self.recent[i as usize].clone(),
            None => self.read(ordinal),
        }
    }

    fn may_carry(&self, span: &[Token]) -> Vec<Ordinal> {
        (self.floor..self.next)
            .into_par_iter()
            .with_min_len(256)
            .filter(|&o| self.tokens(o).is_some_and(|tokens| tokens.windows(span.len().max(1)).any(|w| w == span)))
            .collect()
    }
}

fn bytes_of(tokens: Option<&Arc<[Token]>>) -> usize {
    tokens.map_or(0, |t| t.len() * size_of::<Token>())
}

fn file_bytes(path: &Path) -> Result<u64, StateError> {
    Ok(fs::metadata(path).map_err(|e| StateError::file("read the length of", path, e))?.len())
}

#[cfg(test)]
mod tests {
    use operators::{lookup::Horizon as _, text::Seed};

    use super::*;

    fn open(folder: &Path, memory: usize, next: Ordinal, tail: u64) -> Horizon {
        Horizon::open(folder, Tokenizer::new(Seed(1), 1000), 5000, memory, next, tail).expect("opens")
    }

    fn push(horizon: &mut Horizon, text: &str) {
        let tokens = Tokenizer::new(Seed(1), 1000).tokens(text).ids.into();
        horizon.push(Some((tokens, &compress(text)))).expect("pushed");
    }

    #[test]
    fn finds_carriers_in_memory_and_on_disk_and_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        for memory in [0, 1000, 1 << 30] {
            let folder = dir.path().join(format!("{memory}"));
            let mut horizon = open(&folder, memory, 0, 0);
            for i in 0..9000 {
                match i {
                    7 | 8000 | 8999 => push(&mut horizon, "here zor bani stands"),
                    50 => horizon.push(None).expect("pushed"),
                    _ => push(&mut horizon, &format!("ordinary text {i}")),
                }
            }
            let span = Tokenizer::new(Seed(1), 10).tokens("zor bani").ids;
            assert_eq!(horizon.may_carry(&span), [7, 8000, 8999]);
            horizon.border(8960);
            assert_eq!(horizon.may_carry(&span), [8000, 8999], "7 is beyond the horizon");
            let tail = horizon.sync().expect("synced");
            push(&mut horizon, "zor bani, never acknowledged");
            drop(horizon);
            let mut horizon = open(&folder, memory, 9000, tail);
            assert_eq!(horizon.may_carry(&span), [7, 8000, 8999]);
            assert_eq!(horizon.tokens(50), None);
            horizon.remove_before(9000).expect("removed");
            assert!(!folder.join("0000000000.texts").exists() || 9000 - 5000 < SEGMENT);
        }
    }
}
