//! What must two runs share to give the same verdicts on the same input? The verdict digest names
//! it.

use decode::Fields;
use operators::text::Seed;
use serde::Serialize;

use super::options::{Config, InputOptions, Operators, PolicyOptions};

/// Exactly the options that are marked *(verdict)*.
#[derive(Serialize)]
struct Affecting<'a> {
    engine: &'static str,
    input: InputOptions,
    #[serde(rename = "border")]
    epoch: u32,
    horizon_documents: u32,
    policy: &'a PolicyOptions,
    operators: &'a Operators,
}

/// Returns a digest of the configuration, the background, the seed and the contents of the lists:
/// 128 bits of blake3.
///
/// # Panics
/// Never: a configuration can always be written as JSON.
pub fn verdict_digest(config: &Config, background: &[u8; 32], seed: Seed, lists: &[&str]) -> [u8; 16] {
    let fields = Fields { id: None, label: None, ..config.input.fields.clone() };
    let affecting = Affecting {
        engine: env!("CARGO_PKG_VERSION"),
        input: InputOptions { fields, ..config.input.clone() },
        epoch: config.engine.epoch,
        horizon_documents: config.state.horizon_documents,
        policy: &config.policy,
        operators: &config.operators,
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&affecting).expect("a configuration can be written as JSON"));
    hasher.update(background);
    hasher.update(&seed.0.to_le_bytes());
    for list in lists {
        hasher.update(blake3::hash(list.as_bytes()).as_bytes());
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}
