use connectors::{framing::arc, source::Conversion};

use super::*;

const RESPONSE: &str = "WARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-02-29T00:00:00Z\r\n\
    WARC-Record-ID: <urn:uuid:1>\r\nWARC-Payload-Digest: sha1:X\r\nContent-Type: application/http; msgtype=response\r\n";

fn http(fields: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes(), body].concat()
}

#[test]
fn a_response_is_a_page() {
    let block = http(
        "Content-Type: text/html; charset=\"ISO-8859-1\"\r\nContent-Language: fr\r\n",
        b"<title>Caf\xE9</title><p>a<p hidden>b",
    );
    let page = page(warc(RESPONSE, &block));
    assert_eq!(
        String::from_utf8(clean_json(&page, &page.text)).expect("JSON is UTF-8"),
        "{\"v\":1,\"id\":\"urn:uuid:1\",\"url\":\"http://a.example/\",\"fetched_at\":\"2024-02-29T00:00:00Z\",\"text\":\"Café\\na\",\
         \"provenance\":{\"schema\":\"warc\",\"file\":\"crawl.warc.gz\",\"charset\":\"windows-1252\",\
         \"content_type\":\"text/html; charset=\\\"ISO-8859-1\\\"\",\"warc_record_id\":\"urn:uuid:1\",\"warc_type\":\"response\",\
         \"digest\":\"sha1:X\",\"language\":\"fr\",\"fetched_at\":\"2024-02-29T00:00:00Z\",\"hidden_bytes\":1}}"
    );
    assert_eq!(page.form, Form::Archive);
}

#[test]
fn a_clean_line_can_be_read_again() {
    let first = page(warc(RESPONSE, &http("Content-Type: text/plain\r\n", "a\u{0}\u{2028}\"\\ b".as_bytes())));
    let again = page(line(&clean_json(&first, &first.text), &Options::default()));
    assert_eq!((&first.id, &first.url, &first.text, first.time), (&again.id, &again.url, &again.text, again.time));
}

#[test]
fn a_conversion_is_text_as_it_is() {
    let header = "WARC-Type: conversion\r\nWARC-Target-URI: <http://b.example/>\r\nWARC-Date: 2024-02-29T00:00:00Z\r\n\
        WARC-Record-ID: <urn:uuid:2>\r\nWARC-Refers-To: <urn:uuid:1>\r\nContent-Type: text/plain\r\n\
        WARC-Identified-Content-Language: deu,eng\r\n";
    let page = page(warc(header, "Über  <b>\r\n".as_bytes()));
    assert_eq!(
        (page.text.as_str(), page.url.as_deref(), page.id.as_deref()),
        ("Über  <b>\r\n", Some("http://b.example/"), Some("urn:uuid:2"))
    );
    let facts = page.provenance;
    assert_eq!(
        (facts.schema, facts.language.as_deref(), facts.refers_to.as_deref()),
        ("wet", Some("deu,eng"), Some("urn:uuid:1"))
    );
    assert_eq!(reject(warc(header, b"a\xFF")).code, "not_utf8");
    assert_eq!(without_text(warc(header, b" \n")).why, "empty");
}

const CONVERSION: &str = "WARC-Type: conversion\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-03-01T00:00:00Z\r\n\
    WARC-Record-ID: <urn:uuid:2>\r\nWARC-Refers-To: <urn:uuid:1>\r\nContent-Type: text/plain\r\n";

/// A record and a text in another file.
fn joined(record: &str, block: &[u8], text: &str, of_text: &[u8]) -> Decoded {
    let header = |fields: &str| connectors::framing::warc::header(format!("WARC/1.0\r\n{fields}").into_bytes());
    let conversion = Conversion { header: header(text), block: of_text.to_vec(), file: Some("crawl.warc.wet.gz".into()) };
    let payload = Payload::Joined { header: header(record), block: block.to_vec(), conversion: Box::new(conversion) };
    decode(&self::record(payload), "crawl.warc.gz", &Options::default())
}

