//! Which documents of a full segment may hold a phrase? A filter over their words and pairs of
//! neighbours says which cannot.
//!
//! A segment is divided into [`SLICES`] slices of [`SLICE`] documents. The file is a sequence of
//! pages. A key is a word, or two neighbours. It falls on one page, and there on [`HASHES`] rows of
//! [`SLICES`] bits, one bit a slice. If a slice's bit is set in all these rows, the slice seems to
//! hold the key. So one read of a page answers for the whole segment: it is a blocked Bloom filter
//! for each slice, all of them side by side (bit-sliced signatures: Goodwin et al. 2017).
//! Neighbours across a line break are no pair, because no phrase that is searched for crosses one.
//!
//! ```text
//! page: check u64 | 1,022 rows of u32
//! ```
//!
//! The check of a page is keyed with the version, the lengths of the segment's texts, the number of
//! pages, and the page's own number. A page that fails it (torn, flipped, of
//! another version or of another segment) is taken to hold everything. The filter then saves less
//! work, and the answer is the same.
//!
//! **Cost** see [`Filter::build`] and [`Filter::slices`]. **State** on disk 12 bits for each
//! distinct key of a slice (measured: 250 keys, 380 bytes a document of 478 tokens), and at most 50
//! MB a segment. In memory there is nothing but the path. On the same texts this share of the
//! slices that do not hold the words was shown all the same: .7% for one word, .4% for two
//! neighbours from another text, none for two or more invented words.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use operators::text::{Token, hash::mix};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    super::{StateError, sync_folder},
    layout::SEGMENT,
};

/// The version. It changes with the layout and with the keys.
const VERSION: u64 = 2;
/// The slices of a segment, which are the bits of a row.
const SLICES: usize = 32;
/// The documents of a slice. Half as many would take 10% more bytes. Twice as many would take 10%
/// fewer, and twice the time to find a carrier.
pub(super) const SLICE: usize = SEGMENT as usize / SLICES;
const PAGE_BYTES: usize = 4096;
const CHECK_BYTES: usize = 8;
const ROW_BYTES: usize = 4;
const ROWS: usize = (PAGE_BYTES - CHECK_BYTES) / ROW_BYTES;
/// The rows that a key is on.
const HASHES: usize = 4;
const BITS_A_KEY: usize = 12;
/// The bits in which the distinct keys of a slice are counted. Of ordinary pages 2% too few are
/// counted. This bounds the file too: beyond a million keys a slice, the filter is fuller and not
/// longer.
const COUNTER_BITS: usize = 1 << 20;

/// The filter of one segment, on disk.
#[derive(Debug)]
pub(super) struct Filter {
    path: PathBuf,
    identity: u64,
    pages: usize,
}

/// Returns the keys that every carrier of the phrase holds, the rarer ones first.
pub(super) fn keys_of(span: &[Token]) -> Vec<u64> {
    let mut keys = Vec::with_capacity(span.len() * 2);
    for_each_key(span, |key, is_pair| keys.push((!is_pair, key)));
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(|(_, key)| key).collect()
}

/// Calls `each` for every word and every pair of neighbours, and says whether it is a pair.
fn for_each_key(tokens: &[Token], mut each: impl FnMut(u64, bool)) {
    let mut before = Token::BREAK;
    for &token in tokens {
        if token != Token::BREAK {
            each(mix(u64::from(token.0)), false);
            if before != Token::BREAK {
                each(mix(u64::from(before.0) << 32 | u64::from(token.0)), true);
            }
        }
        before = token;
    }
}

/// Returns which of `pages` pages a key falls on. It uses the upper bits, without a division.
fn page_of(key: u64, pages: usize) -> usize {
    ((u128::from(key) * pages as u128) >> 64) as usize
}

/// Returns where the key's rows begin within its page. It uses the lower bits of the key.
fn rows_of(key: u64) -> [usize; HASHES] {
    [0, 12, 24, 36].map(|shift| CHECK_BYTES + ((((key >> shift) as usize & 0xfff) * ROWS) >> 12) * ROW_BYTES)
}

/// Reads the row at a byte of a page.
fn row_at(page: &[u8], at: usize) -> u32 {
    page[at..].first_chunk::<ROW_BYTES>().map_or(u32::MAX, |row| u32::from_le_bytes(*row))
}

