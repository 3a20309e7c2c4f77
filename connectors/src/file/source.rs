//! Which record comes next in a list of files, which are read one after the other?
//!
//! A partition is a file. An offset counts the file's records, bad ones included; in a table it is
//! the row. How many records a file holds is not known before it was read, so positions do not tell
//! that a file is finished. The order does: every file before the last one that was begun is
//! finished. Seeking skips those files unread, and frames the last one again from its beginning.
//!
//! If only parts of a file are asked for, each part is decompressed and framed by itself, so damage
//! in one does not affect the next. The records are counted on through all parts.
//!
//! A WARC and its WET are one partition ([`crate::framing::joined`]), whose offsets count the
//! records of both as they come.
//!
//! **Cost** of a seek: decompressing one file up to the place. **State** one record and the
//! reader's buffers.

use std::{collections::VecDeque, ops::Range};

mod open_table;

use self::open_table::OpenTable;
use super::{
    fingerprint::Fingerprint,
    input::{InputFile, InputOrigin},
    open_input::OpenInput,
};
use crate::{
    byte_range::ByteRange,
    error::Error,
    framing::Format,
    limits::Limits,
    position::{Partition, Position, Positions},
    source::{Columns, Limit, Record, Source},
};

/// Reads a list of files.
pub struct FileSource {
    files: Vec<InputFile>,
    names: Vec<String>,
    limits: Limits,
    join: bool,
    /// The file that is read, which of its parts, and the bytes of the parts before.
    current: usize,
    part: usize,
    parts_read: u64,
    /// The part that is read, once it is open.
    open: Option<OpenInput>,
    table: OpenTable,
    columns: Columns,
    /// Offset of the next record that is framed in the current file.
    framed: u64,
    /// At most one record, which was framed and did not fit into the last batch.
    waiting: VecDeque<Record>,
    delivered: Positions,
    stdin_begun: bool,
}

impl FileSource {
    /// Reads `files` in this order, as [`super::walk()`] lists them.
    #[must_use]
    pub fn new(files: Vec<InputFile>, limits: Limits) -> Self {
        let names = files.iter().map(|file| file.name.clone()).collect();
        Self {
            files,
            names,
            limits,
            join: false,
            current: 0,
            part: 0,
            parts_read: 0,
            open: None,
            table: OpenTable::default(),
            columns: Columns::All,
            framed: 0,
            waiting: VecDeque::new(),
            delivered: Positions::default(),
            stdin_begun: false,
        }
    }

    /// Reads only these columns of tables.
    #[must_use]
    pub fn with_columns(self, columns: Columns) -> Self {
        Self { columns, ..self }
    }

    /// Joins texts of WARC files to the records that they were made of. Without it,
    /// [`InputFile::texts`] are not read.
    #[must_use]
    pub fn joining(self, join: bool) -> Self {
        Self { join, ..self }
    }

