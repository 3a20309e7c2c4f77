//! On which hosts do many people publish, and which part of an address names the account?
//!
//! The rows of `account_hosts.txt` say so, and a user's own rows before them. The file explains what
//! a row says, and holds the test of each.
//!
//! **Cost** one look-up of the host's last two labels, and some comparisons where it has rows.
//! **State** the rows.

use std::{collections::BTreeMap, sync::LazyLock};

use super::address::Address;

const SHIPPED: &str = include_str!("account_hosts.txt");
const ACCOUNT: &str = "{account}";
const NUMBER: &str = "{number}";
/// Longest account, in bytes.
const ACCOUNT_BYTES_MAX: usize = 128;
/// Most segments of a path that a row looks at.
const SEGMENTS_MAX: usize = 8;
/// Most labels of a host that a row looks at.
const LABELS_MAX: usize = 12;

/// Rows by the last two labels of their hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedHosts {
    rows: BTreeMap<Box<str>, Vec<Row>>,
    /// Pages that are no account.
    pages: Vec<Word>,
}

#[derive(Clone, Debug)]
struct Row {
    /// From the last label on.
    host: Vec<Part>,
    path: Vec<Part>,
    /// The key whose value is the account.
    key: Option<Box<str>>,
    /// What the publisher is called, before and behind the account. `None`: there is none.
    name: Option<(Box<str>, Box<str>)>,
}

/// A label of a host, or a segment of a path.
#[derive(Clone, Debug)]
enum Part {
    /// The account stands behind this.
    Account(Box<str>),
    /// One of these.
    OneOf(Vec<Word>),
}

#[derive(Clone, Debug)]
enum Word {
    Is(Box<str>),
    /// Anything, or a number, between these two.
    Between(Box<str>, Box<str>, bool),
}

/// An account that an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What the publisher is called; `None` if the address is one without an account.
    pub(super) name: Option<String>,
    /// Whether the row looks at all labels of the host.
    pub(super) whole_host: bool,
}

static OWN: LazyLock<SharedHosts> = LazyLock::new(|| {
    let mut own = SharedHosts::default();
    for line in SHIPPED.lines() {
        let row = line.split(" #").next().unwrap_or_default();
        if !row.trim().is_empty() && !row.starts_with('#') {
            own.add(row).unwrap_or_else(|why| unreachable!("a test reads every row: {row}: {why}"));
        }
    }
    own
});

impl SharedHosts {
    /// The rows of a user, to be asked before those that are shipped.
    ///
    /// # Errors
    /// The row that makes no sense, and why.
    pub(super) fn new(rows: &[String]) -> Result<Self, (String, String)> {
        let mut shared = Self::default();
        for row in rows {
            shared.add(row).map_err(|why| (row.clone(), why))?;
        }
        Ok(shared)
    }

    fn add(&mut self, row: &str) -> Result<(), String> {
        let mut columns = row.split_whitespace();
        let host = columns.next().ok_or("got nothing, expected a host")?;
        let (mut path, mut name) = ("", None);
        for column in columns {
            match column {
                path_of_it if column.starts_with('/') && path.is_empty() && name.is_none() => path = path_of_it,
                _ if name.is_none() => name = Some(column),
                _ => return Err(format!("got {column:?} as well, expected a host, a path and a name")),
            }
        }
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        if host == "*" {
            let ([words], Some("-"), None) = (&segments[..], name, query) else {
                return Err("got a row of every host, expected one segment, and `-` for a name".to_owned());
            };
            self.pages.extend(words.split('|').map(word));
            return Ok(());
        }
        let labels: Vec<&str> = host.split('.').rev().collect();
        let plain =
            |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if labels.len() < 2 || !labels[..2].iter().all(plain) || labels.len() > LABELS_MAX || segments.len() > SEGMENTS_MAX {
            return Err(format!("got the host {host:?}, expected one such as forum.example.org, in lower case"));
        }
        let key = match query.map(|query| query.strip_suffix(ACCOUNT).and_then(|query| query.strip_suffix('='))) {
            Some(Some(key)) => Some(key.into()),
            Some(None) => return Err("got another query, expected one such as ?id={account}".to_owned()),
            None => None,
        };
        let accounts = [host, path, query.unwrap_or("")].iter().map(|text| text.matches(ACCOUNT).count()).sum::<usize>();
        let name = match name {
            Some("-") if accounts == 0 => None,
            _ if accounts != 1 => return Err(format!("got {accounts} times {{account}}, expected it once in host or path")),
            Some(name) => Some(name.to_owned()),
            None => Some(default_name(host, &segments, query)?),
        };
        let name = match name.as_deref().map(|name| name.split_once(ACCOUNT)) {
            None => None,
            Some(Some((before, behind))) => Some((before.into(), behind.into())),
            Some(None) => return Err("got a name without {account}".to_owned()),
        };
        let row =
            Row { host: labels.iter().map(|l| part(l)).collect(), path: segments.iter().map(|s| part(s)).collect(), key, name };
        self.rows.entry(format!("{}.{}", labels[1], labels[0]).into()).or_default().push(row);
        Ok(())
    }

