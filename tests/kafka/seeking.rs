//! Where does reading begin, and when must it not begin?

use std::time::{Duration, Instant};

use connectors::{
    committer::Committer,
    error::Error,
    kafka::{KafkaSource, StartPosition},
    position::Positions,
    source::{KnownPartition, Source},
};
use testkit::broker::{Client, Message};

use crate::stage::{ALL, Stage, after, commit, lines, read};

fn changed(result: Result<(), Error>, why: &str) {
    match result {
        Err(Error::Changed(text)) => assert!(text.contains(why), "{why} in {text}"),
        other => panic!("{other:?}, expected {why}"),
    }
}

pub(crate) fn reading_goes_on_at_positions(client: &Client) {
    let stage = Stage::new(client, "positions", 2);
    stage.fill(0, 10);
    stage.fill(1, 10);
    let mut source = stage.source();
    read(&mut source, 20);
    for (positions, expected) in [
        (Positions(vec![10, 10]), vec![]),
        (Positions(vec![9, 10]), vec!["0-9"]),
        (Positions(vec![10, 8]), vec!["1-8", "1-9"]),
        (Positions(vec![10, 10]), vec![]),
    ] {
        source.seek(&positions).expect("sought");
        assert_eq!(lines(&read(&mut source, expected.len())), expected, "{positions}");
        assert!(source.read(ALL).expect("read").is_empty(), "{positions}");
    }
    // Another process begins at the same positions.
    let mut other = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    assert!(matches!(other.read(ALL), Err(Error::Refused(_))), "nothing before a seek");
    other.seek(&Positions(vec![7])).expect("sought");
    assert_eq!(read(&mut other, 13).len(), 13);
}

pub(crate) fn seeks_may_follow_each_other_at_once(client: &Client) {
    let stage = Stage::new(client, "seeks", 3);
    for partition in 0..3 {
        stage.fill(partition, 20);
    }
    let mut source = stage.source();
    for round in 0..4 {
        // What is fetched has begun, or has not: the client is in another state each time.
        if round % 2 == 0 {
            read(&mut source, 60);
        }
        source.seek(&Positions::default()).expect("sought");
        source.seek(&Positions(vec![19, 20, 20])).expect("sought");
        assert_eq!(lines(&read(&mut source, 1)), ["0-19"]);
        source.seek(&Positions::default()).expect("sought");
    }
    assert_eq!(read(&mut source, 60).len(), 60);
}

pub(crate) fn the_start_is_asked_once(client: &Client) {
    let mut stage = Stage::new(client, "latest", 2);
    stage.config.start = Some(StartPosition::Latest);
    stage.fill(0, 5);
    let source = stage.source();
    assert_eq!(source.beginnings(), Positions(vec![5, 0]));
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    commit(&mut committer, &[], &Positions::default(), "nothing yet");
    // Records come while nobody reads, so "latest" would now be behind them.
    stage.fill(0, 3);
    let mut next = stage.source();
    assert_eq!(next.beginnings(), Positions(vec![5, 0]));
    let records = read(&mut next, 3);
    assert_eq!(records.iter().map(|record| record.position.offset).collect::<Vec<_>>(), [5, 6, 7]);
    // A re-read from the beginning begins there, too, whatever was committed since.
    commit(&mut committer, &[], &after(&records), "all");
    assert_eq!(read(&mut stage.source(), 3), records);
}

pub(crate) fn a_start_must_be_said(client: &Client) {
    let mut stage = Stage::new(client, "unsaid", 1);
    stage.config.start = None;
    let mut source = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    let error = source.seek(&Positions::default()).expect_err("refused").to_string();
    assert!(error.contains("kafka.start") && error.contains("earliest") && error.contains(stage.input()), "{error}");
    stage.fill(0, 3);
    source.seek(&Positions(vec![2])).expect("a position needs no start");
    assert_eq!(lines(&read(&mut source, 1)), ["0-2"]);
}

pub(crate) fn numbers_are_kept(client: &Client) {
    let mut stage = Stage::new(client, "numbers", 2);
    let second = format!("{}.second", stage.input());
    client.create_topic(&second, 1, &[]);
    stage.config.topics.input.push(second.clone());
    let first = stage.input().to_owned();
    let mut source = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    assert_eq!(source.partitions(), [format!("{first}/0"), format!("{first}/1"), format!("{second}/0")]);
    let kept = [format!("{second}/0"), format!("{first}/1")].map(|name| KnownPartition::from(&*name));
    source.keep_numbers(&kept).expect("kept");
    assert_eq!(source.partitions(), [format!("{second}/0"), format!("{first}/1"), format!("{first}/0")]);
    client.produce(&second, &[Message::to(0, "s")]);
    stage.fill(0, 1);
    source.seek(&Positions::default()).expect("sought");
    let mut records = read(&mut source, 2);
    records.sort_by_key(|record| record.position);
    assert_eq!(lines(&records), ["s", "0-0"]);
    assert_eq!(records.iter().map(|record| record.position.partition).collect::<Vec<_>>(), [0, 2]);
    changed(source.keep_numbers(&["elsewhere/0".into()]), "kafka.topics.input names its topic no more");
}

