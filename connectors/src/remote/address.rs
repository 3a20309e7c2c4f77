//! What does an address of a remote file consist of?

use std::fmt;

use crate::error::Error;

const SCHEMES: [&str; 3] = ["s3://", "https://", "http://"];
/// Longest address, in bytes. A key of S3 has at most 1,024.
const BYTES_MAX: usize = 4096;

/// `s3://BUCKET/KEY` or `https://HOST/PATH`. With a slash at the end it means everything below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    text: String,
    /// Length of scheme and bucket or host.
    store: usize,
}

impl Address {
    /// Tells whether a text begins as an address does.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Reads an address.
    ///
    /// # Errors
    /// If it has no bucket or host, holds credentials or a query, or has path segments such as
    /// `..`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |what: &str| Err(Error::Refused(format!("got {text:?}, expected {what}")));
        let Some(scheme) = SCHEMES.iter().find(|scheme| text.starts_with(*scheme)) else {
            return refused("an address that begins with s3://, https:// or http://");
        };
        if text.len() > BYTES_MAX || text.chars().any(char::is_control) {
            let text: String = text.chars().take(60).collect();
            return Err(Error::Refused(format!(
                "got {text:?}, expected an address of at most {BYTES_MAX} bytes without control characters"
            )));
        }
        let rest = &text[scheme.len()..];
        let store = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(store);
        if host.is_empty() {
            return refused("a bucket or host after the scheme");
        }
        if host.contains('@') {
            // The address is not repeated, because it holds a secret.
            return Err(Error::Refused("got an address with credentials in it, expected them in the environment".to_owned()));
        }
        if *scheme != "s3://" && text.contains(['?', '#']) {
            return refused("an address without ? and #: queries and signatures are not sent");
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() && path.split('/').any(|step| matches!(step, "" | "." | "..")) {
            return refused("a path without empty steps, . and ..");
        }
        Ok(Self { text: text.to_owned(), store: scheme.len() + store })
    }

    /// Returns the address of `path` below this one.
    ///
    /// # Errors
    /// If that is not a valid address.
    pub fn join(&self, path: &str) -> Result<Self, Error> {
        Self::parse(&format!("{}/{path}", self.text.strip_suffix('/').unwrap_or(&self.text)))
    }

    /// Returns the address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns scheme and bucket or host.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.text[..self.store]
    }

    /// Returns what follows them, without slashes at its ends.
    #[must_use]
    pub fn path(&self) -> &str {
        let path = &self.text[self.store..];
        let path = path.strip_prefix('/').unwrap_or(path);
        path.strip_suffix('/').unwrap_or(path)
    }

    /// Tells whether it means everything below it.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.text.ends_with('/') || self.text.len() == self.store
    }

    /// Returns its last path segment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// Returns the path relative to `folder`.
    #[must_use]
    pub fn below(&self, folder: &Self) -> &str {
        let path = self.path().strip_prefix(folder.path()).unwrap_or(self.path());
        path.strip_prefix('/').unwrap_or(path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = Address::parse("s3://bucket/a/b.warc.gz").expect("an address");
        assert_eq!((address.store(), address.path(), address.name()), ("s3://bucket", "a/b.warc.gz", "b.warc.gz"));
        let folder = Address::parse("s3://bucket/a/").expect("an address");
        assert!(folder.is_folder() && !address.is_folder() && Address::parse("https://host").expect("an address").is_folder());
        assert_eq!(address.below(&folder), "b.warc.gz");
        assert_eq!(folder.join("b.warc.gz").expect("an address"), address);
        assert_eq!(Address::parse("https://h:80").and_then(|a| a.join("x")).expect("an address").as_str(), "https://h:80/x");
    }

    #[test]
    fn what_is_none_is_refused_and_secrets_are_not_repeated() {
        for bad in
            ["s3://", "https:///x", "ftp://x/y", "https://h/a?b=c", "http://h/a#b", "s3://b/a//c", "s3://b/../c", "http://h/a\n"]
        {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Address::parse(&format!("s3://b/{}", "x".repeat(BYTES_MAX))).is_err());
        let said = Address::parse("https://user:secret@host/x").expect_err("credentials").to_string();
        assert!(!said.contains("secret"), "{said}");
        assert!(Address::parse("s3://b/a").and_then(|a| a.join("../x")).is_err());
    }
}
