//! A Parquet file as a row of frames.
//!
//! A frame's place is its row, so that a position names a row whatever was lost before it; a lost stretch is one frame at its
//! first row. Going to a row reads its row group from the beginning, and none before it: what is lost then is the same as in an
//! undisturbed run.

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
    /// The file, or why there is none to read.
    opened: Result<OpenParquetFile, BadRecord>,
    mask: ProjectionMask,
    /// Of the columns that are read, those that a line has.
    shown: Vec<usize>,
    /// The row that the next frame is about, or a later one.
    next: u64,
    group: Option<RowGroup>,
    /// Rows that were read and not handed over, and the first of them.
    batch: Option<(RecordBatch, usize)>,
}

impl ParquetRows {
    /// Reads a file from its first row on.
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

    /// Where rows end: as many as the file has, one for a file that is lost as a whole.
    fn end(&self) -> u64 {
        self.opened.as_ref().map_or(1, OpenParquetFile::rows)
    }

    /// The share of the file that is behind, in bytes of it.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        let length = self.opened.as_ref().map_or_else(|bad| bad.length, |opened| opened.file.length());
        let share = u128::from(length) * u128::from(self.next.min(self.end()));
        u64::try_from(share / u128::from(self.end().max(1))).unwrap_or(length)
    }

    /// Goes to the frame at `row`, or the first one behind it; the rows of the file, if it has fewer.
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

    /// Passes over rows in hand, up to `row`; false if there are none.
    fn skip_within_batch(&mut self, row: u64) -> bool {
        let Some((batch, at)) = &mut self.batch else { return false };
        let count = (row - self.next).min((batch.num_rows() - *at) as u64);
        *at += count as usize;
        self.next += count;
        count > 0
    }

    /// The next row or lost stretch, and the row it begins with; `None` at the end and ever after.
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

    /// One step further: a row, a lost stretch, or more rows in hand.
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

/// Which columns are read, and which of them a line has.
fn choose(opened: &OpenParquetFile, columns: &Columns) -> (ProjectionMask, Vec<usize>) {
    let (schema, parquet) = (opened.metadata.schema(), opened.metadata.parquet_schema());
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let Columns::Named { names, check_others } = columns else { return (ProjectionMask::all(), all) };
    let named: Vec<usize> = all.iter().copied().filter(|&n| names.iter().any(|name| name == schema.field(n).name())).collect();
    if named.is_empty() {
        // Nothing that anybody looks for: what is said about its rows should name the columns that there are.
        (ProjectionMask::all(), all)
    } else if *check_others {
        (ProjectionMask::all(), named)
    } else {
        let shown = (0..named.len()).collect();
        (ProjectionMask::roots(parquet, named), shown)
    }
}
