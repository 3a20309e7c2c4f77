//! Named fields of a WARC header block.

/// A parsed header block. Parsing takes any bytes: what is no field is left out, bytes that are no UTF-8 become U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    version: String,
    fields: Vec<(String, String)>,
}

impl Header {
    /// Parses a block: the version line, then `Name: value` lines; a line that begins with a space or tab continues the
    /// value before it.
    #[must_use]
    pub fn parse(block: &[u8]) -> Self {
        let mut header = Self::default();
        for (number, line) in block.split(|byte| *byte == b'\n').enumerate() {
            let text = String::from_utf8_lossy(line);
            if number == 0 {
                text.trim().clone_into(&mut header.version);
            } else if line.starts_with(b" ") || line.starts_with(b"\t") {
                header.continue_value(text.trim());
            } else {
                header.add(&text);
            }
        }
        header
    }

    fn continue_value(&mut self, text: &str) {
        if let Some((_, value)) = self.fields.last_mut()
            && !text.is_empty()
        {
            // A value may begin on the second line.
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(text);
        }
    }

    fn add(&mut self, line: &str) {
        if let Some((name, value)) = line.split_once(':') {
            self.fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    /// The version line, such as `WARC/1.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A field's value; of several the first. Names are compared without regard to ASCII case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// All values of a field, in their order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_in_any_case_with_continuations() {
        let header = Header::parse(
            b"WARC/1.1\r\nWARC-Type: response\r\ncontent-length:12\nX-Note: one\r\n\ttwo\r\n three \r\nno field\r\nX-Note: b:c\r\nFolded:\r\n 12\r\n\xff: \xfe\r\n",
        );
        assert_eq!(header.version(), "WARC/1.1");
        assert_eq!(header.get("warc-type"), Some("response"));
        assert_eq!(header.get("Content-Length"), Some("12"));
        assert_eq!(header.get_all("x-note").collect::<Vec<_>>(), ["one two three", "b:c"]);
        assert_eq!(header.get("\u{fffd}"), Some("\u{fffd}"));
        assert_eq!((header.get("folded"), header.get("missing")), (Some("12"), None));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(block in proptest::collection::vec(any::<u8>(), 0..200)) {
            let header = Header::parse(&block);
            prop_assert!(header.get("").is_none_or(|value| value.len() <= 3 * block.len()));
        }
    }
}
