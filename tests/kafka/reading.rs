//! Which records come, in which runs, and how many are buffered meanwhile?

use std::time::{Duration, Instant};

use connectors::{
    framing::warc,
    limits::Limits,
    source::{EnvelopeHeader, Limit, Payload, Source},
};
use testkit::broker::{Client, Message};

use crate::stage::{ALL, Stage, after, lines, read};

pub(crate) fn long_runs_come_from_one_partition(client: &Client) {
    let stage = Stage::new(client, "runs", 4);
    for partition in 0..4 {
        stage.fill(partition, 3000);
    }
    let mut source = stage.source();
    // Wait until there is enough of each partition.
    std::thread::sleep(Duration::from_secs(1));
    let mut records = Vec::new();
    let mut runs: Vec<(u32, u64, usize)> = Vec::new();
    while records.len() < 12_000 {
        let batch = source.read(Limit { records: 2048, bytes: usize::MAX }).expect("read");
        assert!(batch.len() <= 2048);
        let mut last = None;
        for record in &batch {
            let partition = record.position.partition;
            match runs.last_mut().filter(|_| last == Some(partition)) {
                Some((_, _, count)) => *count += 1,
                None => runs.push((partition, record.position.offset, 1)),
            }
            last = Some(partition);
        }
        records.extend(batch);
    }
    for partition in 0..4 {
        let of: Vec<_> = records.iter().filter(|record| record.position.partition == partition).cloned().collect();
        let expected: Vec<String> = (0..3000).map(|i| format!("{partition}-{i}")).collect();
        assert_eq!(lines(&of), expected, "each in order, none lost or doubled");
        assert!(of.iter().enumerate().all(|(i, record)| record.position.offset == i as u64));
    }
    let short = runs.iter().filter(|(_, _, count)| *count < 256).count();
    assert!(short * 4 <= runs.len(), "{short} of {} runs are short: {runs:?}", runs.len());
    assert!(source.read(ALL).expect("read").is_empty());

    // The same runs again, as a journal names them.
    source.seek(&connectors::position::Positions::default()).expect("sought");
    for (partition, first, count) in runs {
        let run = source.read_run(partition, first..first + count as u64).expect("the run");
        assert_eq!((run.len(), run[0].position.offset), (count, first));
    }
}

pub(crate) fn nothing_now_is_empty(client: &Client) {
    let stage = Stage::new(client, "nothing", 1);
    let mut source = stage.source();
    let begun = Instant::now();
    for _ in 0..10 {
        assert!(source.read(ALL).expect("read").is_empty());
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?} for ten reads of nothing");
    stage.fill(0, 1);
    assert_eq!(lines(&read(&mut source, 1)), ["0-0"]);
}

pub(crate) fn what_is_no_record_is_passed_over(client: &Client) {
    let stage = Stage::new(client, "tombstones", 1);
    let tombstone = || Message { partition: Some(0), key: Some(b"k".to_vec()), ..Message::default() };
    let messages = [tombstone(), Message::to(0, "a"), tombstone(), tombstone(), Message::to(0, "b"), Message::to(0, "")];
    client.produce(stage.input(), &messages);
    let mut source = stage.source();
    let records = read(&mut source, 3);
    assert_eq!(lines(&records), ["a", "b", ""], "an empty value is a record");
    assert_eq!(records.iter().map(|record| record.position.offset).collect::<Vec<_>>(), [1, 4, 5]);
    assert_eq!(source.counts().tombstones, 3);
    // The same records come again. Their offsets have gaps, but counts have none.
    source.seek(&connectors::position::Positions(vec![0])).expect("sought");
    assert_eq!(source.read_run(0, 1..6).expect("the run"), records);
    source.seek(&after(&records[..1])).expect("sought");
    assert_eq!(source.read_run(0, 4..6).expect("the run"), records[1..]);
}

pub(crate) fn values_are_what_they_say(client: &Client) {
    let mut stage = Stage::new(client, "values", 1);
    stage.record_limits = Limits { record_bytes_max: 1000, ..Limits::default() };
    let warc = "WARC/1.0\r\nContent-Length: 2\r\n\r\nab\r\n\r\n";
    let typed = |content_type: &str, value: &str| Message {
        headers: vec![("content-type".to_owned(), Some(content_type.as_bytes().to_vec()))],
        ..Message::to(0, value)
    };
    let messages = [
        Message::to(0, "{}"),
        typed("text/html; charset=x", "<p>"),
        typed("application/warc", warc),
        typed("application/warc", "no"),
        typed("image/png", "{}"),
        Message::to(0, vec![b'x'; 1001]),
    ];
    client.produce(stage.input(), &messages);
    let records = read(&mut stage.source(), 6);
    let payloads: Vec<_> = records.iter().map(|record| record.payload.clone()).collect();
    let value = |i: usize| records[i].envelope.as_ref().expect("an envelope").value.clone();
    assert_eq!(payloads[0], Payload::Line(b"{}".to_vec()));
    assert_eq!(payloads[1], Payload::Html(b"<p>".to_vec()));
    assert_eq!(
        payloads[2],
        Payload::Warc { header: warc::header(b"WARC/1.0\r\nContent-Length: 2\r\n".to_vec()), block: b"ab".to_vec() }
    );
    assert_eq!(
        (value(0), value(2), value(3)),
        (vec![], warc.as_bytes().to_vec(), b"no".to_vec()),
        "what was framed keeps its value"
    );
    let code = |i: usize| match &payloads[i] {
        Payload::Bad(bad) => (bad.code, bad.length),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(3), ("warc_bad_header", 2));
    assert_eq!(payloads[4], Payload::Line(b"{}".to_vec()), "an unknown type is the configured one");
    assert_eq!(code(5), ("record_too_large", 1001));
}