#[test]
fn a_joined_page_has_the_text_of_its_conversion_and_the_facts_of_its_record() {
    let html = b"<title>T</title><meta name=robots content=noindex><nav><a href=/>Home</a> <a href=/a>Elsewhere</a></nav>\
        <main><p>The matter of the page, which goes on for a while and then ends.</main><p hidden>unseen words here";
    let block = http("Content-Type: text/html\r\nContent-Language: fr\r\n", html);
    let omitted = page(warc(RESPONSE, &block));
    let page = page(joined(RESPONSE, &block, CONVERSION, b"T\nHome\nText of another extractor.\n"));
    assert_eq!((page.text.as_str(), page.id.as_deref()), ("T\nHome\nText of another extractor.\n", Some("urn:uuid:1")));
    assert_eq!((page.time, page.form), (omitted.time, Form::Archive));
    let (facts, expected) = (page.provenance, omitted.provenance);
    assert_eq!(facts.wet_record_id.as_deref(), Some("urn:uuid:2"));
    assert_eq!(
        (&facts.omitted.not_rendered, &facts.robots, &facts.file),
        (&expected.omitted.not_rendered, &expected.robots, &expected.file)
    );
    assert!(
        facts.omitted.not_rendered.contains("unseen words") && expected.omitted.boilerplate.contains("Elsewhere"),
        "{expected:?}"
    );
    // Boilerplate that the text has is not omitted from it.
    assert!(facts.omitted.boilerplate.lines().all(|line| line.trim() != "Home"), "{:?}", facts.omitted.boilerplate);
    assert_eq!(facts.boilerplate_bytes, facts.omitted.boilerplate.len());
    assert_eq!((facts.schema, facts.language.as_deref(), facts.refers_to), ("warc", Some("fr"), None));
    let identified = format!("{CONVERSION}WARC-Identified-Content-Language: deu\r\n");
    let page = self::page(joined(RESPONSE, &block, &identified, b"a"));
    assert_eq!(page.provenance.language.as_deref(), Some("deu"));
}

#[test]
fn what_is_read_of_one_of_two_stands() {
    let html = http("Content-Type: text/html\r\n", b"<p>of the page");
    for block in [&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], b"junk", &http("Content-Type: image/png\r\n", b"x")] {
        let page = page(joined(RESPONSE, block, CONVERSION, b"of the text"));
        let facts = page.provenance;
        assert_eq!((page.text.as_str(), page.id.as_deref(), facts.schema), ("of the text", Some("urn:uuid:2"), "wet"));
        assert_eq!((facts.file.as_deref(), facts.wet_record_id), (Some("crawl.warc.wet.gz"), None));
    }
    for text in [&b" \n"[..], b"\xFF"] {
        let page = page(joined(RESPONSE, &html, CONVERSION, text));
        assert_eq!((page.text.as_str(), page.provenance.wet_record_id), ("of the page", None));
    }
    let missing = b"HTTP/1.1 404 Not Found\r\n\r\n";
    assert_eq!(without_text(joined(RESPONSE, missing, CONVERSION, b"")).why, "http_status");
    assert_eq!(reject(joined(RESPONSE, missing, CONVERSION, b"\xFF")).code, "not_utf8");
    assert_eq!(reject(joined(RESPONSE, b"junk", CONVERSION, b"")).code, "http_invalid");
}

#[test]
fn digests_of_both_records_are_compared() {
    let html = http("Content-Type: text/html\r\n", b"<p>a");
    let wrong = "WARC-Block-Digest: sha1:CFOGPAY55CXZY3KEUHG3V5BKMHMZCX7R\r\n";
    let differs = |record: &str, text: &str| {
        page(joined(&format!("{RESPONSE}{record}"), &html, &format!("{CONVERSION}{text}"), b"text")).provenance.digest_differs
    };
    assert_eq!((differs("", ""), differs("", wrong)), (None, Some(DigestMismatch::Block)));
    // Of the body, which is what it is of the record.
    assert_eq!(differs(wrong, ""), None);
}

#[test]
fn a_resource_is_a_page_without_http() {
    let page = page(warc("WARC-Type: resource\r\nContent-Type: text/html\r\n", "<meta charset=utf-8><p>é".as_bytes()));
    assert_eq!((page.text.as_str(), page.provenance.charset), ("é", Some("UTF-8")));
}

