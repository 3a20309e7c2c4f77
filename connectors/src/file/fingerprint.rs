//! Is an input file still the one that an earlier run has read?

use std::{
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use super::input::InputOrigin;
use crate::{
    byte_range::ByteRange,
    error::Error,
    remote::{RemoteClient, RemoteObject},
};

/// Bytes that are hashed at a file's beginning and at its end.
const EDGE_BYTES: u64 = 64 << 10;

/// What distinguishes an input file from others: its name, its size and a hash of its first and
/// last 64 KiB.
///
/// Times do not count, so a copied or touched file is the same. An edit in the middle that keeps
/// the size is missed. For a remote object, the hash is of what its store says of the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Display name.
    pub name: String,
    /// Bytes on disk; 0 for standard input.
    pub size: u64,
    /// FNV-1a hash of both ends, or of what a store says of the object's version; 0 for standard
    /// input.
    pub hash: u64,
}

impl Fingerprint {
    /// Takes the fingerprint of an input file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of(name: &str, origin: &InputOrigin) -> Result<Self, Error> {
        match origin {
            InputOrigin::File { path, .. } | InputOrigin::Inner { path, .. } => Self::of_file(name, path),
            InputOrigin::Remote(object) => Self::of_object(name, object),
            InputOrigin::Stdin => Ok(Self { name: name.to_owned(), size: 0, hash: 0 }),
        }
    }

    fn of_file(name: &str, path: &Path) -> Result<Self, Error> {
        let read = || {
            let mut file = File::open(path)?;
            let size = file.metadata()?.len();
            let mut edges = Vec::new();
            (&file).take(EDGE_BYTES).read_to_end(&mut edges)?;
            file.seek(SeekFrom::Start(size.saturating_sub(EDGE_BYTES)))?;
            (&file).take(EDGE_BYTES).read_to_end(&mut edges)?;
            Ok((size, edges))
        };
        let (size, edges) = read().map_err(|source| Error::file("read", path, source))?;
        Ok(Self { name: name.to_owned(), size, hash: fnv1a(&edges) })
    }

    /// Takes the fingerprint of an object that was looked up. Its beginning is read only if the
    /// store says nothing of its version.
    fn of_object(name: &str, object: &RemoteObject) -> Result<Self, Error> {
        let version = match object.version() {
            Some(version) => version,
            None => beginning(object)?,
        };
        Ok(Self { name: name.to_owned(), size: object.size, hash: fnv1a(&version) })
    }

    /// Returns the fingerprint of a file of which only these parts are read.
    pub(super) fn picked(self, parts: Option<&[ByteRange]>) -> Self {
        let Some(parts) = parts else { return self };
        let bytes =
            parts.iter().flat_map(|part| [part.offset, part.length]).chain([self.size, self.hash]).flat_map(u64::to_le_bytes);
        Self { hash: fnv1a(&bytes.collect::<Vec<_>>()), ..self }
    }
}

/// Reads an object's first bytes.
fn beginning(object: &RemoteObject) -> Result<Vec<u8>, Error> {
    let whole = ByteRange { offset: 0, length: object.size };
    let mut bytes = Vec::new();
    let read = RemoteClient::of_process()?.open(object, whole)?.take(EDGE_BYTES).read_to_end(&mut bytes);
    read.map_err(|source| Error::reading(object.address.as_str(), source))?;
    Ok(bytes)
}

/// Writes one line: size, hash, name.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:016x} {}", self.size, self.hash, self.name)
    }
}

/// Computes the FNV-1a hash. It guards against mistakes, not against an attacker: somebody who can
/// change the input between two runs needs no collision.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    #[test]
    fn content_counts_and_time_does_not() {
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8, "published test vector");
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a");
        let take = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            Fingerprint::of_file("a", &path).expect("readable")
        };
        let long = vec![7; 200_000];
        let first = take(&long);
        let file = File::options().write(true).open(&path).expect("there");
        let old = file.metadata().expect("there").modified().expect("known") - Duration::from_secs(1000);
        file.set_modified(old).expect("set");
        assert_eq!(Fingerprint::of_file("a", &path).expect("readable"), first);
        for at in [0, 199_999] {
            let mut changed = long.clone();
            changed[at] = 8;
            assert_ne!(take(&changed), first, "byte {at}");
        }
        assert_ne!(take(&long[1..]), first);
        assert_eq!(take(b"").size, 0);
    }
}
