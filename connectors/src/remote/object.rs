//! What is known of a remote object once it was looked up?

use super::Address;

/// A remote object in the version that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteObject {
    /// The object's address.
    pub address: Address,
    /// Its size in bytes.
    pub size: u64,
    /// Its `ETag`, as the store gives it.
    pub etag: Option<String>,
    /// When it was last changed, in milliseconds since 1970.
    pub modified_ms: Option<i64>,
}

impl RemoteObject {
    /// Returns what the store says of this version: the `ETag`, else the time of the last change;
    /// `None` if it says neither.
    pub(crate) fn version(&self) -> Option<Vec<u8>> {
        let etag = self.etag.as_ref().map(|etag| etag.clone().into_bytes());
        etag.or_else(|| self.modified_ms.map(|ms| ms.to_le_bytes().to_vec()))
    }

    /// Returns size and version for an error message.
    #[cfg(feature = "remote")]
    pub(super) fn version_name(&self) -> String {
        let modified = || self.modified_ms.map(|ms| format!("last changed {ms} ms after 1970"));
        let version = self.etag.as_ref().map(|etag| format!("ETag {etag}")).or_else(modified);
        format!("{} bytes, {}", self.size, version.unwrap_or_else(|| "version not said".to_owned()))
    }
}
