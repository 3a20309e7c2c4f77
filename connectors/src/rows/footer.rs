//! Is a Parquet file's footer sound, and within bounds?

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};

use ::parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::Result as ParquetResult,
    file::metadata::ParquetMetaDataReader,
};

use super::{MAGIC, parquet_file::ParquetFile, thrift::footer_shape};
use crate::limits::Limits;

/// Longest footer. A file of 1,000 row groups of 30 columns has one of 3 MiB.
const FOOTER_BYTES_MAX: u64 = 16 << 20;
/// Most elements of a schema.
const ELEMENTS_MAX: usize = 10_000;
/// Deepest nesting of a schema. It is bounded because the library recurses.
const DEPTH_MAX: usize = 64;
/// Bytes of magic, footer length and magic.
const EDGE_BYTES: u64 = 12;
/// Bytes that a row counts towards the ratio, so that a file cannot declare rows that take no
/// bytes.
pub(super) const ROW_WEIGHT: u64 = 16;
/// Bytes of the library's message that are shown.
const MESSAGE_BYTES_MAX: usize = 300;

/// Why a file, or some of its rows, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParquetDamage {
    pub code: &'static str,
    pub message: String,
}

impl ParquetDamage {
    pub(super) fn corrupt(message: impl Into<String>) -> Self {
        Self { code: "parquet_corrupt", message: message.into() }
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self { code: "parquet_too_large", message: message.into() }
    }
}

/// A file whose footer is sound.
#[derive(Clone, Debug)]
pub(super) struct OpenParquetFile {
    pub file: ParquetFile,
    pub metadata: ArrowReaderMetadata,
    /// First row of each row group, and behind them the number of rows in the file.
    pub firsts: Vec<u64>,
}

impl OpenParquetFile {
    /// Reads and checks the footer of a file.
    ///
    /// # Errors
    /// If a read fails.
    pub(super) fn new(file: ParquetFile, limits: &Limits) -> io::Result<Result<Self, ParquetDamage>> {
        let footer = match footer(&file)? {
            Ok(footer) => footer,
            Err(lost) => return Ok(Err(lost)),
        };
        let read = guarded(&file, || {
            let metadata = Arc::new(ParquetMetaDataReader::decode_metadata(&footer)?);
            // Only Parquet's own types are used: a schema of Arrow beside them could say something else.
            let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let plain = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options())?;
            let schema = Schema::new(views(plain.schema().fields()));
            ArrowReaderMetadata::try_new(metadata, options().with_schema(Arc::new(schema)))
        })?;
        Ok(read.map_err(|message| ParquetDamage::corrupt(format!("footer: {message}"))).and_then(|metadata| {
            let firsts = firsts(&metadata, file.length(), limits)?;
            Ok(Self { file, metadata, firsts })
        }))
    }

    /// Returns the number of rows in the file.
    pub(super) fn rows(&self) -> u64 {
        self.firsts.last().copied().unwrap_or(0)
    }

    /// Returns the number of the row group that holds a row.
    pub(super) fn group_of(&self, row: u64) -> usize {
        self.firsts.partition_point(|first| *first <= row) - 1
    }
}

/// Returns the footer's bytes after checking their size and the shape of the schema in them.
fn footer(file: &ParquetFile) -> io::Result<Result<Vec<u8>, ParquetDamage>> {
    let length = file.length();
    if length < EDGE_BYTES {
        return Ok(Err(ParquetDamage::corrupt(format!("file of {length} bytes, expected {EDGE_BYTES} at least"))));
    }
    let tail = file.read_range(length - 8, 8)?;
    let Some((size, MAGIC)) = tail.split_first_chunk().map(|(size, magic)| (u64::from(u32::from_le_bytes(*size)), magic)) else {
        let got = tail.get(4..).unwrap_or_default().escape_ascii().to_string();
        return Ok(Err(ParquetDamage::corrupt(format!("file ends with `{got}`, expected PAR1"))));
    };
    if size > length - EDGE_BYTES {
        return Ok(Err(ParquetDamage::corrupt(format!("footer of {size} bytes in a file of {length}"))));
    }
    if size > FOOTER_BYTES_MAX {
        return Ok(Err(ParquetDamage::too_large(format!("footer of {size} bytes, expected at most {FOOTER_BYTES_MAX}"))));
    }
    let footer = file.read_range(length - 8 - size, size as usize)?;
    Ok(match footer_shape(&footer) {
        None => Err(ParquetDamage::corrupt("footer ends within its schema, or is none")),
        Some(shape) if shape.elements > ELEMENTS_MAX || shape.depth > DEPTH_MAX => Err(ParquetDamage::too_large(format!(
            "schema of {} elements nested {} deep, expected at most {ELEMENTS_MAX} and {DEPTH_MAX}",
            shape.elements, shape.depth
        ))),
        Some(_) => Ok(footer),
    })
}

/// Returns where row groups begin. Impossible counts are refused.
fn firsts(metadata: &ArrowReaderMetadata, file_bytes: u64, limits: &Limits) -> Result<Vec<u64>, ParquetDamage> {
    let mut firsts = vec![0_u64];
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let before = firsts[number];
        let rows = u64::try_from(group.num_rows()).ok().and_then(|rows| before.checked_add(rows));
        firsts.push(rows.ok_or_else(|| ParquetDamage::corrupt(format!("row group {number} of {} rows", group.num_rows())))?);
    }
    let rows = firsts.last().copied().unwrap_or(0);
    let allowed = Limits::RATIO_FREE_BYTES.saturating_add(file_bytes.saturating_mul(limits.ratio_max));
    if rows.saturating_mul(ROW_WEIGHT) > allowed {
        let message = format!("{rows} rows in a file of {file_bytes} bytes, expected at most {}", allowed / ROW_WEIGHT);
        return Err(ParquetDamage { code: "decompression_bomb", message });
    }
    Ok(firsts)
}

/// Returns the same fields, with texts and bytes as views of their pages.
fn views(fields: &Fields) -> Fields {
    let field = |field: &FieldRef| -> Field { field.as_ref().clone().with_data_type(view(field.data_type())) };
    fields.iter().map(field).collect()
}

fn view(kind: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(view(field.data_type())));
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Struct(fields) => DataType::Struct(views(fields)),
        DataType::List(field) => DataType::List(inner(field)),
        DataType::LargeList(field) => DataType::LargeList(inner(field)),
        DataType::FixedSizeList(field, count) => DataType::FixedSizeList(inner(field), *count),
        DataType::Map(field, sorted) => DataType::Map(inner(field), *sorted),
        other => other.clone(),
    }
}

/// Calls the library. Returns its message on bad data, or the message of its panic.
///
/// # Errors
/// If a read has failed during the call.
pub(super) fn guarded<T>(file: &ParquetFile, call: impl FnOnce() -> ParquetResult<T>) -> io::Result<Result<T, String>> {
    // What the call was working on is not used again after a panic.
    let message = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(Ok(value)),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("the reader panicked: {}", words(panic.as_ref())),
    };
    if let Some(failure) = file.take_failure() {
        return Err(failure);
    }
    Ok(Err(message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)].to_owned()))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}
