use super::*;

/// Schema, text, id, url, time and label of a line.
type Got<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, Option<i64>, Option<&'a str>);

#[track_caller]
fn check(json: &str, options: &Options, want: Got<'_>) {
    let page = page(line(json.as_bytes(), options));
    let got =
        (page.provenance.schema, page.text.as_str(), page.id.as_deref(), page.url.as_deref(), page.time, page.label.as_deref());
    assert_eq!(got, want, "{json}");
    assert_eq!(page.form, Form::Verbatim);
}

#[test]
fn schemas_are_known_by_their_fields() {
    let options = Options::default();
    for (json, want) in [
        (r#"{"text":"a"}"#, ("plain", "a", None, None, None, None)),
        (
            r#"{"id":"x","url":"https://a.example/","text":"a\nb","fetched_at":"2025-03-01T00:00:10Z","label":"news"}"#,
            ("plain", "a\nb", Some("x"), Some("https://a.example/"), Some(1_740_787_210), Some("news")),
        ),
        (
            r#"{"id":18446744073709551615,"text":"","fetched_at":1740787210123,"label":-3}"#,
            ("plain", "", Some("18446744073709551615"), None, Some(1_740_787_210), Some("-3")),
        ),
        (r#"{"text":"a","fetched_at":1740787210.75,"id":null,"url":7}"#, ("plain", "a", None, None, Some(1_740_787_210), None)),
        (
            r#"{"text":"a","id":"<urn:uuid:1>","dump":"CC-MAIN-2024-10","url":"http://b.example","date":"2024-02-29T00:00:00Z",
                "file_path":"s3://x","language":"en","language_score":0.9,"token_count":3}"#,
            ("fineweb", "a", Some("<urn:uuid:1>"), Some("http://b.example"), Some(1_709_164_800), None),
        ),
        (
            r#"{"id":"d","text":"a","source":"cc","added":"2025-03-01","created":"2024-02-29","metadata":{"url":"http://c.example"}}"#,
            ("dolma", "a", Some("d"), Some("http://c.example"), Some(1_709_164_800), None),
        ),
        (
            r#"{"id":"d","text":"a","source":"cc","added":"2025-03-01T00:00:10","created":null,"metadata":null}"#,
            ("dolma", "a", Some("d"), None, Some(1_740_787_210), None),
        ),
        (
            r#"{"url":"http://d.example","date_download":"2024-02-29T00:00:00Z","digest":"sha1:X","raw_content":"a","doc_id":"1/2"}"#,
            ("redpajama", "a", Some("1/2"), Some("http://d.example"), Some(1_709_164_800), None),
        ),
        (
            r#"{"appid":"t","crawlid":"c","url":"http://e.example","response_url":"http://e.example/r","status_code":200,
                "body":"<html><title>T</title><p>a &amp; b","timestamp":"2024-02-29"}"#,
            ("scrapy_cluster", "T\na & b", None, Some("http://e.example/r"), Some(1_709_164_800), None),
        ),
        (
            r#"{"crawlid":"c","url":"http://e.example","body":"PGh0bWw+PHA+Y2Fm6TwvcD48L2h0bWw+","encoding":"iso-8859-1"}"#,
            ("scrapy_cluster", "café", None, Some("http://e.example"), None, None),
        ),
        (
            r#"{"crawlid":"c","body":"plain words","response_headers":{"Content-Type":["text/plain"]}}"#,
            ("scrapy_cluster", "plain words", None, None, None, None),
        ),
    ] {
        check(json, &options, want);
    }
}

#[test]
fn stated_facts_are_kept() {
    let json = r#"{"raw_content":"a","digest":"sha1:X","cc_segment":"s/1","language":"de","date_download":"soon"}"#;
    let page = page(line(json.as_bytes(), &Options::default()));
    assert_eq!(page.time, None);
    assert_eq!(
        serde_json::to_string(&page.provenance).expect("serialises"),
        r#"{"schema":"redpajama","digest":"sha1:X","source":"s/1","language":"de","fetched_at":"soon"}"#
    );
}

