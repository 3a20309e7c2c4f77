//! What does a reader say of packed data that cannot be unpacked?
//!
//! [`Damage`] says why, and [`Stretch`] which bytes of the packed file are lost. The framing makes a
//! dead letter of them.

use std::io;

use thiserror::Error;

/// A stretch of a file as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// Data that cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Damage {
    /// Stable code, one of those that [`super`] lists.
    pub code: &'static str,
    /// What was found and what was expected.
    pub message: String,
    /// Where the data lies that could not be unpacked, from the beginning of its member on.
    pub stretch: Stretch,
}

impl Damage {
    /// Takes the damage out of the error of a reader.
    ///
    /// # Errors
    /// Returns the error itself, if it is a real I/O failure.
    pub fn from_error(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage)
    }
}
