//! How many rows of a row group may be decompressed together?
//!
//! The headers of all pages of the columns that are read are looked at before any page is: a page
//! is decompressed into as many bytes as its header declares, and a batch keeps the pages that its
//! rows lie on. The answer depends on the file alone, so batches are the same in every run.

use std::io;

use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::{
    parquet_file::ParquetFile,
    thrift::{PageHeader, page_header},
};

/// Possible numbers of rows in a batch. The first one that fits is taken.
const BATCH_ROWS: [u64; 3] = [64, 8, 1];
/// Most bytes that a batch of more than one row may keep.
const BATCH_BYTES_MAX: u64 = 256 << 20;
/// Most bytes of the pages that one row lies on.
const ROW_BYTES_MAX: u64 = 1 << 30;
/// Bytes that a value of a repeated column takes in memory beside its own: a view, levels, an
/// offset.
const REPEATED_VALUE_BYTES: u64 = 28;
/// Bytes that are read to find a page header. If the header is longer, because of its statistics,
/// more are read.
const HEADER_BYTES: [usize; 3] = [1 << 10, 64 << 10, 4 << 20];

/// How a row group is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchPlan {
    /// Number of rows in a batch.
    pub batch_rows: usize,
    /// Compressed bytes of its pages.
    pub compressed: u64,
}

/// Decides how to read `columns` of a row group. Returns a message if their pages cannot be read,
/// or not within bounds.
///
/// # Errors
/// If a read fails.
pub(super) fn plan(file: &ParquetFile, group: &RowGroupMetaData, columns: &[usize]) -> io::Result<Result<BatchPlan, String>> {
    let mut chunks = Vec::new();
    for &column in columns {
        let chunk = group.column(column);
        match pages(file, chunk)? {
            Ok(pages) => chunks.push(ColumnPages::new(&pages, chunk)),
            Err(message) => return Ok(Err(format!("column {}: {message}", chunk.column_path()))),
        }
    }
    let compressed = chunks.iter().map(|chunk| chunk.compressed).sum();
    let fitting = BATCH_ROWS.into_iter().find(|&rows| {
        let bytes: u64 = chunks.iter().map(|chunk| chunk.held(rows)).fold(0, u64::saturating_add);
        bytes <= if rows == 1 { ROW_BYTES_MAX } else { BATCH_BYTES_MAX }
    });
    Ok(match fitting {
        Some(rows) => Ok(BatchPlan { batch_rows: rows as usize, compressed }),
        None => Err(format!("a row lies on pages of more than {ROW_BYTES_MAX} bytes, the most that is unpacked together")),
    })
}

/// Reads the headers of a column's pages.
fn pages(file: &ParquetFile, chunk: &ColumnChunkMetaData) -> io::Result<Result<Vec<PageHeader>, String>> {
    let (begin, length) = chunk.byte_range();
    let Some(end) = begin.checked_add(length).filter(|end| *end <= file.length()) else {
        return Ok(Err(format!("{length} bytes from {begin} on, the file has {}", file.length())));
    };
    let (mut at, mut pages, mut values) = (begin, Vec::new(), 0_u64);
    while at < end {
        let Some(page) = header_at(file, at, end)? else {
            return Ok(Err(format!("no page header at byte {at}")));
        };
        let next = at + page.header_bytes + page.compressed;
        if next > end {
            return Ok(Err(format!("page of {} bytes at byte {at}, the column ends at {end}", page.compressed)));
        }
        values += if page.is_dictionary { 0 } else { page.values };
        pages.push(page);
        at = next;
    }
    let declared = chunk.num_values();
    if u64::try_from(declared) != Ok(values) {
        return Ok(Err(format!("pages of {values} values, {declared} declared")));
    }
    Ok(Ok(pages))
}

fn header_at(file: &ParquetFile, at: u64, end: u64) -> io::Result<Option<PageHeader>> {
    for most in HEADER_BYTES {
        let room = most.min(usize::try_from(end - at).unwrap_or(most));
        if let Some(header) = page_header(&file.read_range(at, room)?) {
            return Ok(Some(header));
        }
        if room < most {
            break;
        }
    }
    Ok(None)
}

/// What counts for the memory that a column of a row group takes.
struct ColumnPages {
    /// Number of rows and decompressed bytes of each data page.
    pages: Vec<(u64, u64)>,
    /// Bytes of the dictionary, which is held as long as the row group is read.
    dictionary: u64,
    compressed: u64,
    /// Whether a row may have any number of values, so that values of a page do not tell its rows.
    is_repeated: bool,
    /// Bytes of a value of fixed length, which is copied whatever page it is on.
    fixed: u64,
}

impl ColumnPages {
    fn new(pages: &[PageHeader], chunk: &ColumnChunkMetaData) -> Self {
        let compressed = pages.iter().map(|page| page.header_bytes + page.compressed).sum();
        let dictionary = pages.iter().filter(|page| page.is_dictionary).map(|page| page.uncompressed).sum();
        let data = pages.iter().filter(|page| !page.is_dictionary).map(|page| (page.values, page.uncompressed)).collect();
        let descriptor = chunk.column_descr();
        let fixed = u64::try_from(descriptor.type_length()).unwrap_or(0);
        Self { pages: data, dictionary, compressed, is_repeated: descriptor.max_rep_level() > 0, fixed }
    }

    /// Returns the most bytes that a batch of this many rows keeps.
    fn held(&self, rows: u64) -> u64 {
        if self.is_repeated {
            // One row may be the whole column.
            let values = self.pages.iter().map(|(values, _)| values.saturating_mul(REPEATED_VALUE_BYTES + self.fixed));
            let bytes = self.pages.iter().map(|(_, bytes)| *bytes);
            return values.chain(bytes).fold(self.dictionary, u64::saturating_add);
        }
        let most = widest(&self.pages, rows);
        most.saturating_add(self.dictionary).saturating_add(rows.saturating_mul(self.fixed))
    }
}

/// Returns the most bytes of the pages that `rows` consecutive rows lie on.
fn widest(pages: &[(u64, u64)], rows: u64) -> u64 {
    let (mut most, mut first, mut bytes, mut between) = (0, 0, 0, 0);
    for last in 0..pages.len() {
        if last > first + 1 {
            between += pages[last - 1].0;
        }
        bytes += pages[last].1;
        // The smallest batch on all of these pages has the last row of the first page, the first row of the last page, and all
        // rows between.
        while first < last && between + 2 > rows {
            bytes -= pages[first].1;
            first += 1;
            if first < last {
                between -= pages[first].0;
            }
        }
        most = most.max(bytes);
    }
    most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against looking at every batch.
        #[test]
        fn widest_is_an_upper_bound_and_no_wild_one(pages in proptest::collection::vec((1_u64..6, 0_u64..100), 0..20), rows in 1_u64..12) {
            let owners: Vec<usize> = pages.iter().enumerate().flat_map(|(page, (rows, _))| vec![page; *rows as usize]).collect();
            let held = |window: &[usize]| (window[0]..=window[window.len() - 1]).map(|page| pages[page].1).sum::<u64>();
            let exact = owners.windows((rows as usize).min(owners.len()).max(1)).map(held).max().unwrap_or(0);
            prop_assert_eq!(widest(&pages, rows), exact);
        }
    }
}
