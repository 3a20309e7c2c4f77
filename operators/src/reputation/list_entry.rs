//! Which publisher, host or account does an entry of a list name?
//!
//! An entry is what a person writes: a host, an account, an address that has nothing but these, or
//! the name of a publisher as decisions write it. What can match nothing, or would match more than
//! it says, is a problem that says what to write instead.

use std::net::IpAddr;

use super::{
    address::{self, Address},
    publisher::{Platforms, without_www},
};

/// Stands for the segments of a path that an account's own address does not have. No account has
/// such a name.
const MORE: &str = "/ / ";
const EXPECTED: &str = "a domain such as example.org or an account such as github.com/someone";
/// The marks of publishers without an address.
const MARKS: [&str; 2] = ["contributor:", "source:"];

/// Reads an entry; fails with what was expected.
pub(super) fn read(entry: &str, platforms: &Platforms) -> Result<String, String> {
    if let Some(name) = MARKS.iter().find_map(|mark| entry.strip_prefix(mark).filter(|name| !name.is_empty())) {
        let is_contributor = entry.starts_with(MARKS[0]);
        return Ok(if is_contributor { format!("{}{}", MARKS[0], name.to_lowercase()) } else { entry.to_owned() });
    }
    let is_odd =
        |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '^' | '"' | '\'') || c == '=' && !entry.contains('?');
    if let Some(c) = entry.chars().find(|&c| is_odd(c)) {
        let parts = entry.split(is_odd);
        let names: Vec<&str> =
            parts.filter(|part| part.contains('.') && !is_any(part) && read(part, platforms).is_ok()).collect();
        let what = if c.is_whitespace() { "white space".to_owned() } else { format!("{c:?}") };
        let instead = if names.is_empty() { String::new() } else { format!(": {}", names.join(" and ")) };
        return Err(format!("one entry a line without {what}{instead}"));
    }
    let entry = match entry.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => rest,
        Some((_, rest)) => return Err(instead("an entry without a scheme, since any scheme is meant", rest, platforms)),
        None => entry,
    };
    let entry = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')).unwrap_or(entry).trim_end_matches('/');
    if entry.contains('*') {
        let rest = entry.rsplit(['*', '/']).find(|part| part.contains('.')).unwrap_or("").trim_start_matches('.');
        return Err(instead("no wildcard but a leading `*.`, since a domain stands for all hosts below it", rest, platforms));
    }
    let (host, path) = entry.split_once(['/', '\\']).unwrap_or((entry, ""));
    if host.parse::<IpAddr>().is_ok() && !path.is_empty() && path.bytes().all(|b| b.is_ascii_digit()) {
        return Err("single addresses, since networks are not looked up".to_owned());
    }
    if let Some((user, host)) = host.split_once('@') {
        if host.is_empty() || user.is_empty() {
            return Err("an account with its host, such as medium.com/@someone".to_owned());
        }
        return Err(instead("a host or an account without a user", host, platforms));
    }
    let bare = host.trim_matches(['[', ']']);
    let is_ipv6 = bare.contains("::") || bare.matches(':').count() > 1;
    if let Some((name, port)) = host.rsplit_once(':').filter(|(name, _)| !is_ipv6 || name.ends_with(']')) {
        let rest = if path.is_empty() { name.to_owned() } else { format!("{name}/{path}") };
        let what = if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) {
            "no port, since any port is meant"
        } else {
            "a host or an account"
        };
        return Err(instead(what, &rest, platforms));
    }
    let name = address::host(bare).ok_or(EXPECTED)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b);
    if !name.bytes().all(plain) {
        return Err(EXPECTED.to_owned());
    }
    if name.parse::<IpAddr>().is_ok() && name != host {
        return Err(format!("the address {name}, which {host} is another way to write"));
    }
    let name = without_www(&name);
    if path.is_empty() {
        return Ok(platforms.account_of_host(name).unwrap_or_else(|| name.to_owned()));
    }
    account(name, path, platforms)
}

/// Reads the entry of an account.
fn account(host: &str, path: &str, platforms: &Platforms) -> Result<String, String> {
    let text = format!("http://{host}/{path}");
    let Some(whole) = Address::parse(&text) else { return Err(EXPECTED.to_owned()) };
    let segments: Vec<&str> = whole.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let name =
        |path: String, query: &str| platforms.name(&Address { host: host.into(), path: path.into(), query: query.into() }).0;
    let site = name("/".to_owned(), "");
    let account = |used: usize, query: &str| {
        let path = format!("/{}", segments[..used].join("/"));
        [name(format!("{path}{MORE}"), query), name(path, query)].into_iter().find(|name| *name != site)
    };
    let Some(found) = account(segments.len(), &whole.query) else {
        // What a pattern captures may stand in the name in another place than in the address.
        return if platforms.has_patterns() && segments.len() == 1 && whole.query.is_empty() {
            Ok(format!("{host}/{}", segments[0].to_lowercase()))
        } else {
            Err(format!("a domain, a host or an account, since paths are not looked up: {host}"))
        };
    };
    let needs = (1..=segments.len()).find(|&used| account(used, "").as_ref() == Some(&found));
    match needs {
        Some(used) if used < segments.len() || !whole.query.is_empty() => {
            Err(format!("an account without anything below it: {found}"))
        }
        _ => Ok(found),
    }
}

