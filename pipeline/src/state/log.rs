//! How are entries appended to a file, so that they can be read back while it grows?
//!
//! An entry is a 4-byte length, a 4-byte check (of the bytes' xxh3) and the bytes. What was
//! appended since the last [`Log::flush`] is held in memory (at most 1 MiB) and can be read all the
//! same. Restoring truncates the file to a length that a snapshot names. What lies beyond was never
//! acknowledged.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use operators::codec::Corrupt;
use xxhash_rust::xxh3::xxh3_64;

use super::StateError;

/// How many bytes are held back before they are written.
const BUFFER_BYTES: usize = 1 << 20;
/// The bytes of an entry before its contents: length and check.
const HEAD: usize = 8;

/// An append-only file of entries.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    written: u64,
    buffer: Vec<u8>,
}

impl Log {
    /// Opens the file, or makes it, and cuts it to `length` bytes.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or is shorter than `length`.
    pub fn open(path: &Path, length: u64) -> Result<Self, StateError> {
        let file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(|e| StateError::file("open", path, e))?;
        let found = file.metadata().map_err(|e| StateError::file("read the length of", path, e))?.len();
        if found < length {
            return Err(StateError::corrupt(path, Corrupt { what: "as many bytes as the snapshot names", at: found as usize }));
        }
        file.set_len(length).map_err(|e| StateError::file("truncate", path, e))?;
        Ok(Self { path: path.to_owned(), file, written: length, buffer: Vec::new() })
    }

    /// Returns the bytes that were appended so far, which is where the next entry begins.
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Returns whether nothing was appended yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends an entry and returns where it begins.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, StateError> {
        let at = self.len();
        self.buffer.extend_from_slice(&(entry.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(&check(entry).to_le_bytes());
        self.buffer.extend_from_slice(entry);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(at)
    }

    /// Reads the entry that begins at `at`.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if its bytes are not what was appended.
    pub fn read(&self, at: u64) -> Result<Vec<u8>, StateError> {
        let corrupt = |what| StateError::corrupt(&self.path, Corrupt { what, at: at as usize });
        if let Some(start) = at.checked_sub(self.written) {
            let rest = self.buffer.get(start as usize..).ok_or_else(|| corrupt("an entry within the log"))?;
            return entry_of(rest).map(<[u8]>::to_vec).ok_or_else(|| corrupt("a whole entry"));
        }
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, at).map_err(|e| StateError::file("read", &self.path, e))?;
        let (length, sum) = split_head(head);
        if at + (HEAD + length) as u64 > self.written {
            return Err(corrupt("a length within the log"));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at + HEAD as u64).map_err(|e| StateError::file("read", &self.path, e))?;
        if check(&bytes) == sum { Ok(bytes) } else { Err(corrupt("bytes that match their check")) }
    }

    /// Calls `each` with every entry in order, and with the byte at which the entry begins.
    ///
    /// # Errors
    /// Fails if the file cannot be read, if an entry is torn, or if `each` fails.
    pub fn scan(&self, mut each: impl FnMut(u64, &[u8]) -> Result<(), Corrupt>) -> Result<(), StateError> {
        let mut at = 0;
        while at < self.len() {
            let entry = self.read(at)?;
            each(at, &entry).map_err(|e| StateError::corrupt(&self.path, e))?;
            at += (HEAD + entry.len()) as u64;
        }
        Ok(())
    }

    /// Hands what is held in memory to the system.
    ///
    /// # Errors
    /// Fails if the disk is full.
    pub fn flush(&mut self) -> Result<(), StateError> {
        self.file.write_all(&self.buffer).map_err(|e| StateError::file("append to", &self.path, e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Returns another handle on the file. Syncing it makes durable what was flushed.
    ///
    /// # Errors
    /// Fails if the system gives none.
    pub fn handle(&self) -> Result<File, StateError> {
        self.file.try_clone().map_err(|e| StateError::file("open again", &self.path, e))
    }

    /// Flushes the log and waits until it is on disk.
    ///
    /// # Errors
    /// Fails if the disk is full or fails.
    pub fn sync(&mut self) -> Result<(), StateError> {
        self.flush()?;
        self.file.sync_data().map_err(|e| StateError::file("sync", &self.path, e))
    }
}

/// Computes the check of an entry: the low half of its xxh3.
fn check(entry: &[u8]) -> u32 {
    xxh3_64(entry) as u32
}

/// Returns the length and the check of an entry.
fn split_head(head: [u8; HEAD]) -> (usize, u32) {
    let word = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
    (word(0) as usize, word(4))
}

/// Returns the contents of the entry at the beginning of `bytes`; `None` if it is not whole and
/// sound.
fn entry_of(bytes: &[u8]) -> Option<&[u8]> {
    let (length, sum) = split_head(*bytes.first_chunk::<HEAD>()?);
    bytes.get(HEAD..HEAD + length).filter(|entry| check(entry) == sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_flushed_or_not_and_after_a_cut() -> Result<(), StateError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let mut log = Log::open(&path, 0)?;
        let first = log.append(b"one")?;
        log.sync()?;
        let second = log.append(b"two")?;
        assert_eq!((log.read(first)?, log.read(second)?), (b"one".to_vec(), b"two".to_vec()));
        log.sync()?;
        log.append(b"never acknowledged")?;
        log.flush()?;
        let length = second + 11;
        let log = Log::open(&path, length)?;
        let mut seen = Vec::new();
        log.scan(|_, e| {
            seen.push(e.to_vec());
            Ok(())
        })?;
        assert_eq!(seen, [b"one", b"two"]);
        Ok(())
    }

    #[test]
    fn a_flipped_bit_or_a_missing_tail_is_corrupt() -> Result<(), StateError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log");
        let mut log = Log::open(&path, 0)?;
        log.append(b"payload")?;
        log.sync()?;
        let mut bytes = std::fs::read(&path).expect("bytes");
        bytes[HEAD + 2] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert!(Log::open(&path, 15)?.scan(|_, _| Ok(())).is_err());
        assert!(Log::open(&path, 16).is_err());
        Ok(())
    }
}
