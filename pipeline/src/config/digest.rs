//! What must two runs share to give the same verdicts on the same input? The verdict digest names
//! it.

use decode::Fields;
use operators::text::Seed;
use serde::{Deserialize, Serialize};

use super::options::{Config, InputOptions, Operators, PolicyOptions};

/// Exactly the options that are marked *(verdict)*, and the version of weir.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictOptions {
    engine: String,
    input: InputOptions,
    #[serde(rename = "border")]
    epoch: u32,
    horizon_documents: u32,
    policy: PolicyOptions,
    operators: Operators,
}

impl VerdictOptions {
    /// Takes them from a configuration.
    pub fn of(config: &Config) -> Self {
        let fields = Fields { id: None, label: None, ..config.input.fields.clone() };
        Self {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            input: InputOptions { fields, ..config.input.clone() },
            epoch: config.engine.epoch,
            horizon_documents: config.state.horizon_documents,
            policy: config.policy.clone(),
            operators: config.operators.clone(),
        }
    }

    /// Puts them in place of those of a configuration.
    pub fn put_into(self, config: &Config) -> Config {
        let Fields { id, label, .. } = config.input.fields.clone();
        let fields = Fields { id, label, ..self.input.fields };
        let mut changed = Config {
            input: InputOptions { fields, ..self.input },
            policy: self.policy,
            operators: self.operators,
            ..config.clone()
        };
        (changed.engine.epoch, changed.state.horizon_documents) = (self.epoch, self.horizon_documents);
        changed
    }
}

/// Returns a digest of the options, the background, the seed and the contents of the lists:
/// 128 bits of blake3.
///
/// # Panics
/// Never: a configuration can always be written as JSON.
pub fn verdict_digest(
    options: &VerdictOptions,
    background: &[u8; 32],
    seed: Seed,
    lists: impl IntoIterator<Item = impl AsRef<str>>,
) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(options).expect("a configuration can be written as JSON"));
    hasher.update(background);
    hasher.update(&seed.0.to_le_bytes());
    for list in lists {
        hasher.update(blake3::hash(list.as_ref().as_bytes()).as_bytes());
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}
