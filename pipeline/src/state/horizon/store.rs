//! How are the texts of the last documents appended, forgotten and searched?

use std::{
    collections::VecDeque,
    fs::File,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use operators::{
    document::SeqNo,
    lookup::{self, Recollection},
    text::Token,
};
use rayon::prelude::*;
use tracing::warn;

use super::{
    super::StateError,
    filter::{SLICE, keys_of},
    layout::{FILTER, SEGMENT, TEXTS, UNSEALED_BYTES_MAX, bytes_of},
    segment::{Sealed, Texts, remove},
};

/// The texts of the last documents.
#[derive(Debug)]
pub struct Horizon {
    pub(super) folder: PathBuf,
    pub(super) keeps: Recollection,
    pub(super) documents_max: SeqNo,
    pub(super) memory_max: usize,
    /// The full segments, oldest first.
    pub(super) sealed: VecDeque<Sealed>,
    /// The segment that is not full yet.
    pub(super) tail: Option<Texts>,
    /// The logs of full segments that [`Self::unsynced`] has not returned yet.
    pub(super) full: Vec<File>,
    /// Whether a file was made since [`Self::unsynced`] was called.
    pub(super) is_folder_changed: bool,
    /// The thread that makes a filter, if one does.
    pub(super) building: Option<JoinHandle<()>>,
    /// The tokens of the newest documents; the last entry belongs to the document `next - 1`.
    pub(super) recent: VecDeque<Option<Arc<[Token]>>>,
    pub(super) recent_bytes: usize,
    /// The sequence number that comes next.
    pub(super) next: SeqNo,
    /// The oldest document that a search reaches.
    pub(super) floor: SeqNo,
}

impl Horizon {
    /// Returns the path of a segment's file.
    pub(super) fn path(&self, first: SeqNo, kind: &str) -> PathBuf {
        self.folder.join(format!("{first:010}.{kind}"))
    }

    /// Returns whether the document lies in the segment that is not full yet.
    pub(super) fn is_unsealed(&self, seqno: SeqNo) -> bool {
        self.tail.as_ref().is_some_and(|tail| seqno >= tail.first)
    }

    /// Returns the oldest document whose text is on disk.
    pub(super) fn oldest_on_disk(&self) -> SeqNo {
        let oldest = self.sealed.front().map(|s| s.texts.first).or(self.tail.as_ref().map(|t| t.first));
        oldest.unwrap_or(self.next)
    }

    /// Returns the oldest document whose tokens are in memory.
    fn oldest_in_memory(&self) -> SeqNo {
        self.next - self.recent.len() as SeqNo
    }

    /// Appends the tokens of the next document. `None` stands for a sequence number that is no
    /// document.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn push(&mut self, document: Option<&[Token]>) -> Result<(), StateError> {
        if self.tail.is_none() {
            self.tail = Some(Texts::open(&self.path(self.next, TEXTS), self.next, 0)?);
            self.is_folder_changed = true;
        }
        let tokens = document.filter(|_| self.keeps > Recollection::Nothing);
        if let Some(tail) = &mut self.tail {
            tail.append(tokens)?;
        }
        if self.keeps == Recollection::Search {
            let tokens = tokens.map(Arc::from);
            self.recent_bytes += bytes_of(tokens.as_ref());
            self.recent.push_back(tokens);
        }
        self.next += 1;
        if let Some(full) = self.tail.take_if(|tail| tail.len() == SEGMENT) {
            self.seal(full)?;
        }
        self.forget_beyond_memory();
        Ok(())
    }

    /// Ends a full segment. A thread makes its filter, after the one before is finished.
    fn seal(&mut self, mut texts: Texts) -> Result<(), StateError> {
        texts.log.flush()?;
        self.full.push(texts.log.handle()?);
        let sealed = Sealed::new(texts);
        self.sealed.push_back(sealed.clone());
        if self.keeps < Recollection::Search {
            return Ok(());
        }
        self.finish();
        let held = self.recent.len().min(SEGMENT as usize);
        let held: Vec<_> = self.recent.range(self.recent.len() - held..).cloned().collect();
        let path = self.path(sealed.texts.first, FILTER);
        let thread = thread::Builder::new().name("weir-filter".to_owned());
        match thread.spawn(move || sealed.build_filter(&path, &held)) {
            Ok(thread) => self.building = Some(thread),
            Err(error) => warn!(%error, "no thread to make a filter with: searches are slower"),
        }
        Ok(())
    }

    /// Waits until the filter that was begun is written.
    pub(super) fn finish(&mut self) {
        if self.building.take().is_some_and(|thread| thread.join().is_err()) {
            warn!("making a filter failed: searches are slower");
        }
    }

    /// Drops the oldest tokens until the limit of memory is kept.
    pub(super) fn forget_beyond_memory(&mut self) {
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

    /// Moves the floor of the horizon to `documents_max` documents before `epoch`.
    pub fn begin_epoch(&mut self, epoch: SeqNo) {
        self.floor = epoch.saturating_sub(self.documents_max);
    }

    /// Returns the oldest document that the horizon reaches.
    pub fn floor(&self) -> SeqNo {
        self.floor
    }

    /// Removes the segments that neither the horizon of now nor that of a kept snapshot reaches.
    /// The oldest kept snapshot has its last epoch boundary at `oldest_kept`.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub fn remove_before(&mut self, oldest_kept: SeqNo) -> Result<(), StateError> {
        let keep_from = oldest_kept.saturating_sub(self.documents_max).min(self.floor);
        while self.sealed.front().is_some_and(|oldest| oldest.texts.first + SEGMENT <= keep_from) {
            // Otherwise its filter could be written after it was removed.
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

    /// Hands everything to the system, and returns the length of the last segment, which a snapshot
    /// keeps. It is durable once the [`Self::unsynced`] files are synced.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        if let Some(tail) = &mut self.tail {
            tail.log.flush()?;
        }
        let last = self.tail.as_ref().or(self.sealed.back().map(|sealed| &*sealed.texts));
        Ok(last.map_or(0, |texts| texts.log.len()))
    }

    /// Returns the files that were added to since the last call, and the folder if it has a new
    /// file.
    ///
    /// # Errors
    /// Fails if the system gives no handles.
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

    /// Returns the memory that is held, in bytes. A filter in the making is not counted. It takes
    /// at most 50 MB for some tens of milliseconds.
    pub fn memory_bytes(&self) -> usize {
        let texts = self.sealed.iter().map(|sealed| &*sealed.texts).chain(&self.tail);
        self.recent_bytes + self.recent.len() * 24 + texts.map(Texts::memory_bytes).sum::<usize>()
    }

    /// Returns the disk space that is held, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.sealed.iter().map(Sealed::disk_bytes).sum::<u64>() + self.tail.as_ref().map_or(0, |tail| tail.log.len())
    }

    /// Returns the segment that holds a document.
    fn texts_of(&self, seqno: SeqNo) -> Option<&Texts> {
        if self.is_unsealed(seqno) {
            return self.tail.as_ref();
        }
        let behind = seqno.checked_sub(self.sealed.front()?.texts.first)?;
        Some(&self.sealed.get((behind / SEGMENT) as usize)?.texts)
    }

    /// Reads the tokens of an earlier document from disk.
    pub(super) fn read(&self, seqno: SeqNo) -> Option<Arc<[Token]>> {
        let texts = self.texts_of(seqno)?;
        texts.tokens((seqno - texts.first) as usize)
    }
}

/// Waits for the thread that makes a filter, so that nothing writes to the folder of a store that
/// is gone.
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
