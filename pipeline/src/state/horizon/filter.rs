//! Which documents of a full segment may hold a span? A filter over their words and pairs of neighbours.
//!
//! A segment is divided into [`SLICES`] slices of [`SLICE`] documents. The file is a sequence of pages; a key (a word, or two
//! neighbours) falls on one page and there on [`HASHES`] rows of [`SLICES`] bits, a bit a slice: that the bit is set in all
//! of them says that the slice seems to hold the key. One read of a page thus answers for the whole segment: a blocked Bloom
//! filter for each slice, all of them side by side (bit-sliced signatures: Goodwin et al. 2017). Neighbours across a line
//! break are no pair: nothing that is searched for crosses one.
//!
//! ```text
//! page: check u64 | 1,022 rows of u32
//! ```
//!
//! The check of a page is keyed with the version, the tokenizer, the lengths of the segment's texts, the number of pages and
//! the page's own number. A page that fails it (torn, flipped, of another version or another segment) is taken to hold
//! everything: the filter then saves less work and the answer is the same.
//!
//! Cost: see [`Filter::build`] and [`Filter::slices`]. State: on disk only, 12 bits for each distinct key of a slice (measured:
//! 250 keys, 380 bytes a document of 478 tokens), at most 50 MB a segment; in memory nothing but the path. Measured on the
//! same texts, of the slices that do not hold them .7% are shown for one word, .4% for two neighbours from another text, and
//! none for two or more invented words.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use operators::text::{Token, hash::mix};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{SEGMENT, StateError, sync_folder};

/// Changes with the layout, the keys, and what a tokenizer of a given identity makes of a text.
const VERSION: u64 = 1;
/// Slices of a segment: the bits of a row.
const SLICES: usize = 32;
/// Documents of a slice. Half as many would take 10% more bytes; twice as many 10% fewer, and twice the time a carrier.
pub(super) const SLICE: usize = SEGMENT as usize / SLICES;
const PAGE_BYTES: usize = 4096;
const CHECK_BYTES: usize = 8;
const ROW_BYTES: usize = 4;
const ROWS: usize = (PAGE_BYTES - CHECK_BYTES) / ROW_BYTES;
/// Rows a key is on.
const HASHES: usize = 4;
const BITS_A_KEY: usize = 12;
/// Bits in which the distinct keys of a slice are counted: 2% too few are counted of ordinary pages. It bounds the file too:
/// beyond a million keys a slice the filter is fuller, not longer.
const COUNTER_BITS: usize = 1 << 20;

/// The filter of one segment, on disk.
#[derive(Debug)]
pub(super) struct Filter {
    path: PathBuf,
    identity: u64,
    pages: usize,
}

/// The keys that a carrier of the span holds, the rarer ones first.
pub(super) fn keys_of(span: &[Token]) -> Vec<u64> {
    let mut keys = Vec::with_capacity(span.len() * 2);
    for_each_key(span, |key, is_pair| keys.push((!is_pair, key)));
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(|(_, key)| key).collect()
}

/// Calls `each` for every word and every pair of neighbours, and whether it is a pair.
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

/// Which of `pages` pages a key falls on: its upper bits, without a division.
fn page_of(key: u64, pages: usize) -> usize {
    ((u128::from(key) * pages as u128) >> 64) as usize
}

/// Where the key's rows begin within its page; from the lower bits of the key.
fn rows_of(key: u64) -> [usize; HASHES] {
    [0, 12, 24, 36].map(|shift| CHECK_BYTES + ((((key >> shift) as usize & 0xfff) * ROWS) >> 12) * ROW_BYTES)
}

fn row_at(page: &[u8], at: usize) -> u32 {
    page[at..].first_chunk::<ROW_BYTES>().map_or(u32::MAX, |row| u32::from_le_bytes(*row))
}

impl Filter {
    /// Makes the filter of a segment and writes it, in place of what may be there. `identity` says whose texts these are,
    /// `tokens_of` gives the tokens of its documents, counted from 0, and is asked twice for each.
    ///
    /// About 13 ns a key to count and as much to set, on the calling thread.
    ///
    /// # Errors
    /// If the file cannot be written.
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

    /// The filter at `path`, if every page of it is what was written for the segment of this `identity`.
    pub(super) fn open(path: &Path, identity: u64) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (pages, rest) = bytes.as_chunks::<PAGE_BYTES>();
        let filter = Self { path: path.to_owned(), identity, pages: pages.len() };
        let is_whole = rest.is_empty() && !pages.is_empty();
        (is_whole && pages.iter().enumerate().all(|(number, page)| filter.is_sound(number, page))).then_some(filter)
    }

    fn check(&self, number: usize, page: &[u8]) -> u64 {
        let whose = mix(mix(self.identity ^ VERSION) ^ self.pages as u64);
        xxh3_64_with_seed(&page[CHECK_BYTES..], mix(whose ^ number as u64))
    }

    fn is_sound(&self, number: usize, page: &[u8]) -> bool {
        page[..CHECK_BYTES] == self.check(number, page).to_le_bytes()
    }

    /// The slices that seem to hold every one of `keys`, a bit each, the first slice lowest; all of them if the file cannot
    /// be read. Opens the file (files held open are scarce) and reads a page a key until no slice is left: about 10 us.
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

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        (self.pages * PAGE_BYTES) as u64
    }
}

/// About how many distinct keys the slices have, added up.
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
