//! Which lines does a list have, and how is a problem with one of them reported?
//!
//! [`ListLines`] unpacks a list and hands out its lines one by one, without their line breaks. It
//! bounds the length of a line and the number of lines. It does not know what a line means.

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use connectors::{compress::Reader, limits::Limits};

/// The longest line, or CSV record, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;
/// The most lines. An index answer of 20 million records takes half a gigabyte while it is read.
const LINES_MAX: u64 = 20_000_000;
/// The most characters of a value that a message shows.
const SHOWN_CHARS_MAX: usize = 60;

/// What is wrong with a list, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListProblem {
    /// The line, from 1.
    pub line: u64,
    /// The byte within the line, from 1.
    pub column: u64,
    /// What the list says, and what was expected.
    pub message: String,
}

impl fmt::Display for ListProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ListProblem {}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file could not be read or unpacked.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file says something that makes no sense.
    #[error(transparent)]
    Problem(#[from] ListProblem),
}

/// Shortens a value for a message.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// A line of a list, without its line break.
pub(super) struct ListLine {
    /// The line's number in the file, from 1.
    pub(super) number: u64,
    /// The line's text.
    pub(super) text: String,
}

impl ListLine {
    /// Makes a problem of this line; `column` counts bytes from 1.
    pub(super) fn problem(&self, column: usize, message: String) -> ListProblem {
        ListProblem { line: self.number, column: column as u64, message }
    }
}

/// The lines of a list, packed or not.
pub(super) struct ListLines {
    reader: Reader,
    number: u64,
}

impl ListLines {
    /// Reads lines from `bytes`.
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Result<Self, ListError> {
        Ok(Self { reader: Reader::new(bytes, &Limits::default())?, number: 0 })
    }

    /// Returns the next line that is not empty; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<ListLine>, ListError> {
        loop {
            let Some(line) = self.next_line_or_empty()? else { return Ok(None) };
            if !line.text.trim().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// Returns the next line, empty or not; `None` at the end.
    pub(super) fn next_line_or_empty(&mut self) -> Result<Option<ListLine>, ListError> {
        let mut bytes = Vec::new();
        if self.reader.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let problem = |column: usize, message: String| ListProblem { line: self.number, column: column as u64, message };
        if self.number > LINES_MAX {
            return Err(problem(1, format!("got more lines, expected at most {LINES_MAX}")).into());
        }
        if bytes.len() > LINE_BYTES_MAX {
            let message = format!("got a longer line, expected at most {LINE_BYTES_MAX} bytes");
            return Err(problem(LINE_BYTES_MAX, message).into());
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
        Ok(Some(ListLine { number: self.number, text }))
    }
}
