//! What is a run, and how far has it come? `DIR/.weir/run.json` says it, so that the same command
//! goes on with the run and another command is refused.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use connectors::file::write_atomically;
use serde::{Deserialize, Serialize};

use crate::config::Operators;

/// How far a run has come. Later phases are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// The input is read and decided.
    Reading,
    /// All input is decided; the last pass makes the final corpus.
    Publishing,
    /// The outputs are in their places; the state is handed on.
    Published,
    /// Everything is in its place.
    Finished,
}

/// Where a run stood when all its input was decided. The last pass and a merge need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputEnd {
    /// The checkpoint of the outputs.
    #[serde(rename = "mark")]
    pub checkpoint: String,
    /// Sequence numbers given out.
    pub next: u32,
    /// Bytes of the ledger's last file.
    pub ledger_tail: u64,
    /// The first sequence number of the run.
    pub first: u32,
    /// Bytes of the last segments of the replay logs of the operators that look for copies, in the
    /// order of the registry, where these are kept for a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Vec<u64>>,
}

/// A file shard: one of several machines' share of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Its number, from 0.
    pub index: u32,
    /// The number of shards.
    pub count: u32,
    /// Digest of the names in the whole list.
    pub list: String,
    /// The tables of the operators that look for copies, by their names.
    #[serde(flatten)]
    pub operators: serde_json::Map<String, serde_json::Value>,
}

impl Share {
    /// Share number `index` of `count` of a list. `copies` are the names of the operators that look
    /// for copies.
    ///
    /// # Errors
    /// Never in practice: a configuration can always be written as JSON.
    pub fn new(index: u32, count: u32, list: String, config: &Operators, copies: &[&str]) -> Result<Self> {
        let serde_json::Value::Object(mut operators) = serde_json::to_value(config)? else {
            bail!("the operators' configuration is no table");
        };
        operators.retain(|name, _| copies.contains(&name.as_str()));
        Ok(Self { index, count, list, operators })
    }

    /// The configuration of the operators that look for copies; every other one has its defaults.
    ///
    /// # Errors
    /// If the file holds something else.
    pub fn config(&self) -> Result<Operators> {
        Ok(serde_json::from_value(serde_json::Value::Object(self.operators.clone()))?)
    }
}

/// The manifest of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file.
    pub v: u32,
    /// Digest of everything that affects verdicts.
    pub verdict_digest: String,
    /// Compression, records in a part, whether a corpus is written, `--limit`, snapshot distance:
    /// what shapes the files.
    pub shape: String,
    /// Name, size and hash of each input file.
    pub input: Vec<String>,
    /// Which part of its list the input is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// Which run of its state it is.
    pub run: u32,
    /// How far the run has come.
    pub phase: RunPhase,
    /// Where the run stood when all input was decided; `None` before.
    pub decided: Option<InputEnd>,
}

impl Manifest {
    /// The version of the file that this program writes.
    pub const VERSION: u32 = 1;

    /// Reads the manifest, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))?)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("read {}", path.display())),
        }
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, &serde_json::to_vec_pretty(self)?)?)
    }

    /// Refuses to go on with the output of another configuration or other input.
    ///
    /// # Errors
    /// If `self`, which was found in the folder, is another run than `wanted`.
    pub fn check_same(&self, wanted: &Self, folder: &Path) -> Result<()> {
        let folder = folder.display();
        let advice = "use another --output, or --force to start anew";
        if self.v != wanted.v {
            bail!("{folder} was written by another version of weir; {advice}");
        }
        if self.verdict_digest != wanted.verdict_digest {
            bail!(
                "{folder} holds a run with another configuration, background or seed (verdict digest {}, this command has {}); {advice}",
                self.verdict_digest,
                wanted.verdict_digest
            );
        }
        if self.shape != wanted.shape {
            bail!("{folder} holds a run with other output options ({}, this command has {}); {advice}", self.shape, wanted.shape);
        }
        if self.share != wanted.share {
            let name = |share: &Option<Share>| {
                share.as_ref().map_or_else(|| "none".to_owned(), |s| format!("{}/{} of list {}", s.index, s.count, s.list))
            };
            bail!("{folder} holds shard {}, this command has {}; {advice}", name(&self.share), name(&wanted.share));
        }
        if self.input != wanted.input {
            let count = self.input.len().max(wanted.input.len());
            let differs = (0..count).find(|&i| self.input.get(i) != wanted.input.get(i)).unwrap_or(0);
            let name = |list: &[String]| list.get(differs).cloned().unwrap_or_else(|| "no such file".to_owned());
            bail!(
                "{folder} holds a run over other input: file {} was `{}` and is `{}` (size, hash, name); {advice}",
                differs + 1,
                name(&self.input),
                name(&wanted.input)
            );
        }
        Ok(())
    }
}
