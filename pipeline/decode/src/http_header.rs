//! Header fields of HTTP messages: names to values.
//!
//! Lenient, as archives hold what servers sent: lines may end with LF, a line without a colon is skipped, a line that
//! begins with white space goes on with the field before. Bytes that are no UTF-8 become U+FFFD.

/// Most fields kept.
const FIELDS_MAX: usize = 256;

/// Most bytes read.
const BYTES_MAX: usize = 64 << 10;

/// Header fields in their order.
pub(super) struct HttpHeader(Vec<(String, String)>);

impl HttpHeader {
    /// The fields of a header block; reading stops at its limits.
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

    /// The first value of this name, whatever its case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// All values of this name, in their order.
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