    /// The account that an address names, by these rows or those that are shipped; `None` where no
    /// row says anything of such an address.
    pub(super) fn find(&self, host: &str, address: &Address<'_>) -> Option<Found> {
        let domain = &host[host.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1)..];
        let rows = [self.rows.get(domain), OWN.rows.get(domain)];
        if rows.iter().all(Option::is_none) {
            return None;
        }
        let segments: Vec<&str> = address.path.split('/').filter(|segment| !segment.is_empty()).take(SEGMENTS_MAX).collect();
        let labels: Vec<&str> = host.rsplit('.').take(LABELS_MAX + 1).collect();
        rows.into_iter().flatten().flatten().find_map(|row| {
            let account = self.account(row, &labels, &segments, &address.query)?;
            let name = row.name.as_ref().map(|(before, behind)| format!("{before}{account}{behind}"));
            Some(Found { name, whole_host: row.host.len() == labels.len() })
        })
    }

    fn account(&self, row: &Row, labels: &[&str], segments: &[&str], query: &str) -> Option<String> {
        let mut account = "";
        if labels.len() < row.host.len() || segments.len() < row.path.len() {
            return None;
        }
        for (part, &text) in row.host.iter().zip(labels).chain(row.path.iter().zip(segments)) {
            match part {
                Part::Account(before) => account = text.strip_prefix(&**before)?,
                Part::OneOf(words) => words.iter().any(|word| word.fits(text)).then_some(())?,
            }
        }
        if let Some(key) = &row.key {
            account = query.split('&').find_map(|pair| pair.strip_prefix(&**key)?.strip_prefix('='))?;
        }
        if row.name.is_none() {
            return Some(String::new());
        }
        // Where the account comes first, the host's own pages stand beside the accounts.
        if let Some(Part::Account(before)) = row.path.first()
            && before.is_empty()
            && self.pages.iter().chain(&OWN.pages).any(|page| page.fits(account))
        {
            return None;
        }
        account_name(account)
    }
}

impl Word {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Is(word) => word.eq_ignore_ascii_case(text),
            Self::Between(before, behind, number) => {
                let lower = text.to_ascii_lowercase();
                let inner = lower.strip_prefix(&**before).and_then(|rest| rest.strip_suffix(&**behind));
                inner.is_some_and(|inner| !number || (!inner.is_empty() && inner.bytes().all(|b| b.is_ascii_digit())))
            }
        }
    }
}

fn word(text: &str) -> Word {
    let between = |(before, behind): (&str, &str), number| Word::Between(before.into(), behind.into(), number);
    match (text.split_once(NUMBER), text.split_once('*')) {
        (Some(around), _) => between(around, true),
        (None, Some(around)) => between(around, false),
        (None, None) => Word::Is(text.into()),
    }
}

fn part(text: &str) -> Part {
    match text.strip_suffix(ACCOUNT) {
        Some(before) => Part::Account(before.into()),
        None => Part::OneOf(text.split('|').map(word).collect()),
    }
}

/// An account as part of a publisher's name: bounded, lower case.
pub(super) fn account_name(segment: &str) -> Option<String> {
    let fits =
        !segment.is_empty() && segment.len() <= ACCOUNT_BYTES_MAX && !segment.chars().any(|c| c.is_whitespace() || c == '/');
    fits.then(|| segment.to_lowercase())
}

