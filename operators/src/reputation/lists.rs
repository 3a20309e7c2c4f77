//! Is a publisher on a list of the user's? A list has a domain, a host or an account on each line,
//! and comments behind `#` (at the beginning of a line, or after white space).
//!
//! An entry stands for everything below it: `example.org` for its hosts and accounts,
//! `blog.example.org` for that host, `github.com/someone` for one account. It may be written as any
//! address may ([`super::address`]). Each file is read by itself. What an entry would not do is
//! said (`list_entry`).
//!
//! **Cost** a look-up for each label of the host, about 100 ns. **State** the list.

use std::{collections::BTreeMap, sync::Arc};

use super::{address::Address, list_entry, publisher::Platforms};
use crate::finding::ListRule;

/// Most bytes of a line that a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// A file of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListFile {
    /// The name by which messages and decisions call it.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// A parsed list.
#[derive(Clone, Debug, Default)]
pub struct PublisherList {
    files: Arc<[Arc<str>]>,
    entries: Arc<BTreeMap<Box<str>, Place>>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: u32,
    line: u32,
}

/// A line that names no publisher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: line {line}: got {got:?}, expected {expected}")]
pub struct BadLine {
    /// The file that has it.
    pub file: String,
    /// Its number, counted from 1.
    pub line: usize,
    /// The start of the line.
    pub got: String,
    /// What may stand there.
    pub expected: String,
}

/// The name of the publisher that a verdict is on, written as in a list.
///
/// # Errors
/// What was expected, if that is no publisher.
pub fn publisher_name(entry: &str, platforms: &Platforms) -> Result<String, String> {
    let name = list_entry::read(entry, platforms)?;
    let url = format!("http://{name}/");
    match Address::parse(&url).map(|address| platforms.name(&address).0) {
        Some(publisher) if publisher != name && !name.contains(['/', ':']) => {
            Err(format!("a publisher, and not a host whose publisher is {publisher}"))
        }
        _ => Ok(name),
    }
}

impl PublisherList {
    /// Parses the files, each by itself, and returns with the list the lines that name nothing.
    #[must_use]
    pub fn parse(files: &[ListFile], platforms: &Platforms) -> (Self, Vec<BadLine>) {
        let (mut entries, mut bad) = (BTreeMap::new(), Vec::new());
        for (number, file) in files.iter().enumerate() {
            for (line, entry) in lines(&file.text) {
                match list_entry::read(entry, platforms) {
                    Ok(name) => {
                        entries.entry(name.into()).or_insert(Place { file: number as u32, line: line as u32 });
                    }
                    Err(expected) => {
                        let got = entry.chars().take(SHOWN_CHARS_MAX).collect();
                        bad.push(BadLine { file: file.name.clone(), line, got, expected });
                    }
                }
            }
        }
        let files = files.iter().map(|file| file.name.as_str().into()).collect();
        (Self { files, entries: Arc::new(entries) }, bad)
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that another list has as well, as in this one and in the other.
    pub fn shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (ListRule, ListRule)> + 'a {
        self.entries.keys().filter_map(|name| Some((self.rule(name)?, other.rule(name)?)))
    }

    /// Whether the list has the publisher, the host of `url`, or a domain above one of them.
    #[must_use]
    pub fn contains(&self, publisher: &str, url: &str) -> bool {
        self.find(publisher, url).is_some()
    }

    /// The entry for the publisher, for the host of `url`, or for a domain above one of them.
    #[must_use]
    pub fn find(&self, publisher: &str, url: &str) -> Option<ListRule> {
        if self.entries.is_empty() {
            return None;
        }
        if let Some(rule) = self.rule(publisher).or_else(|| self.above(publisher.split('/').next().unwrap_or_default())) {
            return Some(rule);
        }
        self.above(&Address::parse(url)?.host)
    }

    /// This very entry, if the list has it.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<ListRule> {
        let (entry, place) = self.entries.get_key_value(name)?;
        Some(ListRule { file: Arc::clone(self.files.get(place.file as usize)?), line: place.line, entry: entry.clone() })
    }

    fn above(&self, host: &str) -> Option<ListRule> {
        let mut rest = Some(host);
        while let Some(name) = rest {
            if let Some(rule) = self.rule(name) {
                return Some(rule);
            }
            rest = name.split_once('.').map(|(_, above)| above);
        }
        None
    }
}

