//! What do the user's lists and reviewed verdicts say?
//!
//! Each file is read by itself, as UTF-8 or, behind its byte-order mark, as UTF-16. `weir check`
//! reads lists with the same function as a run does. Everything that is wrong is said at once.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail};
use operators::reputation::{ListFile, Platforms, PublisherList, PublisherVerdict, lists::publisher_name};
use tracing::info;

use crate::config::PolicyOptions;

/// Most problems that one message shows.
const SHOWN_MAX: usize = 20;

/// The user's lists.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Publishers whose documents are never withheld.
    pub allow: PublisherList,
    /// Publishers whose documents always are.
    pub deny: PublisherList,
    /// The files of the allow list.
    pub allow_files: Vec<ListFile>,
    /// The files of the deny list.
    pub deny_files: Vec<ListFile>,
}

impl Lists {
    /// Reads the lists that a configuration names.
    ///
    /// # Errors
    /// With every file that cannot be read, and every line that names no publisher.
    pub fn read(policy: &PolicyOptions, platforms: &Platforms) -> Result<Self> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for paths in [&policy.allow_files, &policy.deny_files] {
            let read = |path: &std::path::PathBuf| match read_text(path) {
                Ok(text) => Some(ListFile { name: path.display().to_string(), text }),
                Err(error) => {
                    problems.push(format!("list {error:#}"));
                    None
                }
            };
            files.push(paths.iter().filter_map(read).collect::<Vec<_>>());
        }
        let deny_files = files.pop().unwrap_or_default();
        let (lists, bad) = Self::parse(files.pop().unwrap_or_default(), deny_files, platforms);
        problems.extend(bad);
        if problems.is_empty() { Ok(lists) } else { bail!(shortened(&problems)) }
    }

    /// Parses lists; returns with them what is wrong.
    #[must_use]
    pub fn parse(allow_files: Vec<ListFile>, deny_files: Vec<ListFile>, platforms: &Platforms) -> (Self, Vec<String>) {
        let (allow, mut bad) = PublisherList::parse(&allow_files, platforms);
        let (deny, more) = PublisherList::parse(&deny_files, platforms);
        bad.extend(more);
        let problems = bad.iter().map(|line| format!("list {line}")).collect();
        (Self { allow, deny, allow_files, deny_files }, problems)
    }

    /// The texts of all files.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.allow_files.iter().chain(&self.deny_files).map(|file| &*file.text)
    }

    /// What is not wrong but unlikely to be meant.
    pub fn warnings(&self) -> Vec<String> {
        let files = self.allow_files.iter().chain(&self.deny_files);
        let empty = |file: &&ListFile| !file.text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
        let empty = files.filter(empty).map(|file| format!("list {}: there is no entry in it", file.name));
        let both = self.allow.shared_with(&self.deny).map(|(allow, deny)| {
            let (entry, line) = (allow.entry, allow.line);
            format!(
                "{entry} is allowed ({}: line {line}) and denied ({}: line {}): it is allowed",
                allow.file, deny.file, deny.line
            )
        });
        let mut warnings: Vec<String> = empty.chain(both.take(SHOWN_MAX)).collect();
        if !self.allow.is_empty() || !self.deny.is_empty() {
            info!(allowed = self.allow.len(), denied = self.deny.len(), "lists are read");
        }
        warnings.dedup();
        warnings
    }
}

/// Reads reviewed verdicts: one JSON object a line, `{"publisher": "example.org", "bad": true,
/// "time": 1700000000}`. Returns the text with them.
///
/// # Errors
/// With every line that is no verdict, or not one on a publisher.
pub(super) fn read_verdicts(path: &Path, platforms: &Platforms) -> Result<(Vec<PublisherVerdict>, String)> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct VerdictLine {
        #[serde(alias = "unit")]
        publisher: String,
        bad: bool,
        time: i64,
    }
    let text = read_text(path).context("verdicts")?;
    let (mut verdicts, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str::<VerdictLine>(line).map_err(|error| error.to_string());
        let named = read.and_then(|line| match publisher_name(line.publisher.trim(), platforms) {
            Ok(name) => Ok(PublisherVerdict { publisher: name, bad: line.bad, time: line.time }),
            Err(expected) => Err(format!("got publisher {:?}, expected {expected}", line.publisher)),
        });
        match named {
            Ok(verdict) => verdicts.push(verdict),
            Err(why) => problems.push(format!("verdicts {}: line {}: {why}", path.display(), number + 1)),
        }
    }
    if problems.is_empty() { Ok((verdicts, text)) } else { bail!(shortened(&problems)) }
}

