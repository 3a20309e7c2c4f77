//! What does a build without the cargo feature `remote` do with addresses? It refuses every one.

use std::io::Read;

use super::{Address, RemoteObject};
use crate::{byte_range::ByteRange, error::Error};

/// Stands in for the client that reads objects.
#[derive(Debug)]
pub struct RemoteClient;

impl RemoteClient {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn of_process() -> Result<&'static Self, Error> {
        Err(Error::Refused("this weir reads no addresses: it was built without the cargo feature `remote`".to_owned()))
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn look_up(&self, _: &[Address]) -> Result<Vec<RemoteObject>, Error> {
        Self::of_process().map(|_| Vec::new())
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn list(&self, _: &Address) -> Result<Vec<RemoteObject>, Error> {
        Self::of_process().map(|_| Vec::new())
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn open(&self, _: &RemoteObject, _: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Self::of_process().map(|_| Box::new(std::io::empty()) as Box<dyn Read + Send>)
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    #[cfg(feature = "parquet")]
    pub fn open_range(&self, object: &RemoteObject, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        self.open(object, part)
    }
}
