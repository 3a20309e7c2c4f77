//! What is an engine made of beside its input and its state, and where is it read from?
//!
//! Background, allow and deny lists and reviewed verdicts come from files (lists and verdicts are
//! read in `lists`). The hash seed is the
//! background's; without a background it is `engine.seed`, or drawn from the input's fingerprints.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use operators::{
    background::Background,
    mode::Mode,
    reputation::{Platforms, PublisherVerdict},
    text::Seed,
};

use crate::{
    config::{
        Config,
        digest::{VerdictOptions, verdict_digest},
    },
    run::lists::{self, Lists},
};

/// Everything a run is made of beside its input and its state.
#[derive(Clone)]
pub struct Ingredients {
    /// What ordinary text looks like.
    pub background: Arc<Background>,
    /// Keys every hash.
    pub seed: Seed,
    /// Reviewed verdicts.
    pub verdicts: Vec<PublisherVerdict>,
    /// Contents of the allow and deny lists.
    pub lists: Lists,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: [u8; 16],
    /// Things a reader of the report must know.
    pub warnings: Vec<String>,
}

impl Ingredients {
    /// Reads background, lists and verdicts. `input` is what a seed is drawn from where nothing
    /// else fixes it: no author of a page knows the whole input, and the same input gives the same
    /// seed.
    ///
    /// # Errors
    /// If a file cannot be read or is not what it should be.
    pub fn gather(config: &Config, background: Option<&Path>, verdicts: Option<&Path>, input: &[String]) -> Result<Self> {
        let mut warnings = Vec::new();
        let background = if let Some(path) = background {
            load_background(config, path)?
        } else {
            warnings.push(
                "no background: weir learned from its own past. No phrase raises an alarm before \
                 operators.trigger_spike.bootstrap_documents, and thresholds are not calibrated; `weir learn` makes a background"
                    .to_owned(),
            );
            Background::empty(Seed(config.engine.seed.unwrap_or_else(|| seed_of(input))))
        };
        let seed = background.seed();
        let platforms = platforms(config, &background)?;
        let lists = Lists::read(&config.policy, &platforms)?;
        warnings.extend(lists.warnings());
        let (verdicts, verdict_text) = match verdicts {
            Some(path) => lists::read_verdicts(path, &platforms)?,
            None => (Vec::new(), String::new()),
        };
        let options = VerdictOptions::of(config);
        let verdict_digest = verdict_digest(&options, &background.digest(), seed, lists.texts().chain([&*verdict_text]));
        Ok(Self { background: Arc::new(background), seed, verdicts, lists, verdict_digest, warnings })
    }

    /// The verdict digest as written in every decision.
    pub fn verdict_digest_hex(&self) -> String {
        HEXLOWER.encode(&self.verdict_digest)
    }
}

/// How records are decoded.
pub fn decode_options(config: &Config) -> decode::Options {
    decode::Options {
        fields: config.input.fields.clone(),
        text_bytes_max: config.input.text_bytes_max,
        body_bytes_max: config.input.record_bytes_max,
        check_digests: config.operators.integrity.mode != Mode::Off,
        html: config.input.html,
    }
}

/// A seed from the input's fingerprints.
///
/// # Panics
/// Never: a hash has 32 bytes.
pub fn seed_of(input: &[String]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for fingerprint in input {
        // Names are left out: the same files elsewhere give the same verdicts.
        let content = fingerprint.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
        hasher.update(content.as_bytes());
        hasher.update(b"\n");
    }
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

/// Reads the background that a configuration names.
///
/// # Errors
/// If it cannot be read, or was learned with another seed than `engine.seed`.
pub fn load_background(config: &Config, path: &Path) -> Result<Background> {
    let bytes = fs::read(path).with_context(|| format!("read background {}", path.display()))?;
    let background = Background::load(&bytes).with_context(|| format!("background {}", path.display()))?;
    match config.engine.seed {
        Some(seed) if seed != background.seed().0 => {
            bail!("engine.seed is {seed}, and {} was learned with {}", path.display(), background.seed().0)
        }
        _ => Ok(background),
    }
}

/// Hosts on which accounts are publishers.
///
/// # Errors
/// If a pattern or a row of the configuration makes no sense.
pub fn platforms(config: &Config, background: &Background) -> Result<Platforms> {
    let options = &config.operators.reputation;
    Ok(Platforms::new(background.platforms().iter().cloned(), &options.account_patterns, &options.account_hosts)?)
}