pub(crate) fn headers_are_kept_but_for_ours(client: &Client) {
    // The record is old, and retention would remove it at once.
    let stage = Stage::with(client, "envelope", 1, &[("retention.ms", "-1")]);
    let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let headers = vec![
        header("ce_id", Some(b"1")),
        header("weir-verdict", Some(b"clean")),
        header("WEIR-score", Some(b"0")),
        header("twice", Some(b"\xff\xfe")),
        header("twice", None),
        header("", Some(b"")),
    ];
    let message = Message { key: Some(b"key".to_vec()), headers, time_ms: Some(1_500_000_000_123), ..Message::to(0, "x") };
    client.produce(stage.input(), &[message]);
    let records = read(&mut stage.source(), 1);
    let envelope = records[0].envelope.as_ref().expect("an envelope");
    assert_eq!(envelope.key.as_deref(), Some(&b"key"[..]));
    assert_eq!(envelope.time_ms, Some(1_500_000_000_123));
    let header = |name: &str, value: Option<&[u8]>| EnvelopeHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) };
    let expected =
        [header("ce_id", Some(b"1")), header("twice", Some(b"\xff\xfe")), header("twice", None), header("", Some(b""))];
    assert_eq!(envelope.headers, expected);
}

pub(crate) fn buffers_are_bounded(client: &Client) {
    let mut stage = Stage::new(client, "bounded", 2);
    (stage.config.buffer_records_max, stage.config.buffer_bytes_max) = (500, 1 << 20);
    let value = vec![b'x'; 10_000];
    let many: Vec<_> = (0..3000).map(|_| Message::to(0, value.clone())).collect();
    client.produce(stage.input(), &many);
    let others: Vec<_> = (0..2000).map(|_| Message::to(1, vec![b'y'; 3000])).collect();
    client.produce(stage.input(), &others);
    let mut source = stage.source();
    // Only the other partition is wanted. Records of the first one are buffered, but not more than allowed.
    let mut most = 0;
    for round in 0..20 {
        let run = source.read_run(1, 100 * round..100 * (round + 1)).expect("the run");
        assert_eq!(run.len(), 100);
        most = most.max(source.buffered_bytes());
    }
    let bound = 2 * (1 << 20) + 20_000;
    assert!(most < bound, "{most} bytes held, expected less than {bound}");
    assert!(source.counts().pauses > 0, "nothing was held back, so nothing was tested");
    // The buffered records come, each once and in order.
    let rest = read(&mut source, 3000);
    assert!(rest.iter().enumerate().all(|(i, record)| record.position.offset == i as u64 && record.position.partition == 0));
    assert!(source.read(ALL).expect("read").is_empty());
}

pub(crate) fn aborted_records_are_not_seen(client: &Client) {
    let stage = Stage::new(client, "aborted", 1);
    let id = stage.config.group.replace("aborted", "producer");
    client.produce_in_transaction(&id, stage.input(), &[Message::to(0, "a")], true);
    client.produce_in_transaction(&id, stage.input(), &[Message::to(0, "b")], false);
    client.produce_in_transaction(&id, stage.input(), &[Message::to(0, "c")], true);
    let records = read(&mut stage.source(), 2);
    assert_eq!(lines(&records), ["a", "c"]);
    assert_eq!(records[1].position.offset, 4, "behind two markers and a record");
}

pub(crate) fn a_run_that_does_not_come_is_an_error(client: &Client) {
    let mut stage = Stage::new(client, "missing", 1);
    stage.config.run_timeout = Duration::from_secs(1);
    stage.fill(0, 5);
    let mut source = stage.source();
    let error = source.read_run(0, 0..6).expect_err("one record is missing");
    assert!(error.to_string().contains("ends at offset 5, expected at least 6"), "{error}");
    assert!(source.read_run(3, 0..1).is_err_and(|error| error.to_string().contains("no partition number 3")));
}
