#!/usr/bin/env python3
"""Copies: weir beside the tools that people would use instead, on one input, in one run, one table.

    cargo build --release
    python3 benches/peers/dedup.py

It makes a virtual environment with rensa, datasketch and datatrove (`--venv`, by default in target/), builds gaoya where there
is cargo, makes the input, runs each tool in a process of its own on one core, and prints for each: documents a second, MB of
text a second, both by processor time (user and system; start and reading included), peak memory, and what it found. `hash` is
no tool but twenty lines here, which find exact copies by one hash of the raw text and write the other lines.

The input is made from a seed: pages of words in Zipf's order (about 9 KB, some to 100 KB), or with `--text FILE.jsonl` the
texts of your own. One in ten is a copy of an earlier page, and one in ten an earlier page with 0.2 to 4% of its words replaced.
All tools have the same parameters: word 5-grams in lower case, 112 minima, 14 bands of 8 rows. A page counts as found if the
tool says that it is a copy of any earlier one. `recall` of near copies is by the true Jaccard similarity of 5-grams; `false`
are pages that were called copies and are none. A tool that needs a second for 30 pages has only a part of the input (`share`).

`--tools weir,rensa` runs some of them. `--against FILE` (the truth of a public set: one line a page, `id<TAB>original id`) goes
with `--text` and plants nothing.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGES = ["rensa==0.5.0", "datasketch==2.0.0", "datatrove==0.10.1", "xxhash", "numpy", "scipy", "spacy", "orjson"]
MINIMA, BANDS, ROWS, WORDS = 112, 14, 8, 5
WORD = re.compile(r"\w+")
# Which part of the input a slow tool has.
SHARES = {"datasketch": 0.25, "datatrove": 0.03}
TOOLS = ["weir", "weir-exact", "hash", "rensa", "gaoya", "datasketch", "datatrove"]
ALL_BUT_COPIES = ["unicode", "hidden_text", "gibberish", "integrity", "reputation", "trigger_spike"]


def grams(text):
    """The word 5-grams of a text."""
    words = WORD.findall(text.lower())
    return {" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}


def invented(draw, documents):
    """Pages of invented words in Zipf's order."""
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    vocabulary = sorted({"".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(60_000)}, key=lambda w: (len(w), w))
    weights, total = [], 0.0
    for rank in range(1, len(vocabulary) + 1):
        total += 1 / rank
        weights.append(total)
    for _ in range(documents):
        words = draw.choices(vocabulary, cum_weights=weights, k=min(25_000, int(draw.lognormvariate(7.0, 0.8))))
        words[::12] = [word.capitalize() for word in words[::12]]
        words[11::12] = [word + "." for word in words[11::12]]
        yield " ".join(words)


