//! The rows of one row group, batch by batch.

use std::io;

use ::parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
};
use arrow_array::{Array, RecordBatch, cast::AsArray};
use arrow_schema::DataType;

use super::{
    footer::{OpenParquetFile, ParquetDamage, ROW_WEIGHT, guarded},
    pages::{BatchPlan, plan},
};
use crate::limits::Limits;

/// A text up to this long does not count towards the ratio: short ones repeat in any table.
const SHORT_BYTES: u64 = 256;

/// A row group being read.
pub(super) struct RowGroup {
    number: usize,
    reader: ParquetRecordBatchReader,
    /// Row of the file that the next batch begins with, and the first behind the group.
    next: u64,
    end: u64,
    /// What rows and long texts have come to, and may.
    weight: u64,
    weight_max: u64,
}

impl RowGroup {
    /// Begins to read a row group.
    ///
    /// # Errors
    /// If a read fails.
    pub(super) fn open(
        opened: &OpenParquetFile,
        number: usize,
        mask: &ProjectionMask,
        limits: &Limits,
    ) -> io::Result<Result<Self, ParquetDamage>> {
        let metadata = opened.metadata.metadata();
        let group = metadata.row_group(number);
        let lost = |message: String| ParquetDamage::corrupt(format!("row group {number}: {message}"));
        let columns: Vec<usize> = (0..group.num_columns()).filter(|&column| mask.leaf_included(column)).collect();
        // The library panics on offsets that are negative.
        let mut planned = Ok(Err(String::new()));
        let called = guarded(&opened.file, || {
            planned = plan(&opened.file, group, &columns);
            Ok(())
        })?;
        let BatchPlan { batch_rows, compressed } = match called.and(planned?) {
            Ok(plan) => plan,
            Err(message) => return Ok(Err(lost(message))),
        };
        let reader = guarded(&opened.file, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(opened.file.clone(), opened.metadata.clone())
                .with_row_groups(vec![number])
                .with_projection(mask.clone())
                .with_batch_size(batch_rows)
                .build()
        })?;
        let share = Limits::RATIO_FREE_BYTES / metadata.num_row_groups().max(1) as u64;
        let weight_max = share.saturating_add(compressed.saturating_mul(limits.ratio_max));
        let (next, end) = (opened.firsts[number], opened.firsts[number + 1]);
        Ok(reader.map_err(lost).map(|reader| Self { number, reader, next, end, weight: 0, weight_max }))
    }

    /// Which row group it is.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Row of the file that the next batch begins with.
    pub(super) fn next_row(&self) -> u64 {
        self.next
    }

    /// The next batch; `None` behind the last row. After a loss nothing more can be had of the group.
    ///
    /// # Errors
    /// If a read fails.
    pub(super) fn batch(&mut self, opened: &OpenParquetFile) -> io::Result<Result<Option<RecordBatch>, ParquetDamage>> {
        if self.next == self.end {
            return Ok(Ok(None));
        }
        let (number, next) = (self.number, self.next);
        let lost = |message: String| ParquetDamage::corrupt(format!("row group {number}, from row {next} on: {message}"));
        let read =
            guarded(&opened.file, || self.reader.next().transpose().map_err(|error| ParquetError::General(error.to_string())))?;
        let batch = match read {
            Ok(Some(batch)) if batch.num_rows() as u64 <= self.end - next => batch,
            Ok(Some(batch)) => return Ok(Err(lost(format!("{} rows more than declared", batch.num_rows())))),
            Ok(None) => return Ok(Err(lost(format!("ends there, rows up to {} declared", self.end)))),
            Err(message) => return Ok(Err(lost(message))),
        };
        self.next += batch.num_rows() as u64;
        self.weight +=
            batch.num_rows() as u64 * ROW_WEIGHT + batch.columns().iter().map(|column| long_bytes(column)).sum::<u64>();
        if self.weight > self.weight_max {
            let (weight, most) = (self.weight, self.weight_max);
            let message =
                format!("row group {number}, from row {next} on: {weight} bytes of rows and long texts, expected at most {most}");
            return Ok(Err(ParquetDamage { code: "decompression_bomb", message }));
        }
        Ok(Ok(Some(batch)))
    }
}

/// Bytes of the texts of an array beyond what each of them has for nothing.
fn long_bytes(array: &dyn Array) -> u64 {
    // Of a view the length is in its lowest 32 bits.
    let of_views = |views: &[u128]| views.iter().map(|view| u64::from(*view as u32).saturating_sub(SHORT_BYTES)).sum();
    match array.data_type() {
        DataType::Utf8View => of_views(array.as_string_view().views()),
        DataType::BinaryView => of_views(array.as_binary_view().views()),
        DataType::FixedSizeBinary(bytes) => u64::try_from(*bytes).unwrap_or(0).saturating_sub(SHORT_BYTES) * array.len() as u64,
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| long_bytes(column)).sum(),
        DataType::List(_) => long_bytes(array.as_list::<i32>().values()),
        DataType::LargeList(_) => long_bytes(array.as_list::<i64>().values()),
        DataType::FixedSizeList(_, _) => long_bytes(array.as_fixed_size_list().values()),
        DataType::Map(_, _) => long_bytes(array.as_map().entries()),
        _ => 0,
    }
}
