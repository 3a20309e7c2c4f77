//! Which files do the arguments mean?
//!
//! Arguments are taken in their order. A folder stands for its files, including those of its
//! folders, sorted by path. Files named `.jsonl`, `.json`, `.ndjson`, `.warc`, `.wet` or `.arc`,
//! each also with `.gz` or `.zst`, and `.parquet` are input; but the first bytes of a file, not its
//! name, finally decide its format. A `.wacz` stands for the archives in it ([`super::wacz`]).
//! Links are followed, each folder once. Addresses are objects, or folders of objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    input::{InputFile, InputOrigin},
    input_format::{format_by_name, refuse_wacz},
    wacz,
};
use crate::{
    compress::{Damage, Reader},
    error::Error,
    framing::Format,
    limits::Limits,
    remote::{Address, RemoteClient, RemoteObject},
};

/// Bytes that are looked at. This is enough for white space before the first record.
const SNIFF_BYTES: u64 = 4 << 10;

/// The input files that the arguments mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Input files in reading order.
    pub files: Vec<InputFile>,
    /// For a warning: files and hidden folders inside folders that were left out.
    pub skipped: Vec<PathBuf>,
    /// For a warning: files that may belong together, and why they were not joined.
    pub unclear: Vec<String>,
}

/// Finds the input files that the arguments mean. `-` is standard input. `s3://` and `https://` are
/// addresses, which [`crate::remote`] reads; with a slash at the end an address means all objects
/// below it.
///
/// # Errors
/// If a file cannot be read, or an argument is neither a folder nor an input file.
pub fn walk(arguments: &[PathBuf]) -> Result<Walk, Error> {
    let mut walk = Walk::default();
    let mut owners = Vec::new(); // number of the argument of each file
    for (number, argument) in arguments.iter().enumerate() {
        let before = walk.files.len();
        if argument.as_os_str() == "-" {
            if walk.files.iter().any(|file| file.origin == InputOrigin::Stdin) {
                return Err(Error::Refused("standard input is given twice, expected - once".to_owned()));
            }
            walk.files.push(InputFile::whole("-".to_owned(), InputOrigin::Stdin, None));
        } else if let Some(address) = argument.to_str().filter(|text| Address::is_one(text)) {
            walk_remote(&Address::parse(address)?, &mut walk)?;
        } else {
            let metadata = fs::metadata(argument).map_err(|source| Error::file("open", argument, source))?;
            if metadata.is_dir() {
                walk_folder(argument, &mut walk)?;
            } else {
                walk.files.push(single_file(argument, metadata.is_file())?);
            }
        }
        unfold(&mut walk.files, before)?;
        owners.resize(walk.files.len(), number + 1);
    }
    make_names_unique(&mut walk.files, &owners);
    Ok(walk)
}

/// Replaces each WACZ with the archives in it, from file number `first` on.
fn unfold(files: &mut Vec<InputFile>, first: usize) -> Result<(), Error> {
    for file in files.split_off(first) {
        let archives = match &file.origin {
            InputOrigin::File { path, .. } => wacz::archives_of(path).map_err(|source| Error::file("read", path, source))?,
            _ => None,
        };
        let (Some(archives), InputOrigin::File { path, .. }) = (archives, &file.origin) else {
            files.push(file);
            continue;
        };
        files.extend(archives.into_iter().map(|entry| {
            let origin = InputOrigin::Inner { path: path.clone(), location: entry.location };
            InputFile::whole(format!("{}/{}", file.name, entry.name), origin, Some(entry.format))
        }));
    }
    Ok(())
}

/// Adds an object, or all objects below an address that ends with a slash.
fn walk_remote(address: &Address, walk: &mut Walk) -> Result<(), Error> {
    let client = RemoteClient::of_process()?;
    if !address.is_folder() {
        refuse_wacz(address.name())?;
        walk.files.extend(client.look_up(std::slice::from_ref(address))?.into_iter().map(remote_file));
        return Ok(());
    }
    for object in client.list(address)? {
        let name = object.address.below(address).to_owned();
        let hidden = name.split('/').any(|part| part.starts_with('.'));
        match format_by_name(&name) {
            Some(_) if !hidden && refuse_wacz(&name).is_ok() => walk.files.push(InputFile { name, ..remote_file(object) }),
            _ => walk.skipped.push(PathBuf::from(object.address.as_str())),
        }
    }
    Ok(())
}