#[test]
fn records_without_text_say_why() {
    let html = http("Content-Type: text/html\r\n", b"<p>a");
    for (record_type, why) in [
        ("revisit", "revisit"),
        ("request", "request"),
        ("metadata", "metadata"),
        ("warcinfo", "warcinfo"),
        ("Continuation", "continuation"),
        ("novel", "unknown_record_type"),
    ] {
        assert_eq!(without_text(warc(&format!("WARC-Type: {record_type}\r\n"), &html)).why, why);
    }
    for (block, why) in [
        (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<p>a".to_vec(), "http_status"),
        (http("Content-Type: image/png\r\n", b"<p>a"), "non_html"),
        (http("Content-Type: text/html\r\n", b"<script>a</script>"), "empty"),
        (http("Content-Type: text/html\r\nContent-Encoding: compress\r\n", b"x"), "content_encoding_unknown"),
    ] {
        let got = without_text(warc(RESPONSE, &block));
        assert_eq!((got.why, got.url.as_deref()), (why, Some("http://a.example/")));
    }
    assert_eq!(without_text(warc("WARC-Type: response\r\nContent-Type: text/dns\r\n", b"20240229\n")).why, "not_http");
}

#[test]
fn what_cannot_be_read_is_rejected_with_a_code() {
    let ok = http("Content-Type: text/html\r\n", b"<p>a");
    let too_long = |name: &str, len: usize| format!("{RESPONSE}{name}: {}\r\n", "x".repeat(len));
    let without_url = "WARC-Type: response\r\nContent-Type: application/http\r\n";
    for (header, block, code) in [
        (RESPONSE.to_owned(), b"<html>".to_vec(), "http_invalid"),
        (
            RESPONSE.to_owned(),
            http("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", b"\x1F\x8Bx"),
            "content_encoding_corrupt",
        ),
        (RESPONSE.to_owned(), http("Content-Type: text/plain\r\n", &vec![b'x'; (4 << 20) + 1]), "text_too_large"),
        (RESPONSE.to_owned(), http("Content-Type: text/plain\r\n", &vec![b'x'; (16 << 20) + 1]), "body_too_large"),
        (RESPONSE.to_owned(), http("", "<b>".repeat(2_000_000).as_bytes()), "html_too_complex"),
        (too_long("X", 9), ok.clone(), ""),
        (format!("{without_url}WARC-Target-URI: {}\r\n", "x".repeat(URL_BYTES_MAX + 1)), ok.clone(), "url_too_long"),
        (format!("{without_url}WARC-Record-ID: <{}>\r\n", "x".repeat(ID_BYTES_MAX + 1)), ok, "id_too_long"),
    ] {
        match warc(&header, &block) {
            Decoded::Reject(got) => assert_eq!(got.code, code, "{}", got.message),
            other => assert_eq!(code, "", "{other:?}"),
        }
    }
}

#[test]
fn a_chunked_and_compressed_page_is_read() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all("<p>日本語".as_bytes()).expect("memory takes all");
    let gzip = encoder.finish().expect("memory takes all");
    let (head, tail) = gzip.split_at(7);
    let mut body = format!("{:x}\r\n", head.len()).into_bytes();
    body.extend_from_slice(head);
    body.extend_from_slice(format!("\r\n{:X}\r\n", tail.len()).as_bytes());
    body.extend_from_slice(tail);
    body.extend_from_slice(b"\r\n0\r\n\r\n");
    let fields = "content-type: text/html;charset=utf-8\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n";
    assert_eq!(page(warc(RESPONSE, &http(fields, &body))).text, "日本語");
}

#[test]
fn old_archives_are_read_as_warc_would_be() {
    let arc = |line: &str, block: &[u8]| {
        decode(&record(Payload::Arc { header: arc::header(line.into()), block: block.to_vec() }), "a.arc.gz", &Options::default())
    };
    let line = "http://a.example/?q=a b 1.2.3.4 20080430204825 text/html 99\n";
    let page = page(arc(line, &http("Content-Type: text/html\r\n", b"<p>old")));
    assert_eq!(
        (page.text.as_str(), page.url.as_deref(), page.time),
        ("old", Some("http://a.example/?q=a b"), Some(1_209_588_505))
    );
    assert_eq!((page.provenance.schema, page.provenance.file.as_deref()), ("arc", Some("a.arc.gz")));
    let name = name_of(&record(Payload::Arc { header: arc::header(line.into()), block: Vec::new() }), &Options::default());
    assert_eq!(name.url.as_deref(), Some("http://a.example/?q=a b"));
    for (line, why) in [
        ("filedesc://a.arc 0.0.0.0 20080430204825 text/plain 76", "warcinfo"),
        ("dns:a.example 1.2.3.4 20080430204825 text/dns 57", "not_http"),
    ] {
        assert_eq!(without_text(arc(line, b"1 0 x\n")).why, why);
    }
    assert_eq!(reject(arc(line, b"<html>")).code, "http_invalid");
}

#[test]
fn digests_are_compared_with_what_is_there() {
    // Of `<p>a` as it was sent; of the chunks around it another one.
    let digest = "WARC-Payload-Digest: sha1:CFOGPAY55CXZY3KEUHG3V5BKMHMZCX7R\r\n";
    let header = RESPONSE.replace("WARC-Payload-Digest: sha1:X\r\n", digest);
    let chunked = http("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", b"4\r\n<p>a\r\n0\r\n\r\n");
    let plain = http("Content-Type: text/html\r\n", b"<p>a");
    let changed = http("Content-Type: text/html\r\n", b"<p>b");
    let differs = |header: &str, block: &[u8]| page(warc(header, block)).provenance.digest_differs;
    assert_eq!((differs(&header, &plain), differs(&header, &chunked)), (None, None));
    assert_eq!(differs(&header, &changed), Some(DigestMismatch::Payload));
    let block = format!("{header}WARC-Block-Digest: sha1:CFOGPAY55CXZY3KEUHG3V5BKMHMZCX7R\r\n");
    assert_eq!(differs(&block, &changed), Some(DigestMismatch::Block));
    assert_eq!(differs(&format!("{header}WARC-Truncated: time\r\n"), &changed), None);
    let changed = page(warc(&header, &changed));
    let line = String::from_utf8(clean_json(&changed, &changed.text)).expect("JSON is UTF-8");
    assert!(line.contains("\"digest_differs\":\"payload\""), "{line}");
}

#[test]
fn a_header_without_end_is_rejected() {
    let block = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000));
    assert_eq!(reject(warc(RESPONSE, block.as_bytes())).code, "http_invalid");
}
