//! Which fields does a record of a CSV list have, and where in the file does each of them begin?
//!
//! The format is that of RFC 4180, as databases export it: a field in quotes may hold commas,
//! doubled quotes and line breaks. This reader is weir's own because every error names the line and
//! the column of the field that is wrong. The crate `csv` gives the place of a record and not of
//! its fields, and it accepts text behind a closing quote, which is an error here.

use super::lines::{LINE_BYTES_MAX, ListError, ListLine, ListLines, ListProblem, shortened};

/// The names of the column with the file: the index table's, and the index server's.
const FILE: [&str; 2] = ["warc_filename", "filename"];
/// The names of the column with the record's offset in the file.
const OFFSET: [&str; 2] = ["warc_record_offset", "offset"];
/// The names of the column with the record's length.
const LENGTH: [&str; 2] = ["warc_record_length", "length"];

/// A field, and where it begins.
pub(super) struct Field {
    /// The field's value, without its quotes.
    pub(super) text: String,
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// The byte in that line at which it begins, from 1.
    column: usize,
}

impl Field {
    /// Makes a problem of this field.
    pub(super) fn problem(&self, message: String) -> ListProblem {
        ListProblem { line: self.line, column: self.column as u64, message }
    }
}

/// The columns of a table that hold file, offset and length.
pub(super) struct Columns {
    wanted: [usize; 3],
    count: usize,
}

impl Columns {
    /// Finds the columns in the header of a table; `None` if the line is no such header.
    ///
    /// # Errors
    /// Fails if some of the columns are there and others are not.
    pub(super) fn of(header: &ListLine) -> Result<Option<Self>, ListProblem> {
        let mut fields = Vec::new();
        // A header holds no line break. A line with an unpaired quote is a path and no header.
        if !matches!(split(&header.text, header.number, &mut fields), Ok(Unfinished::None)) {
            return Ok(None);
        }
        let find =
            |names: [&str; 2]| fields.iter().position(|field| names.contains(&field.text.trim().to_ascii_lowercase().as_str()));
        let Some(file) = find(FILE) else { return Ok(None) };
        let column = |names: [&str; 2]| {
            find(names).ok_or_else(|| header.problem(1, format!("got a table without a column {}, expected one", names[0])))
        };
        Ok(Some(Self { wanted: [file, column(OFFSET)?, column(LENGTH)?], count: fields.len() }))
    }

    /// Picks file, offset and length from a record.
    ///
    /// # Errors
    /// Fails if the record has another number of fields than the header.
    pub(super) fn pick<'a>(&self, record: &'a [Field]) -> Result<[&'a Field; 3], ListProblem> {
        match record.last() {
            Some(_) if record.len() == self.count => Ok(self.wanted.map(|at| &record[at])),
            last => Err(ListProblem {
                line: last.map_or(0, |field| field.line),
                column: last.map_or(0, |field| field.column as u64),
                message: format!("got {} fields, expected {} as in the header", record.len(), self.count),
            }),
        }
    }
}

/// What a line leaves unfinished.
enum Unfinished {
    /// Nothing: the record ends with the line.
    None,
    /// A quoted field, which goes on in the next line.
    Quoted,
}

/// Reads the record that begins with `line`. Quoted line breaks make it go on over more lines.
///
/// # Errors
/// Fails if the record is no CSV, or too long.
pub(super) fn record(line: ListLine, lines: &mut ListLines) -> Result<Vec<Field>, ListError> {
    let mut fields = Vec::new();
    let (mut line, mut length) = (line, 0);
    let mut rest = split(&line.text, line.number, &mut fields)?;
    while matches!(rest, Unfinished::Quoted) {
        length += line.text.len();
        let begin = fields.last().map_or_else(|| line.problem(1, String::new()), |field| field.problem(String::new()));
        let wrong = |message: String| ListProblem { message, ..begin.clone() };
        if length > LINE_BYTES_MAX {
            return Err(wrong(format!("got a longer record, expected at most {LINE_BYTES_MAX} bytes")).into());
        }
        line = lines.next_line_or_empty()?.ok_or_else(|| wrong("got a quote that is never closed".to_owned()))?;
        if let Some(field) = fields.last_mut() {
            field.text.push('\n');
        }
        rest = go_on(&line.text, line.number, &mut fields)?;
    }
    Ok(fields)
}

/// Splits a line into fields. The last field may be unfinished.
fn split(text: &str, line: u64, fields: &mut Vec<Field>) -> Result<Unfinished, ListProblem> {
    fields_from(text, 0, line, fields)
}

/// Goes on with the unfinished field.
fn go_on(text: &str, line: u64, fields: &mut Vec<Field>) -> Result<Unfinished, ListProblem> {
    match quoted(text, 0, fields) {
        None => Ok(Unfinished::Quoted),
        Some(at) => after_quote(text, at, line, fields),
    }
}

/// Adds the fields from byte `at` of a line on.
fn fields_from(text: &str, mut at: usize, line: u64, fields: &mut Vec<Field>) -> Result<Unfinished, ListProblem> {
    loop {
        fields.push(Field { text: String::new(), line, column: at + 1 });
        if text[at..].starts_with('"') {
            return match quoted(text, at + 1, fields) {
                None => Ok(Unfinished::Quoted),
                Some(at) => after_quote(text, at, line, fields),
            };
        }
        let end = text[at..].find(',').map_or(text.len(), |comma| at + comma);
        if let Some(field) = fields.last_mut() {
            field.text.push_str(&text[at..end]);
        }
        if end == text.len() {
            return Ok(Unfinished::None);
        }
        at = end + 1;
    }
}

/// Adds to the last field up to its closing quote, and returns the byte behind the quote. Returns
/// `None` if the line ends before the quote.
fn quoted(text: &str, mut at: usize, fields: &mut [Field]) -> Option<usize> {
    let field = fields.last_mut()?;
    loop {
        let Some(quote) = text[at..].find('"').map(|quote| at + quote) else {
            field.text.push_str(&text[at..]);
            return None;
        };
        field.text.push_str(&text[at..quote]);
        if !text[quote + 1..].starts_with('"') {
            return Some(quote + 1);
        }
        field.text.push('"');
        at = quote + 2;
    }
}

/// Goes on behind a closing quote at byte `at`.
fn after_quote(text: &str, at: usize, line: u64, fields: &mut Vec<Field>) -> Result<Unfinished, ListProblem> {
    match text[at..].chars().next() {
        None => Ok(Unfinished::None),
        Some(',') => fields_from(text, at + 1, line, fields),
        Some(_) => {
            let got = shortened(&text[at..]);
            Err(ListProblem {
                line,
                column: at as u64 + 1,
                message: format!("got {got:?} after a closing quote, expected a comma"),
            })
        }
    }
}
