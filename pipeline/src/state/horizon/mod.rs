//! The texts of the last documents: what an alarm searches for its earlier carriers.
//!
//! On disk: segments of [`SEGMENT`] documents, each an append-only log of zstd-compressed texts (about 0.45 bytes a byte of
//! text) and, once it is full, a filter over its words and pairs of neighbours. In memory: where each text stands
//! (8 bytes a document) and the matching tokens of the newest documents up to `memory_bytes` (4 bytes a token); those of the
//! segment that is not full yet are held beyond that, up to 64 MiB, for the filter is made of them. Older ones are read,
//! decompressed and tokenised again when asked for.
//!
//! A filter is made by a thread of its own while the stream goes on, at most one at a time. It only says where not to look,
//! so no answer depends on whether it is there: one that is missing or not sound is made anew from the texts at the start.
//!
//! The store reaches back `documents_max` documents from the last epoch boundary, exactly: an answer never depends on what
//! memory or disk happens to hold beyond. A search asks each segment's filter (about 10 us) and then looks at the slices of
//! 128 documents that seem to hold the span: about 1 ms per 10 MB of tokens in memory and 40 us a document on disk.

mod filter;
mod restore;
mod segment;

use std::{
    collections::VecDeque,
    fs::File,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use operators::{
    document::SeqNo,
    lookup,
    text::{Token, Tokenizer},
};
use rayon::prelude::*;
use tracing::warn;

pub use self::segment::compress;
use self::{
    filter::{SLICE, keys_of},
    segment::{Sealed, Texts, remove},
};
use super::{StateError, sync_folder};

/// Documents in a segment: files that are removed as a whole.
pub const SEGMENT: SeqNo = 4096;
/// Tokens of the segment that is not full yet are held up to here, whatever `memory_bytes` is.
const UNSEALED_BYTES_MAX: usize = 64 << 20;
const TEXTS: &str = "texts";
const FILTER: &str = "filter";

/// Texts of the last documents.
#[derive(Debug)]
pub struct Horizon {
    folder: PathBuf,
    tokenizer: Tokenizer,
    documents_max: SeqNo,
    memory_max: usize,
    sealed: VecDeque<Sealed>,
    /// The segment that is not full yet.
    tail: Option<Texts>,
    /// What [`Self::unsynced`] has not told of yet: full segments, and whether a file was made.
    full: Vec<File>,
    is_folder_changed: bool,
    building: Option<JoinHandle<()>>,
    /// Tokens of the newest documents; the last entry belongs to `next - 1`.
    recent: VecDeque<Option<Arc<[Token]>>>,
    recent_bytes: usize,
    next: SeqNo,
    floor: SeqNo,
}

impl Horizon {
    fn path(&self, first: SeqNo, kind: &str) -> PathBuf {
        self.folder.join(format!("{first:010}.{kind}"))
    }

    fn is_unsealed(&self, seqno: SeqNo) -> bool {
        self.tail.as_ref().is_some_and(|tail| seqno >= tail.first)
    }

    fn oldest_on_disk(&self) -> SeqNo {
        let oldest = self.sealed.front().map(|s| s.texts.first).or(self.tail.as_ref().map(|t| t.first));
        oldest.unwrap_or(self.next)
    }

    fn oldest_in_memory(&self) -> SeqNo {
        self.next - self.recent.len() as SeqNo
    }

    /// Appends the next document: its tokens and its compressed text; `None` for a sequence number that is no document.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn push(&mut self, document: Option<(Arc<[Token]>, &[u8])>) -> Result<(), StateError> {
        if self.tail.is_none() {
            self.tail = Some(Texts::open(&self.path(self.next, TEXTS), self.next, 0)?);
            self.is_folder_changed = true;
        }
        let (tokens, bytes) = document.map_or((None, &[][..]), |(tokens, bytes)| (Some(tokens), bytes));
        if let Some(tail) = &mut self.tail {
            tail.append(bytes)?;
        }
        self.recent_bytes += bytes_of(tokens.as_ref());
        self.recent.push_back(tokens);
        self.next += 1;
        if let Some(full) = self.tail.take_if(|tail| tail.len() == SEGMENT) {
            self.seal(full)?;
        }
        self.forget_beyond_memory();
        Ok(())
    }

    /// Ends a full segment; its filter is made behind the stream, after the one before is finished.
    fn seal(&mut self, mut texts: Texts) -> Result<(), StateError> {
        texts.log.flush()?;
        self.full.push(texts.log.handle()?);
        let sealed = Sealed::new(texts);
        self.sealed.push_back(sealed.clone());
        self.finish();
        let held = self.recent.len().min(SEGMENT as usize);
        let held: Vec<_> = self.recent.range(self.recent.len() - held..).cloned().collect();
        let (path, tokenizer) = (self.path(sealed.texts.first, FILTER), self.tokenizer.clone());
        let thread = thread::Builder::new().name("weir-filter".to_owned());
        match thread.spawn(move || sealed.build_filter(&path, &tokenizer, &held)) {
            Ok(thread) => self.building = Some(thread),
            Err(error) => warn!(%error, "no thread to make a filter with: searches are slower"),
        }
        Ok(())
    }

    /// Waits until the filter that was begun is written.
    fn finish(&mut self) {
        if self.building.take().is_some_and(|thread| thread.join().is_err()) {
            warn!("making a filter failed: searches are slower");
        }
    }

    fn forget_beyond_memory(&mut self) {
        while let Some(oldest) = self.recent.front() {
            let max =
                if self.is_unsealed(self.oldest_in_memory()) { UNSEALED_BYTES_MAX.max(self.memory_max) } else { self.memory_max };
            if self.recent_bytes <= max && self.oldest_in_memory() >= self.oldest_on_disk() {
                break;
            }
            self.recent_bytes -= bytes_of(oldest.as_ref());
            self.recent.pop_front();
        }
    }

    /// Moves the sink of the horizon: it is `documents_max` before `epoch`.
    pub fn begin_epoch(&mut self, epoch: SeqNo) {
        self.floor = epoch.saturating_sub(self.documents_max);
    }

    /// The oldest document that the horizon reaches.
    pub fn floor(&self) -> SeqNo {
        self.floor
    }

    /// Removes segments that neither the horizon now nor that of a kept snapshot reaches, of which the oldest has its last
    /// epoch boundary at `oldest_kept`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&mut self, oldest_kept: SeqNo) -> Result<(), StateError> {
        let keep_from = oldest_kept.saturating_sub(self.documents_max).min(self.floor);
        while self.sealed.front().is_some_and(|oldest| oldest.texts.first + SEGMENT <= keep_from) {
            // Else its filter could be written after it was removed.
            self.finish();
            if let Some(oldest) = self.sealed.pop_front() {
                // The texts first: a filter without texts is removed at the next start.
                remove(&self.path(oldest.texts.first, TEXTS))?;
                let filter = self.path(oldest.texts.first, FILTER);
                if filter.exists() {
                    remove(&filter)?;
                }
            }
        }
        self.forget_beyond_memory();
        Ok(())
    }

    /// Hands everything to the system, and says how long the last segment is: what a snapshot keeps. It is durable once
    /// [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        if let Some(tail) = &mut self.tail {
            tail.log.flush()?;
        }
        let last = self.tail.as_ref().or(self.sealed.back().map(|sealed| &*sealed.texts));
        Ok(last.map_or(0, |texts| texts.log.len()))
    }

    /// Files that were added to since this was asked, and the folder if it has a new one.
    ///
    /// # Errors
    /// If the system gives no handles.
    pub fn unsynced(&mut self) -> Result<Vec<File>, StateError> {
        let mut files = std::mem::take(&mut self.full);
        if let Some(tail) = &self.tail {
            files.push(tail.log.handle()?);
        }
        if std::mem::take(&mut self.is_folder_changed) {
            files.push(File::open(&self.folder).map_err(|e| StateError::file("open", &self.folder, e))?);
        }
        Ok(files)
    }

    /// Memory held, in bytes. A filter in the making is not counted: at most 50 MB for some tens of milliseconds.
    pub fn memory_bytes(&self) -> usize {
        let texts = self.sealed.iter().map(|sealed| &*sealed.texts).chain(&self.tail);
        self.recent_bytes + self.recent.len() * 24 + texts.map(Texts::memory_bytes).sum::<usize>()
    }

    /// Disk held, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.sealed.iter().map(Sealed::disk_bytes).sum::<u64>() + self.tail.as_ref().map_or(0, |tail| tail.log.len())
    }

    fn texts_of(&self, seqno: SeqNo) -> Option<&Texts> {
        if self.is_unsealed(seqno) {
            return self.tail.as_ref();
        }
        let behind = seqno.checked_sub(self.sealed.front()?.texts.first)?;
        Some(&self.sealed.get((behind / SEGMENT) as usize)?.texts)
    }

    /// The text of an earlier document, from disk.
    pub fn text(&self, seqno: SeqNo) -> Option<String> {
        let texts = self.texts_of(seqno)?;
        texts.text((seqno - texts.first) as usize)
    }

    fn read(&self, seqno: SeqNo) -> Option<Arc<[Token]>> {
        let texts = self.texts_of(seqno)?;
        texts.tokens((seqno - texts.first) as usize, &self.tokenizer)
    }
}