/// The host with the path up to the account.
fn default_name(host: &str, segments: &[&str], query: Option<&str>) -> Result<String, String> {
    if host.contains('*') {
        return Err("got * in the host, expected a name then".to_owned());
    }
    let mut name = host.to_owned();
    if host.contains(ACCOUNT) {
        return Ok(name);
    }
    for segment in segments {
        name.push('/');
        name.push_str(segment.split('|').next().unwrap_or_default());
        if segment.ends_with(ACCOUNT) {
            return Ok(name);
        }
    }
    Ok(format!("{name}?{}", query.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reputation::publisher::{Platforms, publisher_of},
        text::Seed,
    };

    fn publisher(url: &str) -> String {
        publisher_of(url, "crawl", Seed(1), &Platforms::default()).name.to_string()
    }

    /// Every row has its test beside it, and what it calls a publisher is that publisher's address.
    #[test]
    fn every_row_does_what_stands_behind_it() {
        let mut rows = 0;
        for line in SHIPPED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (row, test) = line.split_once(" # ").unwrap_or_else(|| panic!("no test: {line}"));
            let (url, want) = test.split_once(" -> ").unwrap_or_else(|| panic!("no test: {line}"));
            SharedHosts::default().add(row).unwrap_or_else(|why| panic!("{row}: {why}"));
            assert_eq!(publisher(url), want, "{line}");
            assert_eq!(publisher(&format!("https://{want}")), want, "{line}");
            rows += 1;
        }
        assert!(rows > 150, "{rows} rows");
    }

    /// Without its row, the address behind a row would have another publisher, unless another row
    /// gives the same.
    #[test]
    fn no_row_is_dead() {
        let rows: Vec<&str> = SHIPPED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        for line in rows {
            let (row, test) = line.split_once(" # ").expect("a test");
            let (url, _) = test.split_once(" -> ").expect("a test");
            let mut alone = SharedHosts::default();
            alone.add(row).expect("a row");
            let address = Address::parse(url).expect("an address");
            let fits = !alone.pages.is_empty()
                || alone.rows.values().flatten().any(|row| {
                    let host = address.host.strip_prefix("www.").unwrap_or(&address.host);
                    let labels: Vec<&str> = host.rsplit('.').collect();
                    let segments: Vec<&str> = address.path.split('/').filter(|s| !s.is_empty()).collect();
                    alone.account(row, &labels, &segments, &address.query).is_some()
                });
            assert!(fits, "the row does not fit its own address: {line}");
        }
    }

    #[test]
    fn accounts_in_other_spellings() {
        for (url, want) in [
            ("https://GITHUB.com//%53omeone/repo", "github.com/someone"),
            ("https://github.com/x/../someone/repo", "github.com/someone"),
            ("https://github.com/./some\tone", "github.com/someone"),
            ("https:\\\\github.com\\someone", "github.com/someone"),
            ("https://github.com:443/someone?tab=a", "github.com/someone"),
            ("https://github.com/About", "github.com"),
            ("https://github.com/", "github.com"),
            ("https://vimeo.com/123456/abc", "vimeo.com"),
            ("https://vimeo.com/user123456", "vimeo.com/user123456"),
            ("https://www.youtube.com/watch?v=1", "youtube.com"),
            ("https://google.com/view/mine", "google.com"),
            ("https://notgithub.com/someone", "notgithub.com"),
            ("https://github.com.evil.example/someone", "evil.example"),
        ] {
            assert_eq!(publisher(url), want, "{url}");
        }
    }

    #[test]
    fn rows_of_a_user_come_first_and_make_sense() {
        let rows = ["forum.example /u|user/{account}", "github.com /someone/{account}", "* /wiki -", "{account}.blogs.example"];
        let platforms = Platforms::new([""; 0], &[], &rows.map(str::to_owned)).expect("good rows");
        for (url, want) in [
            ("http://www.forum.example/user/Ann/1", "forum.example/u/ann"),
            ("http://old.forum.example/u/ann", "forum.example/u/ann"),
            ("http://forum.example/ann", "forum.example"),
            ("http://github.com/someone/b/c", "github.com/someone/b"),
            ("http://github.com/wiki/b", "github.com"),
            ("http://ann.blogs.example/1", "ann.blogs.example"),
        ] {
            assert_eq!(&*publisher_of(url, "crawl", Seed(1), &platforms).name, want, "{url}");
        }
        for (row, why) in [
            ("", "expected a host"),
            ("forum.example", "0 times"),
            ("forum.example /{account}/{account}", "2 times"),
            ("*.forum.example /{account}", "expected a name"),
            ("example /{account}", "expected one such as"),
            ("{account}.example /a", "expected one such as"),
            ("forum.example /{account} forum", "without {account}"),
            ("forum.example /{account} a b", "got \"b\" as well"),
            ("forum.example /a?b", "expected one such as ?id="),
            ("* /a/b -", "every host"),
        ] {
            let refused = SharedHosts::new(&[row.to_owned()]).expect_err(row).1;
            assert!(refused.contains(why), "{row}: {refused}");
        }
    }
}
