//! How do the bytes of a body become text, by media type, charset and HTML?
//!
//! HTML and plain text have text. Every other media type has none. If no type is stated, a body
//! that begins with markup is HTML, and any other one is plain text.

use super::{
    base64,
    charset::{self, Hints},
    decoded::Reject,
    html,
    options::Options,
    page::{OmittedText, Provenance},
};

/// The result of reading a body.
pub(super) enum Body {
    /// Its text.
    Text(String),
    /// The reason why it has no text.
    Without(&'static str),
}

/// What the sender states about a body.
#[derive(Default)]
pub(super) struct BodyHints<'a> {
    /// The media type with its parameters.
    pub content_type: Option<&'a str>,
    /// A charset that is stated elsewhere. It precedes the charset of the media type.
    pub charset: Option<&'a str>,
    /// Where the body was fetched: the country of the host hints at the charset.
    pub url: Option<&'a str>,
}

/// A media type with text.
enum Media {
    Html,
    Plain,
}

/// Reads a body in bytes. Facts that come up on the way go into `provenance`.
pub(super) fn from_bytes(
    bytes: &[u8],
    hints: &BodyHints<'_>,
    provenance: &mut Provenance,
    options: &Options,
) -> Result<Body, Reject> {
    let Some(media) = media(hints.content_type, bytes) else { return Ok(Body::Without("non_html")) };
    if bytes.len() > options.body_bytes_max {
        let (got, limit) = (bytes.len(), options.body_bytes_max);
        return Err(Reject::new("body_too_large", format!("got a body of {got} bytes, expected at most {limit}")));
    }
    let hints = Hints {
        label: hints.charset.or_else(|| parameter(hints.content_type?, "charset")),
        html: matches!(media, Media::Html),
        url: hints.url,
    };
    let (text, encoding) = charset::decode(bytes, &hints);
    provenance.charset = Some(encoding.name());
    to_text(&media, &text, provenance, options)
}

/// Reads a body that is text already.
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

/// Returns the bytes of a text in base64; `None` if the text is no base64, as markup is none.
pub(super) fn from_base64(text: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Reject> {
    if text.len() / 4 * 3 > bytes_max {
        let got = text.len();
        return Err(Reject::new("body_too_large", format!("got a body of {got} characters, expected at most {bytes_max}")));
    }
    Ok(base64::decode(text))
}

/// Extracts the text of a body that is decoded.
fn to_text(media: &Media, text: &str, provenance: &mut Provenance, options: &Options) -> Result<Body, Reject> {
    let text = match media {
        Media::Plain => text.to_owned(),
        Media::Html => {
            let html::Extract { text, boilerplate, not_rendered, visually_hidden, hidden_bytes, facts } =
                html::to_text(text, options.html)?;
            provenance.hidden_bytes = hidden_bytes;
            provenance.boilerplate_bytes = boilerplate.len();
            provenance.omitted = OmittedText { not_rendered, visually_hidden, boilerplate };
            provenance.robots.extend(facts.robots);
            provenance.licences = facts.licences;
            provenance.generator = facts.generator;
            provenance.analytics = facts.analytics;
            text
        }
    };
    Ok(if text.trim().is_empty() { Body::Without("empty") } else { Body::Text(text) })
}

/// Returns the media type of a body that has text; `None` for any other media type.
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

/// Returns a parameter of a media type, without its quotes.
fn parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\'']))
    })
}