pub(crate) fn a_new_partition_is_read_from_its_beginning(client: &Client) {
    let mut stage = Stage::new(client, "grows", 1);
    stage.config.metadata_every = Duration::from_millis(300);
    stage.config.start = Some(StartPosition::Latest);
    stage.fill(0, 2);
    let mut source = stage.source();
    assert!(source.read(ALL).expect("read").is_empty());
    client.grow_topic(stage.input(), 3);
    stage.fill(2, 4);
    stage.fill(0, 1);
    let records = read(&mut source, 5);
    assert_eq!(source.partitions().len(), 3);
    assert_eq!(records.iter().filter(|record| record.position.partition == 2).count(), 4, "nothing of it is skipped");
    // A process that knew only the first partition finds the others later, too.
    let mut next = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    let known = [KnownPartition::from(&*next.partitions()[0])];
    next.keep_numbers(&known).expect("kept");
    next.seek(&Positions(vec![3])).expect("sought");
    assert_eq!(lines(&read(&mut next, 4)), ["2-0", "2-1", "2-2", "2-3"]);
}

pub(crate) fn a_topic_made_anew_is_refused(client: &Client) {
    let stage = Stage::new(client, "remade", 1);
    stage.fill(0, 10);
    let positions = after(&read(&mut stage.source(), 10));
    client.delete_topic(stage.input());
    client.create_topic(stage.input(), 1, &[]);
    stage.fill(0, 3);
    changed(
        KafkaSource::new(&stage.config, stage.record_limits).expect("a source").seek(&positions),
        "ends at offset 3, expected at least 10",
    );
}

pub(crate) fn what_retention_took_is_refused(client: &Client) {
    let stage = Stage::new(client, "retention", 1);
    stage.fill(0, 10);
    client.delete_records(stage.input(), 0, 6);
    let mut source = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    changed(source.seek(&Positions(vec![4])), "begins at offset 6, expected 4");
    source.seek(&Positions(vec![6])).expect("sought");
    assert_eq!(read(&mut source, 4).len(), 4);
}

pub(crate) fn what_expired_after_it_was_read_is_no_loss(client: &Client) {
    let stage = Stage::new(client, "expired", 1);
    let id = stage.config.group.replace("expired", "producer");
    let lines: Vec<_> = (0..5).map(|i| Message::to(0, format!("{i}"))).collect();
    client.produce_in_transaction(&id, stage.input(), &lines, true);
    let mut source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let positions = after(&read(&mut source, 5));
    let committed = || client.committed(&stage.config.group, stage.input()).get(&0).map(|(offset, _)| *offset);
    let deadline = Instant::now() + Duration::from_secs(20);
    // The stage commits every second even if nothing comes. Once the end is known, it is committed.
    while committed() != Some(6) {
        assert!(Instant::now() < deadline, "{:?} is committed, expected 6: five records and a marker", committed());
        assert!(source.read(ALL).expect("read").is_empty());
        commit(&mut committer, &[], &positions, "j");
    }
    client.delete_records(stage.input(), 0, 6);
    let mut next = KafkaSource::new(&stage.config, stage.record_limits).expect("a source");
    next.seek(&positions).expect("only a marker has expired");
    stage.fill(0, 1);
    assert_eq!(read(&mut next, 1)[0].position.offset, 6);
    changed(next.seek(&Positions(vec![4])), "begins at offset 6");
}

pub(crate) fn a_topic_that_is_gone_is_noticed(client: &Client) {
    let mut stage = Stage::new(client, "gone", 1);
    stage.config.metadata_every = Duration::from_millis(200);
    let mut source = stage.source();
    client.delete_topic(stage.input());
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match source.read(ALL) {
            Ok(records) => assert!(records.is_empty() && Instant::now() < deadline, "nobody has noticed"),
            Err(Error::Changed(why)) => break assert!(why.contains("not there"), "{why}"),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(matches!(KafkaSource::new(&stage.config, stage.record_limits), Err(Error::Changed(_))));
}
