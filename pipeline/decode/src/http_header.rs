//! Which fields does the header of an HTTP message have?
//!
//! Parsing is lenient, since archives hold whatever servers have sent. Lines may end with LF. A
//! line without a colon is skipped. A line that begins with white space continues the field before
//! it. Bytes that are no UTF-8 become U+FFFD.

/// Most fields that are kept.
const FIELDS_MAX: usize = 256;

/// Most bytes that are read.
const BYTES_MAX: usize = 64 << 10;

/// The header fields, in their order.
pub(super) struct HttpHeader(Vec<(String, String)>);

impl HttpHeader {
    /// Parses a header block, up to [`FIELDS_MAX`] and [`BYTES_MAX`].
    pub(super) fn parse(block: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in block[..block.len().min(BYTES_MAX)].split(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                if fields.len() == FIELDS_MAX {
                    break;
                }
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self(fields)
    }

    /// Returns the value of the first field with this name, in letters of any case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the values of all fields with this name, in their order.
    pub(super) fn get_all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_send() {
        let header = HttpHeader::parse(b"A: 1\r\nb:2\nno colon\r\nLong: a\r\n  b\n\tc\r\na: second\r\nBad: \xFF\r\n:\r\n");
        for (name, want) in [
            ("a", Some("1")),
            ("B", Some("2")),
            ("LONG", Some("a b c")),
            ("bad", Some("\u{FFFD}")),
            ("no colon", None),
            ("x", None),
        ] {
            assert_eq!(header.get(name), want, "{name}");
        }
    }

    #[test]
    fn stops_at_its_limits() {
        let header = HttpHeader::parse("a: b\n".repeat(100_000).as_bytes());
        assert_eq!(header.0.len(), FIELDS_MAX);
        let header = HttpHeader::parse(&[&b"a: "[..], &vec![b'x'; BYTES_MAX * 2]].concat());
        assert_eq!(header.get("a").map(str::len), Some(BYTES_MAX - 3));
    }
}
