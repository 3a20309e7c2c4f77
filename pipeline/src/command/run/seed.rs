//! Which hash seed does a group have, where neither a background nor the configuration fixes it?
//!
//! All processes of a group must have the same, or their states differ. The first process draws one
//! at random and tells it in the journal with its rules. A later one that has no state yet takes it
//! from there. Beside a state the seed is kept in the file `seed`.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use connectors::{
    file::write_atomically,
    kafka::{JournalReader, KafkaConfig},
};
use tracing::info;

use crate::{config::Config, journal::Journal, layout::StateFolder, run::rules::Rules, state::snapshot::Snapshots};

/// How many records of a journal are looked through for the first rules. They are in the first
/// one, unless a retention has removed it.
const RECORDS_MAX: usize = 10_000;
/// How long one poll of a journal waits for records.
const POLL: Duration = Duration::from_millis(100);

/// The configuration with the hash seed of the group, which is asked of the group's own journal,
/// then of the one that is decided again.
///
/// # Errors
/// If a journal cannot be read, or the seed not kept.
pub(super) fn with_group_seed(
    config: &Config,
    kafka: &KafkaConfig,
    followed: Option<&str>,
    directory: &Path,
    state: &StateFolder,
) -> Result<Config> {
    let mut config = config.clone();
    if config.engine.seed.is_some() || config.background.path.is_some() {
        return Ok(config);
    }
    let path = directory.join("seed");
    let mut seed = None;
    if Snapshots::open(&state.snapshots())?.list()?.is_empty() {
        for topic in [Some(&*kafka.topics.journal), followed].into_iter().flatten() {
            seed = if seed.is_none() { told_seed(kafka, topic)? } else { seed };
        }
    }
    config.engine.seed = Some(match seed {
        Some(seed) => {
            write_atomically(&path, seed.to_string().as_bytes())?;
            info!("the hash seed is the one that the journal tells");
            seed
        }
        None => own_seed(&path)?,
    });
    Ok(config)
}

/// The seed in the first rules that a journal tells.
fn told_seed(kafka: &KafkaConfig, topic: &str) -> Result<Option<u64>> {
    let (mut reader, _) = JournalReader::of_topic(kafka, topic).with_context(|| format!("read the journal {topic}"))?;
    let (mut seen, begun) = (0, Instant::now());
    while seen < RECORDS_MAX && begun.elapsed() < kafka.run_timeout {
        let Some(records) = reader.poll_to_end(POLL)? else { break };
        seen += records.len();
        for (_, record) in &records {
            let rules = Journal::decode(record).map(|journal| journal.rules).unwrap_or_default();
            if !rules.is_empty() {
                return Ok(Some(Rules::decode(&rules)?.seed()));
            }
        }
    }
    Ok(None)
}

/// The seed in this file, which is made with a random one if it is not there.
fn own_seed(path: &Path) -> Result<u64> {
    match fs::read_to_string(path) {
        Ok(seed) => seed.trim().parse().with_context(|| format!("{}: got {seed:?}, expected a number", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut bytes = [0; 8];
            fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).context("read /dev/urandom")?;
            let seed = u64::from_le_bytes(bytes);
            write_atomically(path, seed.to_string().as_bytes())?;
            Ok(seed)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}
