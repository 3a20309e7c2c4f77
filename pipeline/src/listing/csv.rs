//! CSV as databases export it (RFC 4180): fields in quotes may hold commas, doubled quotes and line breaks.

use super::{FILE, LENGTH, LINE_BYTES_MAX, Line, Lines, ListError, OFFSET, Problem, shortened};

/// A field, and where it begins.
pub(super) struct Field {
    pub(super) text: String,
    pub(super) line: u64,
    column: usize,
}

impl Field {
    pub(super) fn problem(&self, message: String) -> Problem {
        Problem { line: self.line, column: self.column as u64, message }
    }
}

/// Which columns of a table are meant.
pub(super) struct Columns {
    wanted: [usize; 3],
    count: usize,
}

impl Columns {
    /// The columns of a table with this header; `None` if it is no header of one.
    ///
    /// # Errors
    /// If some of the columns are there and others are not.
    pub(super) fn of(header: &Line) -> Result<Option<Self>, Problem> {
        let mut fields = Vec::new();
        // A header goes over no line break; a path with an odd quote in it is none.
        if !matches!(split(&header.text, header.number, &mut fields), Ok(Rest::None)) {
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

    /// File, offset and length of a record.
    ///
    /// # Errors
    /// If it has another number of fields than the header.
    pub(super) fn pick<'a>(&self, record: &'a [Field]) -> Result<[&'a Field; 3], Problem> {
        match record.last() {
            Some(_) if record.len() == self.count => Ok(self.wanted.map(|at| &record[at])),
            last => Err(Problem {
                line: last.map_or(0, |field| field.line),
                column: last.map_or(0, |field| field.column as u64),
                message: format!("got {} fields, expected {} as in the header", record.len(), self.count),
            }),
        }
    }
}

/// What a line leaves open.
enum Rest {
    None,
    /// A quoted field that goes on.
    Quoted,
}

/// The record that begins with `line`, which may go on over more of them.
///
/// # Errors
/// If it is no CSV, or too long.
pub(super) fn record(line: Line, lines: &mut Lines) -> Result<Vec<Field>, ListError> {
    let mut fields = Vec::new();
    let (mut line, mut length) = (line, 0);
    let mut rest = split(&line.text, line.number, &mut fields)?;
    while matches!(rest, Rest::Quoted) {
        length += line.text.len();
        let begin = fields.last().map_or_else(|| line.problem(1, String::new()), |field| field.problem(String::new()));
        let wrong = |message: String| Problem { message, ..begin.clone() };
        if length > LINE_BYTES_MAX {
            return Err(wrong(format!("got a longer record, expected at most {LINE_BYTES_MAX} bytes")).into());
        }
        line = lines.any_line()?.ok_or_else(|| wrong("got a quote that is never closed".to_owned()))?;
        if let Some(field) = fields.last_mut() {
            field.text.push('\n');
        }
        rest = go_on(&line.text, line.number, &mut fields)?;
    }
    Ok(fields)
}

/// Splits a line into fields; the last one may be open.
fn split(text: &str, line: u64, fields: &mut Vec<Field>) -> Result<Rest, Problem> {
    fields_from(text, 0, line, fields)
}

/// Goes on with the open field.
fn go_on(text: &str, line: u64, fields: &mut Vec<Field>) -> Result<Rest, Problem> {
    match quoted(text, 0, fields) {
        None => Ok(Rest::Quoted),
        Some(at) => after_quote(text, at, line, fields),
    }
}

fn fields_from(text: &str, mut at: usize, line: u64, fields: &mut Vec<Field>) -> Result<Rest, Problem> {
    loop {
        fields.push(Field { text: String::new(), line, column: at + 1 });
        if text[at..].starts_with('"') {
            return match quoted(text, at + 1, fields) {
                None => Ok(Rest::Quoted),
                Some(at) => after_quote(text, at, line, fields),
            };
        }
        let end = text[at..].find(',').map_or(text.len(), |comma| at + comma);
        if let Some(field) = fields.last_mut() {
            field.text.push_str(&text[at..end]);
        }
        if end == text.len() {
            return Ok(Rest::None);
        }
        at = end + 1;
    }
}

/// Adds to the last field up to its closing quote, and says where that was; `None` if the line ends before.
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

fn after_quote(text: &str, at: usize, line: u64, fields: &mut Vec<Field>) -> Result<Rest, Problem> {
    match text[at..].chars().next() {
        None => Ok(Rest::None),
        Some(',') => fields_from(text, at + 1, line, fields),
        Some(_) => {
            let got = shortened(&text[at..]);
            Err(Problem { line, column: at as u64 + 1, message: format!("got {got:?} after a closing quote, expected a comma") })
        }
    }
}
