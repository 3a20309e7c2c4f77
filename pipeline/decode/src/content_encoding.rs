//! How is an encoding of an HTTP body undone?
//!
//! Archives often hold bodies whose transfer or content encoding was undone while the header still
//! names it. So a body that does not look encoded is taken as it is. A body that breaks off in the
//! middle is kept up to there, as browsers do.
//!
//! **Limits** the caller bounds the output. Windows of zstd and brotli have at most 8 and 16 MiB.

use std::{borrow::Cow, io::Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::decoded::Reject;

/// Largest window of zstd, as a power of two: browsers accept no larger one (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes at the beginning of a body that tell whether it is text.
const TEXT_BYTES: usize = 1 << 10;

/// Undoes one encoding, given by its name in lower case; `None` if the encoding is unknown. The
/// result has at most `bytes_max` bytes.
pub(super) fn undo<'a>(encoding: &str, body: Cow<'a, [u8]>, bytes_max: usize) -> Result<Option<Cow<'a, [u8]>>, Reject> {
    Ok(Some(match encoding {
        "chunked" => match body {
            Cow::Borrowed(body) => dechunk(body),
            Cow::Owned(body) => Cow::Owned(dechunk(&body).into_owned()),
        },
        "gzip" | "x-gzip" if !body.starts_with(&[0x1F, 0x8B]) => body,
        "gzip" | "x-gzip" => Cow::Owned(inflate(MultiGzDecoder::new(&*body), bytes_max, "gzip")?),
        "deflate" => inflate_either(body, bytes_max)?,
        "br" => unbrotli(body, bytes_max)?,
        "zstd" if !body.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) => body,
        "zstd" => Cow::Owned(unzstd(&body, bytes_max)?),
        _ => return Ok(None),
    }))
}

/// Joins the chunks of a body. A body that does not begin with a chunk has been joined already.
/// Where a later chunk is none, the rest is taken as it is, so that no text gets lost.
pub(super) fn dechunk(body: &[u8]) -> Cow<'_, [u8]> {
    let Some((mut size, mut rest)) = chunk_size(body) else { return Cow::Borrowed(body) };
    let mut joined = Vec::with_capacity(body.len());
    while size > 0 {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        joined.extend_from_slice(chunk);
        let after = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")).unwrap_or(after);
        if after.is_empty() {
            break;
        }
        let Some(next) = chunk_size(after) else {
            joined.extend_from_slice(after);
            break;
        };
        (size, rest) = next;
    }
    Cow::Owned(joined)
}

/// Returns the size that a chunk states, and what follows that line.
fn chunk_size(rest: &[u8]) -> Option<(usize, &[u8])> {
    let end = rest.iter().take(1024).position(|&byte| byte == b'\n')?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    let digits = line.split(';').next()?.trim();
    let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A size beyond the address space is as good as "all the rest".
    hex.then(|| (usize::from_str_radix(digits, 16).unwrap_or(usize::MAX), &rest[end + 1..]))
}

/// Undoes `deflate`: that is zlib by the standard, bare deflate on some servers, and no encoding at
/// all in some archives.
fn inflate_either(body: Cow<'_, [u8]>, bytes_max: usize) -> Result<Cow<'_, [u8]>, Reject> {
    let zlib = body.len() >= 2 && body[0] & 0x0F == 8 && (u16::from(body[0]) << 8 | u16::from(body[1])).is_multiple_of(31);
    if zlib {
        return inflate(ZlibDecoder::new(&*body), bytes_max, "deflate").map(Cow::Owned);
    }
    match inflate(DeflateDecoder::new(&*body), bytes_max, "deflate") {
        Err(reject) if reject.code == "content_encoding_corrupt" && std::str::from_utf8(&body).is_ok() => Ok(body),
        result => result.map(Cow::Owned),
    }
}

/// Undoes brotli. It has no magic bytes, so a body that is no brotli and is text is taken as it is.
fn unbrotli(body: Cow<'_, [u8]>, bytes_max: usize) -> Result<Cow<'_, [u8]>, Reject> {
    let is_text = match std::str::from_utf8(&body[..body.len().min(TEXT_BYTES)]) {
        Ok(_) => true,
        // The last character may be cut.
        Err(error) => error.error_len().is_none(),
    };
    let mut whole = Vec::new();
    let read = Decompressor::new(&*body, 4096).take(bytes_max as u64 + 1).read_to_end(&mut whole);
    if read.is_err() && is_text {
        return Ok(body);
    }
    finish(whole, read, bytes_max, "brotli").map(Cow::Owned)
}

/// Undoes zstd.
fn unzstd(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Reject> {
    let corrupt = |error| Reject::new("content_encoding_corrupt", format!("no zstd decoder could be made: {error}"));
    let mut decoder = zstd::Decoder::with_buffer(body).map_err(corrupt)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
    inflate(decoder, bytes_max, "zstd")
}

/// Reads a decoder to its end.
fn inflate(decoder: impl Read, bytes_max: usize, encoding: &str) -> Result<Vec<u8>, Reject> {
    let mut bytes = Vec::new();
    let read = decoder.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    finish(bytes, read, bytes_max, encoding)
}

/// Returns the output of a decoder, or why there is none.
fn finish(bytes: Vec<u8>, read: std::io::Result<usize>, bytes_max: usize, encoding: &str) -> Result<Vec<u8>, Reject> {
    if bytes.len() > bytes_max {
        return Err(Reject::new(
            "body_too_large",
            format!("got a {encoding} body of more than {bytes_max} bytes, expected at most that"),
        ));
    }
    match read {
        Err(error) if bytes.is_empty() => {
            Err(Reject::new("content_encoding_corrupt", format!("got a body that is no {encoding}, as its header says: {error}")))
        }
        _ => Ok(bytes),
    }
}
