#!/usr/bin/env python3
"""Text of HTML pages: weir beside trafilatura and resiliparse.

    pip install trafilatura lxml_html_clean resiliparse
    python3 tests/peers/pages.py [--weir target/release/weir] [--words FILE] FOLDER

FOLDER holds pages (.html, .html.gz), in folders or not. Prints, for weir with `input.html` main and all, how many of the
peer's words weir has (recall), how many of weir's words the peer has (precision), and their harmonic mean (F1), averaged over
pages; the same between the peers; the time a page; and how many pages hold hidden text. --words writes a line a page.
"""

import argparse
import collections
import gzip
import json
import pathlib
import re
import subprocess
import tempfile
import time

import resiliparse.extract.html2text as resiliparse
import trafilatura
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

WORD = re.compile(r"\w+")


def pages(folder):
    """Bytes of the pages in a folder by name, in order."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and path.name.endswith((".html", ".htm", ".html.gz", ".htm.gz")):
            data = path.read_bytes()
            found[str(path.relative_to(folder))] = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return found


def weir(binary, found, keep):
    """What weir makes of each page, and seconds a page, start of the process and reading included."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for number, data in enumerate(found.values()):
            path = pathlib.Path(folder) / f"{number}.html"
            path.write_bytes(data)
            files[str(path)] = number
        start = time.perf_counter()
        command = [binary, "--set", f"input.html={keep}", "text", "--json", *files]
        done = subprocess.run(command, capture_output=True, check=False)
        seconds = (time.perf_counter() - start) / max(len(files), 1)
    lines = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    by_number = {files[line["file"]]: line for line in lines}
    empty = {"text": "", "around": "", "hidden": "", "disguised": ""}
    return {name: by_number.get(number, empty) for number, name in enumerate(found)}, seconds


def timed(extract, texts):
    """The extractor's text of each page, and seconds a page."""
    start = time.perf_counter()
    out = {name: extract(text) or "" for name, text in texts.items()}
    return out, (time.perf_counter() - start) / max(len(texts), 1)


def overlap(ours, theirs):
    """Precision, recall and F1 of our words against theirs, repeated words counted."""
    a, b = (collections.Counter(WORD.findall(text.lower())) for text in (ours, theirs))
    common = sum((a & b).values())
    if not a or not b:
        return (1.0, 1.0, 1.0) if not a and not b else (0.0, 0.0, 0.0)
    precision, recall = common / sum(a.values()), common / sum(b.values())
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def mean(rows):
    """Means of columns."""
    rows = list(rows)
    return [sum(column) / len(rows) for column in zip(*rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--weir", default="target/release/weir")
    parser.add_argument("--words", help="a line of JSON a page: F1 against each peer, and words of each")
    arguments = parser.parse_args()
    found = pages(arguments.folder)
    texts = {name: bytes_to_str(data, detect_encoding(data)) for name, data in found.items()}
    size = sum(map(len, found.values()))
    print(f"{len(found)} pages, {size / 1e6:.1f} MB")

    outputs, seconds, parts = {}, {}, {}
    for keep in ("main", "all"):
        parts[keep], seconds[f"weir {keep}"] = weir(arguments.weir, found, keep)
        outputs[f"weir {keep}"] = {name: part["text"] for name, part in parts[keep].items()}
    peers = {
        "trafilatura": lambda text: trafilatura.extract(text, include_comments=False),
        "resiliparse main": lambda text: resiliparse.extract_plain_text(text, main_content=True),
        "resiliparse all": lambda text: resiliparse.extract_plain_text(text),
    }
    for name, extract in peers.items():
        outputs[name], seconds[name] = timed(extract, texts)

    print("\nextractor          words a page   ms a page")
    for name, out in outputs.items():
        words = sum(len(WORD.findall(text)) for text in out.values()) / len(out)
        print(f"{name:18} {words:12.0f} {seconds[name] * 1e3:11.2f}")
    print("\nextractor          against              precision  recall      F1")
    for name in ("weir main", "weir all", "resiliparse main"):
        for peer in peers:
            if name != peer:
                row = mean(overlap(outputs[name][page], outputs[peer][page]) for page in found)
                print(f"{name:18} {peer:18} {row[0]:11.3f} {row[1]:7.3f} {row[2]:7.3f}")

    def holding(part, words):
        return sum(len(WORD.findall(line[part])) >= words for line in parts["main"].values())

    print("\nhidden text: pages with any / 12 words / 50 words")
    for part in ("hidden", "disguised"):
        print(f"{part:18} {holding(part, 1):5} {holding(part, 12):5} {holding(part, 50):5}")
    if arguments.words:
        with open(arguments.words, "w", encoding="utf-8") as out:
            for page in found:
                f1 = {peer: round(overlap(outputs["weir main"][page], outputs[peer][page])[2], 3) for peer in peers}
                words = {name: len(WORD.findall(text[page])) for name, text in outputs.items()}
                out.write(json.dumps({"page": page, "f1": f1, "words": words}) + "\n")


if __name__ == "__main__":
    main()
