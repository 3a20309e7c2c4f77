//! Objects of S3-compatible stores and files of web servers, read as files are.
//!
//! An object is looked up before it is read, and every request asks for that version. An object
//! that changes meanwhile is an error, never a mixture. Bytes come in one stream; if a connection
//! breaks, another one continues behind what has come. Credentials and the region come from the
//! environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
//! `AWS_ALLOW_HTTP`, `AWS_SKIP_SIGNATURE` and whatever else `object_store` reads), never from an
//! address.
//!
//! Without the cargo feature `remote`, addresses are recognised and refused.
//!
//! **State** less than a MiB that a connection has received and nobody has read yet. Of an object
//! that is read from its end, the 128 MiB that were read last (`Blocks`).

mod address;
#[cfg(feature = "parquet")]
mod blocks;
#[cfg(feature = "remote")]
mod client;
#[cfg(not(feature = "remote"))]
mod disabled;
#[cfg(feature = "remote")]
mod failure;
#[cfg(feature = "remote")]
mod listing;
mod object;
#[cfg(feature = "remote")]
mod reader;
#[cfg(feature = "remote")]
mod retry;

pub use address::Address;
#[cfg(feature = "parquet")]
pub use blocks::Blocks;
#[cfg(feature = "remote")]
pub use client::RemoteClient;
#[cfg(not(feature = "remote"))]
pub use disabled::RemoteClient;
pub use object::RemoteObject;
#[cfg(feature = "remote")]
pub use retry::RetryPolicy;
