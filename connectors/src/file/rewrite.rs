//! How are lines taken out of a finished file in place?
//!
//! The file may be compressed; every other byte stays as it is. It is read twice: once to find the
//! lines to remove, and once to write the rest beside it. The removed lines are durable in a file
//! of their own before the rest takes the file's name. That file is named by a hash of the content
//! they came from. So a rewrite that was killed anywhere is done again with the same result, and a
//! later rewrite of the changed file adds another file. A file from which nothing is removed is not
//! touched.
//!
//! **Cost** one or two reads and one write. **State** a line of at most `line_bytes_max`, and a
//! number for each removed line.

use std::{
    fs::{self, File},
    io::{self, BufRead, Read},
    path::Path,
};

use super::{
    durable::{create_folder, folder_of, rename, sync_folder, temporary},
    encoder::FrameWriter,
};
use crate::{compress::Reader, compression::Compression, error::Error, kill, limits::Limits};

/// How many lines of a file were kept and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Lines that stayed, including empty ones and those too long to be looked at.
    pub kept: u64,
    /// Lines that were removed.
    pub removed: u64,
    /// Lines longer than `line_bytes_max`, which stayed without being looked at.
    pub unseen: u64,
}

/// How to rewrite a file.
#[derive(Clone, Copy, Debug)]
pub struct Rewrite<'a> {
    /// Longest line that is looked at; longer ones stay.
    pub line_bytes_max: usize,
    /// Where removed lines are kept: `(folder, name)` means `folder/name.HASH.jsonl`. With `None`,
    /// lines are only counted.
    pub removed: Option<(&'a Path, &'a str)>,
}

impl Rewrite<'_> {
    /// Removes the lines of `path` for which `goes` returns true. It is given each line in order,
    /// without its line break.
    ///
    /// # Errors
    /// If a file cannot be read, unpacked or written; `path` is then as it was.
    pub fn run(self, path: &Path, goes: &mut dyn FnMut(&[u8]) -> bool) -> Result<Rewritten, Error> {
        // Through a link the file itself is replaced, not the link.
        let path = &fs::canonicalize(path).map_err(|source| Error::file("open", path, source))?;
        let mut done = Rewritten::default();
        let mut going = Vec::new();
        let hash = self.scan(path, |piece| {
            let number = done.kept + done.removed;
            match piece {
                LinePiece::Line(line) if goes(line.strip_suffix(b"\n").unwrap_or(line)) => {
                    going.push(number);
                    done.removed += 1;
                }
                LinePiece::Line(_) => done.kept += 1,
                LinePiece::Long { last, .. } => {
                    done.unseen += u64::from(last);
                    done.kept += u64::from(last);
                }
            }
            Ok(())
        })?;
        if let Some((folder, name)) = self.removed.filter(|_| !going.is_empty()) {
            self.replace(path, &going, &hash, (folder, name))?;
        }
        Ok(done)
    }

    fn replace(self, path: &Path, going: &[u64], hash: &blake3::Hash, removed: (&Path, &str)) -> Result<(), Error> {
        let aside = removed.0.join(format!("{}.{}.jsonl", removed.1, &hash.to_hex()[..16]));
        create_folder(folder_of(&aside))?;
        let new = temporary(path);
        let mut rest = FrameWriter::create(&new, packing(path)?)?;
        let mut out = FrameWriter::create(&temporary(&aside), Compression::None)?;
        let (mut number, mut going) = (0, going.iter().copied().peekable());
        let again = self.scan(path, |piece| {
            let bytes = match piece {
                LinePiece::Line(line) if going.next_if_eq(&number).is_some() => {
                    number += 1;
                    out.write(line)?;
                    // Only the last line of a file may be without one, and it need not be the last here.
                    return if line.ends_with(b"\n") { Ok(()) } else { out.write(b"\n") };
                }
                LinePiece::Line(line) => {
                    number += 1;
                    line
                }
                LinePiece::Long { part, last } => {
                    number += u64::from(last);
                    part
                }
            };
            rest.write(bytes)
        })?;
        if again != *hash {
            return Err(Error::Changed(format!("{} has changed while it was read", path.display())));
        }
        for writer in [&mut out, &mut rest] {
            writer.finish_frame()?;
            writer.sync()?;
        }
        rename(&temporary(&aside), &aside)?;
        sync_folder(folder_of(&aside))?;
        kill::point("rewrite.removed_kept");
        let permissions = fs::metadata(path).map_err(|source| Error::file("look at", path, source))?.permissions();
        fs::set_permissions(&new, permissions).map_err(|source| Error::file("set the permissions of", &new, source))?;
        kill::point("rewrite.tmp_written");
        rename(&new, path)?;
        kill::point("rewrite.renamed");
        sync_folder(folder_of(path))
    }

    /// Passes the file's bytes to `body`, line by line. Returns their hash.
    fn scan(self, path: &Path, mut body: impl FnMut(LinePiece<'_>) -> Result<(), Error>) -> Result<blake3::Hash, Error> {
        let failed = |source: io::Error| Error::file("read", path, source);
        // A corpus of repeated pages may well pack better than anything from outside is allowed to.
        let limits = Limits { ratio_max: u64::MAX, ..Limits::default() };
        let file = File::open(path).map_err(failed)?;
        let mut reader = Reader::new(Box::new(file), &limits).map_err(failed)?;
        let (mut hasher, mut line) = (blake3::Hasher::new(), Vec::new());
        let room = self.line_bytes_max as u64 + 1;
        loop {
            line.clear();
            if reader.by_ref().take(room).read_until(b'\n', &mut line).map_err(failed)? == 0 {
                return Ok(hasher.finalize());
            }
            hasher.update(&line);
            if line.ends_with(b"\n") || (line.len() as u64) < room {
                body(LinePiece::Line(&line))?;
                continue;
            }
            let mut last = false;
            while !last {
                body(LinePiece::Long { part: &line, last: false })?;
                line.clear();
                let read = reader.by_ref().take(room).read_until(b'\n', &mut line).map_err(failed)?;
                hasher.update(&line);
                last = read == 0 || line.ends_with(b"\n");
            }
            body(LinePiece::Long { part: &line, last })?;
        }
    }
}

