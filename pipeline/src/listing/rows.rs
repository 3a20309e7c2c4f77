//! Which records of which files does a list name?
//!
//! [`Rows`] gathers the records of a list by file. It keeps the files in the order in which the
//! list names them first, sorts the records of each file by offset, drops repetitions and refuses
//! records that overlap. **State** the names of the files, and 24 bytes a record.

use std::{borrow::Cow, collections::BTreeMap};

use connectors::{byte_range::ByteRange, file::ListEntry};
use serde::{Deserialize, Deserializer, de};

use super::lines::{ListLine, ListProblem, shortened};

/// A record of the list, and the line that names it.
#[derive(Clone, Copy, Debug)]
struct ListedRecord {
    range: ByteRange,
    line: u32,
}

/// The records by file, in the order in which files are named first.
#[derive(Default)]
pub(super) struct Rows {
    files: Vec<(String, Vec<ListedRecord>)>,
    numbers: BTreeMap<String, usize>,
}

/// The members of a JSON line that name a record. All others are ignored.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(rename = "warc_filename", alias = "filename", borrow)]
    file: Cow<'a, str>,
    #[serde(rename = "warc_record_offset", alias = "offset", deserialize_with = "number")]
    offset: u64,
    #[serde(rename = "warc_record_length", alias = "length", deserialize_with = "number")]
    length: u64,
}

/// Reads a number, in quotes or not. The index server puts all numbers in quotes.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<'a> {
        Number(u64),
        #[serde(borrow)]
        Text(Cow<'a, str>),
    }
    let text = match Either::deserialize(from) {
        Ok(Either::Number(number)) => return Ok(number),
        Ok(Either::Text(text)) => text,
        Err(_) => return Err(de::Error::custom("got something else, expected a number")),
    };
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    number.ok_or_else(|| de::Error::custom(format!("got {:?}, expected a number", shortened(&text))))
}

impl Rows {
    /// Adds the record that a line of JSON names.
    pub(super) fn add_json(&mut self, line: &ListLine) -> Result<(), ListProblem> {
        let members: Members<'_> = serde_json::from_str(&line.text).map_err(|error| {
            // The parser adds a line number, which is always 1 here.
            let text = error.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
            line.problem(error.column().max(1), message)
        })?;
        let range = ByteRange { offset: members.offset, length: members.length };
        self.add(&members.file, range, line.number).map_err(|message| line.problem(1, message))
    }

    /// Adds a record, or returns what is wrong with it.
    pub(super) fn add(&mut self, file: &str, range: ByteRange, line: u64) -> Result<(), String> {
        if file.is_empty() || file.chars().any(char::is_control) {
            return Err(format!("got {:?}, expected the name of a file", shortened(file)));
        }
        let ByteRange { offset, length } = range;
        if length == 0 || offset.checked_add(length).is_none() {
            return Err(format!("got {length} bytes at {offset}, expected at least one, and an end below 2^64"));
        }
        let number = self.numbers.get(file).copied().unwrap_or(self.files.len());
        if number == self.files.len() {
            self.numbers.insert(file.to_owned(), number);
            self.files.push((file.to_owned(), Vec::new()));
        }
        self.files[number].1.push(ListedRecord { range, line: line as u32 });
        Ok(())
    }

    /// Returns the files with their records, sorted by offset and each once.
    pub(super) fn into_list(self) -> Result<Vec<ListEntry>, ListProblem> {
        let mut list = Vec::with_capacity(self.files.len());
        for (path, mut rows) in self.files {
            let line = rows.first().map_or(0, |row| u64::from(row.line));
            rows.sort_by_key(|row| (row.range, row.line));
            rows.dedup_by_key(|row| row.range);
            for pair in rows.windows(2) {
                if pair[0].range.end() > pair[1].range.offset {
                    let [a, b] = [pair[0].range, pair[1].range];
                    let message = format!(
                        "got {} bytes at {} of {path}, which line {} has in its {} bytes at {}, expected records apart",
                        b.length, b.offset, pair[0].line, a.length, a.offset
                    );
                    return Err(ListProblem { line: u64::from(pair[1].line), column: 1, message });
                }
            }
            list.push(ListEntry { path, line, parts: Some(rows.into_iter().map(|row| row.range).collect()) });
        }
        Ok(list)
    }
}
