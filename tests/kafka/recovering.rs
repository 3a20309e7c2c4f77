//! Which process may go on, from where, and what becomes of the process before it?

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error,
    kafka::{ProtocolFault, WithoutSnapshot},
    position::Positions,
};
use testkit::broker::Client;

use crate::stage::{Stage, commit};

fn texts(journal: &[Vec<u8>]) -> Vec<String> {
    journal.iter().map(|record| String::from_utf8(record.clone()).expect("text")).collect()
}

pub(crate) fn the_journal_after_the_mark_comes_back(client: &Client) {
    let stage = Stage::new(client, "checkpoint", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let empty = committer.checkpoint().expect("a checkpoint of nothing");
    let mut checkpoints = vec![empty];
    for i in 0..5 {
        commit(&mut committer, &["x"], &Positions::default(), &format!("j{i}"));
        checkpoints.push(committer.checkpoint().expect("a checkpoint"));
    }
    // An aborted journal record must not come back.
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"never")).expect("written");
    committer.abort().expect("aborted");
    let expected: Vec<String> = (0..5).map(|i| format!("j{i}")).collect();
    for (i, checkpoint) in checkpoints.iter().enumerate() {
        let mut next = stage.committer(&source);
        let recovered = next.recover(Some(checkpoint)).expect("recovered");
        assert_eq!(texts(&recovered.journal), expected[i..], "checkpoint {i}");
        let end = next.checkpoint().expect("a checkpoint");
        assert!(next.recover(Some(&end)).expect("recovered").journal.is_empty(), "it stood at the end");
    }
    // A committer that recovers twice is at the same place.
    let mut next = stage.committer(&source);
    for _ in 0..2 {
        assert_eq!(texts(&next.recover(Some(&checkpoints[3])).expect("recovered").journal), expected[3..]);
    }
    commit(&mut next, &["y"], &Positions::default(), "j5");
    assert_eq!(stage.journal().len(), 6);
}

pub(crate) fn a_zombie_is_fenced_and_harms_nothing(client: &Client) {
    let stage = Stage::new(client, "zombie", 1);
    let source = stage.source();
    let mut zombie = stage.committer(&source);
    zombie.recover(None).expect("recovered");
    commit(&mut zombie, &["before"], &Positions::default(), "j0");
    let checkpoint = zombie.checkpoint().expect("a checkpoint");
    zombie.begin().expect("begun");
    zombie.write(&Outgoing::plain(Channel::Clean, b"of the zombie")).expect("written");
    let clean = &stage.config.topics.clean;
    client.wait_for("the zombie's record", || client.consume_uncommitted(clean).len() == 2);

    let mut next = stage.committer(&source);
    next.recover(Some(&checkpoint)).expect("taken over");
    // The zombie wakes up in the middle of its batch, before or after its successor has committed.
    let more = zombie.write(&Outgoing::plain(Channel::Clean, b"more"));
    let committed = zombie.commit(&Positions(vec![7]), b"zombie");
    assert!(matches!(committed, Err(Error::Fenced { .. })), "{committed:?} after {more:?}");
    let _ = zombie.abort();
    assert!(zombie.begin().is_err(), "it does not go on");
    commit(&mut next, &["after"], &Positions::default(), "j1");
    assert_eq!(stage.values(Channel::Clean), ["before", "after"]);
    assert_eq!(stage.journal(), ["j0", "j1"]);
}

pub(crate) fn a_process_that_dies_in_a_batch_leaves_nothing(client: &Client) {
    let stage = Stage::new(client, "dies", 1);
    stage.fill(0, 10);
    let mut checkpoint = None;
    for round in 0..4_u64 {
        let source = stage.source();
        let mut committer = stage.committer(&source);
        let recovered = committer.recover(checkpoint.as_deref()).expect("recovered");
        assert!(recovered.journal.is_empty(), "round {round}: the checkpoint is the newest");
        commit(&mut committer, &[&format!("r{round}")], &Positions(vec![round + 1]), &format!("j{round}"));
        checkpoint = Some(committer.checkpoint().expect("a checkpoint"));
        committer.begin().expect("begun");
        committer.write(&Outgoing::plain(Channel::Clean, b"never")).expect("written");
        let committed = client.committed(&stage.config.group, stage.input());
        assert_eq!(committed[&0].0, i64::try_from(round).expect("small") + 1);
        // It is dropped within a batch, without an abort.
        drop(committer);
    }
    let mut last = stage.committer(&stage.source());
    last.recover(checkpoint.as_deref()).expect("recovered");
    assert_eq!(stage.values(Channel::Clean), ["r0", "r1", "r2", "r3"]);
    assert_eq!(stage.journal(), ["j0", "j1", "j2", "j3"]);
}

