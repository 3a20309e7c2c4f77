//! Is a publisher on a list of the user's? A list has a domain, a host or an account on each line,
//! and comments behind `#`.
//!
//! An entry stands for everything below it: `example.org` for its hosts and accounts,
//! `blog.example.org` for that host, `github.com/someone` for one account. Case, a leading `*.` or
//! `www.`, and a trailing dot do not matter.
//!
//! **Cost** a look-up for each label of the host, about 100 ns. **State** the list.

use std::collections::BTreeSet;

use super::publisher::{split_url, without_www};

/// A parsed list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublisherList {
    entries: BTreeSet<Box<str>>,
}

/// A line that names no publisher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: got {got:?}, expected a domain such as example.org or an account such as github.com/someone")]
pub struct BadLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// The start of the line.
    pub got: String,
}

impl PublisherList {
    /// Parses the list in `text`, and returns with it the lines that were left out.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<BadLine>) {
        let (mut list, mut bad) = (Self::default(), Vec::new());
        for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            match canonical(entry) {
                Some(name) => drop(list.entries.insert(name)),
                None => bad.push(BadLine { line: i + 1, got: entry.chars().take(80).collect() }),
            }
        }
        (list, bad)
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

    /// Whether the list has the publisher, the host of `url`, or a domain above one of them.
    #[must_use]
    pub fn contains(&self, publisher: &str, url: &str) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        if self.entries.contains(publisher) || self.covers(publisher.split('/').next().unwrap_or_default()) {
            return true;
        }
        split_url(url).is_some_and(|(host, _)| self.covers(&host))
    }

    fn covers(&self, host: &str) -> bool {
        let mut rest = Some(host);
        while let Some(name) = rest {
            if self.entries.contains(name) {
                return true;
            }
            rest = name.split_once('.').map(|(_, above)| above);
        }
        false
    }
}

fn canonical(entry: &str) -> Option<Box<str>> {
    let entry = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let entry = entry.strip_prefix("*.").unwrap_or(entry).trim_end_matches('/');
    let (host, account) = entry.split_once('/').map_or((entry, None), |(host, account)| (host, Some(account)));
    let (host, _) = split_url(&format!("//{host}"))?;
    let host = without_www(&host);
    match account {
        None => Some(host.into()),
        Some(account) if account.contains(char::is_whitespace) => None,
        Some(account) => Some(format!("{host}/{}", account.to_lowercase()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_publishers_hosts_and_accounts() {
        let (list, bad) = PublisherList::parse(
            "# ours\nExample.org # all\n*.blog.example.net\nhttps://github.com/Someone/\nb\u{fc}cher.de\n\n",
        );
        assert_eq!((list.len(), bad), (4, Vec::new()));
        for (publisher, url, want) in [
            ("example.org", "https://example.org/", true),
            ("example.org", "", true),
            ("a.example.org", "https://a.example.org/", true),
            ("example.org/someone", "", true),
            ("notexample.org", "https://notexample.org/", false),
            ("example.net", "https://x.blog.example.net/a", true),
            ("example.net", "https://example.net/", false),
            ("github.com/someone", "https://github.com/someone/x", true),
            ("github.com/other", "https://github.com/other", false),
            ("xn--bcher-kva.de", "", true),
            ("source:example.org", "", false),
        ] {
            assert_eq!(list.contains(publisher, url), want, "{publisher} {url}");
        }
    }

    #[test]
    fn says_which_lines_are_bad() {
        let (list, bad) = PublisherList::parse("ok.example\ntwo words\n..\n");
        assert_eq!((list.len(), bad.iter().map(|b| b.line).collect::<Vec<_>>()), (1, vec![2, 3]));
        assert!(bad[0].to_string().starts_with("line 2: got \"two words\", expected a domain"));
    }
}
