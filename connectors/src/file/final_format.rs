//! In which format do staged records leave?
//!
//! Lines leave as lines, rows as rows, and records of archives as such records, each kind in files
//! of its own. If the records of a part are of several kinds, or are rows of different tables, they
//! leave in several files, in the order of the records: `part-00003.jsonl`, `part-00003.1.parquet`,
//! `part-00003.2.jsonl`. So the order of the names is the order of the records, and a file has one
//! kind throughout.

use std::path::{Path, PathBuf};

#[cfg(feature = "parquet")]
use super::parquet_input::open_parquet;
use super::{
    durable::{rename, temporary},
    encoder::FrameWriter,
    input::InputFile,
    staged::StagedRecord,
};
use crate::{compression::Compression, error::Error, kill, limits::Limits, table_cell::TableCell};
#[cfg(feature = "parquet")]
use crate::{
    position::{Partition, Position},
    rows::{CopySource, RowCopier, TextTableWriter},
};

/// What the name of a file of lines ends in, before the suffix of its compression.
const LINES: &str = ".jsonl";

/// Makes table rows of lines.
pub struct TableOutput<'a> {
    /// Names of the columns.
    pub names: &'a [&'a str],
    /// Returns the cells of a line in the order of the columns. They are of the same kinds for each
    /// line.
    pub cells: &'a dyn Fn(&[u8]) -> Vec<TableCell>,
}

/// Writes staged records in their final format.
pub struct FinalFormatWriter<'a> {
    compression: Compression,
    table: Option<TableOutput<'a>>,
    /// Whether it is known that all staged records are lines.
    lines_only: bool,
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "rows are copied from them"))]
    inputs: &'a [InputFile],
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "as they were read"))]
    limits: Limits,
    /// The input file that rows are copied from. One is enough, as rows of a part are in the order
    /// of the input.
    #[cfg(feature = "parquet")]
    original: Option<(Partition, CopySource)>,
}

/// The kind of an output file, which all of its records share.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OutputKind {
    Lines,
    Archive,
    #[cfg(feature = "parquet")]
    Rows(blake3::Hash),
    Table,
}

enum OpenWriter {
    Lines(FrameWriter),
    Archive(FrameWriter),
    #[cfg(feature = "parquet")]
    Rows(Box<RowCopier>),
    #[cfg(feature = "parquet")]
    Table(Box<TextTableWriter>),
}

/// The files that hold the records of one target.
struct TargetFiles<'a> {
    target: &'a Path,
    /// The kind of the file that is being written, and its writer.
    open: Option<(OutputKind, OpenWriter)>,
    files: Vec<PathBuf>,
}

impl<'a> FinalFormatWriter<'a> {
    /// Makes a writer. Files are compressed with `compression`. Lines become rows of `table`, if
    /// there is one. Rows are copied from `inputs`, which are read within `limits`.
    #[must_use]
    pub fn new(compression: Compression, inputs: &'a [InputFile], limits: Limits, table: Option<TableOutput<'a>>) -> Self {
        Self {
            compression,
            table,
            lines_only: false,
            inputs,
            limits,
            #[cfg(feature = "parquet")]
            original: None,
        }
    }

    /// Says whether all staged records are known to be lines.
    #[must_use]
    pub fn of_lines_only(self, lines_only: bool) -> Self {
        Self { lines_only, ..self }
    }

    /// Tells whether all staged records are known to leave unchanged.
    #[must_use]
    pub fn leaves_all_as_staged(&self) -> bool {
        self.lines_only && self.table.is_none()
    }

    /// Returns the compression of lines.
    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// Tells whether a staged line leaves unchanged.
    pub(super) fn is_as_staged(&self, line: &[u8]) -> Result<bool, Error> {
        Ok(self.table.is_none() && matches!(StagedRecord::read(line)?, StagedRecord::Line(_)))
    }

    /// Writes each record to the one of `targets` that `choices` names, and then gives the files
    /// their final names.
    pub(super) fn split(
        &mut self,
        targets: &[PathBuf],
        choices: &[u8],
        for_each: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut series: Vec<TargetFiles<'_>> =
            targets.iter().map(|target| TargetFiles { target, open: None, files: Vec::new() }).collect();
        let mut choices = choices.iter();
        for_each(&mut |line| match choices.next().and_then(|choice| series.get_mut(usize::from(*choice))) {
            Some(series) => self.write(series, line),
            None => Err(Error::Changed("a staged part has grown while it was read".to_owned())),
        })?;
        for series in &mut series {
            series.finish()?;
        }
        for file in series.iter().flat_map(|series| &series.files) {
            rename(&temporary(file), file)?;
            kill::point("publish.renamed");
        }
        Ok(())
    }

