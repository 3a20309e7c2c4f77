//! Which files does a list of names mean?
//!
//! Names are relative to a [`ListBase`], or are addresses of their own. Each file keeps the name
//! that the list gives it, from whichever mirror it is read. Files are numbered as the list has
//! them before a shard takes its own, so positions are the same on every machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use super::{
    file_shard::FileShard,
    input::{InputFile, InputOrigin},
    input_format::{format_by_name, refuse_wacz},
    pairs::{FoundPairs, find_pairs},
    walk::single_file,
};
use crate::{
    byte_range::ByteRange,
    error::Error,
    remote::{Address, RemoteClient},
};

/// A file that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The file's name in the list.
    pub path: String,
    /// The first line that names it, from 1.
    pub line: u64,
    /// The parts of the file that are meant, in ascending order and without overlap; `None` for all
    /// of it.
    pub parts: Option<Vec<ByteRange>>,
}

/// What the names of a list are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListBase {
    /// A folder that holds a mirror.
    Folder(PathBuf),
    /// `s3://BUCKET/PREFIX` or `https://HOST/PATH`.
    Remote(Address),
}

impl ListBase {
    /// Reads the value of `--base`.
    ///
    /// # Errors
    /// If it is an address that makes no sense.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if Address::is_one(text) { Address::parse(text).map(Self::Remote) } else { Ok(Self::Folder(text.into())) }
    }
}

/// The place that a name of the list leads to.
enum FileLocation {
    Local(PathBuf),
    Remote(Address),
}

/// What a list means.
#[derive(Debug, Default)]
pub struct ResolvedList {
    /// Input files in the order of the list.
    pub files: Vec<InputFile>,
    /// For a warning: files that may belong together, and why they were not joined.
    pub unclear: Vec<String>,
}

/// Returns the files of `list` that `shard` reads. With `join`, each WET is read together with its
/// WARC, as one file.
///
/// # Errors
/// If a name is given twice or leads out of the base, a file is not there, or parts lie behind a
/// file's end.
pub fn resolve_list(
    list: Vec<ListEntry>,
    base: Option<&ListBase>,
    shard: Option<FileShard>,
    join: bool,
) -> Result<ResolvedList, Error> {
    check_once(&list)?;
    let paths = list.iter().map(|entry| entry.parts.is_none().then_some(entry.path.as_str()));
    let FoundPairs { texts, unclear } = if join { find_pairs(paths) } else { FoundPairs::default() };
    let (ours, texts) = ours(list, &texts, shard);
    let mut files = open(ours, base)?.into_iter();
    let mut joined = Vec::new();
    for has_texts in texts {
        let Some(mut file) = files.next() else { break };
        let texts = if has_texts { files.next() } else { None };
        match texts {
            // Of the files of other shards only names are known, so contents can count no earlier than here.
            Some(texts) if !file.may_be_paired() || !texts.may_be_paired() => joined.extend([file, texts]),
            texts => {
                file.texts = texts.map(InputFile::into_companion);
                joined.push(file);
            }
        }
    }
    Ok(ResolvedList { files: joined, unclear })
}

/// Returns the part of a list that a shard reads, each archive before its texts. Also returns, for
/// each file that is not such texts, whether it has some. A pair counts as one file, so that both
/// are in one shard and every machine counts alike.
fn ours(list: Vec<ListEntry>, texts: &BTreeMap<usize, usize>, shard: Option<FileShard>) -> (Vec<ListEntry>, Vec<bool>) {
    let of_others: BTreeSet<usize> = texts.values().copied().collect();
    let mut list: Vec<Option<ListEntry>> = list.into_iter().map(Some).collect();
    let heads = (0..list.len()).filter(|number| !of_others.contains(number)).enumerate();
    let (mut ours, mut have_texts) = (Vec::new(), Vec::new());
    for (_, head) in heads.filter(|(number, _)| shard.is_none_or(|shard| shard.has(*number))) {
        ours.extend(list[head].take());
        let texts = texts.get(&head).and_then(|&texts| list[texts].take());
        have_texts.push(texts.is_some());
        ours.extend(texts);
    }
    (ours, have_texts)
}

