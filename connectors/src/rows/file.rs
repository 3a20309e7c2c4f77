//! A Parquet file's bytes, for the library and for what looks at them before it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ::parquet::{
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length},
};
use bytes::Bytes;

/// Read ahead of a page header.
const BUFFER_BYTES: usize = 8 << 10;

/// A file on disk that knows whether the disk has failed: the library's own errors do not always tell.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    file: Arc<File>,
    length: u64,
    failed: Arc<AtomicBool>,
}

impl Disk {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length, failed: Arc::default() })
    }

    /// Bytes of the file when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether a read has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Up to `most` bytes from `at` on; fewer at the end of the file.
    pub(super) fn bytes(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.from(at)?.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn from(&self, at: u64) -> io::Result<Watched> {
        // The place is shared with all other readers of the file; each seeks before it reads, and none reads while another does.
        let read = self.file.try_clone().and_then(|mut file| file.seek(SeekFrom::Start(at)).map(|_| file));
        self.failed.fetch_or(read.is_err(), Ordering::Relaxed);
        Ok(Watched { file: read?, failed: Arc::clone(&self.failed) })
    }
}

impl Length for Disk {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Disk {
    type T = BufReader<Watched>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(BUFFER_BYTES, self.from(start)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, the file has {}", self.length)));
        }
        let bytes = self.bytes(start, length)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("the file ends at {}", start + bytes.len() as u64)));
        }
        Ok(bytes.into())
    }
}

/// Notes a failing disk.
#[derive(Debug)]
pub(super) struct Watched {
    file: File,
    failed: Arc<AtomicBool>,
}

impl Read for Watched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.failed.store(true, Ordering::Relaxed);
        }
        read
    }
}
