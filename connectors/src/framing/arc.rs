//! How does an ARC record look? Versions 1 and 2 (Internet Archive, 1996 to 2008).
//!
//! A record is one line, a block of as many bytes as the line states, and a line break. The line is
//! `URL IP-address Archive-date Content-type Archive-length`; version 2 has five more fields before
//! the length. The first record of a file describes the file. URLs with spaces were written
//! unescaped, so fields are counted from the end of the line. What the line states becomes the
//! header fields of the WARC record that says the same, so that decoding reads one kind of header.
//! [`super::archive`] says what damage costs and where reading goes on. The codes of damage are
//! `arc_bad_header`, `arc_bad_length` and `arc_truncated`.

use super::archive::{ArchiveCodes, ArchiveFormat, ArchiveRecords, HeaderFlaw};
use crate::source::{ArchiveHeader, HeaderFields, Payload};

/// The description of a file begins with this in place of a URL.
pub const FILE_PREFIX: &str = "filedesc:";
/// Fields of version 2 between media type and length: status, checksum, location, offset and file.
const FIELDS_OF_VERSION_2: usize = 5;

/// Splits a file into ARC records.
pub type ArcRecords<R> = ArchiveRecords<R, Arc>;

/// The format ARC.
#[derive(Debug)]
pub struct Arc;

/// The line that a record begins with, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ArcHeaderLine<'a> {
    /// Where the record was fetched; `filedesc:` and a name for the description of the file.
    url: &'a str,
    /// When it was fetched, as written: 14 digits in UTC.
    date: &'a str,
    /// Media type, without parameters.
    content_type: &'a str,
    /// The length of the block, as written.
    length: &'a str,
}

impl<'a> ArcHeaderLine<'a> {
    /// Takes a line apart; `None` if it is no such line.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.trim_end();
        // Fields are counted from the end. The bytes before them are the URL.
        let mut fields = line.rsplitn(FIELDS_OF_VERSION_2 + 5, ' ');
        let length = fields.next()?;
        let newest: Vec<&str> = fields.collect();
        let (date_at, content_type) = match newest[..] {
            [_, _, _, _, code, content_type, date, ip, _] if is_date(date) && is_ip(ip) && code.len() == 3 => (6, content_type),
            // A media type with parameters may have spaces.
            _ => (1..newest.len().saturating_sub(2)).find_map(|at| {
                let plausible = is_date(newest[at]) && is_ip(newest[at + 1]);
                plausible.then(|| (at, newest[at - 1]))
            })?,
        };
        let date = newest[date_at];
        let behind_url: usize = newest[..=date_at + 1].iter().map(|field| field.len() + 1).sum();
        let url = line.get(..line.len() - length.len() - behind_url)?.trim_end();
        has_scheme(url.as_bytes()).then_some(Self { url, date, content_type: content_type.trim_end_matches(';'), length })
    }

    /// Returns the fields of the WARC record that says the same, without the length, which the
    /// block has by itself.
    fn fields(&self) -> HeaderFields {
        let is_http = self.url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
        let (record_type, content_type) = match self.url {
            url if url.starts_with(FILE_PREFIX) => ("warcinfo", self.content_type),
            _ if is_http => ("response", "application/http; msgtype=response"),
            _ => ("response", self.content_type),
        };
        let mut fields = HeaderFields::default();
        fields.push("WARC-Type", record_type);
        fields.push("WARC-Target-URI", self.url);
        fields.push("WARC-Date", &self.iso_date());
        fields.push("Content-Type", content_type);
        fields
    }

    /// Returns the date as WARC writes it, or as it is written here if it has fewer than 14 digits.
    fn iso_date(&self) -> String {
        if self.date.len() < 14 {
            return self.date.to_owned();
        }
        let part = |from: usize, to: usize| &self.date[from..to];
        let day = [part(0, 4), part(4, 6), part(6, 8)].join("-");
        let time = [part(8, 10), part(10, 12), part(12, 14)].join(":");
        format!("{day}T{time}Z")
    }
}

