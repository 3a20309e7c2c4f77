//! Which changes on disk does a crash leave either done or not done?

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{error::Error, kill};

/// Returns the name beside `path` under which a file is written before it is renamed.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// Returns the folder that holds `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes new, renamed and removed names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    // On other systems a folder cannot be opened as a file; its entries are durable with the files.
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(|source| Error::file("sync", folder, source))?;
    }
    Ok(())
}

/// Creates a folder and those above it, and makes them durable.
pub(super) fn create_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let first_existing = folder.ancestors().skip(1).find(|above| above.is_dir());
    fs::create_dir_all(folder).map_err(|source| Error::file("create", folder, source))?;
    for above in folder.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        sync_folder(above)?;
        if Some(above) == first_existing {
            break;
        }
    }
    Ok(())
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path, error)),
        _ => Ok(()),
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::file("rename to", to, source))
}

/// Replaces the contents of `path` with `bytes`. Whatever happens in between, the file holds the
/// old bytes or the new ones.
///
/// # Errors
/// If the file cannot be written; the old bytes are still there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = temporary(path);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| Error::file("write", &temporary, source))?;
    kill::point("atomic.tmp_written");
    rename(&temporary, path)?;
    kill::point("atomic.renamed");
    sync_folder(folder_of(path))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[test]
    fn old_or_new_at_every_point() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("state");
        write_atomically(&path, b"old").expect("written");
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (log, state) = (Rc::clone(&seen), path.clone());
        let watcher = move |_: &str| log.borrow_mut().push(fs::read(&state).expect("always there"));
        kill::watch::during(watcher, || write_atomically(&path, b"new")).expect("written");
        assert_eq!(*seen.borrow(), [b"old", b"new"]);
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert!(!temporary(&path).exists());
    }

    #[test]
    fn errors_name_the_path() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let error = write_atomically(&folder.path().join("none/state"), b"").expect_err("no such folder");
        assert!(error.to_string().contains("none/state"), "{error}");
    }

    #[test]
    fn folders_are_made_with_those_above() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let deep = folder.path().join("a/b/c");
        create_folder(&deep).expect("created");
        create_folder(&deep).expect("there already");
        assert!(deep.is_dir());
    }
}
