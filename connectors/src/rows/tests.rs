//! Files made here, read as lines and copied; broken in every way and still read to their ends.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression as Codec, GzipLevel, ZstdLevel},
    file::properties::WriterProperties,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int64Array, ListArray,
    MapArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
    builder::{Int32Builder, MapBuilder, StringBuilder},
    types::Int32Type,
};
use arrow_schema::{DataType, Field, Fields};

use super::*;
use crate::{
    compression::Compression,
    error::Error,
    limits::Limits,
    source::{BadRecord, Columns, Payload},
};

fn strings<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from_iter(texts))
}

/// A text of so many words that no two rows share.
fn text(row: usize, words: usize) -> String {
    let word = |word: usize| format!("w{}", (row * 1_000 + word).wrapping_mul(2_654_435_761) % 1_000_003);
    (0..words).map(word).collect::<Vec<String>>().join(" ")
}

/// Rows of `id`, `text` and a struct `metadata.url`.
fn documents(rows: std::ops::Range<usize>, words: usize) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row as i64)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|row| text(row, words))));
    let urls: ArrayRef = Arc::new(StringArray::from_iter_values(rows.map(|row| format!("https://a.example/{row}"))));
    let metadata = StructArray::new(Fields::from(vec![Field::new("url", DataType::Utf8, true)]), vec![urls], None);
    RecordBatch::try_from_iter([("id", ids), ("text", texts), ("metadata", Arc::new(metadata))]).expect("columns of one length")
}

fn write(path: &Path, batches: &[RecordBatch], properties: WriterProperties) {
    let file = File::create(path).expect("created");
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), Some(properties)).expect("a schema that Parquet has");
    for batch in batches {
        writer.write(batch).expect("written");
        writer.flush().expect("a row group");
    }
    writer.close().expect("closed");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary folder")
}

/// Two row groups of 100 rows.
fn two_groups(folder: &Path, codec: Codec) -> PathBuf {
    let path = folder.join("two.parquet");
    let properties =
        WriterProperties::builder().set_compression(codec).set_data_page_row_count_limit(10).set_write_batch_size(10);
    write(&path, &[documents(0..100, 30), documents(100..200, 30)], properties.build());
    path
}

fn open(path: &Path, columns: &Columns, limits: Limits) -> ParquetRows {
    ParquetRows::open(File::open(path).and_then(ParquetFile::on_disk).expect("there"), columns, limits).expect("readable")
}

fn copy_source(path: &Path) -> Result<CopySource, Error> {
    let file = File::open(path).and_then(ParquetFile::on_disk).expect("there");
    CopySource::open(path, file, Limits::default())
}

fn frames(rows: &mut ParquetRows) -> Vec<(u64, Payload)> {
    std::iter::from_fn(|| rows.next_frame().expect("readable")).collect()
}

fn all(path: &Path) -> Vec<(u64, Payload)> {
    frames(&mut open(path, &Columns::All, Limits::default()))
}

fn line(payload: &Payload) -> &str {
    let Payload::Row(line) = payload else { panic!("expected a row, got {payload:?}") };
    str::from_utf8(line).expect("UTF-8")
}

fn bad(payload: &Payload) -> &BadRecord {
    let Payload::Bad(bad) = payload else { panic!("expected a lost stretch, got {payload:?}") };
    bad
}