#[test]
fn the_language_is_read_where_public_corpora_have_it() {
    let stated = |json: &str, options: &Options| page(line(json.as_bytes(), options)).provenance.language;
    for (json, want) in [
        (r#"{"text":"a","id":"1","dump":"d","language":"por","language_script":"Latn"}"#, Some("por")),
        (r#"{"text":"a","ts":"2024","lang":["por_Latn","glg_Latn"],"prob":[0.9,0.1]}"#, Some("por_Latn")),
        (r#"{"text":"a","metadata":{"identification":{"label":"pt","prob":0.9}}}"#, Some("pt")),
        (r#"{"text":"a","metadata":{"language":"pt-BR"}}"#, Some("pt-BR")),
        (r#"{"text":"a","language_id_whole_page_fasttext":{"en":0.1,"pt":0.9}}"#, Some("pt")),
        (r#"{"text":"a","lang":[]}"#, None),
        (r#"{"text":"a","lang":{"pt":"much"}}"#, None),
        (r#"{"text":"a","language":null,"lang":"pt"}"#, Some("pt")),
        (r#"{"text":"a"}"#, None),
    ] {
        assert_eq!(stated(json, &Options::default()).as_deref(), want, "{json}");
    }
    let fields = Fields { language: Some("my.tag".to_owned()), ..Fields::default() };
    let options = Options { fields, ..Options::default() };
    assert_eq!(stated(r#"{"text":"a","language":"de","my":{"tag":"pt"}}"#, &options).as_deref(), Some("pt"));
    assert_eq!(stated(r#"{"text":"a","language":"de"}"#, &options), None);
    assert!(columns(&options).contains(&"my".to_owned()) && columns(&options).contains(&"lang".to_owned()));
}

#[test]
fn configured_paths_win_over_detection() {
    let path = |path: &str| Some(path.to_owned());
    let fields = Fields {
        text: path("data.content.text"),
        id: path("meta.id"),
        url: path("a.b"),
        time: path("when"),
        label: path("data.kind"),
        language: path("data.lang"),
        contributor: path("data.by"),
    };
    let options = Options { fields, ..Options::default() };
    let json = r#"{"text":"no","url":"no","id":"no","data":{"content":{"text":"yes"},"kind":"k"},"meta":{"id":7},"a.b":"http://f.example",
        "a":{"b":"no"},"when":1709164800}"#;
    check(json, &options, ("fields", "yes", Some("7"), Some("http://f.example"), Some(1_709_164_800), Some("k")));
    let got = reject(line(br#"{"text":"no","data":{"content":"x"}}"#, &options));
    assert_eq!(got.code, "no_text_field");
    assert_eq!(got.message, "got the fields `text`, `data`, expected the text at `data.content.text`");
    let only_url = Options { fields: Fields { url: path("link"), ..Fields::default() }, ..Options::default() };
    check(
        r#"{"text":"a","link":"http://g.example","id":1}"#,
        &only_url,
        ("fields", "a", Some("1"), Some("http://g.example"), None, None),
    );
    let body = Options { fields: Fields { text: path("body"), ..Fields::default() }, ..Options::default() };
    check(r#"{"body":"<p>as it is"}"#, &body, ("fields", "<p>as it is", None, None, None, None));
}

#[test]
fn what_cannot_be_read_is_rejected_with_a_code() {
    let limits = Options { text_bytes_max: 8, body_bytes_max: 64, ..Options::default() };
    let long = |key: &str, len: usize| format!(r#"{{"text":"a","{key}":"{}"}}"#, "x".repeat(len));
    for (json, code, message) in [
        (r#"{"text":"#.to_owned(), "json_invalid", "got no JSON"),
        (r#"{"text":"a",}"#.to_owned(), "json_invalid", "near byte"),
        (r#"{"text":"a"} {"text":"b"}"#.to_owned(), "json_invalid", "got no JSON"),
        (String::new(), "json_invalid", "got no JSON"),
        (r#"{"text":"\ud83d"}"#.to_owned(), "json_invalid", "got no JSON"),
        (r#"{"text":"a","n":123456789012345678901234567890}"#.to_owned(), "json_invalid", "got no JSON"),
        ("[1]".to_owned(), "json_not_object", "got an array, expected an object"),
        ("\"text\"".to_owned(), "json_not_object", "got a string"),
        ("null".to_owned(), "json_not_object", "got null"),
        (r#"{"body":"a","b\n":1}"#.to_owned(), "no_text_field", "got the fields `body`, `b\\n`, expected `text`"),
        ("{}".to_owned(), "no_text_field", "got no fields"),
        (r#"{"text":null}"#.to_owned(), "text_not_string", "got null at `text`, expected a string"),
        (r#"{"text":["a"]}"#.to_owned(), "text_not_string", "got an array"),
        (r#"{"raw_content":1.5}"#.to_owned(), "text_not_string", "got a number at `raw_content`"),
        (r#"{"text":"123456789"}"#.to_owned(), "text_too_large", "got a text of 9 bytes, expected at most 8"),
        (format!(r#"{{"crawlid":"c","body":"{}"}}"#, "PHA+".repeat(30)), "body_too_large", "expected at most 64"),
        (long("id", ID_BYTES_MAX + 1), "id_too_long", "got an id of 1025 bytes, expected at most 1024"),
        (long("url", URL_BYTES_MAX + 1), "url_too_long", "got a url of 8193 bytes, expected at most 8192"),
        (format!(r#"{{"text":"a","x":{}{}}}"#, "[".repeat(200), "]".repeat(200)), "json_too_deep", "expected at most 128"),
        (format!(r#"{{"text":"a","x":[{}1]}}"#, "1,".repeat(1 << 20)), "json_too_many_values", "expected at most 1048576"),
    ] {
        let got = reject(line(json.as_bytes(), &limits));
        let start = &json[..json.len().min(60)];
        assert_eq!(got.code, code, "{start}: {}", got.message);
        assert!(got.message.contains(message), "{start}: {}", got.message);
    }
    let got = reject(line(b"{\"text\":\"caf\xE9\"}", &limits));
    assert_eq!((got.code, got.message.as_str()), ("not_utf8", "got bytes that are not UTF-8 at byte 12 of the line"));
}

#[test]
fn what_is_within_the_limits_is_read() {
    let options = Options::default();
    for json in [
        format!(r#"{{"text":"a","id":"{}"}}"#, "x".repeat(ID_BYTES_MAX)),
        format!(r#"{{"text":"a","url":"{}"}}"#, "x".repeat(URL_BYTES_MAX)),
        format!(r#"{{"text":"a","x":{}{}}}"#, "[".repeat(100), "]".repeat(100)),
        format!(r#"{{"text":"a","x":[{}1]}}"#, "1,".repeat((1 << 20) - 10)),
        format!(r#"{{"text":"a","x":"{}"}}"#, ",".repeat(1 << 19)),
        "\u{FEFF}{\"text\":\"a\"}\r".to_owned(),
        " { \"text\" : \"a\" } ".to_owned(),
    ] {
        assert_eq!(page(line(json.as_bytes(), &options)).text, "a", "{}", &json[..json.len().min(60)]);
    }
}

#[test]
fn odd_strings_and_keys_have_a_meaning() {
    let options = Options::default();
    check(r#"{"text":"a","text":"b","id":"1","id":"2"}"#, &options, ("plain", "b", Some("2"), None, None, None));
    check(r#"{"text":"a\u0000b\ud83d\ude00\u202e"}"#, &options, ("plain", "a\0b😀\u{202e}", None, None, None, None));
    check(r#"{"text":"a","id":"","url":" ","label":""}"#, &options, ("plain", "a", None, None, None, None));
    check(r#"{"text":"a","id":1.5,"fetched_at":[1],"label":{"x":1}}"#, &options, ("plain", "a", None, None, None, None));
    check(r#"{"text":"a","fetched_at":1e300}"#, &options, ("plain", "a", None, None, None, None));
    check(r#"{"te\u0078t":"a"}"#, &options, ("plain", "a", None, None, None, None));
}

#[test]
fn a_response_without_a_page_has_no_text() {
    for (json, why) in [
        (r#"{"crawlid":"c","url":"http://h.example","status_code":404,"body":"<p>gone"}"#, "http_status"),
        (r#"{"crawlid":"c","url":"http://h.example","body":"  "}"#, "empty"),
        (r#"{"crawlid":"c","url":"http://h.example","body":"x","response_headers":{"content-type":"image/png"}}"#, "non_html"),
    ] {
        let want = WithoutText { url: Some("http://h.example".to_owned()), why };
        assert_eq!(without_text(line(json.as_bytes(), &Options::default())), want, "{json}");
    }
}
