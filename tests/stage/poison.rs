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

/// Records per kind of rubbish.
const EACH: usize = 1;

/// Rubbish by kind; documents among it have ids.
fn rubbish(n: usize) -> Vec<Message> {
    let text = |bytes: usize| "many words of one page ".repeat(bytes / 23);
    let page = |id: &str, bytes: usize| format!("{{\"id\":\"{id}-{n}\",\"text\":\"{}\"}}", text(bytes));
    let with = |headers: Vec<(String, Option<Vec<u8>>)>| Message { headers, ..Message::value(page("headers", 200)) };
    vec![
        Message::default(),
        Message::value("{\"text\": \"torn"),
        Message::value(b"\xff\xfe\x00 no text at all".to_vec()),
        Message::value(""),
        Message::value("null"),
        Message::value("[[[[[[[[[[[[[[[[".repeat(20_000)),
        // Above the stage's limit, and above what outputs take by default.
        Message::value(page("large", 300_000)),
        Message::value(page("huge", 3_000_000)),
        Message { key: Some(vec![0xff; 20_000]), ..Message::value(page("key", 200)) },
        with(vec![(String::new(), None), ("weir-verdict".to_owned(), Some(b"clean".to_vec()))]),
        with(vec![("x".repeat(3_000), Some(vec![0; 3_000]))]),
        // More headers than any output takes beside a document.
        with(vec![("big".to_owned(), Some(vec![b'h'; 100_000]))]),
    ]
}

pub(crate) fn bad_records_stop_nothing(client: &Client) {
    let mut input = Input::empty(client, 2);
    let mut bad = 0;
    for partition in 0..2 {
        let lines = stream::lines(71 + partition as u64, 1_300, 1).remove(0);
        let good: Vec<_> = lines.into_iter().map(|line| Message::to(partition as i32, line)).collect();
        let mut messages = Vec::new();
        for n in 0..EACH {
            for mut message in rubbish(n * 2 + partition) {
                message.partition = Some(partition as i32);
                messages.extend(good[messages.len() - messages.len() / 100..].iter().take(99).cloned());
                messages.push(message);
                bad += 1;
            }
        }
        messages.extend(good.last().cloned());
        renumber(&mut messages, partition);
        input.add_messages(partition, &messages);
    }
    // Outputs of the least size that is allowed: dead letters do not fit either.
    let group = Group::new(&input, "poison").with("input.record_bytes_max=100000").with("input.text_bytes_max=50000");
    for key in ["clean", "quarantine", "duplicates", "decisions", "dead_letters"] {
        client.create_topic(&group.topic(key), 1, &[("max.message.bytes", "65536")]);
    }
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for record in &output.dead_letters {
        *codes.entry(header(record, "weir-code").expect("a code")).or_default() += 1;
        if header(record, "weir-code").as_deref() == Some("output_too_large") {
            assert!(header(record, "weir-blake3").is_some_and(|hash| hash.len() == 64), "{:?}", record.headers);
        }
    }
    let share = 100 * bad / input.values.iter().map(Vec::len).sum::<usize>();
    say(&format!("{bad} bad records ({share}%): {codes:?}; {figures}"));
    assert!(codes["output_too_large"] >= EACH, "{codes:?}");
}

/// Gives good documents ids that nobody else has.
fn renumber(messages: &mut [Message], partition: usize) {
    for (n, message) in messages.iter_mut().enumerate() {
        let line = message.value.take();
        message.value = line.map(|line| match String::from_utf8(line) {
            Ok(text) => text.replacen("\"id\":\"d", &format!("\"id\":\"{partition}-{n}-d"), 1).into_bytes(),
            Err(error) => error.into_bytes(),
        });
    }
}