/// Whether a field is a date. Dates have 14 digits, but crawlers wrote some with more or with
/// fewer.
fn is_date(field: &str) -> bool {
    field == "-" || (8..=20).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a field is an IP address.
fn is_ip(field: &str) -> bool {
    field == "-" || field.contains(['.', ':']) && field.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:".contains(&byte))
}

/// Whether bytes begin with the scheme of a URL.
fn has_scheme(bytes: &[u8]) -> bool {
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    letters >= 2 && bytes.get(letters) == Some(&b':')
}

impl ArchiveFormat for Arc {
    const CODES: ArchiveCodes =
        ArchiveCodes { bad_header: "arc_bad_header", bad_length: "arc_bad_length", truncated: "arc_truncated" };
    const EMPTY_LINE_ENDS: bool = false;

    fn begins(bytes: &[u8]) -> bool {
        has_scheme(bytes)
    }

    fn is_first_line(line: &[u8], _: &[u8]) -> bool {
        ArcHeaderLine::parse(line).is_some()
    }

    fn parse(header: &[u8]) -> Result<(HeaderFields, u64), HeaderFlaw> {
        let Some(line) = ArcHeaderLine::parse(header) else {
            let got = String::from_utf8_lossy(&header[..header.len().min(80)]).trim_end().to_owned();
            return Err(HeaderFlaw::Header(format!(
                "record begins with {got:?}, expected URL, address, date, media type and length"
            )));
        };
        // `parse` alone would take a plus sign.
        let digits = line.length.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { line.length.parse().ok() } else { None };
        let length = number.ok_or_else(|| {
            HeaderFlaw::Length(format!("length {:?}, expected a number", line.length.chars().take(40).collect::<String>()))
        })?;
        Ok((line.fields(), length))
    }

    fn payload(header: ArchiveHeader, block: Vec<u8>) -> Payload {
        Payload::Arc { header, block }
    }
}

/// Parses a header line that is not framed out of a file. A line that is none has no fields.
#[must_use]
pub fn header(line: Vec<u8>) -> ArchiveHeader {
    let fields = ArcHeaderLine::parse(&line).map(|line| line.fields()).unwrap_or_default();
    ArchiveHeader::new(line, fields)
}

/// Returns the header of the WARC record that says the same, without its closing empty line, for a
/// block of so many bytes.
#[must_use]
pub fn as_warc(header: &ArchiveHeader, block_bytes: usize) -> Vec<u8> {
    let length = block_bytes.to_string();
    let fields = header.fields().pairs().chain([("Content-Length", length.as_str())]);
    let lines = fields.flat_map(|(name, value)| [name, ": ", value, "\r\n"]);
    ["WARC/1.0\r\n"].into_iter().chain(lines).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{framing::Format, framing::Framer, limits::Limits, source::BadRecord};

    fn line(text: &str) -> Option<(&str, &str, &str, &str)> {
        ArcHeaderLine::parse(text.as_bytes()).map(|line| (line.url, line.date, line.content_type, line.length))
    }

    #[test]
    fn fields_are_counted_from_the_end() {
        for (text, want) in [
            (
                "http://a.example/ 1.2.3.4 20080430204825 text/html 1300\r\n",
                Some(("http://a.example/", "20080430204825", "text/html", "1300")),
            ),
            (
                "http://a.example/?q=a b c ::1 20080430204825 text/html -1",
                Some(("http://a.example/?q=a b c", "20080430204825", "text/html", "-1")),
            ),
            (
                "http://a.example/ 1.2.3.4 20080430204825 text/html 200 ABC - 17 a.arc 99",
                Some(("http://a.example/", "20080430204825", "text/html", "99")),
            ),
            (
                "http://a.example/ 1.2.3.4 20080430204825 text/html; charset=utf-8 99",
                Some(("http://a.example/", "20080430204825", "text/html", "99")),
            ),
            ("filedesc:// - - - 76", Some(("filedesc://", "-", "-", "76"))),
            ("http://a.example/ 1.2.3.4 20080430204825  9", Some(("http://a.example/", "20080430204825", "", "9"))),
            ("filedesc://x a.b.c.d blue_monday gif\\image one", None),
            ("URL IP-address Archive-date Content-type Archive-length", None),
            ("1.2.3.4 20080430204825 text/html 1300", None),
            ("", None),
            ("         ", None),
        ] {
            assert_eq!(line(text), want, "{text}");
        }
    }

    fn outline(bytes: &[u8]) -> Vec<Result<String, (&'static str, u64)>> {
        let mut framer = Framer::new(Format::Arc, bytes, Limits { record_bytes_max: 1000, ..Limits::default() });
        let mut outline = Vec::new();
        while let Some(frame) = framer.next_frame().expect("in memory") {
            outline.push(match frame.payload {
                Payload::Arc { block, .. } => Ok(String::from_utf8_lossy(&block).into_owned()),
                Payload::Bad(BadRecord { code, length, .. }) => Err((code, length)),
                other => panic!("{other:?}"),
            });
        }
        outline
    }

    fn record(length: &str, block: &str) -> String {
        format!("http://a.example/ 1.2.3.4 20080430204825 text/html {length}\n{block}\n")
    }

    #[test]
    fn what_is_wrong_loses_one_stretch() {
        let good = record("3", "abc");
        let ok = || Ok("abc".to_owned());
        for (bad, code) in [
            (record("-1", "abc"), "arc_bad_length"),
            (record("abc", "abc"), "arc_bad_length"),
            ("some garbage\nin two lines\n".to_owned(), "arc_bad_header"),
            // Longer than it is: the record behind it begins within.
            (record("70", "abc"), "arc_bad_length"),
            (record("1000000", "abc"), "arc_bad_length"),
        ] {
            let bytes = [&good[..], &bad, &good, &good].concat();
            assert_eq!(outline(bytes.as_bytes()), [ok(), Err((code, bad.len() as u64)), ok(), ok()], "{bad}");
        }
        assert_eq!(outline(&good.as_bytes()[..good.len() - 2]), [Err(("arc_truncated", good.len() as u64 - 2))]);
        assert_eq!(outline(record("2", "abc").as_bytes()), [Ok("ab".to_owned()), Err(("arc_bad_header", 2))]);
    }

    #[test]
    fn the_warc_record_says_the_same() {
        let as_warc = |line: &[u8]| as_warc(&header(line.to_vec()), 3);
        let header = as_warc(b"http://a.example/?a b 1.2.3.4 20080430204825 text/html 3\n");
        let want = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/?a b\r\nWARC-Date: 2008-04-30T20:48:25Z\r\n\
            Content-Type: application/http; msgtype=response\r\nContent-Length: 3\r\n";
        assert_eq!(String::from_utf8_lossy(&header), want);
        let dns = as_warc(b"dns:a.example 1.2.3.4 2008043020 text/dns 3\n");
        assert!(String::from_utf8_lossy(&dns).contains("WARC-Date: 2008043020\r\nContent-Type: text/dns"));
    }
}
