//! How are rows of Parquet files copied into other files, with every column, value and type?
//!
//! The new file has the schema of the old one, word for word, and the key-value pairs beside it
//! (`ARROW:schema`, `pandas`, `huggingface`), so a reader takes both for the same table. Encodings,
//! pages and statistics are new. Columns are compressed as before unless another compression is
//! asked for. 96-bit times, which are deprecated, become 64-bit nanoseconds. The same rows give the
//! same bytes.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{
    arrow::{
        ProjectionMask,
        arrow_writer::{ArrowWriter, ArrowWriterOptions},
    },
    basic::{GzipLevel, Type, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
};
use arrow_array::RecordBatch;

use super::{
    batches::RowGroup,
    footer::{OpenParquetFile, ParquetDamage},
    parquet_file::ParquetFile,
};
use crate::{compression::Compression, error::Error, limits::Limits};

/// Compressed bytes at which a row group is written out.
const GROUP_BYTES: usize = 64 << 20;

/// A file that rows are copied from, mostly in ascending order.
pub(crate) struct CopySource {
    path: PathBuf,
    opened: OpenParquetFile,
    limits: Limits,
    group: Option<RowGroup>,
    /// The batch that was read last, and its first row.
    batch: Option<(RecordBatch, u64)>,
    /// Hash of schema, key-value pairs and codecs. Rows of files with the same hash can be in one
    /// file.
    layout: blake3::Hash,
}

impl CopySource {
    /// Opens `file`, which error messages call `path`.
    pub(crate) fn open(path: &Path, file: ParquetFile, limits: Limits) -> Result<Self, Error> {
        let opened = OpenParquetFile::new(file, &limits).map_err(|source| Error::reading(path, source))?;
        let opened = opened.map_err(|lost| changed(path, &lost))?;
        let metadata = opened.metadata.metadata().file_metadata();
        let codecs: Vec<_> = opened
            .metadata
            .metadata()
            .row_groups()
            .first()
            .map_or_else(Vec::new, |group| group.columns().iter().map(|column| column.compression().to_string()).collect());
        let shape = format!("{:?} {:?} {codecs:?}", metadata.schema_descr().root_schema(), metadata.key_value_metadata());
        let layout = blake3::hash(shape.as_bytes());
        Ok(Self { path: path.to_owned(), opened, limits, group: None, batch: None, layout })
    }

    /// Returns a hash that is equal for files whose rows can be in one file.
    pub(crate) fn layout(&self) -> blake3::Hash {
        self.layout
    }

    /// Returns the batch that holds a row, and the batch's first row.
    fn batch_of(&mut self, row: u64) -> Result<(&RecordBatch, u64), Error> {
        if row >= self.opened.rows() {
            let (path, rows) = (self.path.display(), self.opened.rows());
            return Err(Error::Changed(format!("{path} has {rows} rows, expected row {row}")));
        }
        loop {
            let in_hand =
                self.batch.as_ref().is_some_and(|(batch, first)| (*first..first + batch.num_rows() as u64).contains(&row));
            if in_hand {
                let (batch, first) = self.batch.as_ref().expect("looked at");
                return Ok((batch, *first));
            }
            let number = self.opened.group_of(row);
            let failed = |source| Error::reading(&self.path, source);
            let ahead = self.group.take().filter(|group| group.number() == number && group.next_row() <= row);
            let group = match ahead {
                Some(group) => Ok(group),
                None => RowGroup::open(&self.opened, number, &ProjectionMask::all(), &self.limits).map_err(failed)?,
            };
            let mut group = group.map_err(|lost| changed(&self.path, &lost))?;
            let first = group.next_row();
            let batch = group.batch(&self.opened).map_err(failed)?.map_err(|lost| changed(&self.path, &lost))?;
            self.batch = batch.map(|batch| (batch, first));
            self.group = Some(group);
        }
    }
}

/// Returns the error for a row that was read before and cannot be read again: somebody has changed
/// the file.
fn changed(path: &Path, lost: &ParquetDamage) -> Error {
    Error::Changed(format!("{}: {}", path.display(), lost.message))
}

