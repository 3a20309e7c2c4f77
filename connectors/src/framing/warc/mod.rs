//! How does a WARC record look? Versions from 0.17 to 1.1, WET included.
//!
//! A record is a version line, header lines, an empty line, a block of `Content-Length` bytes, and
//! empty lines. Reading is lenient: `\n` stands for `\r\n`, and any number of empty lines may lie
//! between records, or none. [`super::archive`] says what damage costs and where reading goes on.
//! The codes of damage are `warc_bad_header`, `warc_bad_length` and `warc_truncated`.

mod header;

pub use self::header::header;

use super::archive::{ArchiveCodes, ArchiveFormat, ArchiveRecords, HeaderFlaw};
use crate::source::{ArchiveHeader, HeaderFields, Payload};

/// The first bytes of every record.
const PREFIX: &[u8] = b"WARC/";
/// Length of a version such as `1.0`, in bytes.
const VERSION_BYTES: usize = 3;

/// Splits a file into WARC records.
pub type WarcRecords<R> = ArchiveRecords<R, Warc>;

/// The format WARC.
#[derive(Debug)]
pub struct Warc;

impl ArchiveFormat for Warc {
    const CODES: ArchiveCodes =
        ArchiveCodes { bad_header: "warc_bad_header", bad_length: "warc_bad_length", truncated: "warc_truncated" };
    const EMPTY_LINE_ENDS: bool = true;

    fn begins(bytes: &[u8]) -> bool {
        let (Some(prefix), Some(version)) = (bytes.get(..PREFIX.len()), bytes.get(PREFIX.len()..)) else { return false };
        prefix.eq_ignore_ascii_case(PREFIX) && matches!(version, [b'0' | b'1', b'.', b'0'..=b'9', ..])
    }

    /// Looks for a version line with nothing else in it, and for a field below, where the bytes
    /// below are known.
    fn is_first_line(line: &[u8], below: &[u8]) -> bool {
        if !Self::begins(line) || line.trim_ascii_end().len() != PREFIX.len() + VERSION_BYTES {
            return false;
        }
        let name = below.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
        below.is_empty() || name > 0 && below.get(name) == Some(&b':')
    }

    fn parse(header: &[u8]) -> Result<(HeaderFields, u64), HeaderFlaw> {
        if !Self::begins(header) {
            let got = String::from_utf8_lossy(&header[..header.len().min(40)]).trim_end().to_owned();
            return Err(HeaderFlaw::Header(format!("record begins with {got:?}, expected WARC/1.0 or WARC/1.1")));
        }
        let fields = header::fields(header);
        let length = stated_length(&fields).map_err(HeaderFlaw::Length)?;
        Ok((fields, length))
    }

    fn payload(header: ArchiveHeader, block: Vec<u8>) -> Payload {
        Payload::Warc { header, block }
    }
}

/// Returns the length that a header states.
fn stated_length(fields: &HeaderFields) -> Result<u64, String> {
    let mut values = fields.get_all("Content-Length");
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