/// Finds out where the files are.
fn open(list: Vec<ListEntry>, base: Option<&ListBase>) -> Result<Vec<InputFile>, Error> {
    let mut locations = Vec::with_capacity(list.len());
    for entry in &list {
        let location = refuse_wacz(&entry.path).and_then(|()| locate(&entry.path, base));
        locations.push(location.map_err(|error| in_line(entry, &error.to_string()))?);
    }
    let addresses: Vec<Address> = locations.iter().filter_map(FileLocation::address).cloned().collect();
    let objects = if addresses.is_empty() { Vec::new() } else { RemoteClient::of_process()?.look_up(&addresses)? };
    let mut objects = objects.into_iter();
    let mut files = Vec::with_capacity(list.len());
    for (entry, location) in list.into_iter().zip(locations) {
        let file = match location {
            FileLocation::Local(path) => {
                let regular =
                    path.metadata().map_err(|source| in_line(&entry, &format!("open {}: {source}", path.display())))?.is_file();
                single_file(&path, regular).map_err(|error| in_line(&entry, &error.to_string()))?
            }
            FileLocation::Remote(_) => {
                let Some(object) = objects.next() else { return Err(in_line(&entry, "the object was not looked up")) };
                let format = format_by_name(&entry.path);
                InputFile::whole(String::new(), InputOrigin::Remote(object), format)
            }
        };
        files.push(pick(file, entry)?);
    }
    Ok(files)
}

impl FileLocation {
    fn address(&self) -> Option<&Address> {
        match self {
            Self::Local(_) => None,
            Self::Remote(address) => Some(address),
        }
    }
}

fn in_line(entry: &ListEntry, what: &str) -> Error {
    Error::Refused(format!("line {}: {what}", entry.line))
}

/// Refuses a name that is given twice: it would be two partitions of one name.
fn check_once(list: &[ListEntry]) -> Result<(), Error> {
    let mut lines = BTreeMap::new();
    for entry in list {
        if let Some(first) = lines.insert(entry.path.as_str(), entry.line) {
            return Err(in_line(entry, &format!("got {} again, as in line {first}, expected each file once", entry.path)));
        }
    }
    Ok(())
}

fn locate(name: &str, base: Option<&ListBase>) -> Result<FileLocation, Error> {
    if Address::is_one(name) {
        return Address::parse(name).map(FileLocation::Remote);
    }
    match base {
        Some(ListBase::Remote(base)) => base.join(name).map(FileLocation::Remote),
        // Without a base, names are relative to the working folder, and may lead anywhere.
        None => Ok(FileLocation::Local(name.into())),
        Some(ListBase::Folder(folder)) => {
            let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            if Path::new(name).components().all(inside) {
                Ok(FileLocation::Local(folder.join(name)))
            } else {
                Err(Error::Refused(format!("got {name}, expected a path below {}", folder.display())))
            }
        }
    }
}

