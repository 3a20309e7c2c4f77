//! How are bytes anywhere in an object read, for formats that are read from their end?

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use super::{RemoteClient, RemoteObject};
use crate::byte_range::ByteRange;

/// Bytes of one request: enough that its round trip costs little.
const BLOCK_BYTES: u64 = 4 << 20;
/// Blocks of an object that are kept, 128 MiB in all. A row group of a usual table has that size,
/// so it is asked for once.
const BLOCKS_KEPT: usize = 32;

/// Reads an object in blocks, and keeps those that were read last.
#[derive(Debug)]
pub struct Blocks {
    object: RemoteObject,
    /// Number and bytes of each block; the one read last is at the end.
    kept: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
}

impl Blocks {
    /// Makes a reader of an object that was looked up. Nothing is requested before the first read.
    #[must_use]
    pub fn new(object: RemoteObject) -> Self {
        Self { object, kept: Mutex::default() }
    }

    /// Returns the size of the object in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.object.size
    }

    /// Reads some bytes from `at` on. Only at the end it reads 0 bytes.
    ///
    /// # Errors
    /// Those of [`RemoteClient::open_range`], inside an [`io::Error`].
    pub fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.object.size {
            return Ok(0);
        }
        let block = self.block(at / BLOCK_BYTES)?;
        let rest = block.get((at % BLOCK_BYTES) as usize..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn block(&self, number: u64) -> io::Result<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(block, _)| *block == number);
        let block = match place.and_then(|place| kept.remove(place)) {
            Some((_, block)) => block,
            None => self.fetch(number)?,
        };
        if kept.len() == BLOCKS_KEPT {
            kept.pop_front();
        }
        kept.push_back((number, Arc::clone(&block)));
        Ok(block)
    }

    fn fetch(&self, number: u64) -> io::Result<Arc<[u8]>> {
        let offset = number * BLOCK_BYTES;
        let part = ByteRange { offset, length: BLOCK_BYTES.min(self.object.size - offset) };
        let open = || RemoteClient::of_process()?.open_range(&self.object, part);
        let mut bytes = Vec::with_capacity(part.length as usize);
        open().map_err(io::Error::other)?.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
