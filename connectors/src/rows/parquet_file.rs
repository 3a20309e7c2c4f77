//! How are a Parquet file's bytes read, by the library and by what checks them before it?

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

use ::parquet::{
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length},
};
use bytes::Bytes;

use crate::remote::{Blocks, RemoteObject};

/// Bytes that are read ahead for a page header.
const BUFFER_BYTES: usize = 8 << 10;

/// A file on disk or behind an address that can be read at any offset. It keeps the error of a
/// failed read, since the library's own errors do not always tell that a read has failed.
#[derive(Clone, Debug)]
pub struct ParquetFile {
    storage: Arc<ParquetStorage>,
    length: u64,
    failure: Arc<Mutex<Option<io::Error>>>,
}

#[derive(Debug)]
enum ParquetStorage {
    Disk(File),
    Object(Blocks),
}

impl ParquetFile {
    /// Reads a file on disk.
    ///
    /// # Errors
    /// If the file's length cannot be determined.
    pub fn on_disk(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { storage: Arc::new(ParquetStorage::Disk(file)), length, failure: Arc::default() })
    }

    /// Reads a remote object in the version that was looked up.
    pub(crate) fn remote(object: RemoteObject) -> Self {
        let blocks = Blocks::new(object);
        let length = blocks.length();
        Self { storage: Arc::new(ParquetStorage::Object(blocks)), length, failure: Arc::default() }
    }

    /// Returns the size of the file when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the error of a read by the library, if one has failed.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads up to `most` bytes from `at` on. It reads fewer only at the end of the file.
    pub(super) fn read_range(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        ReadFrom { file: self, at }.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        match &*self.storage {
            ParquetStorage::Disk(file) => file.read_at(out, at),
            ParquetStorage::Object(blocks) => blocks.read_at(out, at),
        }
    }

    /// Keeps an error, and returns a similar one for the library.
    fn note(&self, error: io::Error) -> io::Error {
        let copy = io::Error::new(error.kind(), error.to_string());
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        copy
    }
}

impl Length for ParquetFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ParquetFile {
    type T = BufReader<LibraryReader>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(BUFFER_BYTES, LibraryReader { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, the file has {}", self.length)));
        }
        let bytes = self.read_range(start, length).map_err(|error| self.note(error))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("the file ends at {}", start + bytes.len() as u64)));
        }
        Ok(bytes.into())
    }
}

/// Reads from an offset on.
struct ReadFrom<'a> {
    file: &'a ParquetFile,
    at: u64,
}

impl Read for ReadFrom<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(out, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Reads from an offset on for the library, and keeps errors.
#[derive(Debug)]
pub struct LibraryReader {
    file: ParquetFile,
    at: u64,
}

impl Read for LibraryReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.file.read_at(out, self.at) {
            Ok(count) => {
                self.at += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.file.note(error)),
        }
    }
}
