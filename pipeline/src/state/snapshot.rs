//! How is everything that a restart needs beside the logs written to one file, and read back?
//!
//! ```text
//! magic "weirsnap" | version u32 | blake3 of the body (32 bytes) | body
//! ```
//!
//! A thread of its own writes a snapshot. It syncs the logs whose lengths the body names, writes
//! the file beside its final name, syncs it and renames it. The newest two snapshots are kept. One
//! that is torn, corrupt or of another version is passed over with a warning, and the one before it
//! is used. This file does not know what the body means.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use operators::{
    codec::{Corrupt, Encoder},
    operator::TableCopy,
};
use tracing::warn;

use super::{StateError, sync_folder};

const MAGIC: &[u8; 8] = b"weirsnap";
/// The version. It changes with the layout of any section, and with what the replay log is made of.
const VERSION: u32 = 13;
/// How many snapshots are kept.
const KEPT: usize = 2;
/// The bytes before the body.
const HEAD: usize = 8 + 4 + 32;

/// The contents of a snapshot, in parts. Tables are copied side by side, and only the file joins
/// them.
#[derive(Default)]
pub struct SnapshotBody {
    parts: Vec<Part>,
}

enum Part {
    Bytes(Vec<u8>),
    Slice(TableCopy),
}

impl SnapshotBody {
    /// Adds bytes as they are.
    pub fn push(&mut self, part: Vec<u8>) {
        self.parts.push(Part::Bytes(part));
    }

    /// Encodes everything at once.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut out = Encoder::default();
        for part in self.parts {
            match part {
                Part::Bytes(bytes) => out.bytes.extend(bytes),
                Part::Slice(copy) => {
                    let mut slice = Encoder::default();
                    copy(&mut slice);
                    out.slice(&slice.bytes);
                }
            }
        }
        out.bytes
    }

    /// Adds a copy of a table, which is read back as a slice. The thread that writes the file
    /// encodes it.
    pub fn push_slice(&mut self, part: TableCopy) {
        self.parts.push(Part::Slice(part));
    }
}

/// The snapshots of one state folder.
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    writing: Option<JoinHandle<Result<(), StateError>>>,
}

impl Snapshots {
    /// Opens the snapshots in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// Fails if the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(folder).map_err(|e| StateError::file("make", folder, e))?;
        Ok(Self { folder: folder.to_owned(), writing: None })
    }

    /// Writes the snapshot that was taken at `seqno` in the background. The one before is finished
    /// first, so at most one is held in memory.
    ///
    /// # Errors
    /// Fails if the one before could not be written, or if no thread can be had.
    pub fn write_behind(&mut self, seqno: u64, body: SnapshotBody, logs: Vec<File>) -> Result<(), StateError> {
        self.finish()?;
        let folder = self.folder.clone();
        let thread = thread::Builder::new().name("weir-snapshot".to_owned());
        let writing = thread.spawn(move || {
            for log in logs {
                log.sync_all().map_err(|e| StateError::file("sync the logs beside", &folder, e))?;
            }
            connectors::kill::point("snapshot.logs_synced");
            write(&folder, seqno, body)
        });
        self.writing = Some(writing.map_err(|e| StateError::file("start a thread for", &self.folder, e))?);
        Ok(())
    }

    /// Waits until the snapshot that was begun is written.
    ///
    /// # Errors
    /// Fails if it could not be written.
    pub fn finish(&mut self) -> Result<(), StateError> {
        match self.writing.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(StateError::Refused(format!("{}: writing a snapshot failed", self.folder.display()))),
            None => Ok(()),
        }
    }

    /// Returns the sequence numbers at which snapshots were taken, newest first.
    ///
    /// # Errors
    /// Fails if the folder cannot be listed.
    pub fn list(&self) -> Result<Vec<u64>, StateError> {
        list(&self.folder)
    }

    /// Returns the bytes of the newest snapshot; 0 if there is none.
    pub fn newest_bytes(&self) -> u64 {
        let newest = self.list().ok().and_then(|all| all.first().copied());
        newest.and_then(|seqno| fs::metadata(path_of(&self.folder, seqno)).ok()).map_or(0, |m| m.len())
    }

    /// Reads the newest sound snapshot: its sequence number and its body.
    ///
    /// # Errors
    /// Fails if the folder cannot be read, or if there are snapshots and none is sound.
    pub fn newest(&self) -> Result<Option<(u64, Vec<u8>)>, StateError> {
        let all = self.list()?;
        let mut passed_over = Vec::new();
        for &seqno in &all {
            let path = path_of(&self.folder, seqno);
            let mut bytes = fs::read(&path).map_err(|e| StateError::file("read", &path, e))?;
            match check(&bytes) {
                Ok(()) => {
                    // Otherwise a bad one would count among those that are kept, and a sound one
                    // would be removed.
                    for path in &passed_over {
                        fs::remove_file(path).map_err(|e| StateError::file("remove", path, e))?;
                    }
                    bytes.drain(..HEAD);
                    return Ok(Some((seqno, bytes)));
                }
                Err(corrupt) => {
                    warn!(path = %path.display(), %corrupt, "snapshot passed over");
                    passed_over.push(path);
                }
            }
        }
        if all.is_empty() {
            Ok(None)
        } else {
            Err(StateError::Refused(format!("{}: no snapshot is readable", self.folder.display())))
        }
    }
}

