//! Where everything of a run lies in its output folder.
//!
//! ```text
//! DIR/clean/ quarantine/ duplicates/   the corpus, after the last pass
//! DIR/decisions.jsonl recalls.jsonl alarms.jsonl dead-letters.jsonl report.json timings.json
//! DIR/.weir/run.json                   what the run is, and how far it has come
//! DIR/.weir/lock  staged/  state/      one process at a time; the corpus before the last pass; working state
//! ```
//!
//! A state folder (`--state DIR`, or the run's own) holds `ledger/`, `horizon/`, `traces/`, `snapshots/`. A base keeps whole states as
//! `generation-N/` and names the one in force in `CURRENT`, so replacing it is one rename.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// An output folder.
#[derive(Clone, Debug)]
pub struct OutputFolder {
    root: PathBuf,
}

impl OutputFolder {
    /// The folder `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What weir keeps for itself.
    pub fn private(&self) -> PathBuf {
        self.root.join(".weir")
    }

    /// What the run is.
    pub fn manifest(&self) -> PathBuf {
        self.private().join("run.json")
    }

    /// The run's working state.
    pub fn state(&self) -> StateFolder {
        StateFolder { root: self.private().join("state") }
    }

    /// What a finished shard keeps for a merge.
    pub fn share(&self) -> StateFolder {
        StateFolder { root: self.private().join("shard") }
    }

    /// A file of the output contract.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Removes a folder of ours with all that is in it, if it is there.
///
/// # Errors
/// If something of it cannot be removed.
pub fn remove_if_there(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// A state folder.
#[derive(Clone, Debug)]
pub struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// The state in `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The fates.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// The texts.
    pub fn horizon(&self) -> PathBuf {
        self.root.join("horizon")
    }

    /// What the indexes of the operator of this name are rebuilt from.
    pub fn replay_log(&self, operator: &str) -> PathBuf {
        self.root.join("traces").join(operator)
    }

    /// The snapshots.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }
}
