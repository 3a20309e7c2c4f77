//! How are objects looked up, listed and opened?
//!
//! A process has one client, which keeps its connections.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    http::HttpBuilder,
    path::Path,
};
use tokio::runtime::{Builder, Runtime};
use tracing::warn;

use super::{
    Address, RemoteObject,
    failure::failed,
    listing::{self, Listing},
    reader::ObjectReader,
    retry::RetryPolicy,
};
use crate::{byte_range::ByteRange, error::Error};

/// Objects that are looked up at the same time. So a list of 90,000 takes minutes, not hours,
/// without straining a server.
const LOOK_UPS: usize = 16;
/// Longest pause before a request is made again.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// The most objects of one listing.
const LISTED_MAX: usize = 1_000_000;

/// Reads objects. It keeps connections between requests, and one store for each bucket or host.
#[derive(Debug)]
pub struct RemoteClient {
    runtime: Runtime,
    retry_policy: RetryPolicy,
    stores: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
}

impl RemoteClient {
    /// Makes a client with a thread of its own.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn new(retry_policy: RetryPolicy) -> Result<Self, Error> {
        // This succeeds once in a process. Whoever was first has installed one that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("weir-remote").enable_all().build();
        let runtime = runtime.map_err(|error| Error::Refused(format!("start a thread for remote files: {error}")))?;
        Ok(Self { runtime, retry_policy, stores: Mutex::default() })
    }

    /// Returns the client of this process.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_process() -> Result<&'static Self, Error> {
        static CLIENT: OnceLock<RemoteClient> = OnceLock::new();
        if let Some(client) = CLIENT.get() {
            return Ok(client);
        }
        let client = Self::new(RetryPolicy::default())?;
        Ok(CLIENT.get_or_init(|| client))
    }

    /// Asks for size and version of each object, in the order of the addresses.
    ///
    /// # Errors
    /// If an object is not there, or must not be read.
    pub fn look_up(&self, addresses: &[Address]) -> Result<Vec<RemoteObject>, Error> {
        let mut asked = Vec::with_capacity(addresses.len());
        for address in addresses {
            if address.is_folder() {
                return Err(Error::Refused(format!("got {address}, expected the address of a file")));
            }
            asked.push((address, self.store(address)?, path_of(address)?));
        }
        let one = |(address, store, path): (&Address, Arc<dyn ObjectStore>, Path)| {
            let address = address.clone();
            async move {
                let meta = store.head(&path).await.map_err(|error| failed("look up", &address, &error))?;
                Ok(object(address, meta))
            }
        };
        self.runtime.block_on(stream::iter(asked).map(one).buffered(LOOK_UPS).try_collect())
    }

    /// Lists the objects below a folder, sorted by path.
    ///
    /// # Errors
    /// If the store cannot list objects. A web server never can.
    pub fn list(&self, folder: &Address) -> Result<Vec<RemoteObject>, Error> {
        if !folder.as_str().starts_with("s3://") {
            return Err(Error::Refused(format!(
                "got {folder}, expected the address of a file: a web server gives no list of them"
            )));
        }
        let store = self.connect_s3(folder.store())?;
        let prefix = (!folder.path().is_empty()).then(|| format!("{}/", folder.path()));
        let listing = self.runtime.block_on(listing::list(&store, prefix.as_deref(), LISTED_MAX));
        let Listing { objects: mut listed, mut left_out } = listing.map_err(|error| failed("list", folder, &error))?;
        if listed.len() > LISTED_MAX {
            return Err(Error::Refused(format!(
                "{folder} holds over {LISTED_MAX} objects, expected fewer: give a longer prefix or --paths"
            )));
        }
        listed.sort_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
        let mut found = Vec::with_capacity(listed.len());
        for meta in listed {
            match Address::parse(&format!("{}/{}", folder.store(), meta.location)) {
                Ok(address) => found.push(object(address, meta)),
                Err(_) => left_out.push(meta.location.to_string()),
            }
        }
        if let Some(first) = left_out.first() {
            let keys = left_out.len();
            warn!(folder = %folder, keys, first = %first.escape_debug(), "left out: keys with empty steps, . or .. name no file");
        }
        Ok(found)
    }

    /// Opens a part of an object. Nothing is requested before the first read.
    ///
    /// # Errors
    /// If the address cannot be read.
    pub fn open(&self, object: &RemoteObject, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.reader(object, part)?))
    }

    /// Opens a part of an object of which many parts are read. A server that does not support
    /// ranges is then an error; [`Self::open`] would receive everything before the part instead.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "parquet")]
    pub fn open_range(&self, object: &RemoteObject, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.reader(object, part)?.by_range_alone()))
    }

    fn reader(&self, object: &RemoteObject, part: ByteRange) -> Result<ObjectReader, Error> {
        let (store, path) = (self.store(&object.address)?, path_of(&object.address)?);
        let handle = self.runtime.handle().clone();
        Ok(ObjectReader::new(handle, store, path, object.clone(), part, self.retry_policy))
    }

    fn store(&self, address: &Address) -> Result<Arc<dyn ObjectStore>, Error> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(address.store()) {
            return Ok(Arc::clone(store));
        }
        let store = self.connect(address.store())?;
        stores.insert(address.store().to_owned(), Arc::clone(&store));
        Ok(store)
    }

    fn connect(&self, store: &str) -> Result<Arc<dyn ObjectStore>, Error> {
        if store.starts_with("s3://") {
            return Ok(Arc::new(self.connect_s3(store)?));
        }
        let RetryPolicy { connect, silence, .. } = self.retry_policy;
        let options = ClientOptions::new()
            .with_allow_http(store.starts_with("http://"))
            .with_connect_timeout(connect)
            .with_read_timeout(silence)
            .with_timeout_disabled();
        let built = HttpBuilder::new().with_url(store).with_retry(self.retries()).with_client_options(options).build();
        Ok(Arc::new(built.map_err(|error| not_connected(store, &error))?))
    }

    fn connect_s3(&self, store: &str) -> Result<AmazonS3, Error> {
        let key = AmazonS3ConfigKey::Client;
        let milliseconds = |duration: Duration| format!("{}ms", duration.as_millis());
        let builder = AmazonS3Builder::from_env()
            .with_bucket_name(store.strip_prefix("s3://").unwrap_or(store))
            .with_retry(self.retries())
            .with_config(key(ClientConfigKey::ConnectTimeout), milliseconds(self.retry_policy.connect))
            .with_config(key(ClientConfigKey::ReadTimeout), milliseconds(self.retry_policy.silence))
            // This limits a whole request with its body, and filtering an object may take hours.
            .with_config(key(ClientConfigKey::Timeout), "7 days");
        builder.build().map_err(|error| not_connected(store, &error))
    }

    fn retries(&self) -> RetryConfig {
        let RetryPolicy { retries, pause, .. } = self.retry_policy;
        // Each pause is drawn at random up to four times the one before, so it is twice as long on average.
        let backoff = BackoffConfig { init_backoff: pause, max_backoff: PAUSE_MAX, base: 4.0 };
        RetryConfig { backoff, max_retries: retries as usize, ..RetryConfig::default() }
    }
}

fn not_connected(store: &str, error: &object_store::Error) -> Error {
    Error::Refused(format!("connect to {store}: {error}"))
}

fn object(address: Address, meta: ObjectMeta) -> RemoteObject {
    // The library reports the year 1970 for a server that does not say it.
    let modified_ms = Some(meta.last_modified.timestamp_millis()).filter(|ms| *ms > 0);
    RemoteObject { address, size: meta.size, etag: meta.e_tag, modified_ms }
}

fn path_of(address: &Address) -> Result<Path, Error> {
    let path =
        if address.as_str().starts_with("s3://") { Path::parse(address.path()) } else { Path::from_url_path(address.path()) };
    path.map_err(|error| Error::Refused(format!("got {address}, expected a path that a store can have: {error}")))
}
