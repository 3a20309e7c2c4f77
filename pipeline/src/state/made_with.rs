//! Which options was a state made with that none of its later runs may change?
//!
//! The file `made-with.json` in a state folder names the options that its indexes are laid out by.
//! The hash seed is in every snapshot beside it. This file does not know which options those are
//! (`config/state_layout.rs` does); it keeps and compares them.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use connectors::file::write_atomically;

use super::StateError;
use crate::layout::StateFolder;

/// The options that a run lays out its indexes by, by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeWith(BTreeMap<String, u64>);

impl MadeWith {
    /// Takes the options of a run.
    pub fn new(options: BTreeMap<String, u64>) -> Self {
        Self(options)
    }

    /// Writes the options into a state that is new, or compares them with those of a state that is
    /// not. A state of an earlier version may have no such file.
    ///
    /// # Errors
    /// Fails if an option differs, or if the file cannot be read or written.
    pub fn keep(&self, state: &StateFolder, is_new: bool) -> Result<(), StateError> {
        let path = state.root().join("made-with.json");
        if is_new {
            fs::create_dir_all(state.root()).map_err(|e| StateError::file("make", state.root(), e))?;
            let bytes = serde_json::to_vec_pretty(&self.0).map_err(|e| StateError::Refused(e.to_string()))?;
            return write_atomically(&path, &bytes).map_err(|e| StateError::Refused(e.to_string()));
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(StateError::file("read", path, e)),
        };
        let kept: BTreeMap<String, u64> =
            serde_json::from_slice(&bytes).map_err(|e| StateError::Refused(format!("{}: {e}", path.display())))?;
        match kept.iter().find(|(key, value)| self.0.get(*key).is_some_and(|now| now != *value)) {
            None => Ok(()),
            Some((key, value)) => Err(StateError::Refused(format!(
                "{} was made with {key} = {value}, and this run has {}",
                state.root().display(),
                self.0[key]
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, state_layout::state_layout};

    fn of(config: &Config) -> MadeWith {
        MadeWith::new(state_layout(config))
    }

    #[test]
    fn what_the_indexes_are_laid_out_by_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::new(folder.path().join("state"));
        let made = of(&Config::default());
        made.keep(&state, false).expect("no file yet");
        made.keep(&state, true).expect("written");
        made.keep(&state, false).expect("the same");
        let mut config = Config::default();
        config.policy.quarantine_score = 0.7;
        of(&config).keep(&state, false).expect("verdicts may change");
        config.operators.near_dup.bands = 20;
        let message = of(&config).keep(&state, false).expect_err("another layout").to_string();
        assert!(message.contains("made with operators.near_dup.bands = 14, and this run has 20"), "{message}");
    }
}
