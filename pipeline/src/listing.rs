//! What does a list say to read? A list is a paths file of Common Crawl, or an answer of its
//! columnar index.
//!
//! | what the file begins with | read as | what it names |
//! |---|---|---|
//! | `{` | JSON lines, as Athena, `DuckDB` and the index server export them | the records given by `warc_filename`, `warc_record_offset` and `warc_record_length` |
//! | a line with a column `warc_filename` | CSV | the same |
//! | anything else | a paths file, one path a line | each file as a whole |
//!
//! The column names `filename`, `offset` and `length` are understood as well. Files come in the
//! order in which the list names them first. The records of one file come by their offset, each
//! once. A packed list is unpacked. A list is an order of the user's and no stream of hostile
//! records, so the first line that makes no sense ends the run, with its line and column.
//!
//! **Cost** one pass over the list. **State** the names of the files, and 24 bytes a record.

mod csv;
mod lines;
mod rows;

use std::io::Read;

use connectors::{byte_range::ByteRange, file::ListEntry};

pub use self::lines::{ListError, ListProblem};
use self::{
    lines::{ListLine, ListLines, shortened},
    rows::Rows,
};

/// Reads a list.
///
/// # Errors
/// Fails if the list cannot be read, and at the first line that makes no sense.
pub fn read(bytes: Box<dyn Read + Send>) -> Result<Vec<ListEntry>, ListError> {
    let mut lines = ListLines::new(bytes)?;
    let Some(first) = lines.next_line()? else { return Ok(Vec::new()) };
    if first.text.trim_start().starts_with('{') {
        return json(first, &mut lines);
    }
    if let Some(columns) = csv::Columns::of(&first)? {
        return csv(&columns, &mut lines);
    }
    let mut list = vec![path(&first)?];
    while let Some(line) = lines.next_line()? {
        list.push(path(&line)?);
    }
    Ok(list)
}

/// Reads a line of a paths file.
fn path(line: &ListLine) -> Result<ListEntry, ListProblem> {
    let path = line.text.trim();
    if path.chars().any(char::is_control) {
        return Err(line.problem(1, format!("got {path:?}, expected a path without control characters")));
    }
    Ok(ListEntry { path: path.to_owned(), line: line.number, parts: None })
}

/// Reads JSON lines, of which `first` is the first.
fn json(first: ListLine, lines: &mut ListLines) -> Result<Vec<ListEntry>, ListError> {
    let mut rows = Rows::default();
    let mut next = Some(first);
    while let Some(line) = next {
        rows.add_json(&line)?;
        next = lines.next_line()?;
    }
    Ok(rows.into_list()?)
}

/// Reads the CSV records behind the header.
fn csv(columns: &csv::Columns, lines: &mut ListLines) -> Result<Vec<ListEntry>, ListError> {
    let mut rows = Rows::default();
    while let Some(line) = lines.next_line()? {
        let record = csv::record(line, lines)?;
        let [file, offset, length] = columns.pick(&record)?;
        let number = |field: &csv::Field| {
            let number = field.text.parse::<u64>().ok().filter(|_| field.text.bytes().all(|b| b.is_ascii_digit()));
            number.ok_or_else(|| field.problem(format!("got {:?}, expected a number", shortened(&field.text))))
        };
        let range = ByteRange { offset: number(offset)?, length: number(length)? };
        rows.add(&file.text, range, file.line).map_err(|message| file.problem(message))?;
    }
    Ok(rows.into_list()?)
}

#[cfg(test)]
mod tests;
