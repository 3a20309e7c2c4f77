//! What does an archived HTTP response hold: its status, its header fields, and the body as a
//! browser would have it?
//!
//! [`content_encoding`](super::content_encoding) undoes the encodings of the body. A stated
//! `Content-Length` is ignored, however often it is stated: the archive says how long the block is.
//!
//! **Limits** at most [`ENCODINGS_MAX`] encodings are undone, of transfer and content together.

use std::borrow::Cow;

use super::{
    content_encoding::{dechunk, undo},
    decoded::Reject,
    http_header::HttpHeader,
};

/// Most encodings that are undone one after the other. Servers use one.
const ENCODINGS_MAX: usize = 3;
/// The end of the header is looked for in this many bytes.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// A response.
pub(super) struct Response<'a> {
    /// Status code.
    pub status: u16,
    /// Its header fields.
    pub header: HttpHeader,
    /// The body as it was archived.
    pub body: &'a [u8],
    /// Whether the header does not end within the bytes in which its end is looked for.
    pub endless: bool,
}

/// A body with its encodings undone.
pub(super) enum DecodedBody<'a> {
    /// Its bytes.
    Bytes(Cow<'a, [u8]>),
    /// The reason why its encoding is not undone.
    Unread(&'static str),
}

/// The parts of a block that holds a response, none of them parsed but the status line.
struct ResponseParts<'a> {
    status: u16,
    fields: &'a [u8],
    body: &'a [u8],
    endless: bool,
}

impl<'a> ResponseParts<'a> {
    /// Finds the parts of a content block; `None` if it does not begin with an HTTP status line.
    fn find(block: &'a [u8]) -> Option<Self> {
        let head = &block[..block.len().min(HEADER_BYTES_MAX)];
        let line_end = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
        let line = std::str::from_utf8(&head[..line_end.min(64)]).ok().or_else(|| {
            // A reason phrase in another charset: the code stands before it.
            std::str::from_utf8(head.get(..12)?).ok()
        })?;
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| word.len() >= 5 && word.as_bytes()[..5].eq_ignore_ascii_case(b"HTTP/"))?;
        let status = words.next()?.parse().ok()?;
        let end = header_end(head);
        let body_at = end.unwrap_or(block.len());
        let fields = head.get(line_end..body_at.min(head.len())).unwrap_or_default();
        let endless = end.is_none() && block.len() > head.len();
        Some(Self { status, fields, body: &block[body_at..], endless })
    }
}

/// Returns the body of a response as it was archived; `None` if the block does not begin with an
/// HTTP status line.
pub(super) fn archived_body(block: &[u8]) -> Option<&[u8]> {
    ResponseParts::find(block).map(|parts| parts.body)
}

impl<'a> Response<'a> {
    /// Parses a content block; `None` if it does not begin with an HTTP status line.
    pub(super) fn parse(block: &'a [u8]) -> Option<Self> {
        let ResponseParts { status, fields, body, endless } = ResponseParts::find(block)?;
        Some(Self { status, header: HttpHeader::parse(fields), body, endless })
    }

    /// Returns the body with its chunks joined, if the header says that it has chunks.
    pub(super) fn joined(&self) -> Option<Cow<'a, [u8]>> {
        self.encodings("Transfer-Encoding").any(|name| name == "chunked").then(|| dechunk(self.body))
    }

    /// Returns the names of encodings in a field, in the order in which they are undone.
    fn encodings(&self, field: &str) -> impl Iterator<Item = String> {
        let values = self.header.get_all(field).rev();
        values.flat_map(|value| value.rsplit(',')).map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
    }

    /// Returns the body with transfer and content encodings undone, if it has at most `bytes_max`
    /// bytes.
    pub(super) fn content(&self, bytes_max: usize) -> Result<DecodedBody<'a>, Reject> {
        let mut body = Cow::Borrowed(self.body);
        let mut undone = 0;
        for encoding in self.encodings("Transfer-Encoding").chain(self.encodings("Content-Encoding")) {
            if matches!(encoding.as_str(), "identity" | "none" | "utf-8") {
                continue;
            }
            if undone == ENCODINGS_MAX {
                return Ok(DecodedBody::Unread("content_encoding_stacked"));
            }
            undone += 1;
            match undo(&encoding, body, bytes_max)? {
                Some(decoded) => body = decoded,
                None => return Ok(DecodedBody::Unread("content_encoding_unknown")),
            }
        }
        Ok(DecodedBody::Bytes(body))
    }
}

