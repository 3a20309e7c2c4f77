//! Which page is a message of a broker whose value is HTML? The value is the body, and the headers
//! state facts about it.
//!
//! | fact | first of these headers that is there |
//! |---|---|
//! | URL | `url`, `ce_subject`, else the key if it is an http(s) URL |
//! | id | `id`, `ce_id` |
//! | media type and charset | `content-type` |
//! | time of fetching | `fetched-at`, `ce_time`, else the record's own time |
//! | what robots may do | `x-robots-tag` |
//! | who fetched it | `user-agent` |
//!
//! Names are compared without regard to case. `ce_` marks headers of `CloudEvents` in Kafka (binary
//! mode of version 1.0.2).

use connectors::source::Envelope;

use super::{
    body::{self, Body, BodyHints},
    decoded::{Decoded, Reject, WithoutText},
    limits::{check_text_len, checked_id, checked_url},
    options::Options,
    page::{Form, Page, Provenance, fact},
    time,
};

/// Decodes a message whose value is a page.
pub(super) fn decode(body: &[u8], envelope: Option<&Envelope>, topic: &str, options: &Options) -> Decoded {
    read(body, envelope, topic, options).unwrap_or_else(Decoded::Reject)
}

/// Reads a message.
fn read(bytes: &[u8], envelope: Option<&Envelope>, topic: &str, options: &Options) -> Result<Decoded, Reject> {
    let stated = |names: &[&str]| names.iter().find_map(|name| header(envelope?, name));
    let key = envelope.and_then(|e| std::str::from_utf8(e.key.as_deref()?).ok());
    let key_url = key.filter(|key| key.starts_with("http://") || key.starts_with("https://"));
    let url = checked_url(stated(&["url", "ce_subject"]).or(key_url))?;
    let id = checked_id(stated(&["id", "ce_id"]).map(str::to_owned))?;
    let fetched_at = stated(&["fetched-at", "ce_time"]);
    let content_type = stated(&["content-type"]);
    let mut provenance = Provenance {
        schema: "html",
        file: fact(topic),
        content_type: content_type.and_then(fact),
        fetched_at: fetched_at.and_then(fact),
        robots: stated(&["x-robots-tag"]).and_then(fact).into_iter().collect(),
        crawler: stated(&["user-agent"]).and_then(fact),
        ..Provenance::default()
    };
    let media = content_type.or(Some("text/html"));
    let about = BodyHints { content_type: media, charset: None, url: url.as_deref() };
    let text = match body::from_bytes(bytes, &about, &mut provenance, options)? {
        Body::Text(text) => text,
        Body::Without(why) => return Ok(Decoded::WithoutText(WithoutText { url, why })),
    };
    check_text_len(text.len(), options)?;
    let delivered = envelope.and_then(|e| e.time_ms).map(|ms| ms.div_euclid(1000));
    let time = fetched_at.and_then(time::parse).or(delivered);
    Ok(Decoded::Page(Page { id, url, text, time, label: None, contributor: None, provenance, form: Form::Archive }))
}

/// Returns the value of a header, if it is text and not empty.
fn header<'a>(envelope: &'a Envelope, name: &str) -> Option<&'a str> {
    let found = envelope.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value.as_deref()?).ok().map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use connectors::source::EnvelopeHeader;

    use super::*;

    fn envelope(headers: &[(&str, &str)]) -> Envelope {
        let headers = headers
            .iter()
            .map(|(name, value)| EnvelopeHeader { name: (*name).to_owned(), value: Some(value.as_bytes().to_vec()) });
        Envelope {
            key: Some(b"https://key.example/".to_vec()),
            headers: headers.collect(),
            time_ms: Some(1_700_000_000_500),
            ..Envelope::default()
        }
    }

    fn page(headers: &[(&str, &str)], body: &[u8]) -> Page {
        match decode(body, Some(&envelope(headers)), "crawl/0", &Options::default()) {
            Decoded::Page(page) => page,
            other => panic!("expected a page, got {other:?}"),
        }
    }

    #[test]
    fn headers_say_what_the_body_is() {
        let html = b"<html><body><p>Gr\xfc\xdfe aus dem Norden</p></body></html>";
        let headers = [
            ("Content-Type", "text/html; charset=iso-8859-1"),
            ("ce_subject", "https://a.example/x"),
            ("ce_id", "7"),
            ("ce_time", "2024-01-02T03:04:05Z"),
        ];
        let got = page(&headers, html);
        assert!(got.text.contains("Gr\u{fc}\u{df}e"), "{}", got.text);
        assert_eq!((got.url.as_deref(), got.id.as_deref()), (Some("https://a.example/x"), Some("7")));
        assert_eq!(got.time, Some(1_704_164_645));
    }

    #[test]
    fn key_and_time_of_the_record_stand_in() {
        let got = page(&[], b"<p>A page that says nothing about itself.");
        assert_eq!(got.url.as_deref(), Some("https://key.example/"));
        assert_eq!((got.time, got.id), (Some(1_700_000_000), None));
        let image = decode(b"GIF89a", Some(&envelope(&[("content-type", "image/gif")])), "t", &Options::default());
        assert!(matches!(image, Decoded::WithoutText(_)), "{image:?}");
        let long = "x".repeat(100_000);
        assert!(matches!(decode(b"<p>a", Some(&envelope(&[("url", &long)])), "t", &Options::default()), Decoded::Reject(_)));
    }
}