/// What to write instead, where a part of the entry can be read.
fn instead(expected: &str, rest: &str, platforms: &Platforms) -> String {
    match read(rest, platforms) {
        Ok(name) if !rest.is_empty() => format!("{expected}: {name}"),
        _ => expected.to_owned(),
    }
}

/// Whether this is where lists of the format of `/etc/hosts` send what they deny.
fn is_any(part: &str) -> bool {
    matches!(part, "0.0.0.0" | "127.0.0.1" | "255.255.255.255")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reputation::publisher::publisher_of, text::Seed};

    fn platforms() -> Platforms {
        Platforms::new(["blogs.example"], &[], &[]).expect("no pattern")
    }

    #[test]
    fn names_of_entries() {
        for (entry, want) in [
            ("Example.org", "example.org"),
            ("*.blog.example.net", "blog.example.net"),
            (".example.net", "example.net"),
            ("www.example.org.", "example.org"),
            ("https://www.example.org/", "example.org"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("ev\u{ad}il.example", "evil.example"),
            ("%65vil.example", "evil.example"),
            ("192.168.0.1", "192.168.0.1"),
            ("2001:DB8::0:1", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("ru", "ru"),
            ("https://github.com/Someone/", "github.com/someone"),
            ("gist.github.com/someone", "github.com/someone"),
            ("gist.github.com", "gist.github.com"),
            ("medium.com/@x", "medium.com/@x"),
            ("x.medium.com", "medium.com/@x"),
            ("reddit.com/u/X", "reddit.com/user/x"),
            ("huggingface.co/datasets/someone", "huggingface.co/someone"),
            ("facebook.com/profile.php?id=12", "facebook.com/12"),
            ("twitter.com/x", "x.com/x"),
            ("tumblr.com/b", "b.tumblr.com"),
            ("a.b.tumblr.com", "a.b.tumblr.com"),
            ("bucket.s3.eu-west-1.amazonaws.com", "s3.amazonaws.com/bucket"),
            ("blogs.example/ann", "blogs.example/ann"),
            ("npmjs.com/~ann", "npmjs.com/~ann"),
            ("contributor:Ann B", "contributor:ann b"),
            ("source:A.jsonl", "source:A.jsonl"),
        ] {
            assert_eq!(read(entry, &platforms()).as_deref(), Ok(want), "{entry}");
            // The name as decisions write it is an entry of its own.
            assert_eq!(read(want, &platforms()).as_deref(), Ok(want), "{entry}");
        }
    }

    #[test]
    fn what_can_match_nothing_and_what_to_write_instead() {
        for (entry, want) in [
            ("example.org/path", "paths are not looked up: example.org"),
            ("http://example.org/a/b.html", "paths are not looked up: example.org"),
            ("example.org?a", "a domain such as"),
            ("192.168.0.1/a", "paths are not looked up: 192.168.0.1"),
            ("10.0.0.0/8", "networks are not looked up"),
            ("2001:db8::/32", "networks are not looked up"),
            ("github.com/someone/repo", "without anything below it: github.com/someone"),
            ("https://github.com/orgs/someone/repo", "without anything below it: github.com/someone"),
            ("github.com/about", "paths are not looked up: github.com"),
            ("youtube.com/watch?v=1", "paths are not looked up: youtube.com"),
            ("github.com/someone?tab=a", "without anything below it: github.com/someone"),
            ("3232235521", "the address 192.168.0.1"),
            ("0300.0250.0.1", "the address 192.168.0.1"),
            ("192.168.1", "the address 192.168.0.1"),
            ("192.168.0.256", "a domain such as"),
            ("10.0.0.1-10.0.0.9", "a domain such as"),
            ("ex*mple.org", "no wildcard but a leading"),
            ("*example.org", "no wildcard but a leading `*.`, since a domain stands for all hosts below it: example.org"),
            ("a.*.example.org", "below it: example.org"),
            ("*://*.example.org/*", "any scheme is meant"),
            ("*", "no wildcard"),
            ("example.*", "no wildcard"),
            ("example.org:8080", "any port is meant: example.org"),
            ("[2001:db8::1]:80", "any port is meant: [2001:db8::1]"),
            ("ftp://example.org/", "any scheme is meant: example.org"),
            ("mailto:me@example.org", "without a user: example.org"),
            ("me@example.org", "without a user: example.org"),
            ("@someone", "medium.com/@someone"),
            ("two words", "one entry a line without white space"),
            ("0.0.0.0 example.org", "without white space: example.org"),
            ("||example.org^", "without '|': example.org"),
            ("a.example,b.example", "without ',': a.example and b.example"),
            ("address=/example.org/", "without '='"),
            ("..", "a domain such as"),
            ("/", "a domain such as"),
            ("contributor:", "a host or an account"),
        ] {
            let got = read(entry, &platforms()).expect_err(entry);
            assert!(got.contains(want), "{entry}: {got}");
        }
    }

    #[test]
    fn names_that_patterns_give_are_taken() {
        let platforms = Platforms::new([""; 0], &["^uni\\.example/~([^/]+)".to_owned()], &[]).expect("a pattern");
        let name = publisher_of("http://uni.example/~Ann/a", "crawl", Seed(1), &platforms).name;
        assert_eq!(read(&name, &platforms).as_deref(), Ok(&*name));
        assert_eq!(read("uni.example/~Ann", &platforms).as_deref(), Ok(&*name));
    }
}
