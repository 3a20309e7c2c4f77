//! Which charset does a page state in a `<meta>` element? The WHATWG prescan of its first 1,024
//! bytes.
//!
//! The scan runs on bytes, before anything is decoded. It is linear and does not recurse.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes at which the standard says to look.
const PRESCAN_BYTES: usize = 1024;

/// Returns the stated charset, if it is a known one.
pub(super) fn charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut rest = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    while let Some(start) = rest.iter().position(|&byte| byte == b'<') {
        rest = &rest[start + 1..];
        if rest.starts_with(b"!--") {
            // `<!-->` is a whole comment: the closing may share the opening's dashes.
            rest = find(&rest[1..], b"-->").map_or(&b""[..], |at| &rest[1 + at + 3..]);
        } else if let Some(after) = meta_start(rest) {
            let (found, after) = meta(after);
            if found.is_some() {
                return found;
            }
            rest = after;
        } else if rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/') {
            rest = skip_tag(rest);
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn meta_start(rest: &[u8]) -> Option<&[u8]> {
    let (name, after) = rest.split_at_checked(4)?;
    let ends = after.first().is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/');
    (name.eq_ignore_ascii_case(b"meta") && ends).then_some(after)
}

/// Reads the attributes of a tag to its end, so that no `<` within a value begins another tag.
fn skip_tag(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>').unwrap_or(rest.len());
    let mut rest = &rest[end..];
    while let Some((_, _, after)) = attribute(rest) {
        rest = after;
    }
    rest
}

/// Returns the charset that one `<meta>` states, and what follows the element.
fn meta(mut rest: &[u8]) -> (Option<&'static Encoding>, &[u8]) {
    let (mut pragma, mut direct, mut content) = (false, None, None);
    while let Some((name, value, after)) = attribute(rest) {
        rest = after;
        if name.eq_ignore_ascii_case(b"http-equiv") {
            pragma |= value.eq_ignore_ascii_case(b"content-type");
        } else if name.eq_ignore_ascii_case(b"charset") {
            direct = direct.or(Encoding::for_label(value));
        } else if name.eq_ignore_ascii_case(b"content") {
            content = content.or_else(|| content_charset(value));
        }
    }
    let found = direct.or(content.filter(|_| pragma)).map(|encoding| {
        // The statement was legible as ASCII, so UTF-16 it cannot be; the standard says what it is instead.
        if encoding == UTF_16LE || encoding == UTF_16BE {
            UTF_8
        } else if encoding.name() == "x-user-defined" {
            WINDOWS_1252
        } else {
            encoding
        }
    });
    (found, rest)
}

/// Returns name and value of the next attribute of a tag, and what follows it; `None` at the end of
/// the tag.
fn attribute(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let start = rest.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b'/')?;
    let rest = &rest[start..];
    if rest[0] == b'>' {
        return None;
    }
    let is_name_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'/' | b'>');
    // A name may begin with `=`: at least one byte is taken, so every call makes progress.
    let name_end = 1 + rest[1..].iter().position(is_name_end).unwrap_or(rest.len() - 1);
    let (name, after_name) = rest.split_at(name_end);
    let Some(after) = after_name.trim_ascii_start().strip_prefix(b"=") else { return Some((name, b"", after_name)) };
    let after = after.trim_ascii_start();
    if let Some(quote @ (b'"' | b'\'')) = after.first() {
        let end = after[1..].iter().position(|byte| byte == quote)?;
        return Some((name, &after[1..=end], &after[end + 2..]));
    }
    let end = after.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>').unwrap_or(after.len());
    Some((name, &after[..end], &after[end..]))
}

/// Returns the charset in a `content` such as `text/html; charset=big5`.
fn content_charset(value: &[u8]) -> Option<&'static Encoding> {
    let lower = value.to_ascii_lowercase();
    let after = lower[find(&lower, b"charset")? + 7..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let label = match after.first()? {
        quote @ (b'"' | b'\'') => after[1..].split(|byte| byte == quote).next()?,
        _ => after.split(|byte| byte.is_ascii_whitespace() || *byte == b';').next()?,
    };
    Encoding::for_label(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_the_standard_finds() {
        for (page, want) in [
            ("<meta charset=big5>", Some("Big5")),
            ("<meta charset='big5'>", Some("Big5")),
            ("<meta/charset=big5>", Some("Big5")),
            ("<meta charset=utf-16le>", Some("UTF-8")),
            ("<meta charset=x-user-defined>", Some("windows-1252")),
            ("<metacharset=big5>", None),
            ("<meta charset=nonsense><meta charset=big5>", Some("Big5")),
            ("<meta content='text/html; charset=big5'>", None),
            ("<meta http-equiv=refresh content='charset=big5'>", None),
            ("<a title='<meta charset=big5>'><meta charset=euc-jp>", Some("EUC-JP")),
            ("<!--><meta charset=big5>", Some("Big5")),
            ("<!-- <meta charset=big5>", None),
            ("<meta charset='big5", None),
            ("<meta", None),
            ("<", None),
            ("<meta =x =y charset=big5>", Some("Big5")),
            ("<!doctype html><title>x</title ><META CHARSET = \"BIG5\" >", Some("Big5")),
        ] {
            assert_eq!(charset(page.as_bytes()).map(Encoding::name), want, "{page}");
        }
    }

    #[test]
    fn looks_no_further_than_1024_bytes() {
        let far = format!("{}<meta charset=big5>", " ".repeat(1010));
        assert_eq!(charset(far.as_bytes()), None);
    }
}
