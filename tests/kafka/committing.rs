//! What is visible after a commit, and what is hidden before it?

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error,
    position::Positions,
    source::{EnvelopeHeader, Source},
};
use testkit::{
    broker::{Client, Message},
    random::Random,
};

use crate::stage::{ALL, Stage, after, commit, read};

pub(crate) fn a_batch_is_visible_whole_or_not_at_all(client: &Client) {
    let stage = Stage::new(client, "whole", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    assert!(committer.recover(None).expect("recovered").journal.is_empty());
    commit(&mut committer, &["a", "b"], &Positions::default(), "one");

    committer.begin().expect("begun");
    for i in 0..500 {
        committer.write(&Outgoing::plain(Channel::Clean, format!("aborted {i}").as_bytes())).expect("written");
    }
    // Wait until they have reached the broker: an abort can only hide what is there.
    let clean = &stage.config.topics.clean;
    client.wait_for("the open batch", || client.consume_uncommitted(clean).len() == 502);
    assert_eq!(stage.values(Channel::Clean), ["a", "b"], "an open batch is not seen");
    committer.abort().expect("aborted");
    assert_eq!(stage.values(Channel::Clean), ["a", "b"], "nor an aborted one");
    commit(&mut committer, &["c"], &Positions::default(), "two");
    assert_eq!(stage.values(Channel::Clean), ["a", "b", "c"]);
    assert_eq!(stage.journal(), ["one", "two"]);
}

pub(crate) fn outputs_and_offsets_are_one(client: &Client) {
    let stage = Stage::new(client, "atomic", 2);
    stage.fill(0, 10);
    stage.fill(1, 20);
    let mut source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let committed =
        || stage.client.committed(&stage.config.group, stage.input()).into_iter().map(|(id, (offset, _))| (id, offset));
    let records = read(&mut source, 30);
    let all = after(&records);
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
    committer.abort().expect("aborted");
    assert_eq!(committed().count(), 0);
    commit(&mut committer, &["x"], &all, "j");
    assert_eq!(committed().collect::<Vec<_>>(), [(0, 10), (1, 20)]);
    assert_eq!(source.committed().expect("committed"), Some(all));
}

pub(crate) fn keys_headers_and_bytes_are_kept(client: &Client) {
    let stage = Stage::new(client, "headers", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let value: Vec<u8> = (0..=255).collect();
    let header = |name: &str, value: Option<&[u8]>| EnvelopeHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) };
    let headers = [header("weir-verdict", Some(b"clean")), header("twice", None), header("twice", Some(b"\xff\0"))];
    committer.begin().expect("begun");
    for channel in Channel::ALL {
        committer.write(&Outgoing { channel, key: Some(b"k\0"), headers: &headers, value: &value }).expect("written");
    }
    let zero = [header("a\0b", None)];
    let refused = committer.write(&Outgoing { headers: &zero, ..Outgoing::plain(Channel::Clean, b"x") });
    assert!(matches!(refused, Err(Error::Refused(why)) if why.contains("zero byte")));
    committer.abort().expect("aborted");
    committer.begin().expect("begun");
    for channel in Channel::ALL {
        committer.write(&Outgoing { channel, key: Some(b"k\0"), headers: &headers, value: &value }).expect("written");
    }
    committer.commit(&Positions::default(), b"j").expect("committed");
    for channel in Channel::ALL {
        let records = client.consume_all(stage.config.topics.of(channel));
        assert_eq!(records.len(), 1, "{channel:?}");
        assert_eq!(records[0].key.as_deref(), Some(&b"k\0"[..]));
        assert_eq!(records[0].value, value);
        let expected: Vec<_> = headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        assert_eq!(records[0].headers, expected);
    }
}

