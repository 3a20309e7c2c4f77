//! How is it ensured that one process works in a folder at a time?

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use super::durable::create_folder;
use crate::error::Error;

/// Holds a folder until it is dropped, or until the process ends in whatever way, since the
/// operating system keeps the lock.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks `folder` through its file `.weir/lock`, which stays behind.
    ///
    /// # Errors
    /// [`Error::Refused`] if another process works there.
    pub fn acquire(folder: &Path) -> Result<Self, Error> {
        let inner = folder.join(".weir");
        create_folder(&inner)?;
        let path = inner.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| Error::file("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Refused(format!("another process works in {}: it holds {}", folder.display(), path.display())))
            }
            Err(TryLockError::Error(source)) => Err(Error::file("lock", &path, source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let first = FolderLock::acquire(folder.path()).expect("free");
        let error = FolderLock::acquire(folder.path()).expect_err("held");
        assert!(error.to_string().starts_with("another process works in"), "{error}");
        drop(first);
        FolderLock::acquire(folder.path()).expect("free again");
    }
}
