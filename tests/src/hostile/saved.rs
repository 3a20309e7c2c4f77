//! Files that weir itself writes, damaged or forged: they load as what they state, or not at all.
//!
//! Checksums are computed here. Otherwise a fuzzer would never get past them.

use std::{io::Write, sync::Arc};

use connectors::file::FileCheckpoint;
use operators::{
    background::Background,
    codec::{Decoder, Encoder},
    exact_dedup::{self, ExactDedup},
    near_dup::{self, NearDup},
    operator::{Operator, Persist},
    text::{Seed, Tokenizer},
    trigger_spike::{self, TriggerSpike},
};
use pipeline::{config::load, journal::Journal, run::Restart};
use tempfile::NamedTempFile;

const SEED: Seed = Seed(0x5eed);

/// Loads a configuration file. It is understood, or rejected with reasons that a terminal can show.
pub(super) fn config(bytes: &[u8]) {
    let mut file = NamedTempFile::with_suffix(".toml").expect("a file");
    file.write_all(bytes).expect("written");
    match load::load(Some(file.path()), &[], std::iter::empty()) {
        Ok(config) => assert_eq!(config, load::load(Some(file.path()), &[], std::iter::empty()).expect("as before")),
        Err(problems) => assert!(!problems.0.is_empty() && problems.0.iter().all(|p| !p.is_empty())),
    }
}

/// Loads a part of a snapshot. The first byte says which part.
pub(super) fn snapshot(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let background = || Arc::new(Background::empty(SEED));
    let spike = || TriggerSpike::new(small_spike(), background(), 16);
    let exact = || ExactDedup::new(exact_dedup::Config { documents_max: 100, ..exact_dedup::Config::default() }, SEED);
    let near = || NearDup::new(&near_dup::Config { documents_max: 100, ..near_dup::Config::default() }, SEED);
    match kind % 9 {
        0 => same_again(&mut spike(), rest),
        1 => same_again(&mut spike().key_shard(), rest),
        2 => same_again(&mut exact(), rest),
        3 => same_again(&mut exact().key_shard(), rest),
        4 => same_again(&mut near(), rest),
        5 => same_again(&mut near().key_shard(), rest),
        6 => {
            if let Ok((restart, _)) = Restart::decode(rest, 3) {
                assert_eq!(Restart::decode(&restart.encode(), 3).expect("what was encoded").0, restart);
            }
        }
        7 => {
            if let Ok(journal) = Journal::decode(rest) {
                assert_eq!(Journal::decode(&journal.encode()), Ok(journal));
            }
        }
        _ => drop(FileCheckpoint::decode(rest)),
    }
}

fn small_spike() -> trigger_spike::Config {
    trigger_spike::Config {
        candidates_max: 1000,
        gate_bytes: 4096,
        line_bytes: 4096,
        units_max: 100,
        horizon_documents: 50,
        ..trigger_spike::Config::default()
    }
}

/// Checks that a part saves what it has loaded. It does so twice, since a table may be laid out
/// anew the first time.
fn same_again(part: &mut impl Persist, bytes: &[u8]) {
    let mut from = Decoder::new(bytes);
    if part.load(&mut from).is_err() {
        return;
    }
    let save = |part: &dyn Fn(&mut Encoder)| {
        let mut out = Encoder::default();
        part(&mut out);
        out.bytes
    };
    let first = save(&|out| part.save(out));
    part.load(&mut Decoder::new(&first)).expect("what was saved");
    assert_eq!(save(&|out| part.save(out)), first, "saved, loaded and saved");
}

/// Loads a background. If the first byte is odd, the rest holds its five sections, which are cut at
/// four lengths of 16 bits and packed here.
pub(super) fn background(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut file = if kind % 2 == 0 { rest.to_vec() } else { packed(rest) };
    file.extend_from_slice(blake3::hash(&file).as_bytes());
    if let Ok(background) = Background::load(&file) {
        let saved = background.save();
        let again = Background::load(&saved).expect("what was saved");
        assert_eq!(again.save(), saved);
        // Every lookup stays within the tables.
        assert!(background.ngram_documents(u64::MAX) < 1 << 18);
        // Whatever the sample holds, models can be learned from it.
        let usage = background.usage();
        assert!(usage.share_of_token(operators::text::Language::UNKNOWN, operators::text::Token(1)) <= 1.0);
    }
}

/// Returns the header and the packed sections of a background file.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let sound = Background::empty(SEED).save();
    // Magic, version, rules of tokens and number of sections.
    let mut file = sound[..9 + size_of_val(&Tokenizer::rules())].to_vec();
    let mut cuts = bytes.chunks_exact(2).take(4).map(|two| usize::from(u16::from_le_bytes([two[0], two[1]])));
    let mut rest = bytes.get(8..).unwrap_or_default();
    for _ in 0..5 {
        let (section, behind) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
        rest = behind;
        let packed = zstd::bulk::compress(section, 1).expect("packed");
        file.extend_from_slice(&(section.len() as u64).to_le_bytes());
        file.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        file.extend_from_slice(&packed);
    }
    file
}