/// The lines of a file that hold an entry, with their numbers from 1. Lines end as on any system.
/// A byte-order mark may begin each: files are joined in many ways.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let end = text.find(['\n', '\r']);
        rest = end.map(|at| text[at..].strip_prefix("\r\n").unwrap_or(&text[at + 1..]));
        Some(&text[..end.unwrap_or(text.len())])
    });
    let without_comment = |line: &'_ str| -> usize {
        let mut before = ' ';
        let comment = line.char_indices().find(|&(_, c)| {
            c == '#' && before.is_whitespace() || {
                before = c;
                false
            }
        });
        comment.map_or(line.len(), |(at, _)| at)
    };
    lines.enumerate().filter_map(move |(number, line)| {
        let line = line.trim_start_matches('\u{feff}');
        let entry = line[..without_comment(line)].trim();
        (!entry.is_empty()).then_some((number + 1, entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> (PublisherList, Vec<BadLine>) {
        let file = |(i, text): (usize, &&str)| ListFile { name: format!("{i}.txt"), text: (*text).to_owned() };
        let files: Vec<ListFile> = texts.iter().enumerate().map(file).collect();
        PublisherList::parse(&files, &Platforms::default())
    }

    #[test]
    fn matches_publishers_hosts_and_accounts() {
        let (list, bad) = parse(&[
            "# ours\nExample.org # all\n*.blog.example.net\nhttps://github.com/Someone/\nb\u{fc}cher.de\n\nevil.com\ncontributor:Ann\n",
        ]);
        assert_eq!((list.len(), bad), (6, Vec::new()));
        for (publisher, url, want) in [
            ("example.org", "https://example.org/", true),
            ("example.org", "", true),
            ("a.example.org", "https://a.example.org/", true),
            ("example.org/someone", "", true),
            ("notexample.org", "https://notexample.org/", false),
            ("example.net", "https://x.blog.example.net/a", true),
            ("example.net", "https://x.b%6cog.example.net\\a", true),
            ("example.net", "https://example.net/", false),
            ("github.com/someone", "https://github.com/someone/x", true),
            ("github.com/other", "https://github.com/other", false),
            ("xn--bcher-kva.de", "", true),
            ("source:example.org", "", false),
            ("contributor:ann", "https://a.example/", true),
            ("contributor:bob", "https://evil.com/", true),
        ] {
            assert_eq!(list.contains(publisher, url), want, "{publisher} {url}");
        }
    }

    #[test]
    fn each_file_is_read_by_itself() {
        let (list, bad) = parse(&["\u{feff}a.example\r\nb.example", "\u{feff}c.example\rd.example # d\r\u{feff}e.example\n", ""]);
        assert_eq!((list.len(), bad), (5, Vec::new()));
        let rule = |name: &str| list.find(name, "").map(|rule| (rule.file.to_string(), rule.line));
        let want = [("a", "0.txt", 1), ("b", "0.txt", 2), ("c", "1.txt", 1), ("d", "1.txt", 2), ("x.e", "1.txt", 3)];
        for (name, file, line) in want {
            assert_eq!(rule(&format!("{name}.example")), Some((file.to_owned(), line)));
        }
    }

    #[test]
    fn says_which_lines_are_bad() {
        let (list, bad) = parse(&["ok.example\ntwo words\n..\n", "\nexample.org#x\n"]);
        let places: Vec<_> = bad.iter().map(|b| (&*b.file, b.line)).collect();
        assert_eq!((list.len(), places), (1, vec![("0.txt", 2), ("0.txt", 3), ("1.txt", 2)]));
        assert!(bad[0].to_string().starts_with("0.txt: line 2: got \"two words\", expected one entry a line"), "{}", bad[0]);
    }

    #[test]
    fn entries_of_two_lists_are_told() {
        let (allow, deny) = (parse(&["a.example\nb.example"]).0, parse(&["c.example\nB.example"]).0);
        let both: Vec<_> = allow.shared_with(&deny).map(|(a, d)| (a.entry.to_string(), a.line, d.line)).collect();
        assert_eq!(both, [("b.example".to_owned(), 2, 2)]);
    }
}
