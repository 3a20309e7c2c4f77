//! Who publishes at an address? The answer is the smallest publisher that one person is assumed to
//! control.
//!
//! That is the registrable domain by the public suffix list, its private section included:
//! `someone.github.io` is a publisher, `github.io` is none. Where many people share a host it is
//! the account: on well-known sites (`shared`), on platforms that the background has learned, and
//! where the user's own rows and patterns say so. An IP address is a publisher of its own. The
//! publisher of a record without a usable address is the record's source.
//!
//! The name of a publisher with an address is an address itself, whose publisher it is again; so it
//! can be copied from a decision into a list.
//!
//! **Cost** about 300 ns. **State** none.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::{
    address::{self, Address},
    shared::{SharedHosts, account_name},
};
use crate::{document::Publisher, text::Seed};

const PUBLISHER_DOMAIN: u64 = 0x756e_6974_0000;
const HOST_DOMAIN: u64 = 0x686f_7374_0000;
const SOURCE_BYTES_MAX: usize = 256;
/// Most bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why an account pattern or a row of shared hosts cannot be used.
#[derive(Debug, Error)]
pub enum BadPattern {
    /// It is no regular expression, or one that is too large.
    #[error("account pattern {pattern:?}: {source}")]
    Regex {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        source: Box<regex::Error>,
    },
    /// It does not say which part is the account.
    #[error("account pattern {pattern:?}: got {got} capture groups, expected 1, which holds the account")]
    Groups {
        /// The pattern.
        pattern: String,
        /// Number of capture groups in it.
        got: usize,
    },
    /// It is no row of shared hosts.
    #[error("row {row:?}: {why}")]
    Row {
        /// The row.
        row: String,
        /// What is wrong.
        why: String,
    },
}

/// Hosts, besides the well-known ones, on which accounts are the publishers.
#[derive(Clone, Debug, Default)]
pub struct Platforms {
    hosts: BTreeSet<Box<str>>,
    patterns: Vec<Regex>,
    shared: SharedHosts,
}

impl Platforms {
    /// Compiles them. On `hosts` the account is the first of several path segments. `patterns` are
    /// matched against host and path (`example.org/~someone/page`, without scheme, `www.` and
    /// query); their one capture group is the account. `shared` are rows as in `account_hosts.txt`,
    /// which are asked before those.
    ///
    /// # Errors
    /// If a pattern is no regular expression with one capture group, or a row makes no sense.
    pub fn new(
        hosts: impl IntoIterator<Item = impl AsRef<str>>,
        patterns: &[String],
        shared: &[String],
    ) -> Result<Self, BadPattern> {
        let hosts = hosts.into_iter().filter_map(|h| Some(without_www(&address::host(h.as_ref())?).into())).collect();
        let compile = |pattern: &String| {
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            let regex = built.map_err(|e| BadPattern::Regex { pattern: pattern.clone(), source: Box::new(e) })?;
            match regex.captures_len() - 1 {
                1 => Ok(regex),
                got => Err(BadPattern::Groups { pattern: pattern.clone(), got }),
            }
        };
        let patterns = patterns.iter().map(compile).collect::<Result<_, _>>()?;
        let shared = SharedHosts::new(shared).map_err(|(row, why)| BadPattern::Row { row, why })?;
        Ok(Self { hosts, patterns, shared })
    }

    /// Whether a user's patterns may name accounts that no address alone tells.
    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// The account that a whole host is: `someone.tumblr.com`, or a bucket.
    pub(super) fn account_of_host(&self, host: &str) -> Option<String> {
        let address = Address { host: host.into(), path: "/".into(), query: "".into() };
        self.shared.find(host, &address).filter(|found| found.whole_host)?.name
    }

    /// The name of the publisher at an address, and the host without `www.`.
    pub(super) fn name<'a>(&self, address: &'a Address<'_>) -> (String, &'a str) {
        let host = without_www(&address.host);
        if let Some(name) = self.account(host, &address.path) {
            return (name, host);
        }
        if is_address(host) {
            return (host.to_owned(), host);
        }
        if let Some(name) = self.shared.find(host, address).and_then(|found| found.name) {
            return (name, host);
        }
        // A host that is a public suffix itself has no registrable domain.
        (psl::domain_str(host).unwrap_or(host).to_owned(), host)
    }

    fn account(&self, host: &str, path: &str) -> Option<String> {
        if !self.patterns.is_empty() {
            let address = format!("{host}{path}");
            let captured = self.patterns.iter().find_map(|p| p.captures(&address)?.get(1));
            if let Some(account) = captured.and_then(|m| account_name(m.as_str())) {
                return Some(format!("{host}/{account}"));
            }
        }
        if self.hosts.contains(host) {
            let mut segments = path.split('/').filter(|s| !s.is_empty());
            let account = account_name(segments.next()?)?;
            segments.next()?;
            return Some(format!("{host}/{account}"));
        }
        None
    }
}

pub(super) fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

