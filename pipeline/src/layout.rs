//! Where does each file of a run lie?
//!
//! ```text
//! DIR/clean/ quarantine/ duplicates/   the corpus, after the last pass
//! DIR/decisions.jsonl recalls.jsonl alarms.jsonl clusters.jsonl dead-letters.jsonl report.json timings.json
//! DIR/.weir/run.json                   what the run is, and how far it has come
//! DIR/.weir/lock                       held by the one process that works on the folder
//! DIR/.weir/staged/                    the corpus before the last pass
//! DIR/.weir/state/                     working state
//! ```
//!
//! A state folder (`--state DIR`, or the run's own) holds `ledger/`, `horizon/`, `traces/` and
//! `snapshots/`. A base keeps whole states as `generation-N/` and names the one in force in
//! `CURRENT`, so one rename replaces the state.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Folders with results in an output folder.
const RESULT_FOLDERS: [&str; 4] = ["clean", "quarantine", "duplicates", "attributes"];
/// Files with results in an output folder.
const RESULT_FILES: [&str; 7] =
    ["decisions.jsonl", "recalls.jsonl", "alarms.jsonl", "clusters.jsonl", "dead-letters.jsonl", "report.json", "timings.json"];

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

    /// The folder of what weir keeps for itself.
    pub fn private(&self) -> PathBuf {
        self.root.join(".weir")
    }

    /// The file that says what the run is and how far it has come.
    pub fn manifest(&self) -> PathBuf {
        self.private().join("run.json")
    }

    /// The folder of the run's working state.
    pub fn state(&self) -> StateFolder {
        StateFolder { root: self.private().join("state") }
    }

    /// The folder of what a finished file shard keeps for a merge.
    pub fn share(&self) -> StateFolder {
        StateFolder { root: self.private().join("shard") }
    }

    /// A file of the output contract.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Removes what a run needs only until it is finished: the staged corpus and the working state.
    ///
    /// # Errors
    /// If one of them cannot be removed.
    pub fn remove_working(&self) -> Result<()> {
        remove_if_there(self.state().root())?;
        remove_if_there(&self.private().join("staged"))
    }

    /// Removes everything that weir writes, and nothing else that may lie in the folder.
    ///
    /// # Errors
    /// If the manifest or a folder cannot be removed.
    pub fn remove_results(&self) -> Result<()> {
        // The manifest goes first: without it nothing of what is left counts.
        match fs::remove_file(self.manifest()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e).context("remove the manifest"),
            _ => {}
        }
        self.remove_working()?;
        remove_if_there(self.share().root())?;
        for folder in RESULT_FOLDERS {
            remove_if_there(&self.file(folder))?;
        }
        for file in RESULT_FILES {
            let _ = fs::remove_file(self.file(file));
        }
        Ok(())
    }
}

/// Removes a folder with everything in it, if it exists.
///
/// # Errors
/// If something in it cannot be removed.
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

    /// The folder of the ledger: what was decided about each document.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// The folder of the horizon: the texts of the documents that a recall can reach.
    pub fn horizon(&self) -> PathBuf {
        self.root.join("horizon")
    }

    /// What the indexes of the operator of this name are rebuilt from.
    pub fn replay_log(&self, operator: &str) -> PathBuf {
        self.replay_logs().join(operator)
    }

    /// The folder of all replay logs, one for each operator with keyed state.
    pub fn replay_logs(&self) -> PathBuf {
        self.root.join("traces")
    }

    /// The folder of the rules that batches were decided with, each in a file named by its digest behind a number.
    pub fn rules(&self) -> PathBuf {
        self.root.join("rules")
    }

    /// The folder of the snapshots.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }
}
