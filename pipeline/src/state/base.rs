//! How is state carried from one dump to the next (`--state DIR`)?
//!
//! ```text
//! DIR/CURRENT              "generation-3": the generation in force
//! DIR/generation-3/        a whole state folder
//! ```
//!
//! A run copies the generation in force and works on its copy. When it is finished, it moves the
//! copy in as the next generation and names that one in `CURRENT`. So a kill at any moment leaves a
//! whole state in force.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use connectors::file::write_atomically;

use super::StateError;
use crate::{
    layout::StateFolder,
    manifest::{Manifest, RunPhase},
};

const CURRENT: &str = "CURRENT";
const PREFIX: &str = "generation-";

/// A folder with the generations of a state.
#[derive(Clone, Debug)]
pub struct Base {
    root: PathBuf,
    generation: Option<u32>,
}

impl Base {
    /// Opens `root`. A folder that is missing or empty has no generation yet.
    ///
    /// # Errors
    /// Fails if the folder cannot be read, or holds something else.
    pub fn open(root: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(root).map_err(|e| StateError::file("make", root, e))?;
        let current = root.join(CURRENT);
        let generation = match fs::read_to_string(&current) {
            Ok(name) => {
                let number = name.trim().strip_prefix(PREFIX).and_then(|n| n.parse().ok());
                let unknown = || StateError::Refused(format!("{}: got {name:?}, expected {PREFIX}N", current.display()));
                Some(number.ok_or_else(unknown)?)
            }
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(StateError::file("read", current, e)),
        };
        Ok(Self { root: root.to_owned(), generation })
    }

    /// Returns the number of the run that would follow the generation in force.
    pub fn next_run(&self) -> u32 {
        self.generation.map_or(0, |g| g + 1)
    }

    /// Refuses to go on with a run that began on another generation than the one in force, because
    /// its end would undo what another run has added since. A run that has published may have
    /// replaced the generation itself.
    ///
    /// # Errors
    /// Fails if the state has moved on.
    pub fn check_unmoved(&self, run: &Manifest) -> Result<(), StateError> {
        let replaced = run.phase >= RunPhase::Published && self.generation == Some(run.run);
        if self.next_run() == run.run || replaced || run.phase == RunPhase::Finished {
            return Ok(());
        }
        let in_force = self.generation.map_or_else(|| "none".to_owned(), |g| format!("{PREFIX}{g}"));
        Err(StateError::Refused(format!(
            "{}: {in_force} is in force, but this run would become {PREFIX}{}: another run has replaced the state since; \
             --force starts anew on the state as it is now",
            self.root.display(),
            run.run
        )))
    }

    fn folder(&self, generation: u32) -> PathBuf {
        self.root.join(format!("{PREFIX}{generation}"))
    }

    /// Copies the generation in force to a working folder, whole or not at all.
    ///
    /// # Errors
    /// Fails if a file cannot be copied.
    pub fn copy_to(&self, working: &StateFolder) -> Result<(), StateError> {
        let Some(generation) = self.generation else { return Ok(()) };
        remove(working.root())?;
        copy_whole(&self.folder(generation), working.root())
    }

    /// Puts the working state of a finished run in force, as generation `run`. After a kill it can
    /// be called again, and then goes on.
    ///
    /// # Errors
    /// Fails if a file cannot be moved.
    pub fn replace(&self, working: &StateFolder, run: u32) -> Result<(), StateError> {
        let target = self.folder(run);
        if working.root().exists() && self.generation != Some(run) {
            remove(&target)?;
            match fs::rename(working.root(), &target) {
                Err(e) if e.kind() == ErrorKind::CrossesDevices => {
                    let tmp = target.with_extension("tmp");
                    remove(&tmp)?;
                    copy(working.root(), &tmp)?;
                    fs::rename(&tmp, &target).map_err(|e| StateError::file("rename", tmp, e))?;
                }
                done => done.map_err(|e| StateError::file("move", working.root(), e))?,
            }
            connectors::kill::point("base.moved");
        }
        let current = self.root.join(CURRENT);
        write_atomically(&current, format!("{PREFIX}{run}\n").as_bytes()).map_err(|e| StateError::Refused(e.to_string()))?;
        connectors::kill::point("base.current");
        self.remove_others(run)
    }

    /// Removes every generation but `run`, and with them those that a killed run has left.
    fn remove_others(&self, run: u32) -> Result<(), StateError> {
        let failed = |e| StateError::file("list", &self.root, e);
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let generation = entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
            if generation.is_some_and(|generation| generation != run) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<(), StateError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StateError::file("remove", folder, e)),
        _ => Ok(()),
    }
}

/// Copies a folder to a name that is not there yet, whole or not at all.
///
/// # Errors
/// Fails if a file cannot be copied.
pub fn copy_whole(from: &Path, to: &Path) -> Result<(), StateError> {
    let tmp = to.with_extension("tmp");
    remove(&tmp)?;
    copy(from, &tmp)?;
    fs::rename(&tmp, to).map_err(|e| StateError::file("rename", tmp, e))
}

/// Copies a folder with its files and folders.
fn copy(from: &Path, to: &Path) -> Result<(), StateError> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to).map_err(|e| StateError::file("make", &to, e))?;
        for entry in fs::read_dir(&from).map_err(|e| StateError::file("list", &from, e))? {
            let entry = entry.map_err(|e| StateError::file("list", &from, e))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            if source.is_dir() {
                folders.push((source, target));
            } else {
                fs::copy(&source, &target).map_err(|e| StateError::file("copy", &source, e))?;
            }
        }
    }
    Ok(())
}
