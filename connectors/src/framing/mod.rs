//! Where does a record begin and end in a file's bytes?
//!
//! Framing never fails on data: bytes that are no record become a
//! [`BadRecord`](crate::source::BadRecord) with their place, and reading goes on. Only a file that
//! cannot be read is an error. Nothing longer than the [`Limits`](crate::limits::Limits) is held.

pub mod arc;
pub mod archive;
mod format;
mod frame;
mod framer;
pub mod joined;
pub mod jsonl;
mod pushback;
pub mod warc;

pub use self::{
    format::Format,
    frame::{Frame, SNIPPET_BYTES_MAX},
    framer::Framer,
};