    /// Returns the files in the order of their partitions' numbers.
    #[must_use]
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// Returns what a later run compares to find out whether the list or a file has changed.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn fingerprint(&self) -> Result<Vec<Fingerprint>, Error> {
        let mut found = Vec::with_capacity(self.files.len());
        for file in &self.files {
            found.push(Fingerprint::of(&file.name, &file.origin)?.picked(file.parts.as_deref()));
            if let Some(texts) = &file.texts {
                found.push(Fingerprint::of(&format!("{} + {}", file.name, texts.name), &texts.origin)?);
            }
        }
        Ok(found)
    }

    /// Returns the next record of the list.
    fn next_record(&mut self) -> Result<Option<Record>, Error> {
        if let Some(record) = self.waiting.pop_front() {
            return Ok(Some(record));
        }
        while self.current < self.files.len() {
            let is_table = self.files[self.current].format == Some(Format::Parquet);
            if let Some(record) = if is_table { self.row()? } else { self.frame()? } {
                return Ok(Some(record));
            }
            self.enter(self.current + 1);
        }
        Ok(None)
    }

    fn enter(&mut self, file: usize) {
        (self.current, self.part, self.parts_read, self.open, self.framed) = (file, 0, 0, None, 0);
        self.table = OpenTable::default();
        self.waiting.clear();
    }

    /// Returns the next row of the current file, which is a table.
    fn row(&mut self) -> Result<Option<Record>, Error> {
        let partition = self.current as Partition;
        let row = self.table.next_row(&self.files[self.current], &self.columns, self.limits)?;
        Ok(row.map(|(row, payload)| {
            self.framed = row + 1;
            Record::new(Position { partition, offset: row }, row, payload)
        }))
    }

    /// Frames the next record of the current file.
    fn frame(&mut self) -> Result<Option<Record>, Error> {
        loop {
            let Some((part, range)) = self.part_to_read() else { return Ok(None) };
            let input = &self.files[self.current];
            let opened = match &mut self.open {
                Some(opened) => opened,
                closed => {
                    self.stdin_begun |= input.origin == InputOrigin::Stdin;
                    closed.insert(OpenInput::open(input, range, self.limits, self.join)?)
                }
            };
            if let Some((frame, file)) = opened.next_frame(input)? {
                let position = Position { partition: self.current as Partition, offset: self.framed };
                self.framed += 1;
                let begin = range.map_or(0, |range| range.offset);
                return Ok(Some(Record { file, ..Record::new(position, begin + frame.byte_offset, frame.payload) }));
            }
            self.parts_read += opened.consumed();
            (self.part, self.open) = (part + 1, None);
        }
    }

    /// Returns the number of the part to read, and its bytes if it is not the whole file; `None`
    /// behind the last part.
    fn part_to_read(&self) -> Option<(usize, Option<ByteRange>)> {
        match &self.files.get(self.current)?.parts {
            None => (self.part == 0).then_some((0, None)),
            Some(parts) => parts.get(self.part).map(|range| (self.part, Some(*range))),
        }
    }

    fn seek_within(&mut self, file: usize, offset: u64) -> Result<(), Error> {
        self.enter(file);
        if self.files.get(file).is_some_and(|file| file.format == Some(Format::Parquet)) {
            self.table.seek(&self.files[file], &self.columns, self.limits, offset)?;
            self.framed = offset;
            return Ok(());
        }
        while self.framed < offset {
            if self.frame()?.is_none() {
                let name = &self.names[file];
                let got = self.framed;
                return Err(Error::Changed(format!("{name} ends after {got} records, expected at least {offset}")));
            }
        }
        Ok(())
    }
}

impl Source for FileSource {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    /// Returns `None` if standard input is among the files.
    fn size_hint(&self) -> Option<u64> {
        self.files.iter().map(InputFile::size).sum()
    }

    fn consumed(&self) -> u64 {
        let before: u64 = self.files[..self.current].iter().filter_map(InputFile::size).sum();
        let open = self.open.as_ref().map_or(0, OpenInput::consumed);
        before + self.parts_read + open + self.table.consumed()
    }

    fn seek(&mut self, positions: &Positions) -> Result<(), Error> {
        // The engine may seek to where it already is. With standard input, no other seek is possible.
        if positions.same(&self.delivered) {
            return Ok(());
        }
        let begun = positions.0.iter().rposition(|next| *next > 0);
        if begun.is_some_and(|file| file >= self.files.len()) {
            let (got, expected) = (self.files.len(), positions.0.len());
            return Err(Error::Changed(format!("the input list has {got} files, expected at least {expected}")));
        }
        let stdin = self.files.iter().position(|file| file.origin == InputOrigin::Stdin);
        if let Some(stdin) = stdin
            && (self.stdin_begun || positions.next(stdin as Partition) > 0)
        {
            return Err(Error::Refused("standard input cannot be read again: give files to resume, or start anew".to_owned()));
        }
        let file = begun.unwrap_or(0);
        self.seek_within(file, positions.next(file as Partition))?;
        self.delivered = positions.clone();
        Ok(())
    }

    fn may_read_ahead(&self) -> bool {
        true
    }

    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < limit.records.max(1) {
            let Some(record) = self.next_record()? else { break };
            bytes += record.payload.len();
            if bytes > limit.bytes && !records.is_empty() {
                self.waiting.push_back(record);
                break;
            }
            self.delivered.advance(record.position);
            records.push(record);
        }
        Ok(records)
    }

    fn read_run(&mut self, partition: Partition, offsets: Range<u64>) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        while self.delivered.next(partition) < offsets.end {
            match self.next_record()? {
                Some(record) if record.position.partition == partition => {
                    self.delivered.advance(record.position);
                    records.push(record);
                }
                other => {
                    let name = self.names.get(partition as usize).map_or("a file not in the list", String::as_str);
                    self.waiting.extend(other);
                    let (got, expected) = (self.delivered.next(partition), offsets.end);
                    return Err(Error::Changed(format!("{name} has {got} records, expected {expected}")));
                }
            }
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests;