/// Writes copies of rows into one file.
pub(crate) struct RowCopier {
    path: PathBuf,
    writer: ArrowWriter<File>,
    /// Consecutive rows of one batch that the writer was not given yet: the batch, the row of the
    /// file it begins with, and the rows in it.
    run: Option<(RecordBatch, u64, std::ops::Range<usize>)>,
}

impl RowCopier {
    /// Creates `path` for rows like those of `source`.
    pub(crate) fn create(path: &Path, source: &CopySource, compression: Compression) -> Result<Self, Error> {
        let metadata = source.opened.metadata.metadata();
        let descriptor = metadata.file_metadata().schema_descr();
        let mut options = ArrowWriterOptions::new()
            .with_skip_arrow_metadata(true)
            .with_schema_root(descriptor.root_schema().name().to_owned())
            .with_properties(properties(source, compression));
        if descriptor.columns().iter().all(|column| column.physical_type() != Type::INT96) {
            options = options.with_parquet_schema(descriptor.clone());
        }
        let file = File::create(path).map_err(|source| Error::file("create", path, source))?;
        let schema = Arc::clone(source.opened.metadata.schema());
        let writer = ArrowWriter::try_new_with_options(file, schema, options).map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), writer, run: None })
    }

    /// Adds a row of `source`.
    pub(crate) fn copy(&mut self, source: &mut CopySource, row: u64) -> Result<(), Error> {
        let (batch, first) = source.batch_of(row)?;
        let at = (row - first) as usize;
        match &mut self.run {
            Some((held, begin, rows)) if *begin == first && rows.end == at && is_same(held, batch) => rows.end += 1,
            _ => {
                let next = (batch.clone(), first, at..at + 1);
                self.flush_run()?;
                self.run = Some(next);
            }
        }
        Ok(())
    }

    fn flush_run(&mut self) -> Result<(), Error> {
        let Some((batch, _, rows)) = self.run.take() else { return Ok(()) };
        let write = |writer: &mut ArrowWriter<File>| {
            writer.write(&batch.slice(rows.start, rows.len()))?;
            if writer.in_progress_size() >= GROUP_BYTES { writer.flush() } else { Ok(()) }
        };
        write(&mut self.writer).map_err(|error| failed(&self.path, error))
    }

    /// Completes the file and makes its bytes durable.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.flush_run()?;
        close(self.writer, &self.path)
    }
}

/// Tells whether both are the same batch, not two equal ones.
fn is_same(a: &RecordBatch, b: &RecordBatch) -> bool {
    a.columns().iter().zip(b.columns()).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Writes the footer and makes the file's bytes durable.
pub(super) fn close(writer: ArrowWriter<File>, path: &Path) -> Result<(), Error> {
    let file = writer.into_inner().map_err(|error| failed(path, error))?;
    file.sync_all().map_err(|source| Error::file("sync", path, source))
}

/// Returns the error for a failure of the writer, which is one of the disk unless there is a bug.
pub(super) fn failed(path: &Path, error: ParquetError) -> Error {
    let source = match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    Error::file("write", path, source)
}

fn properties(source: &CopySource, compression: Compression) -> WriterProperties {
    let metadata = source.opened.metadata.metadata();
    let pairs: Option<Vec<KeyValue>> = metadata.file_metadata().key_value_metadata().cloned();
    let mut properties = base(compression).set_key_value_metadata(pairs);
    if compression == Compression::None
        && let Some(group) = metadata.row_groups().first()
    {
        for column in group.columns() {
            properties = properties.set_column_compression(column.column_path().clone(), column.compression());
        }
    }
    properties.build()
}

/// Returns the properties that all files share. [`Compression::None`] means zstd here, because a
/// table is never decompressed as a whole.
pub(super) fn base(compression: Compression) -> ::parquet::file::properties::WriterPropertiesBuilder {
    let codec = match compression {
        Compression::Gzip => ::parquet::basic::Compression::GZIP(GzipLevel::default()),
        Compression::None | Compression::Zstd => ::parquet::basic::Compression::ZSTD(ZstdLevel::default()),
    };
    let creator = concat!("weir version ", env!("CARGO_PKG_VERSION"));
    WriterProperties::builder().set_created_by(creator.to_owned()).set_compression(codec)
}
