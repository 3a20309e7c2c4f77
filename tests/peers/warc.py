#!/usr/bin/env python3
"""Compares what weir, warcio and fastwarc read in archives.

    pip install warcio fastwarc
    cargo build --release
    tests/peers/warc.py target/release/weir FILE-OR-FOLDER...

For each file: number of records; of each record in turn its type, address, date, digests as stated, and the SHA-1 of
its block; of HTTP responses also the SHA-1 of the body as it was sent. Exit code 1 if a sound file differs (one in which
neither side lost anything). Files that a library cannot read, or in which weir reports lost stretches, are listed with what
each of them got: there is no right answer to compare with.
"""
import argparse, collections, hashlib, json, os, subprocess, sys

from fastwarc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

# Sound files that a library does not read whole, and says nothing.
FOLDED = ("test-utf8", "valid-warcfile-fields-continuation", "valid-warcfile-fields-metainfo", "valid-warcfile-fields-warcinfo")
KNOWN = {("fastwarc", "netarchivesuite+jwat__valid-warcfile-upper-lower-case.warc")}  # no versions in small letters
# No values that begin on the line below their field's name: lengths become 0, addresses begin with a space.
KNOWN |= {(peer, f"netarchivesuite+jwat__{name}.warc") for name in FOLDED for peer in ("warcio", "fastwarc")}
FIELDS = ("type", "url", "date", "payload_digest", "block_digest", "block_sha1", "payload_sha1")


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def bare(value):
    return None if value is None else value.strip().lstrip("<").rstrip(">").strip() or None


def body(block):
    """The body of an HTTP response, or None: after the first empty line."""
    if block[:5].upper() != b"HTTP/":
        return None
    at, ends = 0, []
    while (end := block.find(b"\n", at)) >= 0:
        if block[at:end] in (b"", b"\r"):
            return block[end + 1:]
        at = end + 1
    return b""


def row(kind, header, block):
    payload = body(block) if (kind or "").strip().lower() in ("response", "revisit") else None
    return {
        "type": (kind or "").strip().lower() or None, "url": bare(header("WARC-Target-URI")), "date": bare(header("WARC-Date")),
        "payload_digest": bare(header("WARC-Payload-Digest")), "block_digest": bare(header("WARC-Block-Digest")),
        "block_sha1": sha1(block), "payload_sha1": None if payload is None else sha1(payload),
    }


def by_warcio(path):
    with open(path, "rb") as file:
        for record in ArchiveIterator(file, no_record_parse=True, arc2warc=True):
            header = record.rec_headers.get_header
            yield row(record.rec_type, header, record.raw_stream.read())


def by_fastwarc(path):
    for record in FastIterator(open(path, "rb"), parse_http=False, quirks_mode=True):
        headers = {name.lower(): value for name, value in record.headers}
        yield row(headers.get("warc-type"), lambda name: headers.get(name.lower()), record.reader.read())


def by_weir(weir, path):
    done = subprocess.run([weir, "records", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    rows, lost = [], collections.Counter()
    for line in map(json.loads, done.stdout.splitlines()):
        if "format" in line:
            found = {field: line.get(field) for field in FIELDS}
            found["type"] = (found["type"] or "").lower() or None
            found["url"] = found["url"] or None
            if found["type"] not in ("response", "revisit"):
                found["payload_sha1"] = None
            rows.append(found)
        else:
            lost[line["why"]] += 1
    return rows, lost


def collect(read, path):
    rows = []
    try:
        for found in read(path):
            rows.append(found)
    except Exception as error:
        return rows, f"{type(error).__name__}: {error}"[:60]
    return rows, None


def difference(ours, theirs, is_arc):
    if len(ours) != len(theirs):
        return f"{len(ours)} records, it has {len(theirs)}"
    # What warcio makes of ARC records has types and digests of its own.
    fields = ("url", "date", "block_sha1") if is_arc else FIELDS
    # warcio writes spaces in addresses as %20.
    spaced = lambda found: {**found, "url": found["url"] and found["url"].replace(" ", "%20")}
    for number, (our, their) in enumerate(zip(map(spaced, ours), map(spaced, theirs))):
        for field in fields:
            if is_arc and our["type"] == "warcinfo" and field != "date":
                continue  # warcio takes the description of the file apart
            if our[field] != their[field]:
                return f"record {number}: {field} {our[field]!r}, it has {their[field]!r}"
    return None


def files(paths):
    for path in paths:
        if os.path.isdir(path):
            yield from sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        else:
            yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weir")
    parser.add_argument("paths", nargs="+")
    given = parser.parse_args()
    figures, wrong = collections.Counter(), 0
    for path in files(given.paths):
        name = os.path.basename(path)
        try:
            ours, lost = by_weir(given.weir, path)
        except RuntimeError as error:
            print(f"refused    {name}: {error}")
            figures["refused"] += 1
            continue
        is_arc = ".arc" in name
        for peer, read in (("warcio", by_warcio), ("fastwarc", by_fastwarc)):
            theirs, error = collect(read, path)
            if is_arc and peer == "fastwarc" or ".wacz" in name:
                figures[f"{peer}: format not read by it"] += 1
            elif found := difference(ours, theirs, is_arc):
                sound = not lost and not error and (peer, name) not in KNOWN
                wrong += sound
                figures[f"{peer}: {'DIFFERS' if sound else 'damaged file, read differently'}"] += 1
                because = f" (it fails: {error})" if error else ""
                print(f"{'DIFFERS' if sound else 'damaged':10} {name}: {peer}: {found}; weir lost {dict(lost)}{because}")
            else:
                figures[f"{peer}: equal files"] += 1
                figures[f"{peer}: equal records"] += len(ours)
    for name, count in sorted(figures.items()):
        print(f"{count:8} {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
