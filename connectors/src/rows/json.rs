//! Which JSON line says the same as a row?
//!
//! A row is an object with a field for each column, in the file's order. Structs and maps with text
//! keys are objects; lists and other maps are arrays. Times are written as in RFC 3339, and
//! decimals are strings. Bytes are a string if they are UTF-8, since old writers do not mark text
//! as such, and base64 (RFC 4648, section 4) otherwise. A number that JSON cannot write is null. So
//! the rules that decode lines also decode rows.
//!
//! **Cost** one copy of the texts. **Limits** a line never grows beyond the longest one allowed.

use std::{fmt::Write, sync::LazyLock};

use arrow_array::{
    Array, ArrowPrimitiveType, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch,
    cast::AsArray,
    temporal_conversions::{
        date32_to_datetime, date64_to_datetime, time32ms_to_time, time32s_to_time, time64ns_to_time, time64us_to_time,
    },
    temporal_conversions::{
        timestamp_ms_to_datetime, timestamp_ns_to_datetime, timestamp_s_to_datetime, timestamp_us_to_datetime,
    },
    types::{
        Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
        DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type,
        Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
        Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use data_encoding::BASE64;

/// The beginning of a line that would be longer than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Vec<u8>);

/// Writes a row of a batch as a line of at most `bytes_max`.
pub(super) fn line(batch: &RecordBatch, columns: &[usize], row: usize, bytes_max: usize) -> Result<Vec<u8>, TooLong> {
    let mut line = JsonLine { bytes: Vec::with_capacity(1 << 10), bytes_max };
    let schema = batch.schema_ref();
    let fields = columns.iter().map(|&column| (schema.field(column).name().as_str(), batch.column(column).as_ref()));
    match line.object(fields, row) {
        Some(()) => Ok(line.bytes),
        None => Err(TooLong(line.bytes)),
    }
}

/// A line that is being written. Each method returns `None` if the line would become too long.
struct JsonLine {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl JsonLine {
    fn raw(&mut self, bytes: &[u8]) -> Option<()> {
        if self.bytes.len() + bytes.len() > self.bytes_max {
            return None;
        }
        self.bytes.extend_from_slice(bytes);
        Some(())
    }

    fn string(&mut self, text: &str) -> Option<()> {
        self.raw(b"\"")?;
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| ESCAPED[usize::from(*byte)]) {
            self.raw(&rest[..at])?;
            match rest[at] {
                b'"' => self.raw(b"\\\"")?,
                b'\\' => self.raw(b"\\\\")?,
                b'\n' => self.raw(b"\\n")?,
                b'\r' => self.raw(b"\\r")?,
                b'\t' => self.raw(b"\\t")?,
                other => self.raw(format!("\\u{other:04x}").as_bytes())?,
            }
            rest = &rest[at + 1..];
        }
        self.raw(rest)?;
        self.raw(b"\"")
    }

    fn object<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a dyn Array)>, row: usize) -> Option<()> {
        self.raw(b"{")?;
        for (n, (name, array)) in fields.enumerate() {
            if n > 0 {
                self.raw(b",")?;
            }
            self.string(name)?;
            self.raw(b":")?;
            self.value(array, row)?;
        }
        self.raw(b"}")
    }

    fn value(&mut self, array: &dyn Array, row: usize) -> Option<()> {
        if array.is_null(row) {
            return self.raw(b"null");
        }
        match array.data_type() {
            DataType::Boolean => self.raw(if array.as_boolean().value(row) { b"true" } else { b"false" }),
            DataType::Utf8View => self.string(array.as_string_view().value(row)),
            DataType::Utf8 => self.string(array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => self.string(array.as_string::<i64>().value(row)),
            DataType::BinaryView => self.binary(array.as_binary_view().value(row)),
            DataType::Binary => self.binary(array.as_binary::<i32>().value(row)),
            DataType::LargeBinary => self.binary(array.as_binary::<i64>().value(row)),
            DataType::FixedSizeBinary(_) => self.binary(array.as_fixed_size_binary().value(row)),
            DataType::Struct(fields) => {
                let array = array.as_struct();
                self.object(
                    fields.iter().zip(array.columns()).map(|(field, column)| (field.name().as_str(), column.as_ref())),
                    row,
                )
            }
            DataType::List(_) => self.list::<i32>(array.as_list(), row),
            DataType::LargeList(_) => self.list::<i64>(array.as_list(), row),
            DataType::FixedSizeList(_, _) => self.array(array.as_fixed_size_list().value(row).as_ref()),
            DataType::Map(_, _) => self.map(array.as_map(), row),
            kind => self.scalar(array, kind, row),
        }
    }

    fn scalar(&mut self, array: &dyn Array, kind: &DataType, row: usize) -> Option<()> {
        match kind {
            DataType::Int8 => self.number::<Int8Type>(array, row),
            DataType::Int16 => self.number::<Int16Type>(array, row),
            DataType::Int32 => self.number::<Int32Type>(array, row),
            DataType::Int64 => self.number::<Int64Type>(array, row),
            DataType::UInt8 => self.number::<UInt8Type>(array, row),
            DataType::UInt16 => self.number::<UInt16Type>(array, row),
            DataType::UInt32 => self.number::<UInt32Type>(array, row),
            DataType::UInt64 => self.number::<UInt64Type>(array, row),
            DataType::Float16 => {
                self.finite(&array.as_primitive::<Float16Type>().value(row).to_f32(), |number| number.is_finite())
            }
            DataType::Float32 => self.finite(&array.as_primitive::<Float32Type>().value(row), |number| number.is_finite()),
            DataType::Float64 => self.finite(&array.as_primitive::<Float64Type>().value(row), |number| number.is_finite()),
            DataType::Decimal32(_, _) => self.decimal::<Decimal32Type>(array, row),
            DataType::Decimal64(_, _) => self.decimal::<Decimal64Type>(array, row),
            DataType::Decimal128(_, _) => self.decimal::<Decimal128Type>(array, row),
            DataType::Decimal256(_, _) => self.decimal::<Decimal256Type>(array, row),
            DataType::Duration(TimeUnit::Second) => self.number::<DurationSecondType>(array, row),
            DataType::Duration(TimeUnit::Millisecond) => self.number::<DurationMillisecondType>(array, row),
            DataType::Duration(TimeUnit::Microsecond) => self.number::<DurationMicrosecondType>(array, row),
            DataType::Duration(TimeUnit::Nanosecond) => self.number::<DurationNanosecondType>(array, row),
            // Other types are times, or cannot be written in JSON.
            other => match time(array, other, row) {
                Some(time) => self.string(&time),
                None => self.raw(b"null"),
            },
        }
    }

    fn number<T: ArrowPrimitiveType<Native: std::fmt::Display>>(&mut self, array: &dyn Array, row: usize) -> Option<()> {
        self.raw(array.as_primitive::<T>().value(row).to_string().as_bytes())
    }

    fn finite<T: std::fmt::Debug>(&mut self, number: &T, is_finite: impl Fn(&T) -> bool) -> Option<()> {
        // `Debug` writes an exponent where that is shorter. Without it, the greatest numbers would have 300 digits.
        if is_finite(number) { self.raw(format!("{number:?}").as_bytes()) } else { self.raw(b"null") }
    }

    fn decimal<T: DecimalType>(&mut self, array: &dyn Array, row: usize) -> Option<()> {
        self.string(&array.as_primitive::<T>().value_as_string(row))
    }

    fn binary(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > self.bytes_max {
            return None;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.string(text),
            Err(_) => self.string(&BASE64.encode(bytes)),
        }
    }

    fn list<O: OffsetSizeTrait>(&mut self, array: &GenericListArray<O>, row: usize) -> Option<()> {
        self.array(array.value(row).as_ref())
    }

    fn array(&mut self, values: &dyn Array) -> Option<()> {
        self.raw(b"[")?;
        for row in 0..values.len() {
            if row > 0 {
                self.raw(b",")?;
            }
            self.value(values, row)?;
        }
        self.raw(b"]")
    }

    fn map(&mut self, array: &MapArray, row: usize) -> Option<()> {
        let entries = array.value(row);
        let (keys, values) = (entries.column(0), entries.column(1));
        if !matches!(keys.data_type(), DataType::Utf8View | DataType::Utf8) || keys.null_count() > 0 {
            return self.array(&entries);
        }
        self.raw(b"{")?;
        for n in 0..entries.len() {
            if n > 0 {
                self.raw(b",")?;
            }
            self.value(keys.as_ref(), n)?;
            self.raw(b":")?;
            self.value(values.as_ref(), n)?;
        }
        self.raw(b"}")
    }
}

/// Bytes that must be escaped in a JSON string.
static ESCAPED: LazyLock<[bool; 256]> = LazyLock::new(|| std::array::from_fn(|byte| byte < 0x20 || byte == 0x22 || byte == 0x5c));

/// Returns a date, a time of day or a point in time as text, if the value is one.
fn time(array: &dyn Array, kind: &DataType, row: usize) -> Option<String> {
    let day = |time: Option<_>| time.map(|time| format!("{time:?}"));
    let mut text = match kind {
        DataType::Date32 => return day(date32_to_datetime(array.as_primitive::<Date32Type>().value(row))).as_deref().map(date),
        DataType::Date64 => return day(date64_to_datetime(array.as_primitive::<Date64Type>().value(row))).as_deref().map(date),
        DataType::Timestamp(TimeUnit::Second, _) => {
            day(timestamp_s_to_datetime(array.as_primitive::<TimestampSecondType>().value(row)))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            day(timestamp_ms_to_datetime(array.as_primitive::<TimestampMillisecondType>().value(row)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            day(timestamp_us_to_datetime(array.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            day(timestamp_ns_to_datetime(array.as_primitive::<TimestampNanosecondType>().value(row)))
        }
        _ => return of_day(array, kind, row),
    }?;
    let _ = text.write_char('Z');
    Some(text)
}

/// Returns the date in a text such as `2024-01-31T00:00:00`.
fn date(text: &str) -> String {
    text.split('T').next().unwrap_or_default().to_owned()
}

fn of_day(array: &dyn Array, kind: &DataType, row: usize) -> Option<String> {
    let time = match kind {
        DataType::Time32(TimeUnit::Second) => time32s_to_time(array.as_primitive::<Time32SecondType>().value(row)),
        DataType::Time32(_) => time32ms_to_time(array.as_primitive::<Time32MillisecondType>().value(row)),
        DataType::Time64(TimeUnit::Nanosecond) => time64ns_to_time(array.as_primitive::<Time64NanosecondType>().value(row)),
        DataType::Time64(_) => time64us_to_time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        _ => None,
    };
    time.map(|time| format!("{time:?}"))
}