pub(crate) fn without_a_snapshot_nothing_begins_unasked(client: &Client) {
    let stage = Stage::new(client, "unasked", 1);
    stage.fill(0, 5);
    let source = stage.source();
    let mut at_work = stage.committer(&source);
    at_work.recover(None).expect("recovered");
    commit(&mut at_work, &["a"], &Positions(vec![2]), "j0");

    let refused = stage.committer(&source).recover(None).expect_err("refused").to_string();
    assert!(refused.contains("--from-journal") && refused.contains("--accept-loss"), "{refused}");
    commit(&mut at_work, &["b"], &Positions(vec![3]), "j1"); // the refused one has fenced nobody

    let mut from_journal = stage.committer_that(&source, WithoutSnapshot::FromJournal);
    assert_eq!(texts(&from_journal.recover(None).expect("recovered").journal), ["j0", "j1"]);
    commit(&mut from_journal, &["c"], &Positions(vec![4]), "j2");

    let mut accepting = stage.committer_that(&source, WithoutSnapshot::AcceptLoss);
    assert!(accepting.recover(None).expect("recovered").journal.is_empty());
    assert_eq!(source.committed().expect("committed"), Some(Positions(vec![4])), "where to go on");
    let checkpoint = accepting.checkpoint().expect("a checkpoint");
    commit(&mut accepting, &["d"], &Positions(vec![5]), "j3");
    assert_eq!(texts(&stage.committer(&source).recover(Some(&checkpoint)).expect("recovered").journal), ["j3"]);
}

pub(crate) fn a_journal_made_anew_is_noticed(client: &Client) {
    let stage = Stage::new(client, "anew", 1);
    let source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    for i in 0..3 {
        commit(&mut committer, &[], &Positions::default(), &format!("j{i}"));
    }
    let checkpoint = committer.checkpoint().expect("a checkpoint");
    drop(committer);
    let journal = &stage.config.topics.journal;
    let remake = || {
        client.delete_topic(journal);
        client.create_topic(journal, 1, &[]);
    };
    let changed = |why: &str| match stage.committer(&source).recover(Some(&checkpoint)) {
        Err(Error::JournalBroken(text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?}"),
    };
    remake();
    changed("ends at offset 0");
    // The new journal is longer than the old one, so the offset alone would not tell.
    let lines: Vec<_> = (0..20).map(|i| testkit::broker::Message::value(format!("other {i}"))).collect();
    client.produce(journal, &lines);
    changed("another record at offset");
}

/// Without the transaction the first promise is broken: aborted records are seen.
pub(crate) fn without_the_transaction_halves_are_seen(client: &Client) {
    let stage = Stage::new(client, "halves", 1);
    let source = stage.source();
    let broken = ProtocolFault { no_transaction: true, ..ProtocolFault::default() };
    let mut committer = stage.committer(&source).with_protocol_fault(broken);
    committer.recover(None).expect("recovered");
    committer.begin().expect("begun");
    committer.write(&Outgoing::plain(Channel::Clean, b"half")).expect("written");
    client.wait_for("the half", || stage.values(Channel::Clean) == ["half"]);
    committer.abort().expect("nothing to abort");
    assert_eq!(stage.values(Channel::Clean), ["half"]);
}

/// Without the fence the second promise is broken: two processes are at work.
pub(crate) fn without_the_fence_zombies_commit(client: &Client) {
    let stage = Stage::new(client, "unfenced", 1);
    let source = stage.source();
    let broken = ProtocolFault { no_fence: true, ..ProtocolFault::default() };
    let mut zombie = stage.committer(&source).with_protocol_fault(broken);
    zombie.recover(None).expect("recovered");
    let checkpoint = zombie.checkpoint().expect("a checkpoint");
    let mut next = stage.committer(&source).with_protocol_fault(broken);
    next.recover(Some(&checkpoint)).expect("recovered");
    commit(&mut next, &["a"], &Positions::default(), "j0");
    commit(&mut zombie, &["a"], &Positions::default(), "j0");
    assert_eq!(stage.values(Channel::Clean), ["a", "a"], "doubled");
}