/// Returns where the body begins: behind the first empty line, which ends with CRLF or LF.
fn header_end(head: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (at, _) in head.iter().enumerate().filter(|&(_, &byte)| byte == b'\n') {
        if matches!(&head[line_start..at], b"" | b"\r") {
            return Some(at + 1);
        }
        line_start = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    /// `hello hello hello` in brotli.
    const BROTLI: &[u8] = b"\x1b\x10\0\0\x24\x40\x6a\x10\x64\xea\xf0\x9c\x1e";
    /// The same in gzip, and that in brotli.
    const BROTLI_OF_GZIP: &[u8] = b"\x8b\x0d\x80\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\
        \0\x80\x88\xf9\xe5\x11\0\0\0\x03";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn content(header: &str, body: &[u8]) -> Result<Vec<u8>, &'static str> {
        let block = [format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n").as_bytes(), body].concat();
        match Response::parse(&block).expect("a response").content(1000) {
            Ok(DecodedBody::Bytes(bytes)) => Ok(bytes.into_owned()),
            Ok(DecodedBody::Unread(why)) => Err(why),
            Err(reject) => Err(reject.code),
        }
    }

    #[test]
    fn parses_status_lines_leniently() {
        for (block, want) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"[..], Some((200, Some("b"), &b"body"[..]))),
            (b"HTTP/1.0 404\nA: b\n\nbody", Some((404, Some("b"), b"body"))),
            (b"http/2 200\r\n\r\n", Some((200, None, b""))),
            (b"HTTP/1.1 200 \xE9\xE9\r\nA: b\r\n\r\nbody", Some((200, Some("b"), b"body"))),
            (b"HTTP/1.1 200 OK", Some((200, None, b""))),
            (b"HTTP/1.1 abc\r\n\r\n", None),
            (b"HTTP/1.1 99999999\r\n\r\n", None),
            (b"<html>", None),
            (b"", None),
        ] {
            let got = Response::parse(block);
            let got = got.as_ref().map(|r| (r.status, r.header.get("a"), r.body));
            assert_eq!(got, want, "{}", block.escape_ascii());
        }
    }

    #[test]
    fn joins_chunks() {
        let chunked = "Transfer-Encoding: chunked";
        for (body, want) in [
            ("4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\n\r\n", "Wikipedia"),
            ("4\nWiki\n5\npedia\n0\n\n", "Wikipedia"),
            ("4\r\nWiki\r\n", "Wiki"),
            ("FFFFFFFFFFFFFFFFFF\r\nWiki", "Wiki"),
            ("9\r\nWiki", "Wiki"),
            ("4\r\nWiki\r\n<p>no chunk", "Wiki<p>no chunk"),
            ("<p>joined already</p>", "<p>joined already</p>"),
            ("", ""),
        ] {
            assert_eq!(content(chunked, body.as_bytes()), Ok(body_bytes(want)), "{body}");
        }
    }

    fn body_bytes(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[test]
    fn undoes_content_encodings() {
        let text = b"hello hello hello".to_vec();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).expect("memory takes all");
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).expect("memory takes all");
        let cut = gzip(&text);
        for (encoding, body, want) in [
            ("gzip", gzip(&text), Ok(text.clone())),
            ("X-GZIP", gzip(&text), Ok(text.clone())),
            ("gzip", text.clone(), Ok(text.clone())),
            ("gzip, gzip", gzip(&gzip(&text)), Ok(text.clone())),
            ("gzip, gzip, gzip, gzip", gzip(&text), Err("content_encoding_stacked")),
            ("deflate", zlib.finish().expect("memory takes all"), Ok(text.clone())),
            ("deflate", bare.finish().expect("memory takes all"), Ok(text.clone())),
            ("deflate", text.clone(), Ok(text.clone())),
            ("deflate", vec![0xFF; 20], Err("content_encoding_corrupt")),
            ("gzip", cut[..10].to_vec(), Err("content_encoding_corrupt")),
            ("gzip", gzip(&[b'x'; 1000]), Ok(vec![b'x'; 1000])),
            ("gzip", gzip(&[b'x'; 1001]), Err("body_too_large")),
            ("br", BROTLI.to_vec(), Ok(text.clone())),
            ("br", text.clone(), Ok(text.clone())),
            ("br", vec![0xFF; 20], Err("content_encoding_corrupt")),
            ("zstd", zstd::encode_all(&text[..], 3).expect("memory takes all"), Ok(text.clone())),
            ("zstd", text.clone(), Ok(text.clone())),
            ("zstd", zstd::encode_all(&[b'x'; 1001][..], 3).expect("memory takes all"), Err("body_too_large")),
            ("gzip\r\nContent-Encoding: br, identity", BROTLI_OF_GZIP.to_vec(), Ok(text.clone())),
            ("rot13", text.clone(), Err("content_encoding_unknown")),
            ("identity", text.clone(), Ok(text.clone())),
        ] {
            assert_eq!(content(&format!("Content-Encoding: {encoding}"), &body), want, "{encoding}");
        }
    }
}
