//! One record in a hundred is rubbish: no partition stops, and every bad record is a dead letter with what is known of it.

use std::collections::BTreeMap;

use testkit::{
    broker::{Client, Message},
    stream,
};

use crate::{
    account::{Output, header, say},
    group::{Group, Input},
};

/// Good records before each bad one.
const GOOD: usize = 99;

/// Rubbish, and the code of its dead letter; `None`: it is passed over, or a document all the same.
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
        // More than an output takes beside a document: it is decided, and its dead letter stands for it.
        (with("big", &[b'h'; 100_000]), None),
    ]
}

pub(crate) fn bad_records_stop_nothing(client: &Client) {
    let mut input = Input::empty(client, 2);
    let mut expected = BTreeMap::new();
    for partition in 0..2 {
        let mut messages = Vec::new();
        let lines = stream::lines(71 + partition as u64, 12 * GOOD + 1, 1).remove(0);
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
        let position = header(record, "weir-position").unwrap_or_default();
        if code == "output_too_large" {
            assert!(header(record, "weir-blake3").is_some_and(|hash| hash.len() == 64), "{:?}", record.headers);
            cut += 1;
        } else if let Some(expected) = expected.remove(&position) {
            assert_eq!(code, expected, "{position}");
        }
        *codes.entry(code).or_default() += 1;
    }
    assert!(expected.is_empty(), "no dead letters with their codes: {expected:?}");
    assert_eq!(cut, 2, "documents whose headers fit nowhere");
    say(&format!("24 bad records among {}: {codes:?}; {figures}", 24 * GOOD));
}
