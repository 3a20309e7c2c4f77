//! Mutations of sound records: none may panic, and what is still a page keeps to its limits.

use super::*;

/// xorshift64*: small, seeded, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() % limit.max(1)
    }
}

/// Bytes that have a meaning to one of the decoders.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"<",
    b">",
    b"&",
    b"&#x",
    b";",
    b"\0",
    b"\xFF",
    b"\xC3",
    b"\xED\xA0\x80",
    b"\r\n",
    b"\r\n\r\n",
    b"\\ud800",
    b"<p hidden>",
    b"</",
    b"<!--",
    b"-->",
    b"<pre>",
    b"<svg>",
    b"<table>",
    b"<td>",
    b"<meta charset=",
    b"charset=",
    b"chunked",
    b"\x1F\x8B\x08",
    b"\x78\x9C",
    b"FFFFFFFFFFFFFFFF\r\n",
    b"99999999999999999999",
    b"-",
    b"1e999",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\x1B$B",
    b"HTTP/1.1 200\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: deflate\r\n",
    b"Transfer-Encoding: chunked\r\n",
];

fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 if at < bytes.len() => bytes[at] = random.next() as u8,
            3 => {
                let end = (at + random.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied());
            }
        }
    }
    bytes
}

fn check(decoded: &Decoded, options: &Options) {
    if let Decoded::Page(page) = decoded {
        assert!(page.text.len() <= options.text_bytes_max);
        assert!(page.id.as_ref().is_none_or(|id| id.len() <= ID_BYTES_MAX));
        assert!(page.url.as_ref().is_none_or(|url| url.len() <= URL_BYTES_MAX));
        assert!(serde_json::from_slice::<serde_json::Value>(&clean_json(page, &page.text)).is_ok());
    }
    if let Decoded::Reject(reject) = decoded {
        assert!(!reject.message.is_empty() && reject.message.len() < 2048, "{}", reject.message);
    }
}

#[test]
fn no_line_panics() {
    let options = Options::default();
    let seeds: &[&str] = &[
        r#"{"id":"x","url":"https://a.example/","text":"a\nb \ud83d\ude00 é","fetched_at":"2025-03-01T00:00:10Z","label":"news"}"#,
        r#"{"id":"d","text":"a","added":"2025-03-01","created":1740787210,"metadata":{"url":"http://c.example","x":[1,-2.5e3,null,true]}}"#,
        r#"{"crawlid":"c","status_code":200,"body":"PGh0bWw+PHA+Y2Fm6TwvcD48L2h0bWw+","encoding":"iso-8859-1","response_headers":{"Content-Type":["text/html"]}}"#,
        r#"{"crawlid":"c","body":"<html><title>T</title><p hidden>a<table><tr><td>b &amp; c</table><pre> x </pre>","timestamp":"2024-02-29"}"#,
    ];
    let mut random = Random(1);
    let mut pages = 0;
    for round in 0..40_000 {
        let decoded = line(&mutate(seeds[round % seeds.len()].as_bytes(), &mut random), &options);
        check(&decoded, &options);
        pages += usize::from(matches!(decoded, Decoded::Page(_)));
    }
    // Most mutations break the line, but some must get through, or nothing but the parser is tried.
    assert!((2_000..36_000).contains(&pages), "{pages} pages");
}

#[test]
fn no_archive_record_panics() {
    let options = Options::default();
    let header =
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example.jp/\r\nWARC-Date: 2024-02-29T00:00:00Z\r\n\
        WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http\r\n";
    let blocks: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=shift_jis\r\n\r\n<html><title>\x83\x65</title><p>a<p style='display:none'>b<li>c&eacute;",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>a\r\n5\r\n</p>b\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1F\x8B\x08\0\0\0\0\0\0\x03\xB3\x29\xB0\x4B\x04\0\x5B\x8B\xD0\x49\x04\0\0\0",
        b"<meta http-equiv=content-type content='text/html; charset=gb18030'><ul><li>\xD6\xD0<li>\xCE\xC4</ul><!-- x --><script>y</script>",
    ];
    let mut random = Random(2);
    let mut pages = 0;
    for round in 0..40_000 {
        let header = if round % 3 == 0 { mutate(header, &mut random) } else { header.to_vec() };
        let block = mutate(blocks[round % blocks.len()], &mut random);
        let decoded = decode(&record(Payload::Warc { header: connectors::framing::warc::header(header), block }), "a", &options);
        check(&decoded, &options);
        pages += usize::from(matches!(decoded, Decoded::Page(_)));
    }
    assert!((2_000..36_000).contains(&pages), "{pages} pages");
}
