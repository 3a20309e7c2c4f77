//! In which charset are bytes, and what text are they?
//!
//! The charset is looked for in the order of the WHATWG standards: byte order mark, transport,
//! `<meta>`, sniffing. Text that is valid UTF-8 and declares nothing is UTF-8. Sniffing looks at
//! the first 64 KiB. Decoding cannot fail: bytes that are malformed in their charset become U+FFFD.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

mod meta;

/// Bytes that the detector sees. It is slow, and its guess does not change behind them.
const SNIFF_BYTES: usize = 64 << 10;

/// What is known about the bytes.
#[derive(Default)]
pub(super) struct Hints<'a> {
    /// The charset that the transport states.
    pub label: Option<&'a str>,
    /// Whether the bytes are HTML, which may state its charset itself.
    pub html: bool,
    /// Where the bytes come from.
    pub url: Option<&'a str>,
}

/// Decodes bytes, and returns the text and its charset.
pub(super) fn decode<'a>(bytes: &'a [u8], hints: &Hints<'_>) -> (Cow<'a, str>, &'static Encoding) {
    if let Some((encoding, mark_len)) = Encoding::for_bom(bytes) {
        return (encoding.decode_without_bom_handling(&bytes[mark_len..]).0, encoding);
    }
    let stated = hints.label.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    let encoding = stated.or_else(|| meta::charset(bytes).filter(|_| hints.html)).unwrap_or_else(|| sniff(bytes, hints.url));
    // A page that asks not to be decoded is decoded as what such pages nearly always are.
    let encoding = if encoding == encoding_rs::REPLACEMENT { WINDOWS_1252 } else { encoding };
    (encoding.decode_without_bom_handling(bytes).0, encoding)
}

/// Guesses the charset of bytes.
fn sniff(bytes: &[u8], url: Option<&str>) -> &'static Encoding {
    // An escape byte may begin ISO-2022-JP, which is ASCII to all appearances.
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0x1B) {
        return UTF_8;
    }
    let start = bytes.iter().position(|byte| !byte.is_ascii() || *byte == 0x1B).unwrap_or(0);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let end = bytes.len().min(start.saturating_add(SNIFF_BYTES));
    detector.feed(&bytes[start..end], end == bytes.len());
    detector.guess(url.and_then(top_level_domain).as_deref().map(str::as_bytes), Utf8Detection::Allow)
}

/// Returns the last label of the URL's host in the form that the detector demands.
fn top_level_domain(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let label = host.trim_end_matches('.').rsplit('.').next()?;
    let plain = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| label.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use encoding_rs::{BIG5, EUC_KR, GB18030, SHIFT_JIS, WINDOWS_1251};

    use super::*;

    const JAPANESE: &str = "日本語のページです。文字コードを推定します。";
    const CHINESE: &str = "这是一个中文网页，我们要检测它的编码。";
    const RUSSIAN: &str = "Это русская страница, кодировку которой надо узнать.";

    fn check(bytes: &[u8], hints: &Hints<'_>, want_encoding: &str, want_text: &str) {
        let (text, encoding) = decode(bytes, hints);
        assert_eq!(encoding.name(), want_encoding);
        assert!(text.contains(want_text), "{text:?} does not contain {want_text:?}");
    }

    #[test]
    fn byte_order_marks_win_over_every_statement() {
        let hints = Hints { label: Some("shift_jis"), html: true, url: None };
        check(b"\xEF\xBB\xBFna\xC3\xAFve", &hints, "UTF-8", "naïve");
        let utf16: Vec<u8> = "\u{FEFF}naïve 日本".encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&utf16, &hints, "UTF-16LE", "naïve 日本");
        let utf16: Vec<u8> = "\u{FEFF}naïve".encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(&utf16, &hints, "UTF-16BE", "naïve");
    }

    #[test]
    fn the_transport_goes_before_the_page() {
        let mut page = b"<meta charset=utf-8>".to_vec();
        page.extend_from_slice(&SHIFT_JIS.encode(JAPANESE).0);
        check(&page, &Hints { label: Some(" Shift_JIS "), html: true, url: None }, "Shift_JIS", JAPANESE);
        let latin1 = Hints { label: Some("iso-8859-1"), html: true, url: None };
        check(b"caf\xE9 \x93quoted\x94", &latin1, "windows-1252", "café “quoted”");
        let windows = Hints { label: Some("windows-1252"), html: false, url: None };
        check(b"\x80 5", &windows, "windows-1252", "€ 5");
    }

    #[test]
    fn the_page_states_its_charset() {
        for (head, encoding, text) in [
            ("<html><head><meta charset=\"gb18030\">", GB18030, CHINESE),
            ("<!-- <meta charset=utf-8> --><META http-equiv='Content-Type' content='text/html; charset=big5'>", BIG5, "中文"),
            ("<meta content=\"text/html;charset=euc-kr\" http-equiv=content-type>", EUC_KR, "한국어"),
            ("<meta name=a content=b><meta charset = windows-1251 />", WINDOWS_1251, RUSSIAN),
        ] {
            let mut page = head.as_bytes().to_vec();
            page.extend_from_slice(&encoding.encode(text).0);
            check(&page, &Hints { html: true, ..Hints::default() }, encoding.name(), text);
        }
    }

    #[test]
    fn an_unknown_label_is_no_statement() {
        let mut page = b"<meta charset=gb18030>".to_vec();
        page.extend_from_slice(&GB18030.encode(CHINESE).0);
        check(&page, &Hints { label: Some("x-nonsense"), html: true, url: None }, "gb18030", CHINESE);
    }

    #[test]
    fn plain_text_has_no_meta() {
        let text = "<meta charset=shift_jis> naïve";
        check(text.as_bytes(), &Hints::default(), "UTF-8", "naïve");
    }

    #[test]
    fn sniffs_what_declares_nothing() {
        check("naïve ½".as_bytes(), &Hints::default(), "UTF-8", "naïve ½");
        check(b"plain", &Hints::default(), "UTF-8", "plain");
        check(&SHIFT_JIS.encode(JAPANESE).0, &Hints::default(), "Shift_JIS", JAPANESE);
        check(&WINDOWS_1251.encode(RUSSIAN).0, &Hints::default(), "windows-1251", RUSSIAN);
        check(b"Le caf\xE9 \xE9tait ferm\xE9 \xE0 midi", &Hints::default(), "windows-1252", "Le café était fermé à midi");
        check(b"\x1B$B\x25\x46\x25\x39\x25\x48\x1B(B", &Hints::default(), "ISO-2022-JP", "テスト");
    }

    #[test]
    fn any_url_is_a_fit_hint() {
        for url in ["", "x", "http://", "http://A.EXAMPLE.JP:80/", "http://[::1]/", "http://u@h.рф/", "http://a..", "://.%"] {
            let (text, _) = decode(b"caf\xE9 bl\xE9 \xFF\xFE", &Hints { url: Some(url), ..Hints::default() });
            assert!(!text.is_empty(), "{url}");
        }
    }
}
