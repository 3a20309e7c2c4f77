//! How does a standby follow the journal?

use std::{
    thread,
    time::{Duration, Instant},
};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error,
    kafka::JournalReader,
    position::Positions,
};
use testkit::broker::{Client, Message};

use crate::stage::{Stage, commit};

const WAIT: Duration = Duration::from_secs(5);

pub(crate) fn it_is_followed_and_its_silence_known(client: &Client) {
    let stage = Stage::new(client, "followed", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let mut reader = JournalReader::new(&stage.config, None).expect("a reader");
    assert!(reader.poll(Duration::from_millis(50)).expect("polled").is_empty());
    for i in 0..3 {
        commit(&mut committer, &[], &Positions::default(), &format!("j{i}"));
        let records = reader.poll(WAIT).expect("polled");
        assert_eq!(records.iter().map(|(_, record)| record.as_slice()).collect::<Vec<_>>(), [format!("j{i}").as_bytes()]);
        assert_eq!(reader.next_offset(), records[0].0 + 1);
        assert!(reader.silent_for() < Duration::from_secs(2));
    }
    thread::sleep(Duration::from_millis(300));
    // The records of an open batch do not come.
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"x")).expect("written");
    assert!(reader.poll(Duration::from_millis(100)).expect("polled").is_empty());
    assert!(reader.silent_for() >= Duration::from_millis(300));
    assert!(reader.behind().expect("known") <= 1);
    committer.commit(&Positions::default(), b"j3").expect("committed");
    assert!(reader.behind().expect("known") > 1, "there is more, though it was not polled");

    // Another reader begins at the offset that it is given.
    let last = reader.poll(WAIT).expect("polled")[0].0;
    let mut later = JournalReader::new(&stage.config, Some(last)).expect("a reader");
    assert_eq!(later.poll(WAIT).expect("polled"), [(last, b"j3".to_vec())]);
    assert!(matches!(JournalReader::new(&stage.config, Some(1000)), Err(Error::JournalBroken(_))));
    client.delete_records(&stage.config.topics.journal, 0, 2);
    assert!(matches!(JournalReader::new(&stage.config, None), Err(Error::JournalBroken(why)) if why.contains("retention")));
}

/// The broker aborts the transaction that a dead process has left open. Nobody reads its records,
/// and a standby must not wait for them.
pub(crate) fn an_aborted_record_at_the_end_is_nothing_to_wait_for(client: &Client) {
    let stage = Stage::new(client, "aborted-end", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    commit(&mut committer, &[], &Positions::default(), "j0");
    let mut reader = JournalReader::new(&stage.config, None).expect("a reader");
    assert_eq!(reader.poll(WAIT).expect("polled").len(), 1);
    let id = stage.config.group.replace("aborted-end", "dead");
    let journal = &stage.config.topics.journal;
    client.produce_in_transaction(&id, journal, &[Message::to(0, "dead"), Message::to(0, "dead")], false);
    let begun = Instant::now();
    while reader.behind().expect("known") > 1 {
        assert!(reader.poll(Duration::from_millis(20)).expect("polled").is_empty());
        assert!(begun.elapsed() < WAIT, "still behind by {}", reader.behind().expect("known"));
    }
    assert!(begun.elapsed() < WAIT);
    commit(&mut committer, &[], &Positions::default(), "j1");
    assert_eq!(reader.poll(WAIT).expect("polled").len(), 1, "what is behind it is read");
}
