//! WARC records of any version from 0.17 to 1.1, WET included.
//!
//! A record is a version line, header lines, an empty line, a block of `Content-Length` bytes and empty lines. Read
//! leniently: `\n` for `\r\n`, and any number of empty lines between records, none included. What is lost where, and where
//! reading goes on, is said in [`super::archive`]; the codes are `warc_bad_header`, `warc_bad_length` and `warc_truncated`.

mod header;

pub use header::Header;

use super::archive::{Archive, Codes, Flaw, Kind};
use crate::source::Payload;

/// What every record begins with.
const PREFIX: &[u8] = b"WARC/";
/// Length of a version, such as `1.0`.
const VERSION_BYTES: usize = 3;

/// Splits a file into WARC records.
pub type Records<R> = Archive<R, Warc>;

/// WARC records.
#[derive(Debug)]
pub struct Warc;

impl Kind for Warc {
    const CODES: Codes = Codes { bad_header: "warc_bad_header", bad_length: "warc_bad_length", truncated: "warc_truncated" };
    const EMPTY_LINE_ENDS: bool = true;

    fn begins(bytes: &[u8]) -> bool {
        let (Some(prefix), Some(version)) = (bytes.get(..PREFIX.len()), bytes.get(PREFIX.len()..)) else { return false };
        prefix.eq_ignore_ascii_case(PREFIX) && matches!(version, [b'0' | b'1', b'.', b'0'..=b'9', ..])
    }

    /// A version and nothing else, and a field below, where anything is known of it.
    fn is_first_line(line: &[u8], below: &[u8]) -> bool {
        if !Self::begins(line) || line.trim_ascii_end().len() != PREFIX.len() + VERSION_BYTES {
            return false;
        }
        let name = below.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        below.is_empty() || name > 0 && below.get(name) == Some(&b':')
    }

    fn content_length(header: &[u8]) -> Result<u64, Flaw> {
        if !Self::begins(header) {
            let got = String::from_utf8_lossy(&header[..header.len().min(40)]).trim_end().to_owned();
            return Err(Flaw::Header(format!("record begins with {got:?}, expected WARC/1.0 or WARC/1.1")));
        }
        stated_length(&Header::parse(header)).map_err(Flaw::Length)
    }

    fn payload(header: Vec<u8>, block: Vec<u8>) -> Payload {
        Payload::Warc { header, block }
    }
}

fn stated_length(header: &Header) -> Result<u64, String> {
    let mut values = header.get_all("Content-Length");
    let value = values.next().ok_or("no Content-Length, expected one")?;
    if let Some(other) = values.find(|other| *other != value) {
        return Err(format!("Content-Length given as {value:?} and {other:?}, expected one"));
    }
    // `parse` alone would take a plus sign.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { value.parse().ok() } else { None };
    number.ok_or_else(|| format!("Content-Length {:?}, expected a number", value.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests;
