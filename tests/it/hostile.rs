//! Does any input make a parser break one of its promises? The promises are those of [`testkit::hostile`].
//!
//! The inputs are every seed and every input that once broke a promise (`tests/fuzz`), and mutants of them. Each run of the
//! suite makes the same mutants. The long form makes mutants for a minute, others for each `WEIR_TEST_SEED`:
//! `cargo test -p testkit --test it -- --ignored hostile`. Coverage-guided fuzzing, which finds more, is a command in
//! `tests/fuzz/README.md`.

use std::{
    env, fs, panic,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rayon::prelude::*;
use testkit::{
    hostile::{TARGETS, Target},
    random::Random,
};

/// Mutants of each target in every run of the suite: about ten seconds for all targets on one core.
const MUTANTS: usize = 2_000;
/// How long the long form makes mutants, and how many of each target before it looks at the clock.
const LONG: Duration = Duration::from_mins(1);
const MUTANTS_A_ROUND: usize = 250;
/// Length of the longest mutant, in bytes.
const BYTES_MAX: usize = 16 << 10;

/// Byte strings that mean something to at least one of the parsers.
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

/// The inputs that a target's mutants are made of: sound and broken seeds, inputs that once broke a promise and, for the
/// configuration, the files that are shipped.
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

/// Reads the files of a folder, in the order of their names; returns each with its path.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).expect("a file"))).collect()
}

/// Runs the target on one input. If the input breaks a promise, it is written to a file that the failure names.
fn run(name: &str, target: Target, label: &str, bytes: &[u8]) {
    // The panic's own message has already been printed.
    if panic::catch_unwind(|| target(bytes)).is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{label}").replace('/', "_"));
        fs::write(&kept, bytes).expect("kept");
        panic!("{name}: {} breaks it; add it to tests/fuzz/regressions/{name}", kept.display());
    }
}

/// Makes a mutant: one of the seeds after one to four random edits.
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

/// Runs so many mutants of every target. Which mutants they are depends on `seed` alone.
fn run_mutants(seed: u64, mutants: usize) {
    TARGETS.par_iter().for_each(|&(name, target)| {
        let seeds = seeds(name);
        let mut dice = Random::new(seed);
        for number in 0..mutants {
            run(name, target, &format!("{seed:x}-{number}"), &mutant(&mut dice, &seeds));
        }
    });
}

#[test]
fn mutants_break_nothing() {
    run_mutants(0xf00d, MUTANTS);
}

#[test]
#[ignore = "a minute"]
fn a_minute_of_mutants_breaks_nothing() {
    let seed: u64 = env::var("WEIR_TEST_SEED").map_or(1, |text| text.parse().expect("WEIR_TEST_SEED is a number"));
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < LONG {
        run_mutants(seed.rotate_left(32) ^ rounds, MUTANTS_A_ROUND);
        rounds += 1;
    }
    #[expect(clippy::print_stdout, reason = "figures for people")]
    {
        println!("WEIR_TEST_SEED={seed}: {rounds} rounds of {MUTANTS_A_ROUND} mutants of each of {} parsers", TARGETS.len());
    }
}
