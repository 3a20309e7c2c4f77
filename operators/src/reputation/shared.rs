//! On which well-known hosts do many people publish, and which part of an address names the
//! account?
//!
//! Hosts that give each account a subdomain (`someone.github.io`) are mostly in the private section
//! of the public suffix list; [`subdomain`] adds those that are not. The lists are short on
//! purpose: a background learns other hosts from its pages, and a user may add patterns.

/// Registrable domains on which the account is the first segment of the path.
const FIRST_SEGMENT: &[&str] = &[
    "behance.net",
    "bitbucket.org",
    "bsky.app",
    "codeberg.org",
    "codepen.io",
    "dev.to",
    "dribbble.com",
    "facebook.com",
    "github.com",
    "gitlab.com",
    "huggingface.co",
    "instagram.com",
    "kaggle.com",
    "linktr.ee",
    "patreon.com",
    "pinterest.com",
    "scribd.com",
    "slideshare.net",
    "soundcloud.com",
    "t.me",
    "threads.net",
    "tiktok.com",
    "twitch.tv",
    "twitter.com",
    "vimeo.com",
    "vk.com",
    "x.com",
];

/// Registrable domains and the segments behind which the account comes. On all of them a segment
/// that begins with `@` is an account as well.
const AFTER_KEYWORD: &[(&str, &[&str])] = &[
    ("flickr.com", &["photos", "people"]),
    ("google.com", &["view", "site"]),
    ("linkedin.com", &["in", "company"]),
    ("medium.com", &[]),
    ("quora.com", &["profile"]),
    ("reddit.com", &["user", "u", "r"]),
    ("steamcommunity.com", &["id", "profiles", "groups"]),
    ("substack.com", &[]),
    ("youtube.com", &["channel", "c", "user"]),
];

/// Registrable domains on which each subdomain is an account.
const SUBDOMAIN: &[&str] = &[
    "bandcamp.com",
    "blogger.com",
    "deviantart.com",
    "fandom.com",
    "gumroad.com",
    "hatenablog.com",
    "itch.io",
    "livejournal.com",
    "medium.com",
    "neocities.org",
    "over-blog.com",
    "substack.com",
    "tumblr.com",
    "weebly.com",
    "wixsite.com",
    "wordpress.com",
];

/// The account in an address, and what is put before it in the publisher's name.
pub(super) fn account<'a>(host: &str, domain: &str, segments: impl Iterator<Item = &'a str>) -> Option<(&'static str, String)> {
    let mut segments = segments.take(3);
    if FIRST_SEGMENT.binary_search(&domain).is_ok() {
        return Some(("", segments.next()?.to_owned()));
    }
    // Only one of this company's hosts is shared.
    if domain == "google.com" && host != "sites.google.com" {
        return None;
    }
    let (_, keywords) = AFTER_KEYWORD[AFTER_KEYWORD.binary_search_by_key(&domain, |&(d, _)| d).ok()?];
    let first = segments.next()?;
    if first.starts_with('@') {
        return Some(("", first.to_owned()));
    }
    let keyword = keywords.iter().find(|k| **k == first)?;
    let prefix = match *keyword {
        "u" | "user" => "user/",
        "r" => "r/",
        "c" => "c/",
        "channel" => "channel/",
        "view" => "view/",
        "site" => "site/",
        "company" => "company/",
        "groups" => "groups/",
        _ => "",
    };
    Some((prefix, segments.next()?.to_owned()))
}

/// The account's own host where names below the domain are accounts.
pub(super) fn subdomain<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    SUBDOMAIN.binary_search(&domain).ok()?;
    let below = host.strip_suffix(domain)?.strip_suffix('.')?;
    let account = below.rsplit('.').next()?;
    Some(&host[below.len() - account.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_for_binary_search() {
        assert!(FIRST_SEGMENT.is_sorted() && SUBDOMAIN.is_sorted() && AFTER_KEYWORD.is_sorted_by_key(|&(d, _)| d));
    }

    #[test]
    fn subdomains_are_cut_to_the_account() {
        assert_eq!(subdomain("a.b.tumblr.com", "tumblr.com"), Some("b.tumblr.com"));
        assert_eq!(subdomain("tumblr.com", "tumblr.com"), None);
        assert_eq!(subdomain("a.example.org", "example.org"), None);
    }
}
