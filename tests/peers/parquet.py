#!/usr/bin/env python3
"""Parquet through weir and back, judged by pyarrow.

Writes tables with the columns of FineWeb, Dolma and RedPajama-v2, and one with a column of every type that pyarrow writes, in
each codec and with small and large row groups; replays them; joins clean, quarantine and duplicates again, and compares with
`Table.equals(..., check_metadata=True)` after sorting by a row number.

    pip install pyarrow
    cargo build --release
    python3 tests/peers/parquet.py [--weir target/release/weir] [--rows 2000] [--big-gib 1]

`--big-gib N` also makes a table of N GiB (unpacked) that is one row group, and prints the most memory that a replay of it takes.
"""

import argparse
import datetime
import decimal
import glob
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = None


def words():
    """Words of no language, the same each time."""
    global WORDS
    if WORDS is None:
        r = random.Random(1)
        syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
        WORDS = ["".join(r.choice(syllables) for _ in range(r.randint(1, 4))) for _ in range(20_000)]
    return WORDS


def text(r, count):
    picked = r.choices(words(), k=count)
    lines = [" ".join(picked[i : i + 12]).capitalize() + "." for i in range(0, count, 12)]
    return "\n".join(lines)


def texts(r, rows, least=40, most=400):
    out = [text(r, r.randint(least, most)) for _ in range(rows)]
    for n in range(0, rows, 50):  # exact copies, so that not everything is clean
        out[n] = out[0]
    return out


def fineweb(r, rows):
    return pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "text": texts(r, rows),
            "id": [f"<urn:uuid:{n:08x}>" for n in range(rows)],
            "dump": ["CC-MAIN-2024-10"] * rows,
            "url": [f"https://site{n % 97}.example/{n}" for n in range(rows)],
            "date": ["2024-02-21T08:10:00Z"] * rows,
            "file_path": [f"s3://bucket/{n % 7}.warc.gz" for n in range(rows)],
            "language": ["en"] * rows,
            "language_score": pa.array([r.random() for _ in range(rows)], pa.float64()),
            "token_count": pa.array([r.randint(1, 9999) for _ in range(rows)], pa.int64()),
        }
    )


def dolma(r, rows):
    metadata = pa.array(
        [{"url": f"https://site{n % 89}.example/{n}", "length": n, "tags": ["a", None]} for n in range(rows)],
        pa.struct([("url", pa.string()), ("length", pa.int32()), ("tags", pa.list_(pa.string()))]),
    )
    return pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "id": pa.array([f"d{n}" for n in range(rows)], pa.large_string()),
            "text": pa.array(texts(r, rows), pa.large_string()),
            "source": pa.array(["web"] * rows).dictionary_encode(),
            "added": pa.array([datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=n) for n in range(rows)], pa.timestamp("us", "UTC")),
            "created": pa.array([None if n % 3 else datetime.datetime(2023, 5, 5) for n in range(rows)], pa.timestamp("ms")),
            "metadata": metadata,
        }
    )


def redpajama(r, rows):
    return pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "raw_content": texts(r, rows),
            "doc_id": [f"2023-06/0000/en_head.json.gz/{n}" for n in range(rows)],
            "url": [f"http://site{n % 83}.example/{n}" for n in range(rows)],
            "date_download": ["2023-02-01T00:00:00Z"] * rows,
            "digest": [f"sha1:{n:032X}" for n in range(rows)],
            "length": pa.array(range(rows), pa.int32()),
            "quality_signals": [json.dumps({"ccnet_length": [[0, n, n]]}) for n in range(rows)],
        }
    )