impl Filter {
    /// Makes the filter of a segment and writes it, in place of what may be there. `identity` says
    /// whose texts these are. `tokens_of` gives the tokens of a document, counted from 0, and is
    /// asked twice for each.
    ///
    /// # Complexity
    /// About 13 ns a key to count and as much to set, on the calling thread.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(super) fn build<T: AsRef<[Token]>>(
        path: &Path,
        identity: u64,
        tokens_of: impl Fn(usize) -> Option<T>,
    ) -> Result<Self, StateError> {
        let pages = (count_keys(&tokens_of) * BITS_A_KEY).div_ceil(ROWS * SLICES).max(1);
        let mut bytes = vec![0; pages * PAGE_BYTES];
        for document in 0..SEGMENT as usize {
            let Some(tokens) = tokens_of(document) else { continue };
            let (byte, bit) = (document / SLICE / 8, 1 << (document / SLICE % 8));
            for_each_key(tokens.as_ref(), |key, _| {
                let page = page_of(key, pages) * PAGE_BYTES;
                for row in rows_of(key) {
                    bytes[page + row + byte] |= bit;
                }
            });
        }
        let filter = Self { path: path.to_owned(), identity, pages };
        for (number, page) in bytes.chunks_exact_mut(PAGE_BYTES).enumerate() {
            let check = filter.check(number, page);
            page[..CHECK_BYTES].copy_from_slice(&check.to_le_bytes());
        }
        filter.write(&bytes)?;
        Ok(filter)
    }

    /// Writes the file beside its final name, syncs it and renames it.
    fn write(&self, bytes: &[u8]) -> Result<(), StateError> {
        let tmp = self.path.with_extension("filter.tmp");
        let put = || -> io::Result<()> {
            let mut file = File::create(&tmp)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        put().map_err(|e| StateError::file("write", &tmp, e))?;
        fs::rename(&tmp, &self.path).map_err(|e| StateError::file("rename", &tmp, e))?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }

    /// Opens the filter at `path`, if every page of it is what was written for the segment of this
    /// `identity`.
    pub(super) fn open(path: &Path, identity: u64) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (pages, rest) = bytes.as_chunks::<PAGE_BYTES>();
        let filter = Self { path: path.to_owned(), identity, pages: pages.len() };
        let is_whole = rest.is_empty() && !pages.is_empty();
        (is_whole && pages.iter().enumerate().all(|(number, page)| filter.is_sound(number, page))).then_some(filter)
    }

    /// Computes the check of a page.
    fn check(&self, number: usize, page: &[u8]) -> u64 {
        let whose = mix(mix(self.identity ^ VERSION) ^ self.pages as u64);
        xxh3_64_with_seed(&page[CHECK_BYTES..], mix(whose ^ number as u64))
    }

    /// Returns whether a page has the right check.
    fn is_sound(&self, number: usize, page: &[u8]) -> bool {
        page[..CHECK_BYTES] == self.check(number, page).to_le_bytes()
    }

    /// Returns the slices that seem to hold every one of `keys`, one bit each, the first slice
    /// lowest. Returns all of them if the file cannot be read.
    ///
    /// # Complexity
    /// About 10 us: it opens the file, since files that are held open are scarce, and reads a page
    /// for each key until no slice is left.
    pub(super) fn slices(&self, keys: &[u64]) -> u32 {
        let Ok(file) = File::open(&self.path) else { return u32::MAX };
        let mut page = [0; PAGE_BYTES];
        let mut slices = u32::MAX;
        for &key in keys {
            let number = page_of(key, self.pages);
            let is_read = file.read_exact_at(&mut page, (number * PAGE_BYTES) as u64).is_ok();
            if is_read && self.is_sound(number, &page) {
                slices = rows_of(key).into_iter().fold(slices, |slices, row| slices & row_at(&page, row));
            }
            if slices == 0 {
                break;
            }
        }
        slices
    }

    /// Returns the bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        (self.pages * PAGE_BYTES) as u64
    }
}

/// Estimates how many distinct keys the slices have, added up.
fn count_keys<T: AsRef<[Token]>>(tokens_of: impl Fn(usize) -> Option<T>) -> usize {
    let mut counted = 0;
    let mut seen = vec![0u64; COUNTER_BITS / 64];
    for slice in 0..SLICES {
        seen.fill(0);
        for tokens in (slice * SLICE..(slice + 1) * SLICE).filter_map(&tokens_of) {
            for_each_key(tokens.as_ref(), |key, _| {
                let at = key as usize % COUNTER_BITS;
                let bit = 1 << (at % 64);
                counted += usize::from(seen[at / 64] & bit == 0);
                seen[at / 64] |= bit;
            });
        }
    }
    counted
}