/// A store that is dropped leaves no thread behind that writes to its folder.
impl Drop for Horizon {
    fn drop(&mut self) {
        self.finish();
    }
}

impl lookup::Horizon for Horizon {
    fn tokens(&self, seqno: SeqNo) -> Option<Arc<[Token]>> {
        if seqno < self.floor || seqno >= self.next {
            return None;
        }
        match seqno.checked_sub(self.oldest_in_memory()) {
            Some(i) => self.recent[i as usize].clone(),
            None => self.read(seqno),
        }
    }

    fn may_carry(&self, span: &[Token]) -> Vec<SeqNo> {
        if span.is_empty() {
            return Vec::new();
        }
        let (keys, within) = (keys_of(span), self.floor..self.next);
        let mut candidates: Vec<SeqNo> =
            self.sealed.par_iter().flat_map_iter(|sealed| sealed.candidates(&keys, &within)).collect();
        if let Some(tail) = &self.tail {
            candidates.extend(tail.first.max(self.floor)..self.next);
        }
        let carries = |tokens: Arc<[Token]>| tokens.windows(span.len()).any(|w| w == span);
        candidates.into_par_iter().with_min_len(SLICE / 4).filter(|&o| self.tokens(o).is_some_and(carries)).collect()
    }
}

fn bytes_of(tokens: Option<&Arc<[Token]>>) -> usize {
    tokens.map_or(0, |t| t.len() * size_of::<Token>())
}

#[cfg(test)]
mod tests;
