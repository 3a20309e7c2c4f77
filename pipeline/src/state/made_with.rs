//! Which options was a state made with that none of its later runs may change?
//!
//! `made-with.json` in a state folder: those that the indexes are laid out by. The hash seed is in every snapshot beside
//! them. Everything else may differ from run to run, the verdict digest included: a later dump may well be judged otherwise.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use connectors::file::write_atomically;

use super::StateError;
use crate::{config::Config, layout::StateFolder};

/// The options, by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeWith(BTreeMap<String, u64>);

impl MadeWith {
    /// What a configuration says.
    pub fn of(config: &Config) -> Self {
        let (near, spike) = (&config.operators.near_dup, &config.operators.trigger_spike);
        let all = [
            ("engine.border", u64::from(config.engine.epoch)),
            ("operators.exact_dedup.documents_max", config.operators.exact_dedup.documents_max.into()),
            ("operators.near_dup.bands", near.bands.into()),
            ("operators.near_dup.documents_max", near.documents_max.into()),
            ("operators.near_dup.rows", near.rows.into()),
            ("operators.trigger_spike.horizon_documents", spike.horizon_documents.into()),
        ];
        Self(all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Writes it into a state that is new, or compares it with what a state says; one of an earlier version says nothing.
    ///
    /// # Errors
    /// If an option differs.
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

    #[test]
    fn what_the_indexes_are_laid_out_by_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::new(folder.path().join("state"));
        let made = MadeWith::of(&Config::default());
        made.keep(&state, false).expect("nothing said");
        made.keep(&state, true).expect("written");
        made.keep(&state, false).expect("the same");
        let mut config = Config::default();
        config.policy.quarantine_score = 0.7;
        MadeWith::of(&config).keep(&state, false).expect("verdicts may change");
        config.operators.near_dup.bands = 20;
        let said = MadeWith::of(&config).keep(&state, false).expect_err("another layout").to_string();
        assert!(said.contains("made with operators.near_dup.bands = 14, and this run has 20"), "{said}");
    }
}
