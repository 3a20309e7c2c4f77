//! What a running stage says of itself: do its metrics tell what is in the topics?

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use testkit::broker::{Client, Message};

use crate::{
    account::{Output, print_figures},
    group::{Group, InputTopic},
    process::{LONG, Process},
};

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Asks for a path; returns the status and the body.
pub(crate) fn get(port: u16, path: &str) -> (u16, String) {
    let mut text = String::new();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("asked");
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// The series of a process, by name and labels. Values are cut to whole numbers.
pub(crate) fn scrape(port: u16) -> BTreeMap<String, i64> {
    let text = get(port, "/metrics").1;
    let series = text.lines().filter(|line| line.starts_with("weir_"));
    series
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse::<f64>().ok()? as i64)))
        .collect()
}

/// Scrapes until the series say so.
pub(crate) fn wait_scraped(
    port: u16,
    process: &mut Process,
    what: &str,
    is_so: impl Fn(&BTreeMap<String, i64>) -> bool,
) -> BTreeMap<String, i64> {
    let begun = Instant::now();
    loop {
        let series = scrape(port);
        if is_so(&series) {
            return series;
        }
        assert!(begun.elapsed() < LONG && process.ended().is_none(), "{what} did not come: {series:#?} {}", process.log());
        thread::sleep(Duration::from_millis(100));
    }
}

/// The sum of all series of a metric.
pub(crate) fn sum(series: &BTreeMap<String, i64>, metric: &str) -> i64 {
    series.iter().filter(|(name, _)| name.split('{').next() == Some(metric)).map(|(_, value)| value).sum()
}

pub(crate) fn metrics_tell_what_is_in_the_topics(client: &Client) {
    let port = free_port();
    let mut input = InputTopic::of(client, 111, 300, 2);
    input.add_messages(0, &[Message { partition: Some(0), key: Some(b"k".to_vec()), ..Message::default() }]);
    let group = Group::new(&input, "signals").with(&format!("metrics.listen=127.0.0.1:{port}"));
    let mut process = group.start("a");
    process.wait_active();
    group.wait_done(&input, &mut process);
    process.kill();
    let before = Output::of(&group).positions().count() as i64;
    // What was decided before belongs to another process.
    input.add(112, 200);
    let mut process = group.start("a");
    process.wait_active();
    group.wait_done(&input, &mut process);
    let all = Output::of(&group);
    let here = all.positions().count() as i64 - before;
    let series = wait_scraped(port, &mut process, "the last batch", |series| {
        sum(series, "weir_received_records_total") >= here && sum(series, "weir_lag_records") == 0
    });
    assert_eq!(sum(&series, "weir_received_records_total"), here, "{series:#?}");
    assert_eq!(sum(&series, "weir_unaccounted_records"), 0, "{series:#?}");
    let routed = sum(&series, "weir_documents_total") + sum(&series, "weir_dead_letters_total");
    assert_eq!(routed + sum(&series, "weir_without_text_total"), here, "{series:#?}");
    let series = wait_scraped(port, &mut process, "sizes", |series| sum(series, "weir_snapshot_bytes") > 0);
    assert!(sum(&series, "weir_state_bytes") > 0 && sum(&series, "weir_stage_seconds_count") > 0, "{series:#?}");
    assert_eq!(sum(&series, "weir_lost_records_total"), 0);

    // Behind an open transaction nothing can be read, and what waits there is lag.
    let messages: Vec<_> = (0..7).map(|n| Message::to(0, format!("{{\"id\":\"open-{n}\",\"text\":\"it waits\"}}"))).collect();
    let open = client.open_transaction(&format!("{}-producer", group.name), &input.topic, &messages);
    wait_scraped(port, &mut process, "the lag behind an open transaction", |series| sum(series, "weir_lag_records") >= 7);
    drop(open);
    wait_scraped(port, &mut process, "the end of the lag", |series| sum(series, "weir_lag_records") == 0);
    process.stop();
    print_figures(&format!("metrics after a kill: {here} received here, 0 unaccounted; the lag of an open transaction is seen"));
}
