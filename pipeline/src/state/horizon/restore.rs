//! How does the horizon come back as a snapshot knew it?
//!
//! Texts that the snapshot does not know are cut off, files that belong to no segment are removed,
//! and filters that are missing or not sound are made again.
//!
//! **Cost** one pass over the texts and filters on disk. To make a filter again takes about 100 us
//! a document of 1,600 tokens on one core, and up to 64 MiB of memory a core.

use std::{collections::VecDeque, fs, path::Path};

use operators::{codec::Corrupt, document::SeqNo, lookup::Recollection};
use rayon::prelude::*;
use tracing::info;

use super::{
    super::StateError,
    layout::{FILTER, SEGMENT, TEXTS, bytes_of},
    segment::{Sealed, Texts, list, remove},
    store::Horizon,
};

impl Horizon {
    /// Opens the segments in `folder` so that `next` documents are known. The log of the last
    /// segment is cut to `tail_bytes` bytes. `keeps` is what is asked of the texts.
    ///
    /// # Errors
    /// Fails if a segment cannot be read or is corrupt, or if the newest one is missing.
    pub fn open(
        folder: &Path,
        keeps: Recollection,
        documents_max: SeqNo,
        memory_max: usize,
        next: SeqNo,
        tail_bytes: u64,
    ) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|e| StateError::file("make", folder, e))?;
        let mut horizon = Self {
            folder: folder.to_owned(),
            keeps,
            documents_max,
            memory_max,
            sealed: VecDeque::new(),
            tail: None,
            full: Vec::new(),
            is_folder_changed: true,
            building: None,
            recent: VecDeque::new(),
            recent_bytes: 0,
            next,
            floor: 0,
        };
        for first in horizon.keep_files()? {
            let path = horizon.path(first, TEXTS);
            let length = if next - first <= SEGMENT { tail_bytes } else { file_bytes(&path)? };
            let texts = Texts::open(&path, first, length)?;
            let expected = SEGMENT.min(next - first);
            if texts.len() != expected {
                return Err(StateError::corrupt(path, Corrupt { what: "as many texts as documents", at: texts.len() as usize }));
            }
            if expected == SEGMENT {
                horizon.sealed.push_back(Sealed::new(texts));
            } else {
                horizon.tail = Some(texts);
            }
        }
        horizon.restore_filters();
        horizon.remember_recent();
        Ok(horizon)
    }

    /// Removes files that do not belong to the documents before `next` or to a full segment.
    /// Returns where the segments begin that are left.
    fn keep_files(&self) -> Result<Vec<SeqNo>, StateError> {
        let files = list(&self.folder)?;
        let on_disk = |first| files.binary_search_by_key(&(first, TEXTS), |(f, kind, _)| (*f, kind)).is_ok();
        let mut firsts: Vec<_> =
            (0..self.next.div_ceil(SEGMENT)).rev().map(|i| i * SEGMENT).take_while(|&f| on_disk(f)).collect();
        firsts.reverse();
        let is_any_expected =
            !self.next.is_multiple_of(SEGMENT) || files.iter().any(|(f, kind, _)| *f < self.next && kind == TEXTS);
        if firsts.is_empty() && is_any_expected {
            let path = self.path((self.next - 1) / SEGMENT * SEGMENT, TEXTS);
            return Err(StateError::corrupt(path, Corrupt { what: "the file with the newest texts", at: 0 }));
        }
        for (first, kind, path) in &files {
            let is_kept = firsts.binary_search(first).is_ok();
            let is_full = self.next.checked_sub(*first).is_some_and(|behind| behind >= SEGMENT);
            if !(is_kept && (kind == TEXTS || kind == FILTER && is_full)) {
                remove(path)?;
            }
        }
        Ok(firsts)
    }

    /// Opens the filters of full segments, and makes those again that are missing or not sound.
    fn restore_filters(&self) {
        if self.keeps < Recollection::Search {
            return;
        }
        let restore = |sealed: &Sealed| sealed.restore_filter(&self.path(sealed.texts.first, FILTER));
        let built = self.sealed.par_iter().map(restore).filter(|&is_built| is_built).count();
        if built > 0 {
            info!(segments = built, "filters of earlier texts were missing or not sound, and were made again");
        }
    }

    /// Fills the memory with the tokens of the newest documents, as if they had just been pushed.
    fn remember_recent(&mut self) {
        if self.keeps < Recollection::Search {
            return;
        }
        let mut seqno = self.next;
        while seqno > self.oldest_on_disk() && (self.recent_bytes < self.memory_max || self.is_unsealed(seqno - 1)) {
            let from = seqno.saturating_sub(SEGMENT).max(self.oldest_on_disk());
            // One segment at a time, so that the one that is not full is not read together with
            // another.
            let from = from.max((seqno - 1) / SEGMENT * SEGMENT);
            let chunk: Vec<_> = (from..seqno).into_par_iter().map(|o| self.read(o)).collect();
            for tokens in chunk.into_iter().rev() {
                self.recent_bytes += bytes_of(tokens.as_ref());
                self.recent.push_front(tokens);
            }
            seqno = from;
        }
        self.forget_beyond_memory();
    }
}

/// Returns the length of a file.
fn file_bytes(path: &Path) -> Result<u64, StateError> {
    Ok(fs::metadata(path).map_err(|e| StateError::file("read the length of", path, e))?.len())
}