/// Reads a file of text, whatever wrote it.
fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let text = match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            (String::from_utf8_lossy(&error.as_bytes()[..at]).matches('\n').count() + 1, "bytes that are no UTF-8")
        }),
    };
    let text = text.and_then(|text| match text.find('\0') {
        Some(at) => Err((text[..at].matches('\n').count() + 1, "a zero byte")),
        None => Ok(text),
    });
    let bad = |(line, got)| format!("{}: line {line}: got {got}, expected a text in UTF-8", path.display());
    text.map_err(|problem| anyhow::anyhow!(bad(problem)))
}

/// Decodes UTF-16; fails with the line and what is wrong.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, (usize, &'static str)> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let line = || text.matches('\n').count() + 1;
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err((line(), "half a character of UTF-16")),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err((text.matches('\n').count() + 1, "half a character of UTF-16")) }
}

/// The first problems, and how many there are besides.
fn shortened(problems: &[String]) -> String {
    let mut shown = problems[..problems.len().min(SHOWN_MAX)].join("\n");
    if problems.len() > SHOWN_MAX {
        // Writing to a string cannot fail.
        let _ = write!(shown, "\nand {} more", problems.len() - SHOWN_MAX);
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Result<Lists> {
        let folder = tempfile::tempdir().expect("a folder");
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        for (path, (_, bytes)) in paths.iter().zip(files) {
            fs::write(path, bytes).expect("written");
        }
        let policy = PolicyOptions { deny_files: paths, ..PolicyOptions::default() };
        Lists::read(&policy, &Platforms::default())
    }

    #[test]
    fn each_file_has_its_own_encoding() {
        let utf16 =
            |bytes: fn(u16) -> [u8; 2]| "\u{feff}b\u{fc}cher.example\r\n".encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let lists = read(&[
            ("a", b"\xef\xbb\xbfa.example"),
            ("b", b"\xef\xbb\xbfb.example\r\nc.example\r\n"),
            ("c", &utf16(u16::to_le_bytes)),
            ("d", &utf16(u16::to_be_bytes)),
        ])
        .expect("lists");
        assert_eq!(lists.deny.len(), 4);
        for host in ["a.example", "b.example", "c.example", "xn--bcher-kva.example"] {
            assert!(lists.deny.contains(host, ""), "{host}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let refused = read(&[
            ("a", b"ok.example\nb\xfccher.example"),
            ("b", b"o\0k\0"),
            ("c", b"\xff\xfea\0\n\0\0"),
            ("d", b"ok.example\n10.0.0.0/8\nexample.org/path"),
        ]);
        let refused = refused.expect_err("refused").to_string();
        for want in [
            "/a: line 2: got bytes that are no UTF-8, expected a text in UTF-8",
            "/b: line 1: got a zero byte",
            "/c: line 2: got half a character of UTF-16",
            "/d: line 2: got \"10.0.0.0/8\", expected single addresses, since networks are not looked up",
            "/d: line 3: got \"example.org/path\", expected a domain",
        ] {
            assert!(refused.contains(want), "{want}: {refused}");
        }
        let many = "a b\n".repeat(50);
        assert!(read(&[("a", many.as_bytes())]).expect_err("refused").to_string().ends_with("and 30 more"));
    }

    #[test]
    fn what_is_unlikely_to_be_meant_is_said() {
        let file = |name: &str, text: &str| ListFile { name: name.to_owned(), text: text.to_owned() };
        let allow = vec![file("allow", "a.example\n"), file("none", "# nothing\n")];
        let (lists, bad) = Lists::parse(allow, vec![file("deny", "b.example\nA.example")], &Platforms::default());
        let want = [
            "list none: there is no entry in it",
            "a.example is allowed (allow: line 1) and denied (deny: line 2): it is allowed",
        ];
        assert_eq!((lists.warnings(), bad), (want.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn verdicts_name_publishers_as_lists_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("verdicts");
        let line = |publisher: &str| format!("{{\"publisher\": \"{publisher}\", \"bad\": true, \"time\": 1}}\r\n");
        fs::write(&path, format!("\u{feff}{}\n{}", line("WWW.Evil.example."), line("reddit.com/u/X"))).expect("written");
        let (verdicts, _) = read_verdicts(&path, &Platforms::default()).expect("verdicts");
        let names: Vec<&str> = verdicts.iter().map(|verdict| &*verdict.publisher).collect();
        assert_eq!(names, ["evil.example", "reddit.com/user/x"]);
        fs::write(&path, format!("{}{}{{}}\n", line("blog.example.org"), line("10.0.0.0/8"))).expect("written");
        let refused = read_verdicts(&path, &Platforms::default()).expect_err("refused").to_string();
        for want in ["line 1: got publisher", "whose publisher is example.org", "line 2: got publisher", "line 3: missing field"]
        {
            assert!(refused.contains(want), "{want}: {refused}");
        }
    }
}
