//! Which records of an archive have text, and where is it?
//!
//! | record | text |
//! |---|---|
//! | `response` | the HTTP body, if the status is 200 and it is HTML or plain text |
//! | `resource` | the block, if it is HTML or plain text |
//! | `conversion` (a WET record) | the block as it is, if it is plain text |
//! | `revisit`, `request`, `metadata`, `warcinfo`, `continuation` | none |
//!
//! An ARC record is read like the WARC record that says the same. A record that is joined with the
//! `conversion` of it becomes one page: the text is that of the conversion, and everything else
//! that of the record.

use std::collections::BTreeSet;

use connectors::source::{ArchiveHeader, Conversion};

use super::{
    body::{self, Body, BodyHints},
    decoded::{Decoded, RecordName, Reject, WithoutText},
    digest,
    http::{DecodedBody, Response},
    limits::{check_text_len, checked_id, checked_url},
    options::Options,
    page::{Form, Page, Provenance, fact},
    time,
};

/// Decodes one record.
pub(super) fn decode(header: &ArchiveHeader, block: &[u8], file: &str, options: &Options) -> Decoded {
    read(header, block, file, options).unwrap_or_else(Decoded::Reject)
}

/// Decodes one ARC record, whose header fields are those of the WARC record that says the same.
pub(super) fn decode_arc(header: &ArchiveHeader, block: &[u8], file: &str, options: &Options) -> Decoded {
    let mut decoded = decode(header, block, file, options);
    if let Decoded::Page(page) = &mut decoded {
        page.provenance.schema = "arc";
    }
    decoded
}

/// Decodes a record and the text that somebody else has extracted from it. If only one of the two
/// is a page, that one is the result.
pub(super) fn decode_joined(header: &ArchiveHeader, block: &[u8], text: &Conversion, file: &str, options: &Options) -> Decoded {
    let file_of_text = text.file.as_deref().unwrap_or(file);
    let of_record = decode(header, block, file, options);
    match (of_record, decode(&text.header, &text.block, file_of_text, options)) {
        (Decoded::Page(page), Decoded::Page(text)) => Decoded::Page(joined(page, text)),
        (page @ Decoded::Page(_), _) | (_, page @ Decoded::Page(_)) => page,
        // That one record cannot be read matters more than that the other one has no text.
        (Decoded::WithoutText(_), reject @ Decoded::Reject(_)) => reject,
        (of_record, _) => of_record,
    }
}

/// Gives a page the text that somebody else has extracted from it.
fn joined(page: Page, text: Page) -> Page {
    let mut provenance = page.provenance;
    // Other extractors keep boilerplate, so much of it is in the text already.
    let lines: BTreeSet<&str> = text.text.lines().map(str::trim).collect();
    let boilerplate = provenance.omitted.boilerplate.lines().filter(|line| !lines.contains(line.trim()));
    provenance.omitted.boilerplate = boilerplate.collect::<Vec<_>>().join("\n");
    provenance.boilerplate_bytes = provenance.omitted.boilerplate.len();
    provenance.wet_record_id = text.provenance.warc_record_id;
    provenance.digest_differs = provenance.digest_differs.or(text.provenance.digest_differs);
    // The WET record states the language of the text, the HTTP header that of the server's settings.
    provenance.language = text.provenance.language.or(provenance.language);
    Page {
        id: page.id.or(text.id),
        url: page.url.or(text.url),
        text: text.text,
        time: page.time.or(text.time),
        provenance,
        ..page
    }
}

/// Returns address and id of a record of any type.
pub(super) fn name(header: &ArchiveHeader) -> RecordName {
    let field = |name: &str| header.get(name).map(bare).filter(|value| !value.is_empty()).map(str::to_owned);
    RecordName { url: field("WARC-Target-URI"), id: field("WARC-Record-ID") }
}

/// Reads one record.
fn read(header: &ArchiveHeader, block: &[u8], file: &str, options: &Options) -> Result<Decoded, Reject> {
    let url = checked_url(header.get("WARC-Target-URI").map(bare))?;
    let mut provenance = provenance(header, file);
    let record_type = header.get("WARC-Type").unwrap_or_default().to_ascii_lowercase();
    let body = match record_type.as_str() {
        "response" => response(header, block, url.as_deref(), &mut provenance, options)?,
        "resource" => {
            let stated = BodyHints { content_type: header.get("Content-Type"), charset: None, url: url.as_deref() };
            provenance.content_type = stated.content_type.and_then(fact);
            without_payload(header, block, body::from_bytes(block, &stated, &mut provenance, options)?, &mut provenance, options)
        }
        "conversion" => without_payload(header, block, conversion(header, block, &mut provenance)?, &mut provenance, options),
        "revisit" => Body::Without("revisit"),
        "request" => Body::Without("request"),
        "metadata" => Body::Without("metadata"),
        "warcinfo" => Body::Without("warcinfo"),
        "continuation" => Body::Without("continuation"),
        _ => Body::Without("unknown_record_type"),
    };
    let text = match body {
        Body::Text(text) => text,
        Body::Without(why) => return Ok(Decoded::WithoutText(WithoutText { url, why })),
    };
    check_text_len(text.len(), options)?;
    Ok(Decoded::Page(Page {
        id: checked_id(header.get("WARC-Record-ID").map(bare).map(str::to_owned))?,
        url,
        text,
        time: header.get("WARC-Date").and_then(time::parse),
        label: None,
        contributor: None,
        provenance,
        form: Form::Archive,
    }))
}

