//! What a service gets beside its documents: signals of its keeper, values in the frames of a schema
//! registry, and values that fit their topic compressed alone.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use testkit::broker::{Client, Message};

use crate::{
    account::{Output, header, print_figures},
    group::{Group, InputTopic},
    process::LONG,
    signals::free_port,
};

fn framed(id: usize) -> Vec<u8> {
    let page =
        format!("{{\"id\":\"f{id}\",\"text\":\"page {id} tells of ferry number {id} and of the {id} planks of its deck\"}}");
    [&[0, 0, 0, 0, 7][..], page.as_bytes()].concat()
}

pub(crate) fn a_hangup_is_said_and_ignored(client: &Client) {
    let mut input = InputTopic::of(client, 181, 100, 2);
    let group = Group::new(&input, "hangup");
    let mut process = group.start("a");
    process.wait_active();
    process.signal("HUP");
    process.wait_logged("SIGHUP is ignored");
    input.add(182, 100);
    group.wait_done(&input, &mut process);
    process.stop();
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("a stage that was hung up: {figures}"));
}

pub(crate) fn frames_of_a_schema_registry_hold_documents(client: &Client) {
    let mut input = InputTopic::empty(client, 1);
    let avro = [&[0, 0, 0, 0, 9, 6][..], b"abc"].concat();
    let messages: Vec<_> = (0..30).map(|id| Message::to(0, if id == 11 { avro.clone() } else { framed(id) })).collect();
    input.add_messages(0, &messages);
    let group = Group::new(&input, "framed");
    group.finish(&input, "a");
    let output = Output::of(&group);
    let figures = output.verify(&input).expect("nothing lost, nothing doubled");
    let codes: Vec<_> = output.dead_letters.iter().map(|record| header(record, "weir-code")).collect();
    assert_eq!(codes, [Some("registry_frame_not_json".to_owned())]);
    let clean = client.consume_all(&group.topic("clean"));
    assert!(clean.iter().any(|record| record.value == framed(3)), "the frame stays around the document");
    print_figures(&format!("documents in the frames of a schema registry: {figures}"));
}

pub(crate) fn a_disk_that_fills_is_told(client: &Client) {
    let port = free_port();
    let mut input = InputTopic::of(client, 191, 100, 1);
    let group = Group::new(&input, "disk").with(&format!("metrics.listen=127.0.0.1:{port}"));
    let ready = |wanted: &str| {
        let begun = Instant::now();
        loop {
            let answer = get(port, "/readyz");
            if answer.contains(wanted) {
                return;
            }
            assert!(begun.elapsed() < LONG, "expected {wanted}: {answer}");
            thread::sleep(Duration::from_millis(100));
        }
    };
    let mut process = group.start("a");
    process.wait_active();
    ready("HTTP/1.1 200 OK");
    assert!(get(port, "/metrics").contains("\nweir_disk_free_bytes "), "{}", get(port, "/metrics"));
    process.stop();
    // No disk has as much room as that.
    let mut process = group.begin(group.command_with("a", &["state.free_bytes_min=1000000000000000000"]));
    process.wait_active();
    process.wait_logged("bytes free, expected at least 1000000000000000000");
    ready("the disk of the state has ");
    assert!(get(port, "/readyz").starts_with("HTTP/1.1 503"));
    // It goes on meanwhile.
    input.add(192, 100);
    group.wait_done(&input, &mut process);
    process.stop();
    let figures = Output::of(&group).verify(&input).expect("nothing lost, nothing doubled");
    print_figures(&format!("a disk without room: {figures}"));
}

/// The answer of a process's server.
fn get(port: u16, path: &str) -> String {
    let mut text = String::new();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("asked");
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// A page of `words` words, most of which it repeats.
fn long_page(id: usize, words: usize) -> Vec<u8> {
    let words: Vec<String> = (0..words).map(|word| format!("w{id}x{}", word % 400)).collect();
    let text = words.join(" ");
    format!("{{\"id\":\"l{id}\",\"text\":\"{text}\"}}").into_bytes()
}

pub(crate) fn a_page_that_fits_compressed_is_not_cut(client: &Client) {
    for (codec, cut) in [("producer", 0), ("uncompressed", 3)] {
        let mut input = InputTopic::empty(client, 1);
        client.set_topic(&input.topic, &[("max.message.bytes", "200000")]);
        let group = Group::new(&input, codec);
        let settings = [("max.message.bytes", "200000"), ("compression.type", codec)];
        client.create_topic(&group.topic("clean"), 1, &settings);
        client.create_topic(&group.topic("duplicates"), 1, &settings);
        client.create_topic(&group.topic("quarantine"), 1, &settings);
        let pages: Vec<_> = (0..20).map(|id| Message::to(0, long_page(id, if id % 7 == 3 { 100_000 } else { 200 }))).collect();
        assert!(pages[3].value.as_ref().is_some_and(|page| page.len() > 600_000));
        input.add_packed(0, &pages);
        group.finish(&input, "a");
        let output = Output::of(&group);
        let figures = output.verify(&input).expect("nothing lost, nothing doubled");
        assert_eq!(output.dead_letters.len(), cut, "{codec}");
        print_figures(&format!("pages of four times max.message.bytes, topics that pack by {codec}: {figures}"));
    }
}
