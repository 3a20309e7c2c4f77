//! Rows of Parquet files: in as lines, out as rows.
//!
//! A row is passed on as the JSON line that says the same, so that the same rules decode both
//! ([`Columns`](crate::source::Columns) selects the columns). On the way out a row is copied from
//! its file with every column, value and type. Records that were not rows go into a table of text
//! columns.
//!
//! | file | its question |
//! |---|---|
//! | `parquet_file` | how are a file's bytes read, on disk or remote |
//! | `thrift` | what do footer and page headers declare |
//! | `footer` | is the footer sound and within bounds |
//! | `pages` | how many rows may be decompressed together |
//! | `batches` | which rows are in a row group |
//! | `read`, `json` | which row comes next, and which JSON line says the same |
//! | `copy`, `text_table` | how are rows copied, and how are other records written as a table |
//!
//! Files are hostile. Footer and page headers are checked before the library acts on them. Texts
//! are views of their pages, so a dictionary entry is not copied for every row that refers to it.
//! If the library panics, the row group is lost. The memory that a file takes is that of the pages
//! that one batch lies on (256 MiB at most, or 1 GiB if one row needs it), and of its footer (16
//! MiB at most).
//!
//! | code | when | what is lost |
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
pub(crate) use text_table::TextTableWriter;

/// What every Parquet file begins and ends with.
pub const MAGIC: &[u8] = b"PAR1";