#[test]
fn every_type_has_its_json() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k\"");
    map.values().append_value(-3);
    map.append(true).expect("keys and values");
    map.append(false).expect("keys and values");
    let map: MapArray = map.finish();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![])]);
    let decimal = Decimal128Array::from(vec![Some(-12_345), None]).with_precision_and_scale(9, 2).expect("fits");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", strings([Some("a \"b\"\\\n\u{1}\u{7f}\u{e9}"), None])),
        ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"plain"), Some(b"\xff\x00")]))),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_iter([[0xfe_u8; 3], *b"abc"].iter()).expect("of one size"))),
        ("yes", Arc::new(BooleanArray::from(vec![true, false]))),
        ("int", Arc::new(Int64Array::from(vec![i64::MIN, 7]))),
        ("uint", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("float", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("decimal", Arc::new(decimal)),
        ("day", Arc::new(Date32Array::from(vec![19_753, -1]))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![1_740_787_210_000_000, 1_740_787_210_000_001]).with_timezone("UTC")),
        ),
        ("list", Arc::new(list)),
        ("map", Arc::new(map)),
    ];
    let folder = folder();
    let path = folder.path().join("types.parquet");
    write(
        &path,
        &[RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).expect("one length")],
        WriterProperties::default(),
    );
    let frames = all(&path);
    assert_eq!(
        line(&frames[0].1),
        "{\"text\":\"a \\\"b\\\"\\\\\\n\\u0001\u{7f}\u{e9}\",\"bytes\":\"plain\",\"fixed\":\"/v7+\",\"yes\":true,\
         \"int\":-9223372036854775808,\"uint\":18446744073709551615,\"float\":0.1,\"decimal\":\"-123.45\",\"day\":\"2024-01-31\",\
         \"time\":\"2025-03-01T00:00:10Z\",\"list\":[1,null],\"map\":{\"k\\\"\":-3}}"
    );
    assert_eq!(
        line(&frames[1].1),
        "{\"text\":null,\"bytes\":\"/wA=\",\"fixed\":\"abc\",\"yes\":false,\"int\":7,\"uint\":0,\"float\":null,\"decimal\":null,\
         \"day\":\"1969-12-31\",\"time\":\"2025-03-01T00:00:10.000001Z\",\"list\":[],\"map\":null}"
    );
}