def every_type(r, rows):
    def some(make, kind):
        return pa.array([None if n % 5 == 4 else make(n) for n in range(rows)], kind)

    day = datetime.datetime(2001, 2, 3, 4, 5, 6)
    table = pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "text": texts(r, rows),
            "i8": some(lambda n: n % 100 - 50, pa.int8()),
            "u16": some(lambda n: n % 60_000, pa.uint16()),
            "u64": some(lambda n: 2**64 - 1 - n, pa.uint64()),
            "f16": pa.array([float(n % 9) for n in range(rows)], pa.float32()).cast(pa.float16()),
            "f32": some(lambda n: n / 3, pa.float32()),
            "f64": some(lambda n: [float("inf"), -0.0, 1e300, n / 7][n % 4], pa.float64()),
            "bool": some(lambda n: n % 2 == 0, pa.bool_()),
            "bytes": some(lambda n: bytes([255, n % 256, 0]), pa.binary()),
            "large": some(lambda n: bytes([n % 256] * 9), pa.large_binary()),
            "fixed": some(lambda n: bytes([n % 256] * 7), pa.binary(7)),
            "d32": some(lambda n: day.date() + datetime.timedelta(days=n), pa.date32()),
            "t32": some(lambda n: datetime.time(1, n % 60, 3), pa.time32("s")),
            "t64": some(lambda n: datetime.time(1, n % 60, 3, n), pa.time64("us")),
            "ts_s": some(lambda n: day, pa.timestamp("s")),
            "ts_ns": some(lambda n: day + datetime.timedelta(microseconds=n), pa.timestamp("ns", "Europe/Berlin")),
            "duration": some(lambda n: datetime.timedelta(milliseconds=n), pa.duration("ms")),
            "dec128": some(lambda n: decimal.Decimal(n).scaleb(-3) - 7, pa.decimal128(20, 3)),
            "dec256": some(lambda n: decimal.Decimal(n).scaleb(30), pa.decimal256(60, 3)),
            "list": some(lambda n: [n] * (n % 3), pa.list_(pa.int16())),
            "lists": some(lambda n: [[str(n)], None, []][: n % 4], pa.large_list(pa.list_(pa.string()))),
            "fixed_list": some(lambda n: [n, n + 1], pa.list_(pa.int32(), 2)),
            "structs": some(lambda n: [{"a": n, "b": {"c": "x" * (n % 4)}}], pa.list_(pa.struct([("a", pa.int32()), ("b", pa.struct([("c", pa.string())]))]))),
            "map": some(lambda n: [("k", n), ("l", None)], pa.map_(pa.string(), pa.int64())),
            "view": pa.array(["short", "a string that is not short at all"] * (rows // 2) + ["odd"] * (rows % 2), pa.string_view()),
            "null": pa.nulls(rows),
            "words": pa.array([["red", "green", None][n % 3] for n in range(rows)]).dictionary_encode(),
        }
    )
    return table.replace_schema_metadata({"huggingface": '{"info": {}}', "of": "peers"})


SHAPES = {"fineweb": fineweb, "dolma": dolma, "redpajama": redpajama, "every_type": every_type}
CODECS = ["snappy", "zstd", "gzip", "none"]


def replay(weir, source, output, *more):
    began = time.monotonic()
    command = [weir, "replay", "--output", output, *more, source]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        sys.exit(f"{' '.join(command)}: {ended.stderr}")
    return time.monotonic() - began


def in_order(table):
    """Rows by their number, with views compared as strings, for which pyarrow has no way to take rows."""
    for at, field in enumerate(table.schema):
        if field.type == pa.string_view():
            table = table.set_column(at, field.with_type(pa.string()), table.column(at).cast(pa.string()))
    return table.combine_chunks().sort_by("n")


def joined(output):
    paths = sorted(path for name in ("clean", "quarantine", "duplicates") for path in glob.glob(f"{output}/{name}/*"))
    wrong = [path for path in paths if not path.endswith(".parquet")]
    if wrong:
        sys.exit(f"not written as Parquet: {wrong}")
    parts = [pq.read_table(path) for path in paths]
    return in_order(pa.concat_tables(parts)), len(paths)


def round_trips(weir, rows, home):
    failed = 0
    for number, (name, make) in enumerate(SHAPES.items()):
        table = make(random.Random(number), rows)
        for codec in CODECS:
            for group in (rows // 7 + 1, rows * 2):
                for version in ("1.0", "2.0"):
                    case = f"{name}-{codec}-{group}-v{version[0]}"
                    path, output = f"{home}/{case}.parquet", f"{home}/{case}"
                    pq.write_table(table, path, compression=codec, row_group_size=group, data_page_version=version)
                    replay(weir, path, output, "--set", "output.part_records=700")
                    # What pyarrow reads of its own file is what it must read of weir's.
                    want = in_order(pq.read_table(path))
                    got, files = joined(output)
                    routes = [len(glob.glob(f"{output}/{folder}/*")) for folder in ("clean", "duplicates")]
                    same = got.schema.equals(want.schema, check_metadata=True) and got.equals(want, check_metadata=True)
                    failed += not same
                    print(f"{case:32} {got.num_rows:6} rows, {got.num_columns:2} columns, {files} files ({routes[0]} clean, {routes[1]} copies): {'equal' if same else 'NOT EQUAL'}")
    return failed


def big(weir, gib, home):
    path, output = f"{home}/big.parquet", f"{home}/big"
    r = random.Random(7)
    tables, written = [], 0
    while written < gib * 2**30:
        tables.append(fineweb(r, 4000))
        written += tables[-1].nbytes
    table = pa.concat_tables(tables)
    rows = table.num_rows
    pq.write_table(table, path, compression="zstd", row_group_size=rows)  # the worst case: one row group
    del table, tables
    size = os.path.getsize(path)
    seconds = replay(weir, path, output, *[a for o in ("trigger_spike", "near_dup", "exact_dedup", "gibberish", "unicode", "reputation") for a in ("--set", f"operators.{o}.mode=off")])
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{written / 2**30:.2f} GiB unpacked, {size / 2**20:.0f} MiB on disk, {rows} rows: {seconds:.0f} s with operators off, at most {most} MiB of memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default="target/release/weir")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--big-gib", type=float, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        failed = round_trips(arguments.weir, arguments.rows, home)
        if arguments.big_gib:
            big(arguments.weir, arguments.big_gib, home)
    print(f"pyarrow {pa.__version__}: {failed} of {len(SHAPES) * len(CODECS) * 4} differ")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