/// Names the file as the list does, and selects the parts that the list asks for.
fn pick(file: InputFile, entry: ListEntry) -> Result<InputFile, Error> {
    let size = file.origin.size().unwrap_or(u64::MAX);
    let behind = entry.parts.iter().flatten().find(|part| part.end() > size);
    if let Some(part) = behind {
        let (offset, length) = (part.offset, part.length);
        let what = format!("got {length} bytes at {offset} of {}, which has {size} bytes", entry.path);
        return Err(in_line(&entry, &what));
    }
    let ListEntry { path: name, parts, .. } = entry;
    Ok(InputFile { name, parts: parts.map(Into::into), ..file })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entry(line: u64, path: &str) -> ListEntry {
        ListEntry { path: path.to_owned(), line, parts: None }
    }

    fn mirror() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join("a")).expect("made");
        for name in ["a/0.warc", "a/1.warc", "a/2.warc"] {
            fs::write(folder.path().join(name), "WARC/1.0\r\n").expect("written");
        }
        folder
    }

    #[test]
    fn shards_part_a_list_and_keep_its_names() {
        let folder = mirror();
        let base = ListBase::Folder(folder.path().to_owned());
        let list = || vec![entry(1, "a/2.warc"), entry(2, "a/0.warc"), entry(4, "a/1.warc")];
        let names = |shard: Option<&str>| -> Vec<String> {
            let shard = shard.map(|text| text.parse().expect("a shard"));
            resolve_list(list(), Some(&base), shard, true).expect("there").files.into_iter().map(|file| file.name).collect()
        };
        assert_eq!(names(None), ["a/2.warc", "a/0.warc", "a/1.warc"]);
        assert_eq!(names(Some("0/2")), ["a/2.warc", "a/1.warc"]);
        assert_eq!(names(Some("1/2")), ["a/0.warc"]);
        assert!(names(Some("4/5")).is_empty());
    }

    #[test]
    fn pairs_are_counted_as_one_and_stay_together() {
        let folder = mirror();
        fs::create_dir(folder.path().join("t")).expect("made");
        for name in ["t/0.warc.wet", "t/1.warc.wet", "t/2.warc.wet.gz"] {
            let content = if name.contains('1') { "{}" } else { "WARC/1.0\r\n" };
            fs::write(folder.path().join(name), content).expect("written");
        }
        let base = ListBase::Folder(folder.path().to_owned());
        let paths = ["a/0.warc", "t/0.warc.wet", "a/1.warc", "t/1.warc.wet", "t/2.warc.wet.gz", "a/2.warc"];
        let read = |shard: Option<&str>, join: bool| -> Vec<String> {
            let list = paths.iter().zip(1..).map(|(path, line)| entry(line, path)).collect();
            let shard = shard.map(|text| text.parse().expect("a shard"));
            let found = resolve_list(list, Some(&base), shard, join).expect("there");
            assert_eq!(found.unclear, [""; 0]);
            let name = |file: InputFile| file.name + &file.texts.map(|texts| format!(" + {}", texts.name)).unwrap_or_default();
            found.files.into_iter().map(name).collect()
        };
        // What is no WET by its content is read as what it is, in the same shard.
        let all = ["a/0.warc + t/0.warc.wet", "a/1.warc", "t/1.warc.wet", "a/2.warc + t/2.warc.wet.gz"];
        assert_eq!(read(None, true), all);
        assert_eq!(read(Some("0/2"), true), [all[0], all[3]]);
        assert_eq!(read(Some("1/2"), true), all[1..3]);
        assert_eq!(read(None, false), paths);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let folder = mirror();
        let base = ListBase::Folder(folder.path().to_owned());
        let said = |list: Vec<ListEntry>| resolve_list(list, Some(&base), None, true).expect_err("wrong").to_string();
        assert!(said(vec![entry(1, "a/0.warc"), entry(3, "a/9.warc")]).starts_with("line 3: open "));
        assert!(said(vec![entry(1, "a/0.warc"), entry(2, "a/0.warc")]).contains("line 2: got a/0.warc again, as in line 1"));
        assert!(said(vec![entry(5, "a/0.WACZ")]).contains("line 5: got a/0.WACZ, a WACZ in a list"));
        for out in ["../x.warc", "a/../../x.warc", "/etc/passwd"] {
            assert!(said(vec![entry(1, out)]).contains("expected a path below"), "{out}");
        }
        let parts = Some(vec![ByteRange { offset: 5, length: 6 }]);
        assert!(
            said(vec![ListEntry { parts, ..entry(7, "a/0.warc") }])
                .contains("line 7: got 6 bytes at 5 of a/0.warc, which has 10")
        );
    }
}