#[test]
fn columns_that_nobody_asks_for_are_left_out() {
    let folder = folder();
    let path = two_groups(folder.path(), Codec::SNAPPY);
    let named =
        |names: &[&str], check_others| Columns::Named { names: names.iter().map(ToString::to_string).collect(), check_others };
    for check_others in [false, true] {
        let got = frames(&mut open(&path, &named(&["metadata", "id", "none"], check_others), Limits::default()));
        assert_eq!(line(&got[1].1), r#"{"id":1,"metadata":{"url":"https://a.example/1"}}"#);
    }
    let got = frames(&mut open(&path, &named(&["none"], false), Limits::default()));
    assert!(line(&got[0].1).starts_with(r#"{"id":0,"text":"w0 "#), "a table without any of them is read whole");
}

#[test]
fn any_row_can_be_gone_to() {
    let folder = folder();
    for codec in [Codec::UNCOMPRESSED, Codec::SNAPPY, Codec::GZIP(GzipLevel::default()), Codec::ZSTD(ZstdLevel::default())] {
        let path = two_groups(folder.path(), codec);
        let whole = all(&path);
        assert_eq!(whole.iter().map(|(row, _)| *row).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
        let mut rows = open(&path, &Columns::All, Limits::default());
        for row in [0, 1, 63, 64, 99, 100, 101, 164, 199, 200] {
            rows.seek(row).expect("readable").expect("there");
            assert_eq!(frames(&mut rows), whole[row as usize..], "from row {row}");
        }
        assert_eq!(rows.seek(201).expect("readable"), Err(200));
        assert_eq!(rows.consumed(), path.metadata().expect("there").len());
    }
}

#[test]
fn a_broken_page_costs_the_rest_of_its_row_group() {
    let folder = folder();
    let path = two_groups(folder.path(), Codec::ZSTD(ZstdLevel::default()));
    let whole = all(&path);
    let bytes = fs::read(&path).expect("there");
    let metadata = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("there")).expect("sound").metadata().clone();
    let (begin, length) = metadata.row_group(0).column(1).byte_range();
    let mut broken = bytes.clone();
    // The magic of the last page's frame: a byte within it may be a letter of a text, and nobody could tell.
    let column = &bytes[begin as usize..(begin + length) as usize];
    let at = column.windows(4).rposition(|window| window == [0x28, 0xb5, 0x2f, 0xfd]).expect("a frame");
    broken[begin as usize + at] = 0;
    fs::write(&path, &broken).expect("written");
    let got = all(&path);
    let lost = got.iter().position(|(_, payload)| matches!(payload, Payload::Bad(_))).expect("something is lost");
    let row = got[lost].0;
    assert_eq!(got[..lost], whole[..row as usize]);
    assert_eq!(got[lost + 1..], whole[100..], "the next row group is whole");
    let BadRecord { code, message, length, .. } = bad(&got[lost].1);
    assert_eq!((*code, *length), ("parquet_corrupt", metadata.row_group(0).compressed_size() as u64));
    assert!(message.starts_with("row group 0") && message.ends_with(&format!("rows {row} to 99 are lost")), "{message}");
    // Going to any row finds the same, a row that is lost included.
    for row in 0..=200 {
        let mut rows = open(&path, &Columns::All, Limits::default());
        rows.seek(row).expect("readable").expect("there");
        let expected: Vec<_> = got.iter().filter(|(at, _)| *at >= row).cloned().collect();
        assert_eq!(frames(&mut rows), expected, "from row {row}");
    }
}

#[test]
fn what_is_no_parquet_is_one_lost_stretch() {
    let folder = folder();
    let path = two_groups(folder.path(), Codec::SNAPPY);
    let bytes = fs::read(&path).expect("there");
    let length = bytes.len();
    let with_footer_of = |size: u32| [&bytes[..length - 8], &size.to_le_bytes(), &b"PAR1"[..]].concat();
    let deep = {
        let footer = [&[0x15, 2, 0x19, 0xfc, 100][..], &[0x48, 1, b'n', 0x15, 2, 0].repeat(100), &[0]].concat();
        [b"PAR1", &footer[..], &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
    };
    for (bytes, code) in [
        (Vec::new(), "parquet_corrupt"),
        (b"PAR1".to_vec(), "parquet_corrupt"),
        (bytes[..length / 2].to_vec(), "parquet_corrupt"),
        (with_footer_of(u32::MAX), "parquet_corrupt"),
        (with_footer_of(length as u32 - 12), "parquet_corrupt"),
        (with_footer_of(3), "parquet_corrupt"),
        ([&vec![0; 17 << 20][..], &(16_u32 << 20 | 1).to_le_bytes(), b"PAR1"].concat(), "parquet_too_large"),
        (deep, "parquet_too_large"),
    ] {
        fs::write(&path, &bytes).expect("written");
        let got = all(&path);
        assert_eq!(got.len(), 1, "{code}");
        assert_eq!((got[0].0, bad(&got[0].1).code, bad(&got[0].1).length), (0, code, bytes.len() as u64), "{got:?}");
        let mut rows = open(&path, &Columns::All, Limits::default());
        rows.seek(1).expect("readable").expect("the one frame is behind");
        assert_eq!(frames(&mut rows), []);
    }
}

#[test]
fn a_dictionary_that_explodes_is_cut() {
    let folder = folder();
    let path = folder.path().join("bomb.parquet");
    let long = "x".repeat(100_000);
    let rows = |count: usize| -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&long, count)));
        RecordBatch::try_from_iter([("text", texts)]).expect("one column")
    };
    write(&path, &[rows(4000), documents_text(10)], WriterProperties::default());
    let size = path.metadata().expect("there").len();
    assert!(size < 200_000, "{size} bytes");
    let limits = Limits { ratio_max: 10, ..Limits::default() };
    let got = frames(&mut open(&path, &Columns::All, limits));
    let given: usize = got.iter().map(|(_, payload)| payload.len()).sum();
    assert!(given < (16 << 20) + 10 * size as usize, "{given} bytes came out");
    let lost: Vec<_> = got.iter().filter(|(_, payload)| matches!(payload, Payload::Bad(_))).collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(bad(&lost[0].1).code, "decompression_bomb");
    assert_eq!(got.iter().filter(|(row, _)| *row >= 4000).count(), 10, "the next row group is read");
}

/// A row group of texts alone.
fn documents_text(rows: usize) -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| text(row, 10))));
    RecordBatch::try_from_iter([("text", texts)]).expect("one column")
}

#[test]
fn rows_without_bytes_are_no_rows() {
    let folder = folder();
    let path = folder.path().join("nulls.parquet");
    let nulls =
        RecordBatch::try_from_iter([("text", Arc::new(StringArray::new_null(2_000_000)) as ArrayRef)]).expect("one column");
    write(&path, &[nulls], WriterProperties::default());
    let limits = Limits { ratio_max: 10, ..Limits::default() };
    let got = frames(&mut open(&path, &Columns::All, limits));
    assert_eq!(got.len(), 1);
    assert_eq!(bad(&got[0].1).code, "decompression_bomb");
}

