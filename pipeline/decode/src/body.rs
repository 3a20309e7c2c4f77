//! A page's bytes become text: media type, charset, HTML.
//!
//! HTML and plain text have text; every other media type has none here. Without a stated type, markup at the beginning
//! makes it HTML.

use super::{
    base64,
    charset::{self, Hints},
    decoded::Reject,
    html,
    options::Options,
    page::{Apart, Provenance},
};

/// What a body turned out to be.
pub(super) enum Body {
    /// Its text.
    Text(String),
    /// It has none, for this reason.
    Without(&'static str),
}

/// What is stated about a body.
#[derive(Default)]
pub(super) struct Stated<'a> {
    /// The media type with its parameters.
    pub content_type: Option<&'a str>,
    /// A charset stated elsewhere; it goes before the media type's.
    pub charset: Option<&'a str>,
    /// Where the body was fetched: its country hints at the charset.
    pub url: Option<&'a str>,
}

enum Media {
    Html,
    Plain,
}

/// The text of a body in bytes; what is learnt on the way goes into `provenance`.
pub(super) fn from_bytes(
    bytes: &[u8],
    stated: &Stated<'_>,
    provenance: &mut Provenance,
    options: &Options,
) -> Result<Body, Reject> {
    let Some(media) = media(stated.content_type, bytes) else { return Ok(Body::Without("non_html")) };
    if bytes.len() > options.body_bytes_max {
        let (got, limit) = (bytes.len(), options.body_bytes_max);
        return Err(Reject::new("body_too_large", format!("got a body of {got} bytes, expected at most {limit}")));
    }
    let hints = Hints {
        label: stated.charset.or_else(|| parameter(stated.content_type?, "charset")),
        html: matches!(media, Media::Html),
        url: stated.url,
    };
    let (text, encoding) = charset::decode(bytes, &hints);
    provenance.charset = Some(encoding.name());
    to_text(&media, &text, provenance, options)
}

/// The text of a body that is text already.
pub(super) fn from_str(
    text: &str,
    content_type: Option<&str>,
    provenance: &mut Provenance,
    options: &Options,
) -> Result<Body, Reject> {
    match media(content_type, text.as_bytes()) {
        Some(media) => to_text(&media, text, provenance, options),
        None => Ok(Body::Without("non_html")),
    }
}

/// The bytes of a text in base64; `None` if the text stands for itself, as markup does.
pub(super) fn from_base64(text: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Reject> {
    if text.len() / 4 * 3 > bytes_max {
        let got = text.len();
        return Err(Reject::new("body_too_large", format!("got a body of {got} characters, expected at most {bytes_max}")));
    }
    Ok(base64::decode(text))
}

fn to_text(media: &Media, text: &str, provenance: &mut Provenance, options: &Options) -> Result<Body, Reject> {
    let text = match media {
        Media::Plain => text.to_owned(),
        Media::Html => {
            let html::Extract { text, around, hidden, disguised, hidden_bytes, facts } = html::to_text(text, options.html)?;
            provenance.hidden_bytes = hidden_bytes;
            provenance.around_bytes = around.len();
            provenance.apart = Apart { hidden, disguised, around };
            provenance.robots.extend(facts.robots);
            provenance.licences = facts.licences;
            provenance.generator = facts.generator;
            provenance.analytics = facts.analytics;
            text
        }
    };
    Ok(if text.trim().is_empty() { Body::Without("empty") } else { Body::Text(text) })
}

fn media(content_type: Option<&str>, bytes: &[u8]) -> Option<Media> {
    let essence = content_type.and_then(|value| value.split([';', ',']).next()).map_or("", str::trim);
    match essence.to_ascii_lowercase().as_str() {
        "text/html" | "application/xhtml+xml" => Some(Media::Html),
        "text/plain" => Some(Media::Plain),
        "" => {
            let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
            Some(if text.starts_with(b"<") { Media::Html } else { Media::Plain })
        }
        _ => None,
    }
}

/// A parameter of a media type, without its quotes.
fn parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\'']))
    })
}
