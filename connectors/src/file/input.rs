//! What is an input file: how is it called, where do its bytes lie, and how are they opened?

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::wacz;
use crate::{
    byte_range::ByteRange,
    error::Error,
    framing::Format,
    remote::{RemoteClient, RemoteObject},
};

/// Where an input file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputOrigin {
    /// A regular file.
    File {
        /// The file's path.
        path: PathBuf,
        /// Its bytes on disk.
        size: u64,
    },
    /// An archive within a zip.
    Inner {
        /// The path of the zip.
        path: PathBuf,
        /// Where the archive lies in it.
        location: wacz::ZipLocation,
    },
    /// An object in a store or behind a web server.
    Remote(RemoteObject),
    /// Standard input. It is read once, so a run that reads it cannot be resumed.
    Stdin,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Unique display name: the path relative to its argument, the file's name, or `-`.
    pub name: String,
    /// Where its bytes are.
    pub origin: InputOrigin,
    /// How records lie in it. `None` where only the first bytes tell, once it is read: standard
    /// input, and objects whose name says nothing.
    pub format: Option<Format>,
    /// The parts of it that are read, in their order; `None` for all of it.
    pub parts: Option<Arc<[ByteRange]>>,
    /// The WET that was made of it, if both are read as one.
    pub texts: Option<CompanionFile>,
}

/// A file that is read together with another one, record by record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionFile {
    /// Unique display name, as of an [`InputFile`].
    pub name: String,
    /// Where its bytes are.
    pub origin: InputOrigin,
}

impl InputFile {
    /// Makes an input file of which everything is read, by itself.
    pub(super) fn whole(name: String, origin: InputOrigin, format: Option<Format>) -> Self {
        Self { name, origin, format, parts: None, texts: None }
    }

    /// Returns the stored bytes of what is read of it and of its texts, where they are known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        if let Some(parts) = &self.parts {
            return Some(parts.iter().map(|part| part.length).sum());
        }
        let texts = self.texts.as_ref().map_or(Some(0), |texts| texts.origin.size());
        Some(self.origin.size()? + texts?)
    }

    /// Tells whether all of it is read, as WARC: only then it can be one of a pair.
    pub(super) fn may_be_paired(&self) -> bool {
        self.parts.is_none() && self.origin != InputOrigin::Stdin && self.format == Some(Format::Warc)
    }

    pub(super) fn into_companion(self) -> CompanionFile {
        CompanionFile { name: self.name, origin: self.origin }
    }
}

impl InputOrigin {
    /// Returns the stored bytes, where they are known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::File { size, .. } => Some(*size),
            Self::Inner { location, .. } => Some(location.stretch.length),
            Self::Remote(object) => Some(object.size),
            Self::Stdin => None,
        }
    }

    /// Opens the bytes, compressed as they are; only `part` of them, if it is given.
    pub(super) fn open(&self, part: Option<ByteRange>) -> Result<Box<dyn Read + Send>, Error> {
        match self {
            Self::File { path, .. } => {
                let open = || {
                    let mut file = File::open(path)?;
                    let Some(part) = part else { return Ok(Box::new(file) as Box<dyn Read + Send>) };
                    file.seek(SeekFrom::Start(part.offset))?;
                    Ok(Box::new(file.take(part.length)))
                };
                open().map_err(|source| Error::file("open", path, source))
            }
            Self::Remote(object) => {
                let whole = ByteRange { offset: 0, length: object.size };
                RemoteClient::of_process()?.open(object, part.unwrap_or(whole))
            }
            Self::Inner { path, location } => wacz::open(path, *location).map_err(|source| Error::file("open", path, source)),
            Self::Stdin => Ok(Box::new(io::stdin())),
        }
    }

    /// Returns what error messages call it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } | Self::Inner { path, .. } => path,
            Self::Remote(object) => Path::new(object.address.as_str()),
            Self::Stdin => Path::new("standard input"),
        }
    }
}
