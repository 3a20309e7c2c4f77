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
        String::from_utf8(clean_json(&page)).expect("JSON is UTF-8"),
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
    let again = page(line(&clean_json(&first), &Options::default()));
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
        (http("Content-Type: text/html\r\nContent-Encoding: br\r\n", b"x"), "content_encoding_br"),
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
