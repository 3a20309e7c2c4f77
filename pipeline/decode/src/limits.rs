//! How long may the text, the id and the URL of a page be?

use super::{decoded::Reject, options::Options};

/// Longest id, in bytes. Ids are kept in memory for every document, so they must be short.
pub const ID_BYTES_MAX: usize = 1 << 10;

/// Longest URL, in bytes: servers and crawlers accept no longer ones.
pub const URL_BYTES_MAX: usize = 8 << 10;

/// Returns the URL, or why it cannot be one.
pub(crate) fn checked_url(url: Option<&str>) -> Result<Option<String>, Reject> {
    match url.map(str::trim).filter(|url| !url.is_empty()) {
        Some(url) if url.len() > URL_BYTES_MAX => {
            Err(Reject::new("url_too_long", format!("got a url of {} bytes, expected at most {URL_BYTES_MAX}", url.len())))
        }
        url => Ok(url.map(str::to_owned)),
    }
}

/// Returns the id, or why it cannot be one.
pub(crate) fn checked_id(id: Option<String>) -> Result<Option<String>, Reject> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.len() > ID_BYTES_MAX => {
            Err(Reject::new("id_too_long", format!("got an id of {} bytes, expected at most {ID_BYTES_MAX}", id.len())))
        }
        id => Ok(id),
    }
}

/// Fails if a text of this many bytes is too long for a page.
pub(crate) fn check_text_len(bytes: usize, options: &Options) -> Result<(), Reject> {
    if bytes > options.text_bytes_max {
        let limit = options.text_bytes_max;
        return Err(Reject::new("text_too_large", format!("got a text of {bytes} bytes, expected at most {limit}")));
    }
    Ok(())
}
