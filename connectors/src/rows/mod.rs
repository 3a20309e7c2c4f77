//! Rows of Parquet files: in as lines, out as rows.
//!
//! A row is handed on as the JSON line that says the same, so that one set of rules decodes both ([`Columns`](crate::source::Columns) says how much
//! of it). On the way out a row is copied from its file with every column, value and type as it was; records that were no rows go into a table of text
//! columns ([`crate::file::Leaving`]).
//!
//! Files are hostile. Footer and page headers are checked before the library acts on them, texts are views of their pages, so
//! that a dictionary entry is not copied for every row that names it, and what panics is a lost row group. What a file costs:
//! the pages that one batch lies on (256 MiB at most, 1 GiB where one row needs it), and its footer (16 MiB at most).
//!
//! | code | when | lost |
//! |---|---|---|
//! | `parquet_corrupt` | a footer, a page header or a page is not what it should be | the file, or the rest of its row group |
//! | `parquet_too_large` | the footer is over its limits, or a row lies on too many bytes of pages | the same |
//! | `decompression_bomb` | a row group gives more rows and long texts than `ratio_max` allows | the rest of the row group |
//! | `record_too_large` | a row's line would be longer than [`Limits::record_bytes_max`](crate::limits::Limits) | the row |

mod batches;
mod copy;
mod footer;
mod json;
mod pages;
mod parquet_file;
mod read;
mod text_table;
mod thrift;

#[cfg(test)]
mod tests;

pub(crate) use copy::{CopySource, RowCopier};
pub use parquet_file::ParquetFile;
pub use read::ParquetRows;
pub(crate) use text_table::TextTable;

/// What every Parquet file begins and ends with.
pub const MAGIC: &[u8] = b"PAR1";
