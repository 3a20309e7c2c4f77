//! What does a list say to read? A paths file of Common Crawl, or the answer of its columnar index.
//!
//! | what the file begins with | read as | names |
//! |---|---|---|
//! | `{` | JSON lines, as Athena, `DuckDB` and the index server export them | `warc_filename`, `warc_record_offset`, `warc_record_length` |
//! | a line with a column `warc_filename` | CSV | the same |
//! | anything else | a paths file, one path a line | all of each file |
//!
//! `filename`, `offset` and `length` are understood as well. Files come in the order in which the list names them first; the
//! records of one file by their place in it, each once. Packed lists are unpacked. A list is no stream of hostile records
//! but an order of the user's: the first line that makes no sense ends the run, with line and column.
//!
//! **Cost** one pass. **State** the names, and 24 bytes a record.

mod csv;
mod rows;

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use connectors::{byte_range::ByteRange, compress::Reader, file::ListEntry, limits::Limits};

use self::rows::Rows;

/// Longest line, or record of CSV, in bytes.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Most lines: an index answer of 20 million records takes half a gigabyte while it is read.
const LINES_MAX: u64 = 20_000_000;

/// Names of the columns, the index table's and the index server's.
const FILE: [&str; 2] = ["warc_filename", "filename"];
const OFFSET: [&str; 2] = ["warc_record_offset", "offset"];
const LENGTH: [&str; 2] = ["warc_record_length", "length"];

/// What is wrong with a list, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The byte within it, from 1.
    pub column: u64,
    /// What was got and what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file could not be read or unpacked.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It says something that makes no sense.
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// Reads a list.
///
/// # Errors
/// If it cannot be read, or at the first line that makes no sense.
pub fn read(bytes: Box<dyn Read + Send>) -> Result<Vec<ListEntry>, ListError> {
    let mut lines = Lines::new(Reader::new(bytes, &Limits::default())?);
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

/// A line of a paths file.
fn path(line: &Line) -> Result<ListEntry, Problem> {
    let path = line.text.trim();
    if path.chars().any(char::is_control) {
        return Err(line.problem(1, format!("got {path:?}, expected a path without control characters")));
    }
    Ok(ListEntry { path: path.to_owned(), line: line.number, parts: None })
}

fn json(first: Line, lines: &mut Lines) -> Result<Vec<ListEntry>, ListError> {
    let mut rows = Rows::default();
    let mut next = Some(first);
    while let Some(line) = next {
        rows.add_json(&line)?;
        next = lines.next_line()?;
    }
    Ok(rows.into_list()?)
}

fn csv(columns: &csv::Columns, lines: &mut Lines) -> Result<Vec<ListEntry>, ListError> {
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

/// As much of a value as a message needs.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A line that is not empty, without its line break.
struct Line {
    number: u64,
    text: String,
}

impl Line {
    fn problem(&self, column: usize, message: String) -> Problem {
        Problem { line: self.number, column: column as u64, message }
    }
}

/// Hands out the lines of a list.
struct Lines {
    reader: Reader,
    number: u64,
}

impl Lines {
    fn new(reader: Reader) -> Self {
        Self { reader, number: 0 }
    }

    /// The next line that is not empty.
    fn next_line(&mut self) -> Result<Option<Line>, ListError> {
        loop {
            let Some(line) = self.any_line()? else { return Ok(None) };
            if !line.text.trim().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// The next line, empty or not.
    fn any_line(&mut self) -> Result<Option<Line>, ListError> {
        let mut bytes = Vec::new();
        if self.reader.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let problem = |column: usize, message: String| Problem { line: self.number, column: column as u64, message };
        if self.number > LINES_MAX {
            return Err(problem(1, format!("got more lines, expected at most {LINES_MAX}")).into());
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(problem(LINE_BYTES_MAX, format!("got a longer line, expected at most {LINE_BYTES_MAX} bytes")).into());
        }
        for end in [b'\n', b'\r'] {
            if bytes.last() == Some(&end) {
                bytes.pop();
            }
        }
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            problem(at + 1, "got bytes that are no UTF-8".to_owned())
        })?;
        if self.number == 1 && text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Ok(Some(Line { number: self.number, text }))
    }
}

#[cfg(test)]
mod tests;
