//! Which hosts are platforms, on which each account is a publisher of its own? Addresses alone
//! decide.
//!
//! A host is a platform if nearly all its pages lie two path segments deep under at least 25
//! different first segments that are neither a language nor a year. **Misses** platforms whose
//! accounts are subdomains (the public suffix list has many of them) or whose addresses are deeper.

use std::collections::{BTreeMap, BTreeSet};

/// Least number of different first segments of a platform.
const ACCOUNTS_MIN: usize = 25;
/// Least share of its pages that lie two segments deep.
const DEEP_MIN: f64 = 0.9;

#[derive(Debug, Default)]
struct HostPages {
    pages: u32,
    deep: u32,
    /// The names themselves and not their hashes, since they are few.
    accounts: BTreeSet<String>,
}

/// The platforms among the hosts of some addresses, in lower case and without `www.`.
#[must_use]
pub fn platforms<'a>(urls: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut hosts: BTreeMap<String, HostPages> = BTreeMap::new();
    for url in urls {
        let Some((host, path)) = host_and_path(url) else { continue };
        let entry = hosts.entry(host).or_default();
        entry.pages += 1;
        let mut parts = path.split('/').filter(|p| !p.is_empty());
        let (first, second, third) = (parts.next(), parts.next(), parts.next());
        let Some(first) = first.filter(|_| second.is_some() && third.is_none()) else { continue };
        if first.chars().count() > 3 && !first.bytes().all(|b| b.is_ascii_digit()) {
            entry.deep += 1;
            if entry.accounts.len() < ACCOUNTS_MIN {
                entry.accounts.insert(first.to_owned());
            }
        }
    }
    let is_platform = |h: &HostPages| h.accounts.len() >= ACCOUNTS_MIN && f64::from(h.deep) >= DEEP_MIN * f64::from(h.pages);
    hosts.into_iter().filter(|(_, h)| is_platform(h)).map(|(name, _)| name).collect()
}

/// Splits an address into its host (lower case, without user, port and `www.`) and its path. `None`
/// if there is no host.
fn host_and_path(url: &str) -> Option<(String, &str)> {
    let rest = url.split_once("://")?.1;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next()?.split(':').next()?.to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    (!host.is_empty()).then(|| (host.to_owned(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_accounts_two_deep() {
        let blogs = (0..30).map(|i| format!("https://www.Blogs.example/writer{i}/post"));
        let years = (0..60).map(|i| format!("https://news.example/{}/post", 1990 + i));
        let deep = (0..60).map(|i| format!("https://docs.example/book{i}/a/b"));
        let urls: Vec<String> = blogs.chain(years).chain(deep).chain(["nonsense".into(), "https:///x/y".into()]).collect();
        let found = platforms(urls.iter().map(String::as_str));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["blogs.example"]);
    }

    #[test]
    fn splits() {
        assert_eq!(host_and_path("http://me@www.A.example:80/b/c?d"), Some(("a.example".into(), "/b/c")));
        assert_eq!(host_and_path("http://a.example?x=/y"), Some(("a.example".into(), "")));
        assert_eq!(host_and_path("mailto:x"), None);
    }
}
