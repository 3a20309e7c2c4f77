//! How is a part of an object read in one stream, over as many connections as it takes?

use std::{
    io::{self, Read},
    sync::Arc,
    thread,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{Error as Failed, GetOptions, GetRange, GetResult, ObjectStore, path::Path};
use tokio::runtime::Handle;
use tracing::warn;

use super::{RemoteObject, failure::failed, retry::RetryPolicy};
use crate::{byte_range::ByteRange, error::Error};

/// After a connection that brought this much, tries are counted anew.
const PROGRESS_BYTES: u64 = 1 << 20;
/// How often the pause is doubled.
const DOUBLINGS_MAX: u32 = 6;

/// See the [module documentation](self).
pub(super) struct ObjectReader {
    runtime: Handle,
    store: Arc<dyn ObjectStore>,
    path: Path,
    object: RemoteObject,
    retry_policy: RetryPolicy,
    /// Offset of the next byte to return, and the offset behind the last one.
    at: u64,
    end: u64,
    stream: Option<ObjectStream>,
    chunk: Bytes,
    /// False once the server has shown that it does not support ranges. The object is then read
    /// from its beginning.
    ranges: bool,
    /// Whether a server without ranges is an error instead.
    needs_ranges: bool,
    tries: u32,
}

struct ObjectStream {
    bytes: BoxStream<'static, Result<Bytes, Failed>>,
    /// Bytes of the stream to skip, and bytes that it has returned.
    skip: u64,
    brought: u64,
}

/// The reason why there is no next chunk.
enum Broken {
    /// The connection is broken; another one may do better.
    Connection(String),
    /// Reading cannot go on.
    Ended(Error),
}

impl ObjectReader {
    pub(super) fn new(
        runtime: Handle,
        store: Arc<dyn ObjectStore>,
        path: Path,
        object: RemoteObject,
        part: ByteRange,
        retry_policy: RetryPolicy,
    ) -> Self {
        let (at, end) = (part.offset, part.end().min(object.size));
        let (stream, chunk, ranges, needs_ranges, tries) = (None, Bytes::new(), true, false, 0);
        Self { runtime, store, path, object, retry_policy, at, end, stream, chunk, ranges, needs_ranges, tries }
    }

    /// Makes a server that does not support ranges an error.
    #[cfg(feature = "parquet")]
    pub(super) fn by_range_alone(self) -> Self {
        Self { needs_ranges: true, ..self }
    }

    /// Fills the chunk, which must be empty. At the end it stays empty.
    fn fill(&mut self) -> Result<(), Error> {
        while self.chunk.is_empty() && self.at < self.end {
            match self.next_chunk() {
                Ok(chunk) => self.chunk = chunk,
                Err(Broken::Ended(error)) => return Err(error),
                Err(Broken::Connection(why)) => self.break_off(&why)?,
            }
        }
        Ok(())
    }

    /// Gives up a broken connection and waits a little, unless too many broke in a row.
    fn break_off(&mut self, why: &str) -> Result<(), Error> {
        let brought = self.stream.take().map_or(0, |stream| stream.brought);
        if brought >= PROGRESS_BYTES {
            self.tries = 0;
        }
        let (at, address) = (self.at, &self.object.address);
        if self.tries >= self.retry_policy.retries {
            return Err(Error::Refused(format!(
                "read {address} from byte {at} on: {why}; {} tries in a row brought little",
                self.tries + 1
            )));
        }
        warn!(address = address.as_str(), at, "connection broken, taken up again: {why}");
        thread::sleep(self.retry_policy.pause * 2_u32.pow(self.tries.min(DOUBLINGS_MAX)));
        self.tries += 1;
        Ok(())
    }

    fn next_chunk(&mut self) -> Result<Bytes, Broken> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let stream = self.stream.insert(stream);
        let mut chunk = match self.runtime.block_on(stream.bytes.next()) {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Err(Broken::Connection(error.to_string())),
            None => return Err(Broken::Connection(format!("the answer ended at byte {}, expected {}", self.at, self.end))),
        };
        let skipped = stream.skip.min(chunk.len() as u64);
        stream.skip -= skipped;
        drop(chunk.split_to(skipped as usize));
        // What a server sends beyond the part is ignored.
        chunk.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        stream.brought += chunk.len() as u64;
        Ok(chunk)
    }

    /// Requests what is left.
    fn connect(&mut self) -> Result<ObjectStream, Broken> {
        let whole = self.at == 0 && self.end == self.object.size;
        let range = (self.ranges && !whole).then_some(GetRange::Bounded(self.at..self.end));
        let skip = if range.is_some() { 0 } else { self.at };
        // `If-Match` compares versions strongly, so a weak `ETag` would never match.
        let if_match = self.object.etag.clone().filter(|etag| !etag.starts_with("W/"));
        let options = GetOptions { range, if_match, ..GetOptions::default() };
        let got = match self.runtime.block_on(self.store.get_opts(&self.path, options)) {
            Ok(got) => got,
            Err(Failed::NotSupported { .. }) if self.needs_ranges => {
                let address = &self.object.address;
                return Err(Broken::Ended(Error::Refused(format!(
                    "read {address} from byte {} on: the server gives whole files alone, expected one that knows ranges: this one is \
                     read from its end",
                    self.at
                ))));
            }
            Err(Failed::NotSupported { .. }) if self.ranges => {
                self.ranges = false;
                return self.connect();
            }
            Err(Failed::Precondition { .. }) => return Err(Broken::Ended(self.changed("another version"))),
            Err(Failed::NotFound { .. }) => return Err(Broken::Ended(self.changed("nothing"))),
            // The store has made its own tries already.
            Err(error) => return Err(Broken::Ended(failed("read", &self.object.address, &error))),
        };
        self.check(&got)?;
        Ok(ObjectStream { bytes: got.into_stream(), skip, brought: 0 })
    }

    /// Checks that the answer is about the version that was looked up.
    fn check(&self, got: &GetResult) -> Result<(), Broken> {
        let modified_ms = Some(got.meta.last_modified.timestamp_millis()).filter(|ms| *ms > 0);
        let now =
            RemoteObject { address: self.object.address.clone(), size: got.meta.size, etag: got.meta.e_tag.clone(), modified_ms };
        // A fact that only one of the two answers tells is not a change.
        let same = now.size == self.object.size
            && (now.etag.is_none() || self.object.etag.is_none() || now.etag == self.object.etag)
            && (self.object.etag.is_some() || now.modified_ms == self.object.modified_ms);
        if same { Ok(()) } else { Err(Broken::Ended(self.changed(&now.version_name()))) }
    }

    fn changed(&self, now: &str) -> Error {
        let RemoteObject { address, .. } = &self.object;
        Error::Changed(format!("{address}: got {now}, expected {}", self.object.version_name()))
    }
}

impl Read for ObjectReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            self.fill().map_err(io::Error::other)?;
        }
        let count = self.chunk.len().min(out.len());
        out[..count].copy_from_slice(&self.chunk.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}