#[test]
fn a_row_that_is_too_long_is_lost_alone() {
    let folder = folder();
    let path = folder.path().join("long.parquet");
    let long = "\n".repeat(600);
    let batch = RecordBatch::try_from_iter([("text", strings([Some("a"), Some(&long), Some("b")]))]).expect("one column");
    write(&path, &[batch], WriterProperties::default());
    let limits = Limits { record_bytes_max: 1000, ..Limits::default() };
    let got = frames(&mut open(&path, &Columns::All, limits));
    assert_eq!(line(&got[0].1), r#"{"text":"a"}"#);
    assert_eq!((bad(&got[1].1).code, line(&got[2].1)), ("record_too_large", r#"{"text":"b"}"#));
}

/// Whatever byte is wrong, reading ends, nothing panics, and every row is a row, lost alone or
/// within a lost stretch.
#[test]
fn any_wrong_byte_is_survived() {
    let folder = folder();
    let (path, broken) = (two_groups(folder.path(), Codec::SNAPPY), folder.path().join("broken.parquet"));
    let bytes = fs::read(&path).expect("there");
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    std::panic::set_hook(Box::new(|_| {}));
    for round in 0..600 {
        let mut wrong = bytes.clone();
        // Half of them in the footer, where most can go wrong.
        let from = if round % 2 == 0 { 0 } else { bytes.len().saturating_sub(1500) };
        for _ in 0..=random(3) {
            let at = from + random(bytes.len() - from);
            wrong[at] = if random(2) == 0 { random(256) as u8 } else { wrong[at] ^ (1 << random(8)) };
        }
        fs::write(&broken, &wrong).expect("written");
        let mut next = 0;
        for (row, payload) in all(&broken) {
            assert!(row >= next, "round {round}: row {row} after {next}");
            next = row + 1;
            assert!(payload.len() <= Limits::default().record_bytes_max);
        }
    }
    let _ = std::panic::take_hook();
}

/// Rows as their file has them, for comparison.
fn table(path: &Path) -> (String, Vec<RecordBatch>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("there")).expect("sound");
    let about =
        format!("{:?} {:?}", reader.parquet_schema().root_schema(), reader.metadata().file_metadata().key_value_metadata());
    (about, reader.with_batch_size(1 << 20).build().expect("sound").map(|batch| batch.expect("sound")).collect())
}

#[test]
fn copied_rows_are_the_rows() {
    let folder = folder();
    let path = two_groups(folder.path(), Codec::GZIP(GzipLevel::default()));
    let (about, rows) = table(&path);
    let copy = |name: &str, picked: &[u64], compression| {
        let target = folder.path().join(name);
        let mut original = copy_source(&path).expect("sound");
        let mut copier = RowCopier::create(&target, &original, compression).expect("created");
        for row in picked {
            copier.copy(&mut original, *row).expect("copied");
        }
        copier.finish().expect("finished");
        target
    };
    let every: Vec<u64> = (0..200).collect();
    let whole = copy("whole.parquet", &every, Compression::None);
    assert_eq!(table(&whole), (about.clone(), rows.clone()));
    assert_eq!(fs::read(&whole).expect("there"), fs::read(copy("again.parquet", &every, Compression::None)).expect("there"));
    let some: Vec<u64> = (0..200).filter(|row| row % 7 < 3 || *row > 180).collect();
    let (about_some, got) = table(&copy("some.parquet", &some, Compression::Zstd));
    let row = |batches: &[RecordBatch], at: usize| -> RecordBatch {
        let mut before = 0;
        for batch in batches {
            if at < before + batch.num_rows() {
                return batch.slice(at - before, 1);
            }
            before += batch.num_rows();
        }
        panic!("no row {at}");
    };
    assert_eq!((about_some, got.iter().map(RecordBatch::num_rows).sum::<usize>()), (about, some.len()));
    for (at, expected) in some.iter().enumerate() {
        assert_eq!(row(&got, at), row(&rows, *expected as usize), "row {expected}");
    }
    let file = File::open(&whole).expect("there");
    let codec = ParquetRecordBatchReaderBuilder::try_new(file).expect("sound").metadata().row_group(0).column(1).compression();
    assert!(matches!(codec, Codec::GZIP(_)), "packed as it was");
    let gone = copy_source(&path).and_then(|mut original| {
        let mut copier = RowCopier::create(&folder.path().join("gone.parquet"), &original, Compression::None)?;
        copier.copy(&mut original, 200)
    });
    assert!(gone.expect_err("no such row").to_string().contains("has 200 rows, expected row 200"));
}
