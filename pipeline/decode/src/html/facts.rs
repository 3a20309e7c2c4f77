//! What does a page state about its use and its owner: robots, licences, generator, analytics ids?
//!
//! Facts are taken as stated and cut to their limits. They are never checked: anyone may write
//! another's id on a page.

use memchr::memchr_iter;

use super::token::Attribute;
use crate::page::fact;

/// Licences and analytics ids kept of a page.
const LISTED_MAX: usize = 8;

/// Robots that a `<meta>` may address by name. Names that end with `bot` are known too.
const ROBOTS: [&str; 6] = ["robots", "tdm-reservation", "google-extended", "gptbot", "ccbot", "anthropic-ai"];

/// The facts that a page states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageFacts {
    /// What robots may do, in general or by name: `noindex`, `googlebot: noindex`.
    pub robots: Vec<String>,
    /// Addresses or names of licences.
    pub licences: Vec<String>,
    /// The program that made the page.
    pub generator: Option<String>,
    /// Ids of analytics and advertising accounts. Pages with the same id have the same owner, or
    /// claim to have.
    pub analytics: Vec<String>,
}

impl PageFacts {
    /// Notes the fact that a `<meta>` states.
    pub(super) fn meta(&mut self, attributes: &[Attribute<'_>]) {
        let content = value(attributes, "content");
        if content.is_empty() {
            return;
        }
        let name = value(attributes, "name").to_ascii_lowercase();
        match name.as_str() {
            "generator" => self.generator = self.generator.take().or_else(|| fact(&content)),
            "license" | "licence" | "dc.rights" | "dcterms.license" | "dcterms.rights" | "dc.license" => {
                keep(&mut self.licences, &content);
            }
            "robots" => keep(&mut self.robots, &content.to_ascii_lowercase()),
            named if ROBOTS.contains(&named) || named.ends_with("bot") => {
                keep(&mut self.robots, &format!("{named}: {}", content.to_ascii_lowercase()));
            }
            _ => {}
        }
    }

    /// Notes the licence that a `<link>` or `<a>` may lead to.
    pub(super) fn link(&mut self, attributes: &[Attribute<'_>]) {
        let says_licence = |rel: &str| rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("license"));
        let leads =
            |href: &str| href.contains("creativecommons.org/licenses/") || href.contains("creativecommons.org/publicdomain/");
        let raw = |name: &str| find(attributes, name).unwrap_or_default();
        if says_licence(raw("rel")) || leads(raw("href")) {
            keep(&mut self.licences, &value(attributes, "href"));
        }
    }

    /// Notes the ids anywhere in the source of a page.
    pub(super) fn analytics(&mut self, html: &str) {
        let bytes = html.as_bytes();
        for at in memchr_iter(b'-', bytes) {
            if self.analytics.len() == LISTED_MAX {
                return;
            }
            if let Some(id) = id_at_hyphen(bytes, at) {
                keep(&mut self.analytics, &String::from_utf8_lossy(id));
            }
        }
    }
}

/// Adds a fact to a list, unless it is there or the list is full.
fn keep(list: &mut Vec<String>, value: &str) {
    if let Some(fact) = fact(value)
        && list.len() < LISTED_MAX
        && !list.contains(&fact)
    {
        list.push(fact);
    }
}

/// Returns the value of an attribute as written.
pub(super) fn find<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name)).map(|attribute| attribute.value)
}

fn value(attributes: &[Attribute<'_>], name: &str) -> String {
    htmlize::unescape_attribute(find(attributes, name).unwrap_or_default()).into_owned()
}

/// Returns the id whose prefix ends with the hyphen at this place.
fn id_at_hyphen(bytes: &[u8], hyphen: usize) -> Option<&[u8]> {
    let before = &bytes[..hyphen];
    let prefix = [&b"UA"[..], b"GTM", b"G", b"AW", b"pub"].into_iter().find(|prefix| before.ends_with(prefix))?;
    let start = hyphen - prefix.len();
    let glued = start.checked_sub(1).is_some_and(|at| bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_');
    let rest = &bytes[hyphen + 1..];
    let run = |is: fn(&u8) -> bool, rest: &[u8]| rest.iter().take(20).take_while(|b| is(b)).count();
    let upper = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let length = match prefix {
        _ if glued => return None,
        b"UA" => {
            let account = run(u8::is_ascii_digit, rest);
            let property = rest.get(account).filter(|&&b| b == b'-').map(|_| run(u8::is_ascii_digit, &rest[account + 1..]))?;
            (4..=10).contains(&account).then_some(())?;
            (1..=4).contains(&property).then_some(account + 1 + property)?
        }
        b"AW" => Some(run(u8::is_ascii_digit, rest)).filter(|n| (8..=12).contains(n))?,
        b"pub" => Some(run(u8::is_ascii_digit, rest)).filter(|n| (15..=17).contains(n))?,
        b"GTM" => Some(run(upper, rest)).filter(|n| (4..=9).contains(n))?,
        _ => Some(run(upper, rest)).filter(|&n| n == 10 && rest[..n].iter().any(u8::is_ascii_digit))?,
    };
    let ends = rest.get(length).is_none_or(|b| !b.is_ascii_alphanumeric());
    ends.then(|| &bytes[start..=hyphen + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(html: &str) -> Vec<String> {
        let mut facts = PageFacts::default();
        facts.analytics(html);
        facts.analytics
    }

    #[test]
    fn ids_of_accounts_are_found() {
        assert_eq!(
            ids("ga('create','UA-12345-1');x=\"GTM-AB12C\",G-ABCDEF1234&AW-123456789 ca-pub-1234567890123456"),
            ["UA-12345-1", "GTM-AB12C", "G-ABCDEF1234", "AW-123456789", "pub-1234567890123456"]
        );
        for none in [
            "UA-1-1",
            "xUA-12345-1",
            "UA-12345-",
            "G-ABCDEFGHIJ",
            "G-abcdef1234",
            "GTM-AB12CXXXXX",
            "pub-12",
            "UA-",
            "-",
            "e-mail",
            "",
        ] {
            assert_eq!(ids(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn lists_are_bounded_and_hold_each_once() {
        assert_eq!(ids(&"UA-12345-1 ".repeat(100)).len(), 1);
        let many = (0..100).map(|i| format!("UA-{}-1 ", 10_000 + i)).collect::<Vec<_>>().concat();
        assert_eq!(ids(&many).len(), LISTED_MAX);
    }
}
