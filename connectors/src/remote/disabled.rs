//! A build without the cargo feature `remote`: every address is refused.

use std::io::Read;

use super::{Address, RemoteObject};
use crate::{byte_range::ByteRange, error::Error};

/// Stands where the real one would.
#[derive(Debug)]
pub struct RemoteClient;

impl RemoteClient {
    /// Never.
    ///
    /// # Errors
    /// Always.
    pub fn of_process() -> Result<&'static Self, Error> {
        Err(Error::Refused("this weir reads no addresses: it was built without the cargo feature `remote`".to_owned()))
    }

    /// Never.
    ///
    /// # Errors
    /// Always.
    pub fn look_up(&self, _: &[Address]) -> Result<Vec<RemoteObject>, Error> {
        Self::of_process().map(|_| Vec::new())
    }

    /// Never.
    ///
    /// # Errors
    /// Always.
    pub fn list(&self, _: &Address) -> Result<Vec<RemoteObject>, Error> {
        Self::of_process().map(|_| Vec::new())
    }

    /// Never.
    ///
    /// # Errors
    /// Always.
    pub fn open(&self, _: &RemoteObject, _: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        Self::of_process().map(|_| Box::new(std::io::empty()) as Box<dyn Read + Send>)
    }

    /// Never.
    ///
    /// # Errors
    /// Always.
    #[cfg(feature = "parquet")]
    pub fn open_range(&self, object: &RemoteObject, part: ByteRange) -> Result<Box<dyn Read + Send>, Error> {
        self.open(object, part)
    }
}
