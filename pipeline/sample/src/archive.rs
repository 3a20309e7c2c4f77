//! How are documents written down? In WARC/1.1 with one gzip member a record, and as JSON lines.
//!
//! Records have no digests, which are optional in WARC/1.1 and would need SHA-1 here, and there are
//! no `request` records.

use std::fmt::Write as _;
use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Room for a header or trailer beside the compressed data, in bytes. Neither ever needs more.
const SPARE_BYTES: usize = 64;

/// Writes WARC records, each as a gzip member.
#[derive(Debug)]
pub(super) struct WarcWriter<W> {
    out: W,
    compress: Compress,
    warcinfo: String,
    member: Vec<u8>,
}

/// One record.
#[derive(Debug)]
pub(super) struct WarcRecord<'a> {
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
    pub(super) time: i64,
    /// Further header lines, each with its CR LF.
    pub(super) headers: String,
    pub(super) block: &'a [u8],
}

impl<W: Write> WarcWriter<W> {
    /// Makes a writer whose records name `warcinfo` as the record that describes their file.
    pub(super) fn new(out: W, warcinfo: String) -> Self {
        // `Compress` keeps its tables from record to record; an encoder for each would spend its time on allocating them.
        Self { out, compress: Compress::new(Compression::new(5), false), warcinfo, member: Vec::new() }
    }

    /// Writes one record with its true length.
    pub(super) fn write(&mut self, record: &WarcRecord<'_>) -> io::Result<()> {
        self.write_claiming(record, &record.block.len().to_string())
    }

    /// Writes one record that states `claim` as its length.
    pub(super) fn write_claiming(&mut self, record: &WarcRecord<'_>, claim: &str) -> io::Result<()> {
        let mut plain = format!(
            "WARC/1.1\r\nWARC-Type: {}\r\nWARC-Record-ID: <{}>\r\nWARC-Date: {}\r\n{}",
            record.kind,
            record.id,
            timestamp(record.time),
            record.headers,
        );
        if record.kind != "warcinfo" {
            plain.extend(["WARC-Warcinfo-ID: <", &self.warcinfo, ">\r\n"]);
        }
        plain.extend(["Content-Length: ", claim, "\r\n\r\n"]);
        let mut plain = plain.into_bytes();
        plain.extend_from_slice(record.block);
        plain.extend_from_slice(b"\r\n\r\n");
        self.member(&plain)
    }

    /// Packs one gzip member (RFC 1952) without name and time.
    fn member(&mut self, plain: &[u8]) -> io::Result<()> {
        self.member.clear();
        self.member.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        self.compress.reset();
        self.member.reserve(plain.len() + SPARE_BYTES);
        loop {
            let read = self.compress.total_in() as usize;
            match self.compress.compress_vec(&plain[read..], &mut self.member, FlushCompress::Finish)? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => self.member.reserve(plain.len() / 2 + SPARE_BYTES),
            }
        }
        let mut crc = Crc::new();
        crc.update(plain);
        self.member.extend_from_slice(&crc.sum().to_le_bytes());
        self.member.extend_from_slice(&crc.amount().to_le_bytes());
        self.out.write_all(&self.member)
    }

    /// Hands everything over to the writer below, and returns it.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Returns the block of a `response`: status line, headers, body.
pub(super) fn http(status: &str, time: i64, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nServer: sample\r\n\r\n{body}",
        timestamp(time),
        body.len()
    )
    .into_bytes()
}

/// Makes a gzip stream for JSON lines.
pub(super) fn gzip<W: Write>(out: W) -> GzEncoder<W> {
    GzEncoder::new(out, Compression::new(5))
}

/// Returns a JSON object of strings, with a line feed.
pub(super) fn json_line(fields: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (name, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        json_string(name, &mut out);
        out.push(':');
        json_string(value, &mut out);
    }
    out.push_str("}\n");
    out
}

fn json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Writing to a string cannot fail.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Formats seconds since 1970 as RFC 3339 in UTC (by Howard Hinnant's days-to-civil algorithm).
pub fn timestamp(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}
