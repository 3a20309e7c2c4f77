//! Which rows are in a row group, batch by batch?

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

/// Texts up to this length do not count towards the ratio, because short texts repeat in any table.
const SHORT_BYTES: u64 = 256;

/// A row group that is read.
pub(super) struct RowGroup {
    number: usize,
    reader: ParquetRecordBatchReader,
    /// Row of the file that the next batch begins with, and the first row behind the group.
    next: u64,
    end: u64,
    /// Weight of the rows and long texts so far, and the highest weight allowed.
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
        // The library panics on negative offsets.
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

    /// Returns the number of the row group.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Returns the row of the file that the next batch begins with.
    pub(super) fn next_row(&self) -> u64 {
        self.next
    }

    /// Returns the next batch; `None` behind the last row. After damage, nothing more can be read
    /// from the group.
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

/// Returns the bytes of an array's texts that count towards the ratio.
fn long_bytes(array: &dyn Array) -> u64 {
    // The lowest 32 bits of a view are its length.
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
