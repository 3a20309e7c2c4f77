//! Bytes of a text in base64 (RFC 4648, section 4), and whether it is in base64 at all.

/// Shortest text taken for base64: below, ordinary words have its form.
const TEXT_BYTES_MIN: usize = 24;

/// The bytes, if the text is base64 as encoders write it: padded, line breaks allowed, nothing else.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    if text.len() < TEXT_BYTES_MIN {
        return None;
    }
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0usize);
    for byte in digits.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        bits = bits << 6 | u32::from(digit(byte)?);
        count += 1;
        if count.is_multiple_of(4) {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((bits >> 4) as u8),
        (3, 1) => bytes.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => return None,
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
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