/// Waits for the thread, so that nothing is left half written on purpose. A failure shows at the
/// next start.
impl Drop for Snapshots {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// Returns the path of the snapshot that was taken at `seqno`.
fn path_of(folder: &Path, seqno: u64) -> PathBuf {
    folder.join(format!("{seqno:012}.snapshot"))
}

/// Lists the snapshots in a folder, newest first.
fn list(folder: &Path) -> Result<Vec<u64>, StateError> {
    let entries = fs::read_dir(folder).map_err(|e| StateError::file("list", folder, e))?;
    let mut found: Vec<u64> =
        entries.filter_map(|e| e.ok()?.file_name().to_str()?.strip_suffix(".snapshot")?.parse().ok()).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Writes the snapshot that was taken at `seqno`, and removes all but the newest two.
fn write(folder: &Path, seqno: u64, body: SnapshotBody) -> Result<(), StateError> {
    let path = path_of(folder, seqno);
    let tmp = path.with_extension("tmp");
    let put = || -> std::io::Result<()> {
        let mut file = File::create(&tmp)?;
        file.seek(SeekFrom::Start(HEAD as u64))?;
        let mut hasher = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hasher.update(bytes);
            file.write_all(bytes)
        };
        let mut slice = Encoder::default();
        for part in body.parts {
            match part {
                Part::Bytes(bytes) => add(&bytes)?,
                Part::Slice(copy) => {
                    slice.bytes.clear();
                    copy(&mut slice);
                    add(&(slice.bytes.len() as u64).to_le_bytes())?;
                    add(&slice.bytes)?;
                }
            }
        }
        file.rewind()?;
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(hasher.finalize().as_bytes())?;
        file.sync_all()
    };
    put().map_err(|e| StateError::file("write", &tmp, e))?;
    connectors::kill::point("snapshot.tmp_written");
    fs::rename(&tmp, &path).map_err(|e| StateError::file("rename", &tmp, e))?;
    connectors::kill::point("snapshot.renamed");
    sync_folder(folder)?;
    for old in list(folder)?.into_iter().skip(KEPT) {
        let path = path_of(folder, old);
        fs::remove_file(&path).map_err(|e| StateError::file("remove", &path, e))?;
    }
    Ok(())
}

/// Checks that these bytes are a whole snapshot.
fn check(bytes: &[u8]) -> Result<(), Corrupt> {
    let corrupt = |what, at| Corrupt { what, at };
    let head = bytes.get(..HEAD).ok_or(corrupt("a whole header", bytes.len()))?;
    if &head[..8] != MAGIC {
        return Err(corrupt("the magic of a snapshot", 0));
    }
    if head[8..12] != VERSION.to_le_bytes() {
        return Err(corrupt("a snapshot of this version", 8));
    }
    let body = &bytes[HEAD..];
    if blake3::hash(body).as_bytes() == &head[12..HEAD] { Ok(()) } else { Err(corrupt("a body that matches its checksum", HEAD)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> SnapshotBody {
        let mut body = SnapshotBody::default();
        bytes.chunks(5).for_each(|part| body.push(part.to_vec()));
        body
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_detected() {
        let dir = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::open(dir.path()).expect("opens");
        write(dir.path(), 1, body(b"the older body")).expect("written");
        write(dir.path(), 2, body(b"the newer body")).expect("written");
        let path = path_of(dir.path(), 2);
        let good = fs::read(&path).expect("bytes");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, &bad).expect("written");
            assert_eq!(snapshots.newest().expect("one is good"), Some((1, b"the older body".to_vec())));
            fs::write(&path, &good[..at]).expect("written");
            assert_eq!(snapshots.newest().expect("one is good").map(|s| s.0), Some(1));
        }
        fs::write(path_of(dir.path(), 1), b"").expect("written");
        assert!(snapshots.newest().is_err(), "no silent loss of state");
    }

    #[test]
    fn keeps_the_newest_two() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut snapshots = Snapshots::open(dir.path()).expect("opens");
        assert_eq!(snapshots.newest().expect("empty"), None);
        for seqno in [64, 128, 192] {
            snapshots.write_behind(seqno, body(&seqno.to_le_bytes()), Vec::new()).expect("begun");
        }
        snapshots.finish().expect("written");
        assert_eq!(snapshots.list().expect("listed"), [192, 128]);
    }
}
