//! Is a text in base64 (RFC 4648, section 4), and which bytes does it stand for?

use data_encoding::BASE64_MIME_PERMISSIVE;

/// Shortest text that is taken for base64, in bytes: shorter ones may be ordinary words.
const TEXT_BYTES_MIN: usize = 24;

/// Returns the bytes, if the text is base64 as encoders write it: padded, possibly with line
/// breaks, and nothing else.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    // The decoder would take several padded texts in a row, which no encoder makes of one body.
    let is_one = !text.trim_end_matches('=').contains('=');
    (text.len() >= TEXT_BYTES_MIN && is_one).then(|| BASE64_MIME_PERMISSIVE.decode(text.as_bytes()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_padded_text_and_nothing_else() {
        for (text, want) in [
            ("PHA+SGVsbG8sIHdvcmxkITwvcD4=", Some("<p>Hello, world!</p>")),
            ("PHA+SGVsbG8sIHdvcmxkPC9wPg==", Some("<p>Hello, world</p>")),
            ("PHA+SGVsbG8sIHdvcmxkISE8L3A+", Some("<p>Hello, world!!</p>")),
            ("PHA+SGVsbG8s\r\nIHdvcmxkPC9wPg==\n", Some("<p>Hello, world</p>")),
            ("PHA+SGVsbG8sIHdvcmxkPC9wPg=", None),
            ("PHA+SGVsbG8sIHdvcmxkPC9wPg", None),
            ("PHA+SGVsbG8sIHdv cmxkPC9wPg==", None),
            ("short123", None),
            ("", None),
            ("========================", None),
        ] {
            assert_eq!(decode(text).as_deref(), want.map(str::as_bytes), "{text}");
        }
    }
}