/// A part of a file.
enum LinePiece<'a> {
    /// A line with its line break, which the last one may lack.
    Line(&'a [u8]),
    /// Part of a line that is too long to be held.
    Long { part: &'a [u8], last: bool },
}

/// How a file is packed, by its first bytes.
fn packing(path: &Path) -> Result<Compression, Error> {
    let mut magic = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut magic));
    read.map_err(|source| Error::file("read", path, source))?;
    Ok(match magic[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::None,
    })
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io::Write, path::PathBuf, rc::Rc};

    use super::*;

    const LINES: &[u8] = b"keep 1\r\n\ngo 2\n  keep 3 \ngo 4\nkeep \xff5\n\ngo 6";
    const KEPT: &[u8] = b"keep 1\r\n\n  keep 3 \nkeep \xff5\n\n";
    const GONE: &[u8] = b"go 2\ngo 4\ngo 6\n";

    fn pack(bytes: &[u8], compression: Compression) -> Vec<u8> {
        match compression {
            Compression::None => bytes.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes).expect("in memory");
                encoder.finish().expect("in memory")
            }
            Compression::Zstd => zstd::encode_all(bytes, 3).expect("in memory"),
        }
    }

    /// The files of lines that were taken out.
    fn removed_files(folder: &Path) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "jsonl") {
                    found.push(path);
                }
            }
        }
        found
    }

    fn unpacked(path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        let file = File::open(path).expect("there");
        Reader::new(Box::new(file), &Limits::default()).expect("readable").read_to_end(&mut bytes).expect("sound");
        bytes
    }

    fn run(path: &Path, aside: Option<&Path>, line_bytes_max: usize) -> Result<Rewritten, Error> {
        let removed = aside.map(|folder| (folder, "sub/a"));
        Rewrite { line_bytes_max, removed }.run(path, &mut |line| line.starts_with(b"go"))
    }

    #[test]
    fn lines_go_and_all_other_bytes_stay() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let folder = tempfile::tempdir().expect("temporary folder");
            let (path, aside) = (folder.path().join("a.jsonl"), folder.path().join("aside"));
            fs::write(&path, pack(LINES, compression)).expect("written");
            let expected = Rewritten { kept: 5, removed: 3, unseen: 0 };
            assert_eq!(run(&path, None, 100).expect("counted"), expected);
            assert_eq!((unpacked(&path), aside.exists()), (LINES.to_vec(), false), "counting changes nothing");
            assert_eq!(run(&path, Some(&aside), 100).expect("rewritten"), expected);
            assert_eq!(unpacked(&path), KEPT, "{compression:?}");
            assert_eq!(packing(&path).expect("readable"), compression);
            let files = removed_files(&aside);
            assert_eq!(files.len(), 1);
            assert_eq!(fs::read(&files[0]).expect("there"), GONE);
            let before = fs::metadata(&path).expect("there").modified().expect("known");
            assert_eq!(run(&path, Some(&aside), 100).expect("nothing").removed, 0);
            assert_eq!(fs::metadata(&path).expect("there").modified().expect("known"), before, "not touched again");
        }
    }

    #[test]
    fn lines_too_long_stay_as_they_are() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (path, aside) = (folder.path().join("a.jsonl"), folder.path().join("aside"));
        let long = format!("go{}", "x".repeat(25));
        for end in ["\n", ""] {
            fs::write(&path, format!("{long}\ngo 1\nkeep\n{long}{end}")).expect("written");
            let got = run(&path, Some(&aside), 9).expect("rewritten");
            assert_eq!(got, Rewritten { kept: 3, removed: 1, unseen: 2 });
            assert_eq!(unpacked(&path), format!("{long}\nkeep\n{long}{end}").into_bytes());
        }
        fs::write(&path, "go 345678\ngo 3456789\n").expect("written");
        assert_eq!(run(&path, Some(&aside), 9).expect("rewritten"), Rewritten { kept: 1, removed: 1, unseen: 1 });
    }

    #[test]
    fn every_line_is_somewhere_at_every_point() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (path, aside) = (folder.path().join("a.jsonl"), folder.path().join("aside"));
        fs::write(&path, LINES).expect("written");
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (log, file, out) = (Rc::clone(&seen), path.clone(), aside.clone());
        let watcher = move |point: &'static str| {
            let whole = fs::read(&file).expect("always there");
            let gone: Vec<u8> = removed_files(&out).iter().flat_map(|path| fs::read(path).expect("there")).collect();
            assert!(whole == LINES || (whole == KEPT && gone == GONE), "{point}");
            log.borrow_mut().push(point);
        };
        kill::watch::during(watcher, || run(&path, Some(&aside), 100)).expect("rewritten");
        assert_eq!(*seen.borrow(), kill::REWRITE_POINTS);
    }

    #[test]
    fn a_damaged_file_is_not_touched() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (path, aside) = (folder.path().join("a.jsonl.gz"), folder.path().join("aside"));
        let packed = pack(&LINES.repeat(1000), Compression::Gzip);
        let cut = &packed[..packed.len() / 2];
        fs::write(&path, cut).expect("written");
        assert!(run(&path, Some(&aside), 100).is_err());
        assert_eq!(fs::read(&path).expect("there"), cut);
        assert!(!aside.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("temporary folder");
        let (path, link) = (folder.path().join("a.jsonl"), folder.path().join("link.jsonl"));
        fs::write(&path, LINES).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        symlink(&path, &link).expect("linked");
        run(&link, Some(&folder.path().join("aside")), 100).expect("rewritten");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read(&path).expect("there"), KEPT);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);
    }
}