/// Makes an input file of an object, named by the last part of its address.
fn remote_file(object: RemoteObject) -> InputFile {
    let name = object.address.name().to_owned();
    let format = format_by_name(&name);
    InputFile::whole(name, InputOrigin::Remote(object), format)
}

pub(super) fn single_file(path: &Path, regular: bool) -> Result<InputFile, Error> {
    if !regular {
        // Looking at a pipe would consume its first bytes.
        let path = path.display();
        return Err(Error::Refused(format!("{path} is no regular file, expected a file, a folder or - for standard input")));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let (sniffed, size) = sniff(path)?;
    let Some(format) = sniffed.or_else(|| format_by_name(&name)) else {
        return Err(Error::Refused(format!(
            "{} is no input: expected a name in .jsonl, .json, .ndjson, .warc, .wet or .arc (with .gz or .zst), .wacz or .parquet, \
             or content that begins with {{, WARC/1., filedesc: or PAR1",
            path.display()
        )));
    };
    Ok(InputFile::whole(name, InputOrigin::File { path: path.to_owned(), size }, Some(format)))
}

fn walk_folder(root: &Path, walk: &mut Walk) -> Result<(), Error> {
    let mut found: Vec<(PathBuf, Format)> = Vec::new();
    let mut visited = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let canonical = fs::canonicalize(&folder).map_err(|source| Error::file("open", &folder, source))?;
        if !visited.insert(canonical) {
            continue; // a link back, or a second link to the same place
        }
        let mut inner = Vec::new();
        for path in sorted_entries(&folder)? {
            let metadata = fs::metadata(&path).map_err(|source| Error::file("open", &path, source))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hidden = name.starts_with('.');
            match format_by_name(&name) {
                _ if !hidden && metadata.is_dir() => inner.push(path),
                Some(format) if !hidden && metadata.is_file() => found.push((path, format)),
                _ => walk.skipped.push(path),
            }
        }
        // Folders are taken from the end, so the first one is visited first, and its name wins if two links lead to one folder.
        folders.extend(inner.into_iter().rev());
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    walk.skipped.sort();
    for (path, by_name) in found {
        let name = path.strip_prefix(root).unwrap_or(&path).components().map(|part| part.as_os_str().to_string_lossy());
        let name = name.collect::<Vec<_>>().join("/");
        let (sniffed, size) = sniff(&path)?;
        let format = Some(sniffed.unwrap_or(by_name));
        walk.files.push(InputFile::whole(name, InputOrigin::File { path, size }, format));
    }
    Ok(())
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries = entries.map_err(|source| Error::file("list", folder, source))?;
    entries.sort();
    Ok(entries)
}

/// Returns the format that a file's first bytes tell, and its size. This also finds out early that
/// a file cannot be read.
fn sniff(path: &Path) -> Result<(Option<Format>, u64), Error> {
    let open = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut head = Vec::new();
        let read = Reader::new(Box::new(file), &Limits::default())?.take(SNIFF_BYTES).read_to_end(&mut head);
        // Damage is found again, and reported, when the file is read.
        if let Err(error) = read {
            Damage::from_error(error)?;
        }
        Ok((Format::sniff(&head), size))
    };
    open().map_err(|source| Error::file("read", path, source))
}