def make_input(options, folder):
    """Writes the input; the truth as (kind, original, similarity) for each page."""
    draw = random.Random(options.seed)
    if options.text:
        texts = [json.loads(line)["text"] for line in open(options.text, encoding="utf-8")]
    else:
        texts = list(invented(draw, options.documents * 4 // 5))
    vocabulary = [word for text in texts[:50] for word in text.split()]
    pages = [(place, "page", None, text) for place, text in enumerate(texts)]
    for _ in range(0 if options.against else len(texts) // 8):
        of = draw.randrange(len(texts))
        pages.append((draw.uniform(of, len(texts)), "exact", of, texts[of]))
        of, edits = draw.randrange(len(texts)), draw.uniform(0.002, 0.04)
        words = texts[of].split(" ")
        words = [draw.choice(vocabulary) if draw.random() < edits else word for word in words]
        pages.append((draw.uniform(of, len(texts)), "near", of, " ".join(words)))
    pages.sort(key=lambda page: page[0])
    truth, bytes_ = [], []
    with open(folder / "input.jsonl", "w", encoding="utf-8") as out:
        for number, (_, kind, of, text) in enumerate(pages):
            line = {"id": str(number), "url": f"https://site{draw.randrange(3000)}.example/{number}", "text": text}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            similarity = 1.0
            if kind == "near":
                a, b = grams(texts[of]), grams(text)
                similarity = len(a & b) / max(1, len(a | b))
            truth.append((kind, of, similarity))
            bytes_.append(len(text.encode()))
    if options.against:
        copies = {line.split("\t")[0] for line in open(options.against, encoding="utf-8")}
        truth = [("near" if str(number) in copies else "page", None, 1.0) for number in range(len(pages))]
    return truth, bytes_


def texts_of(path, limit):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number == limit:
                return
            yield number, json.loads(line)["text"]


def run_hash(path, limit):
    """Exact copies by one hash of the raw text, and the other lines written: as little as a tool can do."""
    import orjson
    import xxhash

    seen = set()
    with open(path, "rb") as lines, tempfile.TemporaryFile() as out:
        for number, line in enumerate(lines):
            if number == limit:
                return
            digest = xxhash.xxh3_128_digest(orjson.loads(line)["text"].encode())
            if digest in seen:
                print(number)
            else:
                seen.add(digest)
                out.write(line)


def run_rensa(path, limit):
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=0.75, num_perm=MINIMA, num_bands=BANDS)
    for number, text in texts_of(path, limit):
        words = WORD.findall(text.lower())
        sketch = RMinHash(num_perm=MINIMA, seed=42)
        sketch.update([" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)])
        if index.query(sketch):
            print(number)
        index.insert(number, sketch)


def run_datasketch(path, limit):
    import xxhash
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=MINIMA, params=(BANDS, ROWS))
    for number, text in texts_of(path, limit):
        sketch = MinHash(num_perm=MINIMA, hashfunc=xxhash.xxh32_intdigest)
        sketch.update_batch([gram.encode() for gram in grams(text)])
        if index.query(sketch):
            print(number)
        index.insert(number, sketch)


def run_datatrove(path, limit):
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/in")
        with open(path, encoding="utf-8") as lines, open(f"{folder}/in/input.jsonl", "w", encoding="utf-8") as out:
            out.writelines(line for number, line in enumerate(lines) if number < limit)
        config = MinhashConfig(num_buckets=BANDS, hashes_per_bucket=ROWS, n_grams=WORDS)
        reader = JsonlReader(f"{folder}/in")
        stages = [
            [reader, MinhashDedupSignature(output_folder=f"{folder}/signatures", config=config)],
            [MinhashDedupBuckets(input_folder=f"{folder}/signatures", output_folder=f"{folder}/buckets", config=config)],
            [MinhashDedupCluster(input_folder=f"{folder}/buckets", output_folder=f"{folder}/removed", config=config)],
            [reader, MinhashDedupFilter(input_folder=f"{folder}/removed"), JsonlWriter(f"{folder}/out", compression=None)],
        ]
        for number, stage in enumerate(stages):
            tasks = BANDS if number == 1 else 1
            LocalPipelineExecutor(pipeline=stage, tasks=tasks, workers=1, logging_dir=f"{folder}/logs/{number}").run()
        kept = set()
        for file in pathlib.Path(f"{folder}/out").rglob("*.jsonl"):
            kept.update(json.loads(line)["id"] for line in open(file, encoding="utf-8"))
        for number in range(limit):
            if str(number) not in kept:
                print(number)


def command(tool, options, python, folder, limit):
    """The command of a tool. Its standard output, or weir's decisions, name the copies."""
    path = str(folder / "input.jsonl")
    if tool.startswith("weir"):
        off = ALL_BUT_COPIES + (["near_dup"] if tool == "weir-exact" else [])
        sets = [word for name in off for word in ("--set", f"operators.{name}.mode=off")]
        annotate = ["--annotate-only"] if tool == "weir" else []
        return [options.weir, "replay", path, "--threads", "1", "-o", str(folder / tool), "--limit", str(limit), *annotate, *sets]
    if tool == "gaoya":
        return [str(options.target / "peers-gaoya/release/peers-gaoya"), path, str(limit)]
    return [str(python), __file__, "--run", tool, path, str(limit)]


def measure(words):
    """Runs a command on one core; its output, its processor time and its peak memory."""
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(words, stdout=out, stderr=err, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if process.returncode:
            sys.exit(f"{words[0]} ended with {process.returncode}:\n{err.read().decode()[-2000:]}")
        return out.read().decode(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def found_by(tool, output, folder):
    if not tool.startswith("weir"):
        return {int(line) for line in output.split()}
    lines = open(folder / tool / "decisions.jsonl", encoding="utf-8")
    return {int(one["id"]) for one in map(json.loads, lines) if one["route"] == "duplicate"}


def share(found, wanted):
    return f"{len(found & wanted) / len(wanted):.3f}" if wanted else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--weir", default=str(ROOT / "target/release/weir"))
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target", help="where environment and gaoya are built")
    parser.add_argument("--venv", type=pathlib.Path)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3, help="of each tool, in turns; medians are printed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text")
    parser.add_argument("--against")
    parser.add_argument("--tools", default=",".join(TOOLS))
    options = parser.parse_args()
    if options.run:
        tool, path, limit = options.run
        by_name = {"hash": run_hash, "rensa": run_rensa, "datasketch": run_datasketch, "datatrove": run_datatrove}
        return by_name[tool](path, int(limit))
    tools = options.tools.split(",")
    venv = options.venv or options.target / "peers"
    if not (venv / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", *PACKAGES], check=True)
    if "gaoya" in tools:
        target = options.target / "peers-gaoya"
        subprocess.run(["cargo", "build", "-q", "--release", "--target-dir", target], cwd=HERE / "gaoya", check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # In a process of its own: a child begins with the memory of its parent, which counts as its peak.
        with ProcessPoolExecutor(1) as pool:
            truth, sizes = pool.submit(make_input, options, folder).result()
        print(f"{len(truth)} pages, {sum(sizes) / 1e6:.1f} MB of text, seed {options.seed}; {time.strftime('%Y-%m-%d')}")
        taken = {tool: [] for tool in tools}
        for _ in range(options.runs):
            for tool in tools:
                limit = max(1, int(len(truth) * SHARES.get(tool, 1)))
                shutil.rmtree(folder / tool, ignore_errors=True)
                output, seconds, peak = measure(command(tool, options, venv / "bin/python", folder, limit))
                taken[tool].append((seconds, peak, found_by(tool, output, folder)))
        print("| tool | share | documents/s | MB/s | peak MB | exact | J >= .75 | J >= .8 | J >= .9 | false |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
        for tool in tools:
            limit = max(1, int(len(truth) * SHARES.get(tool, 1)))
            seconds = sorted(one[0] for one in taken[tool])[options.runs // 2]
            peak, found = max(one[1] for one in taken[tool]), taken[tool][0][2]
            part = list(enumerate(truth[:limit]))
            exact = {number for number, (kind, _, _) in part if kind == "exact"}
            near = [{number for number, (kind, _, j) in part if kind == "near" and j >= least} for least in (0.75, 0.8, 0.9)]
            pages = {number for number, (kind, _, _) in part if kind == "page"}
            cells = [tool, f"{limit / len(truth):.2f}", f"{limit / seconds:.0f}", f"{sum(sizes[:limit]) / seconds / 1e6:.1f}", f"{peak:.0f}"]
            cells += [share(found, exact), *(share(found, wanted) for wanted in near), str(len(found & pages))]
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