/// Compares the digests of a record whose block is its payload.
fn without_payload(header: &ArchiveHeader, block: &[u8], body: Body, provenance: &mut Provenance, options: &Options) -> Body {
    if matches!(body, Body::Text(_)) && options.check_digests {
        provenance.digest_differs = digest::differs(header, block, |_| None);
    }
    body
}

/// Returns a value without the angle brackets that the standard puts around ids, and some writers
/// around URLs.
pub(super) fn bare(value: &str) -> &str {
    value.trim().trim_start_matches('<').trim_end_matches('>').trim()
}

/// Returns the facts that a header states.
fn provenance(header: &ArchiveHeader, file: &str) -> Provenance {
    let stated = |name: &str| header.get(name).and_then(fact);
    Provenance {
        schema: "warc",
        file: fact(file),
        warc_record_id: header.get("WARC-Record-ID").map(bare).and_then(fact),
        warc_type: stated("WARC-Type"),
        refers_to: header.get("WARC-Refers-To").map(bare).and_then(fact),
        truncated: stated("WARC-Truncated"),
        digest: stated("WARC-Payload-Digest").or_else(|| stated("WARC-Block-Digest")),
        language: stated("WARC-Identified-Content-Language"),
        fetched_at: stated("WARC-Date"),
        crawler: header.get("WARC-Warcinfo-ID").map(bare).and_then(fact),
        ..Provenance::default()
    }
}

/// Reads the HTTP response in a block, if its status is 200.
fn response(
    header: &ArchiveHeader,
    block: &[u8],
    url: Option<&str>,
    provenance: &mut Provenance,
    options: &Options,
) -> Result<Body, Reject> {
    let Some(response) = Response::parse(block) else {
        // DNS and FTP answers are responses too.
        return match header.get("Content-Type") {
            Some(media) if media.trim_start().to_ascii_lowercase().starts_with("application/http") => {
                let got = block[..block.len().min(32)].escape_ascii();
                Err(Reject::new(
                    "http_invalid",
                    format!("got `{got}` at the beginning of the block, expected an HTTP status line"),
                ))
            }
            _ => Ok(Body::Without("not_http")),
        };
    };
    if response.status != 200 {
        return Ok(Body::Without("http_status"));
    }
    let content_type = response.header.get("Content-Type");
    provenance.content_type = content_type.and_then(fact);
    provenance.robots.extend(response.header.get("X-Robots-Tag").and_then(fact));
    provenance.language = provenance.language.take().or_else(|| response.header.get("Content-Language").and_then(fact));
    if response.endless {
        let message = "got an HTTP header without an end in its first 64 KiB".to_owned();
        return Err(Reject::new("http_invalid", message));
    }
    let bytes = match response.content(options.body_bytes_max)? {
        DecodedBody::Bytes(bytes) => bytes,
        DecodedBody::Unread(why) => return Ok(Body::Without(why)),
    };
    let text = body::from_bytes(&bytes, &BodyHints { content_type, charset: None, url }, provenance, options)?;
    if matches!(text, Body::Text(_)) && options.check_digests {
        provenance.digest_differs = digest::differs(header, block, |form| match form {
            0 => Some(response.body.into()),
            1 => Some(response.joined().unwrap_or(response.body.into())),
            2 => Some((&*bytes).into()),
            _ => None,
        });
    }
    Ok(text)
}

/// Reads a WET record: text that somebody else has extracted from a page, in UTF-8 by definition.
fn conversion(header: &ArchiveHeader, block: &[u8], provenance: &mut Provenance) -> Result<Body, Reject> {
    provenance.schema = "wet";
    provenance.content_type = header.get("Content-Type").and_then(fact);
    let essence = header.get("Content-Type").and_then(|value| value.split(';').next()).map_or("", str::trim);
    if !essence.is_empty() && !essence.eq_ignore_ascii_case("text/plain") {
        return Ok(Body::Without("non_text"));
    }
    match std::str::from_utf8(block) {
        Ok(text) if text.trim().is_empty() => Ok(Body::Without("empty")),
        Ok(text) => Ok(Body::Text(text.to_owned())),
        Err(error) => {
            let message = format!("got bytes that are not UTF-8 at byte {} of the block", error.valid_up_to());
            Err(Reject::new("not_utf8", message))
        }
    }
}
