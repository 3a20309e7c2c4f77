//! Will the disk take what the state writes next? A disk that fills or slows down is told before it
//! stops the stage.
//!
//! A thread of its own asks again and again how many bytes are free, and writes and syncs a page, as
//! a snapshot does with many. Another one tells what is wrong, while that write does not come back.
//!
//! **Cost** a page and a sync every ten seconds. **State** the file `disk-probe` in the state's
//! folder, which may be removed.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::statvfs;
use tracing::{info, warn};

use super::Watch;

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How often it is looked at what is known of the disk.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// The file that is written.
const PROBE: &str = "disk-probe";
/// What is written: one page.
const PAGE: [u8; 4096] = [0; 4096];

/// Begins to look at the disk of `folder`, of which `free_min` bytes are to be free.
///
/// # Errors
/// If the system refuses threads.
pub fn watch_disk(watch: &Arc<Watch>, folder: PathBuf, free_min: u64) -> io::Result<()> {
    watch.figures().disk.free_min = free_min;
    let (looked, told) = (Arc::clone(watch), Arc::clone(watch));
    let name = folder.display().to_string();
    let look = move || {
        loop {
            look_once(&looked, &folder);
            thread::sleep(EVERY);
        }
    };
    thread::Builder::new().name("weir-disk".to_owned()).spawn(look)?;
    // Of its own, since a write may not come back.
    thread::Builder::new().name("weir-disk-told".to_owned()).spawn(move || tell(&told, &name)).map(drop)
}

/// Says in the log when something is wrong with the disk, and when it is well again.
fn tell(watch: &Watch, folder: &str) {
    let mut told = false;
    loop {
        thread::sleep(TELL_EVERY);
        let trouble = watch.figures().disk.trouble(Instant::now());
        match &trouble {
            Some(trouble) if !told => warn!(folder, "{trouble}: the stage ends when a snapshot cannot be written"),
            None if told => info!(folder, "the disk of the state is well again"),
            _ => {}
        }
        told = trouble.is_some();
    }
}

fn look_once(watch: &Watch, folder: &Path) {
    let free = statvfs(folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)).ok();
    let begun = Instant::now();
    {
        let mut figures = watch.figures();
        figures.disk.writing = Some(begun);
        figures.disk.free = free.or(figures.disk.free);
    }
    let written = write_page(&folder.join(PROBE));
    let disk = &mut watch.figures().disk;
    (disk.writing, disk.took, disk.failed) = (None, begun.elapsed(), written.err().map(|error| error.to_string()));
}

fn write_page(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&PAGE)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_looked_at_and_its_troubles_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let watch = Watch::new("digest", Duration::from_mins(1));
        let trouble = |watch: &Watch| watch.figures().disk.trouble(Instant::now());
        assert_eq!(trouble(&watch), None, "nothing is known yet");
        look_once(&watch, folder.path());
        assert!(watch.figures().disk.free > Some(0) && folder.path().join(PROBE).is_file());
        watch.figures().disk.took = Duration::ZERO;
        assert_eq!(trouble(&watch), None);
        watch.figures().disk.free_min = u64::MAX;
        assert!(trouble(&watch).is_some_and(|told| told.contains("bytes free, expected at least")));
        watch.figures().disk.free_min = 0;
        let later = Instant::now() + Duration::from_secs(3);
        watch.figures().disk.writing = Some(Instant::now());
        let slow = watch.figures().disk.trouble(later);
        assert!(slow.is_some_and(|told| told.contains("for a page, expected at most 2000")), "a write that does not come back");
        // A folder that takes no file stands for a disk that is full.
        look_once(&watch, &folder.path().join("gone"));
        assert!(trouble(&watch).is_some_and(|told| told.contains("refuses a write")));
        look_once(&watch, folder.path());
        assert!(!watch.ready().json.contains("refuses"));
    }
}
