//! How are records that were not rows written as a table of text columns?
//!
//! Columns are given by name and may be empty in any row; one may be a time. **State** a batch of
//! at most 8 MiB, and a row group of 64 MiB, compressed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::arrow::arrow_writer::ArrowWriter;
use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{StringBuilder, TimestampMillisecondBuilder},
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::copy::{base, close, failed};
use crate::{compression::Compression, error::Error, table_cell::TableCell};

/// Rows, and bytes, that are collected before they are encoded.
const BATCH_ROWS: usize = 1024;
const BATCH_BYTES: usize = 8 << 20;
/// Compressed bytes at which a row group is written out.
const GROUP_BYTES: usize = 64 << 20;

/// Writes a table into one file.
pub(crate) struct TextTableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

enum ColumnBuilder {
    Text(StringBuilder),
    Time(TimestampMillisecondBuilder),
}

impl TextTableWriter {
    /// Creates `path` for rows with these columns. `example` shows the kind of each column.
    pub(crate) fn create(path: &Path, names: &[&str], example: &[TableCell], compression: Compression) -> Result<Self, Error> {
        let columns: Vec<ColumnBuilder> = example.iter().map(ColumnBuilder::of).collect();
        let fields = names.iter().zip(&columns).map(|(name, column)| Field::new(*name, column.kind(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let file = File::create(path).map_err(|source| Error::file("create", path, source))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(base(compression).build()));
        let writer = writer.map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), writer, schema, columns, rows: 0, bytes: 0 })
    }

    /// Adds a row.
    pub(crate) fn write(&mut self, cells: &[TableCell]) -> Result<(), Error> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (ColumnBuilder::Text(builder), TableCell::Text(text)) => {
                    builder.append_option(text.as_deref());
                    self.bytes += text.as_ref().map_or(0, String::len);
                }
                (ColumnBuilder::Time(builder), TableCell::Time(seconds)) => {
                    builder.append_option(seconds.map(|seconds| seconds.saturating_mul(1000)));
                }
                (ColumnBuilder::Text(builder), TableCell::Time(_)) => builder.append_null(),
                (ColumnBuilder::Time(builder), TableCell::Text(_)) => builder.append_null(),
            }
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS || self.bytes >= BATCH_BYTES { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> Result<(), Error> {
        (self.rows, self.bytes) = (0, 0);
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| failed(&self.path, error.into()))?;
        let write = |writer: &mut ArrowWriter<File>| {
            writer.write(&batch)?;
            if writer.in_progress_size() >= GROUP_BYTES { writer.flush() } else { Ok(()) }
        };
        write(&mut self.writer).map_err(|error| failed(&self.path, error))
    }

    /// Completes the file and makes its bytes durable.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.encode()?;
        close(self.writer, &self.path)
    }
}

impl ColumnBuilder {
    fn of(cell: &TableCell) -> Self {
        match cell {
            TableCell::Text(_) => Self::Text(StringBuilder::new()),
            TableCell::Time(_) => Self::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        }
    }

    fn kind(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::Utf8,
            Self::Time(_) => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }
}
