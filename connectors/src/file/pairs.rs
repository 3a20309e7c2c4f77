//! Which of the input files belong together?
//!
//! A WARC and the WET made of it have the names `X.warc` and `X.warc.wet`, each also with `.gz` or
//! `.zst`. Such a pair is read as one file ([`crate::framing::joined`]). The two lie in one folder;
//! or in two folders side by side, as Common Crawl has them (`warc/` and `wet/`); or anywhere. They
//! are looked for in this order. If several files of a name could be meant, none is taken: each is
//! read by itself, and that is reported.

use std::collections::BTreeMap;

use super::{
    input::{InputFile, InputOrigin},
    input_format::COMPRESSED_SUFFIXES,
    walk::Walk,
};

const ARCHIVE_SUFFIX: &str = ".warc";
const TEXTS_SUFFIX: &str = ".warc.wet";
/// How many folders are left out of the paths when names are compared, in the order of the tries.
const FOLDERS_LEFT_OUT: [usize; 3] = [0, 1, usize::MAX];

/// The pairs among some files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundPairs {
    /// For the number of an archive, the number of its file of texts.
    pub texts: BTreeMap<usize, usize>,
    /// Names that were left alone because several files could be meant.
    pub unclear: Vec<String>,
}

/// One of two files that may belong together.
struct HalfOfPair<'a> {
    number: usize,
    folder: &'a str,
    stem: &'a str,
    is_texts: bool,
}

impl<'a> HalfOfPair<'a> {
    fn of(number: usize, path: &'a str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let lower = name.to_ascii_lowercase();
        let plain = COMPRESSED_SUFFIXES.iter().find_map(|suffix| lower.strip_suffix(suffix)).unwrap_or(&lower);
        let of_texts = plain.strip_suffix(TEXTS_SUFFIX);
        let stem = of_texts.or_else(|| plain.strip_suffix(ARCHIVE_SUFFIX))?;
        Some(Self { number, folder, stem: &name[..stem.len()], is_texts: of_texts.is_some() })
    }

    /// Returns what both halves of a pair have in common.
    fn key(&self, folders_left_out: usize) -> (&'a str, &'a str) {
        let folder = match folders_left_out {
            0 => self.folder,
            1 => self.folder.rsplit_once('/').map_or("", |(outer, _)| outer),
            _ => "",
        };
        (folder, self.stem)
    }
}

/// Finds the pairs among the files of a list. `None` stands for a file that cannot be one of a
/// pair.
pub(super) fn find_pairs<'a>(paths: impl IntoIterator<Item = Option<&'a str>>) -> FoundPairs {
    let mut left: Vec<HalfOfPair<'_>> =
        paths.into_iter().enumerate().filter_map(|(number, path)| HalfOfPair::of(number, path?)).collect();
    let mut found = FoundPairs::default();
    for folders_left_out in FOLDERS_LEFT_OUT {
        let mut groups: BTreeMap<_, [Vec<HalfOfPair<'_>>; 2]> = BTreeMap::new();
        for half in left.drain(..) {
            groups.entry(half.key(folders_left_out)).or_default()[usize::from(half.is_texts)].push(half);
        }
        for ((_, stem), halves) in groups {
            match &halves {
                [archives, texts] if archives.is_empty() || texts.is_empty() => left.extend(halves.into_iter().flatten()),
                [archives, texts] if archives.len() == 1 && texts.len() == 1 => {
                    found.texts.insert(archives[0].number, texts[0].number);
                }
                [archives, texts] => {
                    let (archives, texts) = (archives.len(), texts.len());
                    found
                        .unclear
                        .push(format!("{stem}: {archives} WARC and {texts} WET files of this name, expected one of each"));
                }
            }
        }
    }
    found
}

impl Walk {
    /// Reads each WET with the WARC that it was made of, as one file.
    #[must_use]
    pub fn joined(self) -> Self {
        let paths: Vec<Option<String>> = self.files.iter().map(path).collect();
        let FoundPairs { texts, unclear } = find_pairs(paths.iter().map(Option::as_deref));
        let mut files: Vec<Option<InputFile>> = self.files.into_iter().map(Some).collect();
        for (&archive, &texts) in &texts {
            let companion = files[texts].take().map(InputFile::into_companion);
            if let Some(archive) = &mut files[archive] {
                archive.texts = companion;
            }
        }
        Self { files: files.into_iter().flatten().collect(), unclear, ..self }
    }
}

/// Returns the path by which a file's other half is looked for.
fn path(file: &InputFile) -> Option<String> {
    match &file.origin {
        _ if !file.may_be_paired() => None,
        // The archives of a WACZ all have the path of the WACZ.
        InputOrigin::Inner { .. } => Some(file.name.clone()),
        origin => Some(origin.path().to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], want: &[(usize, usize)], unclear: &[&str]) {
        let found = find_pairs(paths.iter().copied().map(Some));
        assert_eq!(found.texts.into_iter().collect::<Vec<_>>(), want, "{paths:?}");
        assert_eq!(found.unclear.len(), unclear.len(), "{paths:?}: {:?}", found.unclear);
        for (got, want) in found.unclear.iter().zip(unclear) {
            assert!(got.starts_with(want), "{got}, expected {want}");
        }
    }

    #[test]
    fn names_tell_what_belongs_together() {
        check(&["a.warc", "a.warc.wet"], &[(0, 1)], &[]);
        check(&["a.warc.wet.zst", "x/b.jsonl", "A.warc", "a.WARC.gz"], &[(3, 0)], &[]);
        check(&["a.warc.gz", "b.warc.wet.gz", "a.wet", "a.warc.wat.gz", "a.warc.gz.wet"], &[], &[]);
        check(&["a.warc", "a.warc.gz"], &[], &[]);
        check(&[".warc", ".warc.wet"], &[(0, 1)], &[]);
        assert_eq!(find_pairs([Some("a.warc"), None, Some("a.warc.wet")]).texts, BTreeMap::from([(0, 2)]));
    }

    #[test]
    fn the_nearest_two_are_a_pair() {
        let (warc, wet) = ("s3://c/seg/1/warc/0.warc.gz", "s3://c/seg/1/wet/0.warc.wet.gz");
        check(&[warc, wet], &[(0, 1)], &[]);
        check(&[warc, "s3://c/seg/2/warc/0.warc.gz", "s3://c/seg/2/wet/0.warc.wet.gz", wet], &[(0, 3), (1, 2)], &[]);
        check(&["m/0.warc", "n/0.warc", "n/0.warc.wet", "/elsewhere/0.warc.wet"], &[(0, 3), (1, 2)], &[]);
        check(&["0.warc", "/d/0.warc.wet"], &[(0, 1)], &[]);
    }

    #[test]
    fn where_several_would_do_none_is_taken() {
        check(&["a.warc", "a.warc.gz", "a.warc.wet", "b.warc", "b.warc.wet"], &[(3, 4)], &["a: 2 WARC and 1 WET files"]);
        check(&["x/a.warc", "y/q/a.warc.wet", "z/q/a.warc.wet"], &[], &["a: 1 WARC and 2 WET files"]);
        // What is unclear in a folder is not made clear by what lies elsewhere.
        check(&["a/a.warc", "a/a.warc.gz", "a/a.warc.wet", "b/a.warc.wet"], &[], &["a: 2 WARC and 1 WET files"]);
    }
}
