//! Which row of a Parquet file comes next?
//!
//! A frame's place is its row, so a position names the same row whatever was lost before it. Rows
//! that are lost together are one frame, at their first row. Seeking a row reads its row group from
//! the beginning, and none before it, so the same rows are lost as in an undisturbed run.

use std::io;

use ::parquet::arrow::ProjectionMask;
use arrow_array::RecordBatch;

use super::{
    batches::RowGroup,
    footer::{OpenParquetFile, ParquetDamage},
    json,
    parquet_file::ParquetFile,
};
use crate::{
    framing::SNIPPET_BYTES_MAX,
    limits::Limits,
    source::{BadRecord, Columns, Payload},
};

/// Reads the rows of a file.
pub struct ParquetRows {
    limits: Limits,
    /// The file, or the reason why it cannot be read.
    opened: Result<OpenParquetFile, BadRecord>,
    mask: ProjectionMask,
    /// Those of the read columns that a line has.
    shown: Vec<usize>,
    /// The first row of the next frame, or a row before it.
    next: u64,
    group: Option<RowGroup>,
    /// Rows that were read, and the first of them that was not returned yet.
    batch: Option<(RecordBatch, usize)>,
}

impl ParquetRows {
    /// Opens a file at its first row.
    ///
    /// # Errors
    /// If a read fails.
    pub fn open(file: ParquetFile, columns: &Columns, limits: Limits) -> io::Result<Self> {
        let length = file.length();
        let opened = OpenParquetFile::new(file, &limits)?;
        let opened = opened.map_err(|ParquetDamage { code, message }| BadRecord {
            code,
            message,
            bytes: Vec::new(),
            length,
            packed: None,
        });
        let (mask, shown) =
            opened.as_ref().map_or_else(|_| (ProjectionMask::all(), Vec::new()), |opened| choose(opened, columns));
        Ok(Self { limits, opened, mask, shown, next: 0, group: None, batch: None })
    }

    /// Returns the number of rows; 1 for a file that is lost as a whole.
    fn end(&self) -> u64 {
        self.opened.as_ref().map_or(1, OpenParquetFile::rows)
    }

    /// Returns the bytes that were read so far, estimated from the share of rows.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        let length = self.opened.as_ref().map_or_else(|bad| bad.length, |opened| opened.file.length());
        let share = u128::from(length) * u128::from(self.next.min(self.end()));
        u64::try_from(share / u128::from(self.end().max(1))).unwrap_or(length)
    }

    /// Goes to the frame at `row`, or to the first one behind it. If the file has fewer rows, their
    /// number is returned.
    ///
    /// # Errors
    /// If a read fails.
    pub fn seek(&mut self, row: u64) -> io::Result<Result<(), u64>> {
        (self.group, self.batch) = (None, None);
        let end = self.end();
        if row >= end {
            self.next = end;
            return Ok(if row == end { Ok(()) } else { Err(end) });
        }
        self.next = self.opened.as_ref().map_or(0, |opened| opened.firsts[opened.group_of(row)]);
        while self.next < row {
            if !self.skip_within_batch(row) {
                self.step()?;
            }
        }
        Ok(Ok(()))
    }

    /// Skips rows that were read, up to `row`. Returns false if there are none.
    fn skip_within_batch(&mut self, row: u64) -> bool {
        let Some((batch, at)) = &mut self.batch else { return false };
        let count = (row - self.next).min((batch.num_rows() - *at) as u64);
        *at += count as usize;
        self.next += count;
        count > 0
    }

    /// Returns the next row or lost rows, with the first row's number; `None` at the end and ever
    /// after.
    ///
    /// # Errors
    /// If a read fails.
    pub fn next_frame(&mut self) -> io::Result<Option<(u64, Payload)>> {
        while self.next < self.end() {
            let row = self.next;
            if let Some(payload) = self.step()? {
                return Ok(Some((row, payload)));
            }
        }
        Ok(None)
    }

    /// Goes one step: returns a row or lost rows, or reads another batch.
    fn step(&mut self) -> io::Result<Option<Payload>> {
        let opened = match &self.opened {
            Ok(opened) => opened,
            Err(bad) => {
                self.next = 1;
                return Ok(Some(Payload::Bad(bad.clone())));
            }
        };
        if let Some((batch, at)) = &mut self.batch {
            if *at < batch.num_rows() {
                let payload = payload(batch, &self.shown, *at, self.next, self.limits.record_bytes_max);
                *at += 1;
                self.next += 1;
                return Ok(Some(payload));
            }
            self.batch = None;
        }
        let number = opened.group_of(self.next);
        let end = opened.firsts[number + 1];
        let group = match &mut self.group {
            Some(group) if group.number() == number => Ok(group),
            _ => RowGroup::open(opened, number, &self.mask, &self.limits)?.map(|group| self.group.insert(group)),
        };
        let batch = match group {
            Ok(group) => group.batch(opened)?,
            Err(lost) => Err(lost),
        };
        match batch {
            Ok(batch) => {
                self.batch = batch.map(|batch| (batch, 0));
                Ok(None)
            }
            Err(ParquetDamage { code, message }) => {
                let length = u64::try_from(opened.metadata.metadata().row_group(number).compressed_size()).unwrap_or(0);
                let message = format!("{message}; rows {} to {} are lost", self.next, end - 1);
                (self.next, self.group) = (end, None);
                Ok(Some(Payload::Bad(BadRecord { code, message, bytes: Vec::new(), length, packed: None })))
            }
        }
    }
}

fn payload(batch: &RecordBatch, shown: &[usize], at: usize, row: u64, bytes_max: usize) -> Payload {
    match json::line(batch, shown, at, bytes_max) {
        Ok(line) => Payload::Row(line),
        Err(json::TooLong(mut bytes)) => {
            let message = format!("row {row} has a line of more than {bytes_max} bytes, the most that is allowed");
            let length = bytes.len() as u64;
            bytes.truncate(SNIPPET_BYTES_MAX);
            Payload::Bad(BadRecord { code: "record_too_large", message, bytes, length, packed: None })
        }
    }
}

/// Returns the columns to read, and which of them a line has.
fn choose(opened: &OpenParquetFile, columns: &Columns) -> (ProjectionMask, Vec<usize>) {
    let (schema, parquet) = (opened.metadata.schema(), opened.metadata.parquet_schema());
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let Columns::Named { names, check_others } = columns else { return (ProjectionMask::all(), all) };
    let named: Vec<usize> = all.iter().copied().filter(|&n| names.iter().any(|name| name == schema.field(n).name())).collect();
    if named.is_empty() {
        // No column is looked for. All are read, so that messages about the rows can name the columns that there are.
        (ProjectionMask::all(), all)
    } else if *check_others {
        (ProjectionMask::all(), named)
    } else {
        let shown = (0..named.len()).collect();
        (ProjectionMask::roots(parquet, named), shown)
    }
}
