//! ARC records of versions 1 and 2 (Internet Archive, 1996 to 2008).
//!
//! A record is one line (`URL IP-address Archive-date Content-type Archive-length`, in version 2 with five more fields before
//! the length), a block of that many bytes and a line break. The first record of a file describes the file. URLs with
//! spaces were written unescaped, so fields are counted from the end of the line. What is lost where, and where reading goes on, is
//! said in [`super::archive`]; the codes are `arc_bad_header`, `arc_bad_length` and `arc_truncated`.

use super::archive::{Archive, Codes, Flaw, Kind};
use crate::source::Payload;

/// What a file's description begins with in place of a URL.
pub const FILE_PREFIX: &str = "filedesc:";
/// Fields of version 2 between media type and length: status, checksum, location, offset and file.
const FIELDS_OF_VERSION_2: usize = 5;

/// Splits a file into ARC records.
pub type Records<R> = Archive<R, Arc>;

/// ARC records.
#[derive(Debug)]
pub struct Arc;

/// The line that a record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it was fetched; `filedesc:` and a name for the description of the file.
    pub url: &'a str,
    /// When, as written: 14 digits in UTC.
    pub date: &'a str,
    /// Media type, without parameters.
    pub content_type: &'a str,
    /// The length of the block, as written.
    pub length: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart; `None` if it is none.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.trim_end();
        // Five fields from the end; what is left in front of them is the URL.
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
}

/// A date has 14 digits; crawlers wrote some with more or with fewer.
fn is_date(field: &str) -> bool {
    field == "-" || (8..=20).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ip(field: &str) -> bool {
    field == "-" || field.contains(['.', ':']) && field.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:".contains(&byte))
}

fn has_scheme(bytes: &[u8]) -> bool {
    let letters = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    letters >= 2 && bytes.get(letters) == Some(&b':')
}

impl Kind for Arc {
    const CODES: Codes = Codes { bad_header: "arc_bad_header", bad_length: "arc_bad_length", truncated: "arc_truncated" };
    const EMPTY_LINE_ENDS: bool = false;

    fn begins(bytes: &[u8]) -> bool {
        has_scheme(bytes)
    }

    fn is_first_line(line: &[u8], _: &[u8]) -> bool {
        Line::parse(line).is_some()
    }

    fn content_length(header: &[u8]) -> Result<u64, Flaw> {
        let Some(line) = Line::parse(header) else {
            let got = String::from_utf8_lossy(&header[..header.len().min(80)]).trim_end().to_owned();
            return Err(Flaw::Header(format!("record begins with {got:?}, expected URL, address, date, media type and length")));
        };
        // `parse` alone would take a plus sign.
        let digits = line.length.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { line.length.parse().ok() } else { None };
        number.ok_or_else(|| {
            Flaw::Length(format!("length {:?}, expected a number", line.length.chars().take(40).collect::<String>()))
        })
    }

    fn payload(header: Vec<u8>, block: Vec<u8>) -> Payload {
        Payload::Arc { header, block }
    }
}

/// The header of the WARC record that says the same, without its closing empty line, for a block of so many bytes.
#[must_use]
pub fn as_warc(header: &[u8], block_bytes: usize) -> Vec<u8> {
    let Some(line) = Line::parse(header) else {
        return format!("WARC/1.0\r\nContent-Length: {block_bytes}\r\n").into_bytes();
    };
    let is_http = line.url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
    let (record_type, content_type) = match line.url {
        url if url.starts_with(FILE_PREFIX) => ("warcinfo", line.content_type),
        _ if is_http => ("response", "application/http; msgtype=response"),
        _ => ("response", line.content_type),
    };
    let date = match line.date.as_bytes().first_chunk::<14>() {
        Some(_) => {
            let part = |from: usize, to: usize| &line.date[from..to];
            let (day, time) =
                ([part(0, 4), part(4, 6), part(6, 8)].join("-"), [part(8, 10), part(10, 12), part(12, 14)].join(":"));
            format!("{day}T{time}Z")
        }
        None => line.date.to_owned(),
    };
    let url = line.url;
    format!(
        "WARC/1.0\r\nWARC-Type: {record_type}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {block_bytes}\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{framing::Format, framing::Framer, limits::Limits, source::Bad};

    fn line(text: &str) -> Option<(&str, &str, &str, &str)> {
        Line::parse(text.as_bytes()).map(|line| (line.url, line.date, line.content_type, line.length))
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
                Payload::Bad(Bad { code, length, .. }) => Err((code, length)),
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
        let header = as_warc(b"http://a.example/?a b 1.2.3.4 20080430204825 text/html 3\n", 3);
        let want = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/?a b\r\nWARC-Date: 2008-04-30T20:48:25Z\r\n\
            Content-Type: application/http; msgtype=response\r\nContent-Length: 3\r\n";
        assert_eq!(String::from_utf8_lossy(&header), want);
        let dns = as_warc(b"dns:a.example 1.2.3.4 2008043020 text/dns 3\n", 3);
        assert!(String::from_utf8_lossy(&dns).contains("WARC-Date: 2008043020\r\nContent-Type: text/dns"));
    }
}
