//! Which records were not published? Each is one line in a file of dead letters.
//!
//! A line is durable before the place behind its record is committed, so none is missing. The lines
//! of a file are read when it is opened, so none is there twice when a batch is done again. One
//! process writes such a file at a time.

use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io::{BufRead, BufReader, ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use connectors::source::Record;
use decode::Reject;
use serde::Deserialize;
use tracing::warn;

use crate::{output::lines::dead_letter, state::sync_folder};

/// A file of dead letters. It is not made before there is a dead letter.
pub(super) struct DeadLetters {
    path: PathBuf,
    open: Option<OpenFile>,
}

/// The file, once there is a dead letter.
struct OpenFile {
    file: File,
    /// The positions of the records in the file.
    known: HashSet<String>,
    unsynced: bool,
}

impl DeadLetters {
    /// Dead letters that go to `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of dead letters, once this process has added one: those of earlier processes
    /// included.
    pub(super) fn len(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.known.len())
    }

    /// Removes the dead letters of an earlier publication.
    pub(super) fn forget(&mut self) -> Result<()> {
        self.open = None;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Adds the dead letter of a record, unless it is there already.
    pub(super) fn add(&mut self, record: &Record, position: String, reject: &Reject) -> Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(OpenFile::open(&self.path).with_context(|| format!("open {}", self.path.display()))?),
        };
        if open.known.contains(&position) {
            return Ok(());
        }
        warn!(position, code = reject.code, "not published: {}", reject.message);
        let mut line = dead_letter(record, position.clone(), reject);
        line.push(b'\n');
        open.file.write_all(&line).with_context(|| format!("write {}", self.path.display()))?;
        open.known.insert(position);
        open.unsynced = true;
        Ok(())
    }

    /// Makes all dead letters durable.
    pub(super) fn sync(&mut self) -> Result<()> {
        if let Some(open) = self.open.as_mut().filter(|open| open.unsynced) {
            open.file.sync_all().with_context(|| format!("sync {}", self.path.display()))?;
            open.unsynced = false;
        }
        Ok(())
    }
}

impl OpenFile {
    /// Opens the file, and reads which dead letters it holds. A last line that a kill has cut is
    /// removed.
    fn open(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct KnownLine {
            position: String,
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let file = File::options().read(true).append(true).create(true).open(path)?;
        sync_folder(folder)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another process publishes the same files and writes it"),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (mut known, mut whole, mut line) = (HashSet::new(), 0, Vec::new());
        let mut reader = BufReader::new(&file);
        while reader.read_until(b'\n', &mut line)? > 0 {
            // The last line may be half of one that a kill has cut.
            if !line.ends_with(b"\n") {
                break;
            }
            known.insert(serde_json::from_slice::<KnownLine>(&line).context("a line is no dead letter")?.position);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        Ok(Self { file, known, unsynced: false })
    }
}

#[cfg(test)]
mod tests {
    use connectors::{
        position::Position,
        source::{BadRecord, Payload},
    };

    use super::*;

    #[test]
    fn each_is_there_once_whatever_is_cut() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("new/dead.jsonl");
        let bad = BadRecord { code: "c", message: "m".to_owned(), bytes: b"x\n".to_vec(), length: 2, packed: None };
        let record = Record::new(Position { partition: 0, offset: 0 }, 0, Payload::Bad(bad));
        let reject = Reject { code: "c", message: "m".to_owned() };
        let add = |positions: &[&str]| {
            let mut letters = DeadLetters::new(path.clone());
            letters.sync().expect("nothing to do");
            for position in positions {
                letters.add(&record, (*position).to_owned(), &reject).expect("written");
            }
            letters.sync().expect("durable");
            letters.len()
        };
        assert_eq!(add(&[]), 0);
        assert!(!path.exists(), "not made before it is needed");
        assert_eq!(add(&["f#1", "f#2", "f#1"]), 2);
        let whole = fs::read(&path).expect("there");
        fs::write(&path, &whole[..whole.len() - 5]).expect("cut");
        assert_eq!(add(&["f#1", "f#2", "f#3"]), 3);
        let text = fs::read_to_string(&path).expect("there");
        let positions: Vec<String> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).expect("JSON")["position"].as_str().expect("text").to_owned()
            })
            .collect();
        assert_eq!(positions, ["f#1", "f#2", "f#3"]);
        let (mut first, mut second) = (DeadLetters::new(path.clone()), DeadLetters::new(path.clone()));
        first.add(&record, "f#4".to_owned(), &reject).expect("written");
        let error = second.add(&record, "f#4".to_owned(), &reject).expect_err("held by the first");
        assert!(format!("{error:#}").contains("another process"), "{error:#}");
        let mut letters = DeadLetters::new(path.clone());
        letters.forget().expect("removed");
        letters.forget().expect("gone already");
        assert!(!path.exists());
    }
}
