//! No bytes break a promise of a parser: every seed and every input that once did (`tests/fuzz`), and a smoke of mutants of
//! them, the same at each run. Coverage-guided fuzzing, which finds more, is a command in `tests/fuzz/README.md`.

use std::{
    fs, panic,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use testkit::{
    hostile::{TARGETS, Target},
    random::Random,
};

/// Mutants of each target: about a minute for all on one core.
const MUTANTS: usize = 12_000;
/// Longest mutant.
const BYTES_MAX: usize = 16 << 10;

/// Bytes that mean something to one of the parsers.
const PIECES: [&[u8]; 32] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"WARC/1.0\r\n",
    b"WARC/1.1\r\n",
    b"Content-Length: ",
    b"99999999999999999999",
    b"-1",
    b"HTTP/1.1 200 OK\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"FFFFFFFFFFFFFFFF\r\n",
    b"\x1f\x8b\x08\x00",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"{\"text\":",
    b"\"",
    b"\\ud800",
    b"1e999",
    b"[[[[[[[[",
    b"<table>",
    b"<pre>",
    b"<!--",
    b"</",
    b"<svg>",
    b"style=\"display:none\"",
    b"&#x10ffff;",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// What a target begins with: sound and broken inputs, what once broke a promise, and the configuration that is shipped.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = inputs(&tests.join("fuzz/seeds").join(target));
    seeds.extend(inputs(&tests.join("fuzz/regressions").join(target)));
    if target == "config" {
        seeds.extend(inputs(&tests.join("../config")));
    }
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// Files of a folder in order of name, with their names.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).expect("a file"))).collect()
}

/// Runs the target; keeps the input if it breaks a promise, and says where.
fn run(name: &str, target: Target, label: &str, bytes: &[u8]) {
    // What was broken has been said already.
    if panic::catch_unwind(|| target(bytes)).is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{label}").replace('/', "_"));
        fs::write(&kept, bytes).expect("kept");
        panic!("{name}: {} breaks it; add it to tests/fuzz/regressions/{name}", kept.display());
    }
}

fn mutant(dice: &mut Random, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].1.clone();
    for _ in 0..=dice.below(4) {
        let (at, other) = (dice.below(bytes.len() + 1), dice.below(bytes.len() + 1));
        let (from, to) = (at.min(other), at.max(other));
        match dice.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(from..to)),
            4 => {
                let again = bytes[from..to].to_vec();
                bytes.splice(from..from, again);
            }
            5 => {
                let donor = &seeds[dice.below(seeds.len())].1;
                let cut = dice.below(donor.len() + 1);
                bytes.splice(at.., donor[cut..].iter().copied());
            }
            _ => {
                let piece = PIECES[dice.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

#[test]
fn seeds_and_regressions_break_nothing() {
    for (name, target) in TARGETS {
        for (label, bytes) in seeds(name) {
            run(name, target, &label, &bytes);
        }
    }
}

#[test]
fn mutants_break_nothing() {
    TARGETS.par_iter().for_each(|&(name, target)| {
        let seeds = seeds(name);
        let mut dice = Random::new(0xf00d);
        for number in 0..MUTANTS {
            run(name, target, &number.to_string(), &mutant(&mut dice, &seeds));
        }
    });
}
