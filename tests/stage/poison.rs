//! Every hundredth record is broken. No partition stops, and every broken record becomes a dead
//! letter that holds all that is known of it.

use std::collections::BTreeMap;

use testkit::{
    broker::{Client, Consumed, Message},
    random::Random,
    stream,
};

use crate::{
    account::{Output, TOO_LARGE, header, json, print_figures},
    group::{Group, InputTopic},
};

/// How many good records come before each broken one.
const GOOD: usize = 99;

/// A broken record, and the code of its dead letter. `None` means that it is skipped, or is a
/// document all the same.
fn rubbish(n: usize) -> Vec<(Message, Option<&'static str>)> {
    let text = |bytes: usize| "many words of one page ".repeat(bytes / 23);
    let page = |id: &str, bytes: usize| format!("{{\"id\":\"{id}-{n}\",\"text\":\"{}\"}}", text(bytes));
    let with = |name: &str, value: &[u8]| {
        let headers = vec![(name.to_owned(), Some(value.to_vec())), (String::new(), None)];
        Message { headers, ..Message::value(page(&format!("header{}", name.len()), 200)) }
    };
    vec![
        (Message::default(), None),
        (Message::value("{\"text\": \"torn"), Some("json_invalid")),
        (Message::value(b"\xff\xfe\x00 no text at all".to_vec()), Some("not_utf8")),
        (Message::value(""), Some("json_invalid")),
        (Message::value("null"), Some("json_not_object")),
        (Message::value("[".repeat(50_000)), Some("json_too_deep")),
        // Above the stage's limit, and above what outputs take by default.
        (Message::value(page("large", 300_000)), Some("record_too_large")),
        (Message::value(page("huge", 3_000_000)), Some("record_too_large")),
        (Message { key: Some(vec![0xff; 20_000]), ..Message::value(page("key", 200)) }, None),
        (with("weir-verdict", b"quarantine"), None),
        (with(&"x".repeat(3_000), &[0; 3_000]), None),
        // Documents that no output takes: decided, and dead letters stand in their places.
        (Message { key: Some(b"key".to_vec()), ..with("big", &[b'h'; 100_000]) }, Some(TOO_LARGE)),
        (Message { key: Some(b"key".to_vec()), ..padded(n) }, Some(TOO_LARGE)),
        // Nor does the topic of dead letters take this one.
        (Message::value(format!("{{\"text\": \"torn {}", Random::new(n as u64).text(95_000))), Some("json_invalid")),
    ]
}

/// Returns a small text in a large value, with a header of its own.
fn padded(n: usize) -> Message {
    let value = format!(
        "{{\"id\":\"padded-{n}\",\"text\":\"a few words of one page\",\"pad\":\"{}\"}}",
        Random::new(n as u64).text(95_000)
    );
    Message { headers: vec![("own".to_owned(), Some(b"kept".to_vec()))], ..Message::value(value) }
}

/// A dead letter that was cut to what its topic accepts still names all that is known of its
/// record.
fn check_cut(record: &Consumed, value: &[u8], code: &str) {
    let header = |name: &str| header(record, name);
    assert_eq!(header("weir-blake3"), Some(blake3::hash(value).to_hex().to_string()), "{code}");
    assert_eq!(header("weir-length"), Some(value.len().to_string()), "{code}");
    assert!(header("weir-message").is_some_and(|message| !message.is_empty()), "{code}");
    assert!(value.starts_with(&record.value) && (record.value.len() == value.len() || record.value.len() > 30_000), "{code}");
    if code == TOO_LARGE {
        assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
        assert!(header("weir-ordinal").is_some() && header("weir-verdict").is_some());
        let is_padded = value.starts_with(b"{\"id\":\"padded");
        assert_eq!(header("own").as_deref(), is_padded.then_some("kept"), "headers that fit are kept, others are not");
        assert!(header("big").is_none());
    }
}

pub(crate) fn bad_records_stop_nothing(client: &Client) {
    let mut input = InputTopic::empty(client, 2);
    let mut expected = BTreeMap::new();
    for partition in 0..2 {
        let mut messages = Vec::new();
        let lines = stream::lines(71 + partition as u64, 14 * GOOD + 1, 1).remove(0);
        let mut good = lines.into_iter().enumerate().map(|(n, line)| {
            let line = String::from_utf8(line).expect("text");
            Message::to(partition as i32, line.replacen("\"id\":\"d", &format!("\"id\":\"{partition}-{n}-d"), 1))
        });
        for (message, code) in rubbish(partition) {
            messages.extend(good.by_ref().take(GOOD));
            if let Some(code) = code {
                expected.insert(format!("{}/{partition}/{}", input.topic, messages.len()), code);
            }
            messages.push(Message { partition: Some(partition as i32), ..message });
        }
        messages.extend(good);
        input.add_messages(partition, &messages);
    }
    let group = Group::new(&input, "poison").with("input.record_bytes_max=100000").with("input.text_bytes_max=50000");
    // Outputs of the least size that is allowed: dead letters do not fit either.
    for key in ["clean", "quarantine", "duplicates", "decisions", "dead_letters"] {
        client.create_topic(&group.topic(key), 1, &[("max.message.bytes", "65536")]);
    }
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let (mut codes, mut cut) = (BTreeMap::<String, usize>::new(), 0);
    for record in &output.dead_letters {
        let code = header(record, "weir-code").expect("a code");
        let position = header(record, "weir-position").expect("a position");
        if let Some(expected) = expected.remove(&position) {
            assert_eq!(code, expected, "{position}");
        }
        if header(record, "weir-blake3").is_some() {
            let mut parts = position.rsplit('/').map(|part| part.parse::<usize>().expect("a number"));
            let (offset, partition) = (parts.next().expect("an offset"), parts.next().expect("a partition"));
            check_cut(record, input.value(partition, offset as u64), &code);
            cut += 1;
        }
        *codes.entry(code).or_default() += 1;
    }
    assert!(expected.is_empty(), "no dead letters with their codes: {expected:?}");
    assert_eq!((cut, codes[TOO_LARGE]), (6, 4), "records that fit nowhere");
    let log = output.decisions.iter().filter(|line| json(line)["dead_letter"] == TOO_LARGE).count();
    assert_eq!(log, 4, "their decisions say so");
    print_figures(&format!("28 bad records among {}: {codes:?}; {figures}", 28 * GOOD));
}
