//! Which fields does a WARC header block state?
//!
//! Parsing takes any bytes: a line that is no field is left out, and bytes that are no UTF-8 become
//! U+FFFD.

use crate::source::{ArchiveHeader, HeaderFields};

/// Parses a header block: the version line, which is left out, then `Name: value` lines. A line
/// that begins with a space or a tab continues the value before it.
pub(super) fn fields(block: &[u8]) -> HeaderFields {
    let mut fields = HeaderFields::default();
    for line in block.split(|byte| *byte == b'\n').skip(1) {
        let text = String::from_utf8_lossy(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            fields.continue_last(text.trim());
        } else if let Some((name, value)) = text.split_once(':') {
            fields.push(name.trim(), value.trim());
        }
    }
    fields
}

/// Parses a header block that is not framed out of a file.
#[must_use]
pub fn header(block: Vec<u8>) -> ArchiveHeader {
    let fields = fields(&block);
    ArchiveHeader::new(block, fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_in_any_case_with_continuations() {
        let header = fields(
            b"WARC/1.1\r\nWARC-Type: response\r\ncontent-length:12\r\nX-Note: one\r\n\ttwo\r\n three \r\nno field\r\nX-Note: b:c\r\nFolded:\r\n 12\r\n\xff: \xfe\r\n",
        );
        assert_eq!(header.pairs().next(), Some(("WARC-Type", "response")), "the version line is no field");
        assert_eq!(header.get("warc-type"), Some("response"));
        assert_eq!(header.get("Content-Length"), Some("12"));
        assert_eq!(header.get_all("x-note").collect::<Vec<_>>(), ["one two three", "b:c"]);
        assert_eq!(header.get("\u{fffd}"), Some("\u{fffd}"));
        assert_eq!((header.get("folded"), header.get("missing")), (Some("12"), None));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(block in proptest::collection::vec(any::<u8>(), 0..200)) {
            let header = fields(&block);
            prop_assert!(header.get("").is_none_or(|value| value.len() <= 3 * block.len()));
        }
    }
}
