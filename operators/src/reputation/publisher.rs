//! Who publishes at an address? The answer is the smallest publisher that one person is assumed to
//! control.
//!
//! That is the registrable domain by the public suffix list, its private section included:
//! `someone.github.io` is a publisher, `github.io` is none. Where many people share a host it is
//! the account: on well-known sites (`shared`), on platforms that the background has learned, and
//! where the user's own patterns say so. An IP address is a publisher of its own. The publisher of
//! a record without a usable address is the record's source.
//!
//! Addresses are hostile: at most 2,048 bytes are read, and what is not a host counts as no
//! address. Internationalised names are brought to their ASCII form, so that both spellings are one
//! publisher: lower case, NFKC and punycode (RFC 3492), but not the rest of IDNA.
//!
//! **Cost** about 300 ns. **State** none.

use std::{collections::BTreeSet, net::Ipv6Addr};

use regex::{Regex, RegexBuilder};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::shared;
use crate::{document::Publisher, text::Seed};

const PUBLISHER_DOMAIN: u64 = 0x756e_6974_0000;
const HOST_DOMAIN: u64 = 0x686f_7374_0000;
const URL_BYTES_MAX: usize = 2048;
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const ACCOUNT_BYTES_MAX: usize = 128;
const SOURCE_BYTES_MAX: usize = 256;
/// Most bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why an account pattern cannot be used.
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
}

/// Hosts, besides the well-known ones, on which accounts are the publishers.
#[derive(Clone, Debug, Default)]
pub struct Platforms {
    hosts: BTreeSet<Box<str>>,
    patterns: Vec<Regex>,
}

impl Platforms {
    /// Compiles them. On `hosts` the account is the first of several path segments. `patterns` are
    /// matched against host and path (`example.org/~someone/page`, without scheme, `www.` and
    /// query); their one capture group is the account.
    ///
    /// # Errors
    /// If a pattern is no regular expression with one capture group.
    pub fn new(hosts: impl IntoIterator<Item = impl AsRef<str>>, patterns: &[String]) -> Result<Self, BadPattern> {
        let hosts = hosts.into_iter().filter_map(|h| Some(without_www(&canonical_host(h.as_ref())?).into())).collect();
        let compile = |pattern: &String| {
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            let regex = built.map_err(|e| BadPattern::Regex { pattern: pattern.clone(), source: Box::new(e) })?;
            match regex.captures_len() - 1 {
                1 => Ok(regex),
                got => Err(BadPattern::Groups { pattern: pattern.clone(), got }),
            }
        };
        Ok(Self { hosts, patterns: patterns.iter().map(compile).collect::<Result<_, _>>()? })
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

/// An account as part of a publisher's name: bounded, lower case.
fn account_name(segment: &str) -> Option<String> {
    let fits =
        !segment.is_empty() && segment.len() <= ACCOUNT_BYTES_MAX && !segment.chars().any(|c| c.is_whitespace() || c == '/');
    fits.then(|| segment.to_lowercase())
}

/// Splits an address into its host (in ASCII, lower case, without port and final dot) and its path.
/// `None` if it has no usable host.
#[must_use]
pub fn split_url(url: &str) -> Option<(String, &str)> {
    let url = url.trim();
    let url = &url[..url.floor_char_boundary(URL_BYTES_MAX)];
    let rest = match url.split_once("//") {
        Some(("", rest)) => rest,
        Some((scheme, rest)) => {
            let scheme = scheme.strip_suffix(':')?;
            let ok = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
            (ok && !scheme.is_empty()).then_some(rest)?
        }
        None => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    let host = authority.rsplit('@').next()?;
    Some((canonical_host(without_port(host)?)?, path))
}

fn without_port(host: &str) -> Option<&str> {
    if host.starts_with('[') {
        return Some(&host[..=host.find(']')?]);
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    port.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

fn canonical_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return Some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    let folded: String = if host.is_ascii() {
        host.to_ascii_lowercase()
    } else {
        let dots = |c| if matches!(c, '\u{3002}' | '\u{ff61}') { '.' } else { c };
        host.nfkc().flat_map(char::to_lowercase).map(dots).take(URL_BYTES_MAX).collect()
    };
    let folded = folded.strip_suffix('.').unwrap_or(&folded);
    let labels: Option<Vec<String>> = folded.split('.').map(ascii_label).collect();
    let ascii = labels?.join(".");
    let ok = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (ascii.len() <= HOST_BYTES_MAX && ascii.split('.').all(ok)).then_some(ascii)
}

/// One label of a host name in ASCII; `None` if it is too long.
fn ascii_label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    // Checked before, since the time that the encoding takes grows with the square of the length.
    let fits = label.chars().nth(LABEL_BYTES_MAX).is_none();
    fits.then(|| idna::punycode::encode_str(label)).flatten().map(|encoded| format!("xn--{encoded}"))
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
    let Some((host, path)) = split_url(url) else {
        // Marked, so that a file with the name of a site is not taken for that site.
        let name = format!("source:{}", &source[..source.floor_char_boundary(SOURCE_BYTES_MAX)]);
        return publisher(name.clone(), &name, seed);
    };
    let host = without_www(&host);
    if let Some(name) = platforms.account(host, path) {
        return publisher(name, host, seed);
    }
    if is_address(host) {
        return publisher(host.to_owned(), host, seed);
    }
    // A host that is a public suffix itself has no registrable domain.
    let domain = psl::domain_str(host).unwrap_or(host);
    let segments = path.split('/').filter(|s| !s.is_empty());
    let account = shared::account(host, domain, segments).and_then(|(prefix, account)| Some((prefix, account_name(&account)?)));
    let name = match account {
        Some((prefix, account)) => format!("{domain}/{prefix}{account}"),
        None => shared::subdomain(host, domain).unwrap_or(domain).to_owned(),
    };
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
        let platforms = Platforms::new(["blogs.example"], &[r"^uni\.example/~([^/]+)".to_owned()]).expect("a good pattern");
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
        for broken in [
            "",
            "no address",
            "http://",
            "http:///a",
            "http://a b/",
            "http://a..b/",
            "a:b//c",
            "http://x:y/",
            "http://[1/",
            "http://%41.org",
        ] {
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
        check("https://x.medium.com/post-1", "x.medium.com");
        check("https://a.substack.com/p/1", "a.substack.com");
        check("https://www.youtube.com/watch?v=1", "youtube.com");
        check("https://www.youtube.com/channel/UC1/videos", "youtube.com/channel/uc1");
        check("https://sites.google.com/view/mine/home", "google.com/view/mine");
        check("https://a.b.wordpress.com/", "b.wordpress.com");
        check("https://blogs.example/someone/post", "blogs.example/someone");
        check("https://blogs.example/about", "blogs.example");
        check("https://uni.example/~Ann/page", "uni.example/ann");
    }

    /// Samples of RFC 3492, section 7.1, and names in use.
    #[test]
    fn labels_in_ascii() {
        for (text, want) in [
            ("b\u{fc}cher", "xn--bcher-kva"),
            ("m\u{fc}nchen", "xn--mnchen-3ya"),
            ("\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("\u{440}\u{444}", "xn--p1ai"),
            ("\u{4f8b}\u{5b50}", "xn--fsqu00a"),
            ("plain", "plain"),
        ] {
            assert_eq!(ascii_label(text).as_deref(), Some(want));
        }
        assert_eq!(ascii_label(&"\u{fc}".repeat(64)), None);
    }

    #[test]
    fn patterns_are_checked() {
        let error = |p: &str| Platforms::new([""; 0], &[p.to_owned()]).expect_err("a bad pattern").to_string();
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
