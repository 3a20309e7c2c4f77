//! One client a process: looks objects up, lists them, opens them.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    http::HttpBuilder,
    path::Path,
};
use tokio::runtime::{Builder, Runtime};

use super::{Address, Object, reader::ObjectReader};
use crate::{error::Error, file::ByteRange};

/// Objects looked up at a time: a list of 90,000 takes minutes, not hours, and no server minds.
const LOOK_UPS: usize = 16;
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Most objects of one listing.
const LISTED_MAX: usize = 1_000_000;

/// How long to wait, and how often to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub silence: Duration,
    /// Tries after a first one that failed, and after each broken connection that brought little.
    pub retries: u32,
    /// Before the first of them; each further one waits about twice as long, up to 15 s.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // About a minute in all: a store that restarts or asks to slow down is waited for.
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            retries: 10,
            pause: Duration::from_millis(250),
        }
    }
}

/// Reads objects. Connections are kept between requests, one store for each bucket or host.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    patience: Patience,
    stores: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
}

impl Client {
    /// A client of its own.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(patience: Patience) -> Result<Self, Error> {
        // Installed once a process; whoever was first has installed as good a one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("weir-remote").enable_all().build();
        let runtime = runtime.map_err(|error| Error::Refused(format!("start a thread for remote files: {error}")))?;
        Ok(Self { runtime, patience, stores: Mutex::default() })
    }

    /// The client of this process.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_process() -> Result<&'static Self, Error> {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        if let Some(client) = CLIENT.get() {
            return Ok(client);
        }
        let client = Self::new(Patience::default())?;
        Ok(CLIENT.get_or_init(|| client))
    }

    /// Size and version of each object, in the order of the addresses.
    ///
    /// # Errors
    /// If one is not there, or cannot be asked for.
    pub fn look_up(&self, addresses: &[Address]) -> Result<Vec<Object>, Error> {
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

    /// The objects below a folder, by path.
    ///
    /// # Errors
    /// If the store cannot be asked: a web server never can.
    pub fn list(&self, folder: &Address) -> Result<Vec<Object>, Error> {
        if !folder.as_str().starts_with("s3://") {
            return Err(Error::Refused(format!(
                "got {folder}, expected the address of a file: a web server gives no list of them"
            )));
        }
        let (store, prefix) = (self.store(folder)?, path_of(folder)?);
        let prefix = (!folder.path().is_empty()).then_some(prefix);
        let listed: Result<Vec<ObjectMeta>, _> =
            self.runtime.block_on(store.list(prefix.as_ref()).take(LISTED_MAX + 1).try_collect());
        let mut listed = listed.map_err(|error| failed("list", folder, &error))?;
        if listed.len() > LISTED_MAX {
            return Err(Error::Refused(format!(
                "{folder} holds over {LISTED_MAX} objects, expected fewer: give a longer prefix or --paths"
            )));
        }
        listed.sort_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
        let found = |meta: ObjectMeta| Ok(object(Address::parse(&format!("{}/{}", folder.store(), meta.location))?, meta));
        listed.into_iter().map(found).collect()
    }

    /// Reads a part of an object. Nothing is asked for before the first read.
    ///
    /// # Errors
    /// If the address is none that can be read.
    pub fn open(&self, object: &Object, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.reader(object, part)?))
    }

    /// Reads a part of an object that many parts are read of: a server that knows no ranges is an error, where [`Self::open`]
    /// would receive all that lies before.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "parquet")]
    pub fn open_range(&self, object: &Object, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.reader(object, part)?.by_range_alone()))
    }

    fn reader(&self, object: &Object, part: ByteRange) -> Result<ObjectReader, Error> {
        let (store, path) = (self.store(&object.address)?, path_of(&object.address)?);
        let handle = self.runtime.handle().clone();
        Ok(ObjectReader::new(handle, store, path, object.clone(), part, self.patience))
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
        let Patience { connect, silence, retries, pause } = self.patience;
        // Drawn at random up to four times the pause before: twice as long on average.
        let backoff = BackoffConfig { init_backoff: pause, max_backoff: PAUSE_MAX, base: 4.0 };
        let retry = RetryConfig { backoff, max_retries: retries as usize, ..RetryConfig::default() };
        let built: Result<Arc<dyn ObjectStore>, object_store::Error> = if let Some(bucket) = store.strip_prefix("s3://") {
            let key = AmazonS3ConfigKey::Client;
            let milliseconds = |duration: Duration| format!("{}ms", duration.as_millis());
            let builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry)
                .with_config(key(ClientConfigKey::ConnectTimeout), milliseconds(connect))
                .with_config(key(ClientConfigKey::ReadTimeout), milliseconds(silence))
                // Of a whole request, its body included: an object may take hours to be filtered.
                .with_config(key(ClientConfigKey::Timeout), "7 days");
            builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        } else {
            let options = ClientOptions::new()
                .with_allow_http(store.starts_with("http://"))
                .with_connect_timeout(connect)
                .with_read_timeout(silence)
                .with_timeout_disabled();
            let builder = HttpBuilder::new().with_url(store).with_retry(retry).with_client_options(options);
            builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        };
        built.map_err(|error| Error::Refused(format!("connect to {store}: {error}")))
    }
}

fn object(address: Address, meta: ObjectMeta) -> Object {
    // A server that says nothing of it is given the year 1970.
    let modified_ms = Some(meta.last_modified.timestamp_millis()).filter(|ms| *ms > 0);
    Object { address, size: meta.size, etag: meta.e_tag, modified_ms }
}

fn path_of(address: &Address) -> Result<Path, Error> {
    let path =
        if address.as_str().starts_with("s3://") { Path::parse(address.path()) } else { Path::from_url_path(address.path()) };
    path.map_err(|error| Error::Refused(format!("got {address}, expected a path that a store can have: {error}")))
}

/// A failed request, in our words where what to do about it is plain.
pub(super) fn failed(action: &str, address: &Address, error: &object_store::Error) -> Error {
    use object_store::Error as Failed;
    let environment =
        if address.as_str().starts_with("s3://") { " (credentials and region come from AWS_ variables)" } else { "" };
    let denied = format!("{action} {address}: not allowed{environment}");
    Error::Refused(match error {
        Failed::NotFound { .. } => format!("{action} {address}: not found"),
        Failed::PermissionDenied { .. } | Failed::Unauthenticated { .. } => denied,
        // A listing's come without their kind.
        Failed::Generic { source, .. } if [" 401 ", " 403 "].iter().any(|status| source.to_string().contains(status)) => denied,
        other => format!("{action} {address}: {other}{}", cause(other)),
    })
}

/// What is at the bottom of an error that does not say it itself, such as a certificate that nobody trusts.
fn cause(error: &dyn std::error::Error) -> String {
    let said = error.to_string();
    let deepest = std::iter::successors(error.source(), |error| error.source()).last();
    deepest.map(ToString::to_string).filter(|cause| !said.contains(cause)).map(|cause| format!(": {cause}")).unwrap_or_default()
}