/// Makes names unique: if several files have the same name, it gets the argument's number (from 1)
/// as a prefix.
fn make_names_unique(files: &mut [InputFile], owners: &[usize]) {
    let mut count = BTreeMap::new();
    for file in files.iter() {
        *count.entry(file.name.clone()).or_insert(0) += 1;
    }
    let mut taken = BTreeSet::new();
    for (file, owner) in files.iter_mut().zip(owners) {
        if count[&file.name] > 1 {
            file.name = format!("{owner}:{}", file.name);
        }
        // Names that are not Unicode may still be equal within one folder.
        while !taken.insert(file.name.clone()) {
            file.name.push('~');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(walk: &Walk) -> Vec<&str> {
        walk.files.iter().map(|file| file.name.as_str()).collect()
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("inside")).expect("created");
            fs::write(path, content).expect("written");
        }
        folder
    }

    #[test]
    fn folders_are_sorted_and_recursive() {
        let folder = tree(&[
            ("b.jsonl", "{}"),
            ("a/z.JSON.GZ", ""),
            ("a/y.warc.wet.zst", ""),
            ("a-1.ndjson", "WARC/1.0\r\n"),
            ("a/notes.txt", "x"),
            (".hidden/c.jsonl", "{}"),
            (".d.jsonl", "{}"),
            ("e.gz", ""),
        ]);
        let walk = walk(&[folder.path().to_owned()]).expect("readable");
        assert_eq!(names(&walk), ["a/y.warc.wet.zst", "a/z.JSON.GZ", "a-1.ndjson", "b.jsonl"]);
        let formats = [Format::Warc, Format::Jsonl, Format::Warc, Format::Jsonl].map(Some);
        assert_eq!(walk.files.iter().map(|file| file.format).collect::<Vec<_>>(), formats, "content before name");
        let skipped = [".d.jsonl", ".hidden", "a/notes.txt", "e.gz"].map(|name| folder.path().join(name));
        assert_eq!(walk.skipped, skipped);
    }

    #[test]
    fn names_that_meet_get_the_number_of_their_argument() {
        let folder = tree(&[("x/a.jsonl", "{}"), ("y/a.jsonl", "{}"), ("y/b.jsonl", "{}")]);
        let arguments = ["x", "y/a.jsonl", "y"].map(|name| folder.path().join(name));
        let walk = walk(&arguments).expect("readable");
        assert_eq!(names(&walk), ["1:a.jsonl", "2:a.jsonl", "3:a.jsonl", "b.jsonl"]);
    }

    #[test]
    fn single_files_are_known_by_name_or_content() {
        let folder = tree(&[("data", " \n{\"text\":1}"), ("crawl", "WARC/1.0\r\n"), ("readme", "hello"), ("empty.jsonl", "")]);
        let one = |name: &str| walk(&[folder.path().join(name)]);
        assert_eq!(one("data").expect("sniffed").files[0].format, Some(Format::Jsonl));
        assert_eq!(one("crawl").expect("sniffed").files[0].format, Some(Format::Warc));
        assert_eq!(one("empty.jsonl").expect("by name").files[0].format, Some(Format::Jsonl));
        assert!(one("readme").expect_err("unknown").to_string().contains("readme is no input"));
        assert!(one("missing").expect_err("missing").to_string().contains("missing"));
    }

    #[test]
    fn standard_input_is_given_once() {
        assert_eq!(names(&walk(&["-".into()]).expect("fine")), ["-"]);
        assert!(walk(&["-".into(), "-".into()]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_loops_are_not() {
        use std::os::unix::fs::symlink;

        let (folder, elsewhere) = (tree(&[("a/b/c.jsonl", "{}")]), tree(&[("d.jsonl", "{}")]));
        symlink(folder.path(), folder.path().join("a/b/loop")).expect("linked");
        symlink(folder.path().join("a/b"), folder.path().join("again")).expect("linked");
        symlink(elsewhere.path(), folder.path().join("z")).expect("linked");
        symlink(elsewhere.path().join("d.jsonl"), folder.path().join("e.jsonl")).expect("linked");
        let walk1 = walk(&[folder.path().to_owned()]).expect("readable");
        assert_eq!(names(&walk1), ["a/b/c.jsonl", "e.jsonl", "z/d.jsonl"]);
        symlink(folder.path().join("none"), folder.path().join("broken.jsonl")).expect("linked");
        assert!(walk(&[folder.path().to_owned()]).expect_err("broken").to_string().contains("broken.jsonl"));
    }
}