pub(crate) fn a_key_has_the_partition_that_javas_clients_give_it(client: &Client) {
    let mut stage = Stage::new(client, "keyed", 1);
    stage.config.topics.clean.push_str(".keyed");
    client.create_topic(&stage.config.topics.clean, 7, &[]);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    // Keys, and what Java's murmur2 makes of them (librdkafka, rdmurmur2.c).
    let keys = [("kafka", 0xd067_cf64_u32), ("giberish123456789", 0x8f55_2b0c), ("1234", 0x9fc9_7b14), ("234", 0xe7c0_09ca)];
    committer.begin().expect("begun");
    for (key, _) in keys {
        let record = Outgoing { key: Some(key.as_bytes()), ..Outgoing::plain(Channel::Clean, b"x") };
        committer.write(&record).expect("written");
    }
    committer.commit(&Positions::default(), b"j").expect("committed");
    let records = client.consume_all(&stage.config.topics.clean);
    for (key, hash) in keys {
        let record = records.iter().find(|record| record.key.as_deref() == Some(key.as_bytes())).expect("there");
        assert_eq!(record.partition, (hash & 0x7fff_ffff).rem_euclid(7) as i32, "{key}");
    }
}

pub(crate) fn a_record_too_large_is_refused_before_it_is_produced(client: &Client) {
    let stage = Stage::new(client, "large", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let most = stage.limits.of(Channel::DeadLetters);
    committer.begin().expect("begun");
    // Packing leaves three quarters of it, and what is sent counts.
    let mut value = Random::new(1).text(most / 2 * 3).into_bytes();
    let large = Outgoing::plain(Channel::DeadLetters, &value);
    assert!(!committer.fits(&large));
    match committer.write(&large) {
        Err(Error::TooLarge { channel, bytes, bytes_max }) => {
            assert!(channel == "dead-letters" && bytes > most && bytes_max == most, "{channel} {bytes} {bytes_max}");
        }
        other => panic!("{other:?}"),
    }
    // The broker, too, takes what just fits.
    while !committer.fits(&Outgoing::plain(Channel::DeadLetters, &value)) {
        value.truncate(value.len() - 2000);
    }
    committer.write(&Outgoing::plain(Channel::DeadLetters, &value)).expect("it fits");
    let journal = vec![b'j'; stage.limits.journal() + 1];
    assert!(matches!(committer.commit(&Positions::default(), &journal), Err(Error::TooLarge { channel: "journal", .. })));
    committer.commit(&Positions::default(), b"j").expect("the batch is still open");
    assert_eq!(stage.values(Channel::DeadLetters).iter().map(String::len).collect::<Vec<_>>(), [value.len()]);
}

pub(crate) fn what_was_passed_over_is_committed(client: &Client) {
    let stage = Stage::new(client, "passed", 1);
    stage.fill(0, 3);
    let tombstone = Message { partition: Some(0), ..Message::default() };
    client.produce(stage.input(), &[tombstone.clone(), tombstone]);
    let hidden: Vec<_> = (0..4).map(|i| Message::to(0, format!("hidden {i}"))).collect();
    client.produce_in_transaction(&stage.config.group.replace("passed", "other"), stage.input(), &hidden, false);
    let mut source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let records = read(&mut source, 3);
    commit(&mut committer, &[], &after(&records[..2]), "two");
    let committed = || client.committed(&stage.config.group, stage.input())[&0].clone();
    assert_eq!(committed(), (2, "weir1 begin=0 position=2".to_owned()), "a record is not passed over");
    // 3 records, 2 tombstones, 4 aborted ones and their marker.
    let end = 10;
    for _ in 0..40 {
        assert!(source.read(ALL).expect("read").is_empty());
    }
    commit(&mut committer, &[], &after(&records), "three");
    assert_eq!(committed(), (end, "weir1 begin=0 position=3".to_owned()));
    let lag = source.lag_meter().expect("a meter").measure().expect("an answer");
    assert_eq!(lag, [(source.partitions()[0].clone(), 0)]);
    assert_eq!(source.counts().tombstones, 2);
}