    fn write(&mut self, series: &mut TargetFiles<'_>, line: &[u8]) -> Result<(), Error> {
        let staged = StagedRecord::read(line)?;
        let kind = self.kind(&staged)?;
        let cells = self.table.as_ref().filter(|_| kind == OutputKind::Table).map(|table| (table.cells)(line));
        let cells = cells.unwrap_or_default();
        if series.open.as_ref().is_none_or(|(open, _)| *open != kind) {
            self.begin(series, kind, &cells)?;
        }
        let Some((_, writer)) = &mut series.open else { return Ok(()) };
        match (writer, staged) {
            (OpenWriter::Lines(writer), StagedRecord::Line(line)) => {
                writer.write(line)?;
                writer.write(b"\n")
            }
            (OpenWriter::Archive(writer), StagedRecord::Archive(records)) => records.iter().try_for_each(|record| {
                writer.write(record)?;
                // Each record is a member of its own, as readers of archives expect it.
                writer.finish_frame()
            }),
            #[cfg(feature = "parquet")]
            (OpenWriter::Rows(writer), StagedRecord::Row(position)) => match &mut self.original {
                Some((_, original)) => writer.copy(original, position.offset),
                None => Ok(()),
            },
            #[cfg(feature = "parquet")]
            (OpenWriter::Table(writer), _) => writer.write(&cells),
            _ => Ok(()), // cannot happen: the kind decides which writer is open
        }
    }

    fn kind(&mut self, staged: &StagedRecord<'_>) -> Result<OutputKind, Error> {
        Ok(match staged {
            StagedRecord::Line(_) if self.table.is_some() => OutputKind::Table,
            StagedRecord::Line(_) => OutputKind::Lines,
            StagedRecord::Archive(_) => OutputKind::Archive,
            #[cfg(feature = "parquet")]
            StagedRecord::Row(position) => OutputKind::Rows(self.original(*position)?.layout()),
            #[cfg(not(feature = "parquet"))]
            StagedRecord::Row(_) => return Err(without_parquet()),
        })
    }

    /// Returns the input file that a row is copied from.
    #[cfg(feature = "parquet")]
    fn original(&mut self, position: Position) -> Result<&CopySource, Error> {
        let opened = match self.original.take() {
            Some((partition, original)) if partition == position.partition => original,
            _ => {
                let Some(file) = self.inputs.get(position.partition as usize) else {
                    let (got, files) = (position.partition, self.inputs.len());
                    return Err(Error::Changed(format!("a staged row is of input {got}, expected one of {files}")));
                };
                CopySource::open(file.origin.path(), open_parquet(&file.origin)?, self.limits)?
            }
        };
        Ok(&self.original.insert((position.partition, opened)).1)
    }

    /// Begins the next file of a target.
    fn begin(&mut self, series: &mut TargetFiles<'_>, kind: OutputKind, cells: &[TableCell]) -> Result<(), Error> {
        series.finish()?;
        let file = series.next_name(&kind, self.compression);
        let path = temporary(&file);
        let writer = match &kind {
            OutputKind::Lines => OpenWriter::Lines(FrameWriter::create(&path, self.compression)?),
            OutputKind::Archive => OpenWriter::Archive(FrameWriter::create(&path, archive(self.compression))?),
            #[cfg(feature = "parquet")]
            OutputKind::Rows(_) => match &self.original {
                Some((_, original)) => OpenWriter::Rows(Box::new(RowCopier::create(&path, original, self.compression)?)),
                None => return Ok(()),
            },
            #[cfg(feature = "parquet")]
            OutputKind::Table => {
                let names = self.table.as_ref().map_or(&[][..], |table| table.names);
                OpenWriter::Table(Box::new(TextTableWriter::create(&path, names, cells, self.compression)?))
            }
            #[cfg(not(feature = "parquet"))]
            OutputKind::Table => {
                let _ = cells;
                return Err(without_parquet());
            }
        };
        series.files.push(file);
        series.open = Some((kind, writer));
        Ok(())
    }
}

impl TargetFiles<'_> {
    /// Completes the file that is being written, and makes its bytes durable.
    fn finish(&mut self) -> Result<(), Error> {
        match self.open.take().map(|(_, writer)| writer) {
            None => return Ok(()),
            Some(OpenWriter::Lines(mut writer) | OpenWriter::Archive(mut writer)) => {
                writer.finish_frame()?;
                writer.sync()?;
            }
            #[cfg(feature = "parquet")]
            Some(OpenWriter::Rows(writer)) => writer.finish()?,
            #[cfg(feature = "parquet")]
            Some(OpenWriter::Table(writer)) => writer.finish()?,
        }
        kill::point("publish.tmp_written");
        Ok(())
    }

    fn next_name(&self, kind: &OutputKind, compression: Compression) -> PathBuf {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.rsplit_once(LINES).map_or(&*name, |(stem, _)| stem);
        let number = match self.files.len() {
            0 => String::new(),
            number => format!(".{number}"),
        };
        let ending = match kind {
            OutputKind::Lines => format!("{LINES}{}", compression.suffix()),
            OutputKind::Archive => format!(".warc{}", archive(compression).suffix()),
            #[cfg(feature = "parquet")]
            OutputKind::Rows(_) => ".parquet".to_owned(),
            OutputKind::Table => ".parquet".to_owned(),
        };
        self.target.with_file_name(format!("{stem}{number}{ending}"))
    }
}

/// Returns the compression of archives, which are always compressed, record by record.
fn archive(compression: Compression) -> Compression {
    if compression == Compression::None { Compression::Gzip } else { compression }
}

#[cfg(not(feature = "parquet"))]
fn without_parquet() -> Error {
    Error::Refused("rows are written as Parquet, and this weir was built without the feature `parquet`".to_owned())
}