/// The publisher of the record at `url`, or its `source` (a file, a topic) if there is no usable
/// address.
#[must_use]
pub fn publisher_of(url: &str, source: &str, seed: Seed, platforms: &Platforms) -> Publisher {
    let Some(address) = Address::parse(url) else {
        // Marked, so that a file with the name of a site is not taken for that site.
        let name = format!("source:{}", &source[..source.floor_char_boundary(SOURCE_BYTES_MAX)]);
        return publisher(name.clone(), &name, seed);
    };
    let (name, host) = platforms.name(&address);
    publisher(name, host, seed)
}

/// The publisher of a record that names its contributor, whatever address it has.
#[must_use]
pub fn contributor(name: &str, seed: Seed) -> Publisher {
    // Marked, so that a contributor with the name of a site is not taken for that site. What one contributor repeats is a
    // template, and what many repeat is not, although all of it is in one file.
    let name = format!("contributor:{}", name[..name.floor_char_boundary(SOURCE_BYTES_MAX)].to_lowercase());
    publisher(name.clone(), &name, seed)
}

/// The publisher with a name that [`publisher_of`] returned earlier. Its host is not known any
/// more.
#[must_use]
pub fn named(name: &str, seed: Seed) -> Publisher {
    publisher(name.to_owned(), name, seed)
}

fn publisher(name: String, host: &str, seed: Seed) -> Publisher {
    let (key, host) = (seed.bytes(PUBLISHER_DOMAIN, name.as_bytes()), seed.bytes(HOST_DOMAIN, host.as_bytes()));
    Publisher { name: name.into(), key, host }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(url: &str, want: &str) {
        let platforms = Platforms::new(["blogs.example"], &[r"^uni\.example/~([^/]+)".to_owned()], &[]).expect("a good pattern");
        assert_eq!(&*publisher_of(url, "crawl.jsonl", Seed(1), &platforms).name, want, "{url}");
    }

    #[test]
    fn registrable_domains() {
        check("https://www.example.org/a", "example.org");
        check("http://a.b.example.co.uk", "example.co.uk");
        check("https://someone.github.io/page", "someone.github.io");
        check("https://x.blogspot.com/", "x.blogspot.com");
        check("https://site.example/a", "site.example");
        check("https://developer.mozilla.org/en-US/", "mozilla.org");
        check("https://docs.rs/regex", "docs.rs");
        check("https://github.io/", "github.io");
    }

    #[test]
    fn odd_addresses() {
        check("HTTPS://User:pass@WWW.Example.ORG.:8443/a?b#c", "example.org");
        check("//example.org", "example.org");
        check("http://192.168.0.1:80/a", "192.168.0.1");
        check("http://[2001:DB8::0:1]:80/a", "[2001:db8::1]");
        check("http://b\u{fc}cher.de/", "xn--bcher-kva.de");
        check("http://xn--bcher-kva.de/", "xn--bcher-kva.de");
        check("http://www.de/", "www.de");
        check("https://example.org?x=//evil.example", "example.org");
        check("http://example.org\\@evil.example/", "example.org");
        for broken in ["", "no address", "http://", "http://a b/", "a:b//c", "http://x:y/", "http://[1/"] {
            check(broken, "source:crawl.jsonl");
        }
    }

    #[test]
    fn accounts() {
        check("https://github.com/Someone/repo", "github.com/someone");
        check("https://gist.github.com/someone/1", "github.com/someone");
        check("https://github.com/", "github.com");
        check("https://old.reddit.com/user/X/comments", "reddit.com/user/x");
        check("https://www.reddit.com/r/rust/comments/1", "reddit.com/r/rust");
        check("https://medium.com/@x/post-1", "medium.com/@x");
        check("https://x.medium.com/post-1", "medium.com/@x");
        check("https://a.substack.com/p/1", "a.substack.com");
        check("https://www.youtube.com/watch?v=1", "youtube.com");
        check("https://www.youtube.com/channel/UC1/videos", "youtube.com/channel/uc1");
        check("https://sites.google.com/view/mine/home", "sites.google.com/view/mine");
        check("https://a.b.wordpress.com/", "b.wordpress.com");
        check("https://blogs.example/someone/post", "blogs.example/someone");
        check("https://blogs.example/about", "blogs.example");
        check("https://uni.example/~Ann/page", "uni.example/ann");
    }

    #[test]
    fn patterns_are_checked() {
        let error = |p: &str| Platforms::new([""; 0], &[p.to_owned()], &[]).expect_err("a bad pattern").to_string();
        assert!(error("(a)(b)").contains("got 2 capture groups, expected 1"));
        assert!(error("(").contains("account pattern"));
        assert!(error("(a{1000}){1000}").contains("account pattern"));
    }

    proptest! {
        #[test]
        fn never_panics(url in "(https?:|ftp:|)(//|/|)[a-zä.@:\\[\\]%\\\\0-9。]{0,20}(/|\\?|#|)\\PC{0,30}", any in ".*") {
            for url in [&url, &any] {
                let publisher = publisher_of(url, &any, Seed(1), &Platforms::default());
                prop_assert!(!publisher.name.is_empty() && publisher.name.len() <= 600);
                prop_assert!(publisher.name.starts_with("source:") || *publisher.name == *publisher.name.to_lowercase(), "{}", url);
            }
        }
    }
}
