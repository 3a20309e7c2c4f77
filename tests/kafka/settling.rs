//! Are settled documents forwarded exactly once, and recalled ones never?

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use connectors::{
    error::Error,
    kafka::{KafkaConfig, TopicNames},
};
use pipeline::settle::{SettleConfig, Settler};
use testkit::broker::{Client, Message, unique};

struct Topology {
    client: Client,
    config: SettleConfig,
    producer: String,
}

fn message(partition: i32, seqno: Option<u32>, key: &str, value: String) -> Message {
    let seqno = seqno.map(|seqno| ("weir-ordinal".to_owned(), Some(seqno.to_string().into_bytes())));
    let headers = seqno.into_iter().chain([("own".to_owned(), None)]).collect();
    Message { key: Some(key.as_bytes().to_vec()), headers, ..Message::to(partition, value) }
}

fn document(partition: i32, seqno: u32) -> Message {
    message(partition, Some(seqno), &format!("k{seqno}"), format!("document {seqno}"))
}

fn fate(action: &str, seqno: u32) -> Message {
    message(0, Some(seqno), "x/0/0", format!(r#"{{"v":1,"action":"{action}","id":"x","position":"x/0/0"}}"#))
}

fn watermark(up_to: u32) -> Message {
    Message::to(0, format!(r#"{{"v":1,"action":"settled","up_to":{up_to}}}"#))
}

impl Topology {
    fn new(client: &Client, test: &str) -> Self {
        let base = unique(test);
        let of = |name: &str| format!("{base}.{name}");
        for (name, partitions) in [("clean", 3), ("duplicates", 2), ("recalls", 1), ("settled", 2), ("late", 1)] {
            client.create_topic(&of(name), partitions, &[]);
        }
        let mut kafka = KafkaConfig::new(client.address(), of("group"), TopicNames::default());
        kafka.transaction_timeout = Duration::from_secs(20);
        let (clean, duplicates, recalls) = (of("clean"), of("duplicates"), of("recalls"));
        let config = SettleConfig {
            kafka,
            clean,
            duplicates,
            recalls,
            settled: of("settled"),
            late_recalls: of("late"),
            accepts_loss: false,
            commit_again_every: Duration::from_hours(1),
        };
        Self { client: client.clone(), config, producer: of("producer") }
    }

    fn produce(&self, topic: &str, messages: &[Message]) {
        self.client.produce_in_transaction(&self.producer, topic, messages, true);
    }

    fn open(&self) -> Settler {
        Settler::open(&self.config).expect("a settler")
    }

    /// Clean documents, spread over the partitions.
    fn clean(&self, seqnos: impl Iterator<Item = u32>) {
        let documents: Vec<_> = seqnos.map(|seqno| document((seqno % 3) as i32, seqno)).collect();
        self.produce(&self.config.clean, &documents);
    }

    /// Returns the sequence numbers of forwarded documents, each as often as it was forwarded.
    fn forwarded(&self) -> Vec<u32> {
        let records = self.client.consume_all(&self.config.settled);
        let mut seqnos: Vec<u32> = records
            .iter()
            .map(|record| {
                let header = record.headers.iter().find(|(name, _)| name == "weir-ordinal").and_then(|(_, value)| value.clone());
                let seqno = String::from_utf8(header.expect("a sequence number")).expect("text").parse().expect("a number");
                let expected = document(0, seqno);
                assert_eq!(Some(&record.value), expected.value.as_ref());
                assert_eq!((&record.key, &record.headers), (&expected.key, &expected.headers));
                seqno
            })
            .collect();
        seqnos.sort_unstable();
        seqnos
    }
}

/// Steps until it has forwarded this many.
fn settle(settler: &mut Settler, forwarded: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while settler.done().forwarded < forwarded {
        assert!(Instant::now() < deadline, "{:?}, expected {forwarded} forwarded", settler.done());
        settler.step().expect("a step");
    }
}

pub(crate) fn recalled_documents_stay_and_restored_ones_go(client: &Client) {
    let topology = Topology::new(client, "settle");
    topology.clean((0..3_000).filter(|seqno| seqno % 10 != 5));
    let copies: Vec<_> = (0..3_000).filter(|seqno| seqno % 10 == 5).map(|o| document((o % 2) as i32, o)).collect();
    topology.produce(&topology.config.duplicates, &copies);
    let fates: Vec<_> = (0..2_500).step_by(100).flat_map(|o| [fate("recall", o), fate("restore", o + 15)]).collect();
    topology.produce(&topology.config.recalls, &fates);
    topology.produce(&topology.config.recalls, &[fate("recall", 115), watermark(2_000)]);
    let gone: BTreeSet<u32> = (0..2_500).step_by(100).collect();
    let back: BTreeSet<u32> = gone.iter().map(|o| o + 15).filter(|o| *o != 115).collect();
    let expected = |up_to: u32| -> Vec<u32> {
        (0..up_to).filter(|o| if o % 10 == 5 { back.contains(o) } else { !gone.contains(o) }).collect()
    };

    let mut settler = topology.open();
    settle(&mut settler, expected(2_000).len() as u64);
    assert_eq!(topology.forwarded(), expected(2_000), "what no watermark has passed waits");
    // Nothing new comes but a settled watermark.
    topology.produce(&topology.config.recalls, &[watermark(3_000)]);
    settle(&mut settler, expected(3_000).len() as u64);
    assert_eq!(topology.forwarded(), expected(3_000));
    assert_eq!(settler.done().recalled, gone.len() as u64);
    assert_eq!((settler.done().late_recalls, settler.done().watermark), (0, 3_000));
    assert!(client.consume_all(&topology.config.late_recalls).is_empty());
}

pub(crate) fn deaths_at_any_point_lose_and_double_nothing(client: &Client) {
    let topology = Topology::new(client, "settle-deaths");
    let mut expected = Vec::new();
    for round in 0..12_u32 {
        let first = round * 300;
        topology.clean(first..first + 300);
        // It is recalled now and settled two rounds later, so its recall must survive deaths.
        topology.produce(&topology.config.recalls, &[fate("recall", first + 7), fate("recall", first.saturating_sub(100))]);
        if round % 2 == 1 {
            topology.produce(&topology.config.recalls, &[watermark(first - 200)]);
        }
        let mut settler = topology.open();
        for _ in 0..round % 4 {
            settler.step().expect("a step");
        }
        for _ in 0..=round % 3 {
            settler.gather().expect("gathered");
        }
        if round % 5 == 4 {
            settler.commit().expect("committed");
        }
        // The settler dies here, in a transaction or between two.
        drop(settler);
        expected.extend((first..first + 300).filter(|o| *o != first + 7));
        expected.retain(|o| *o != first.saturating_sub(100));
    }
    topology.produce(&topology.config.recalls, &[watermark(3_600)]);
    let mut settler = topology.open();
    let deadline = Instant::now() + Duration::from_secs(30);
    while topology.forwarded().len() < expected.len() {
        assert!(Instant::now() < deadline, "{} of {} forwarded", topology.forwarded().len(), expected.len());
        settler.step().expect("a step");
    }
    for _ in 0..5 {
        settler.step().expect("a step");
    }
    assert_eq!(topology.forwarded(), expected);
    let aborted = client.consume_uncommitted(&topology.config.settled).len() - expected.len();
    assert!(aborted > 0, "no death in a transaction, so nothing was tested");
}

pub(crate) fn a_recall_after_its_mark_is_told_once(client: &Client) {
    let topology = Topology::new(client, "settle-late");
    topology.clean(0..30);
    topology.produce(&topology.config.recalls, &[fate("recall", 3), watermark(20), fate("recall", 4), fate("recall", 25)]);
    let mut settler = topology.open();
    // Whether it was forwarded depends on which topic was read first.
    settle(&mut settler, 18);
    while settler.done().late_recalls < 1 {
        settler.step().expect("a step");
    }
    drop(settler);
    topology.produce(&topology.config.recalls, &[watermark(30)]);
    let mut settler = topology.open();
    settle(&mut settler, 9);
    settler.step().expect("a step");
    assert_eq!(settler.done().late_recalls, 0, "known from before");
    let late = client.consume_all(&topology.config.late_recalls);
    assert_eq!(late.len(), 1);
    assert_eq!(
        (&late[0].value, &late[0].headers),
        (fate("recall", 4).value.as_ref().expect("a value"), &fate("recall", 4).headers)
    );
    let forwarded: Vec<u32> = topology.forwarded().into_iter().filter(|o| *o != 4).collect();
    assert_eq!(forwarded, (0..30).filter(|o| ![3, 4, 25].contains(o)).collect::<Vec<_>>());
}

pub(crate) fn a_second_settler_fences_the_first(client: &Client) {
    let topology = Topology::new(client, "settle-fence");
    topology.clean(0..100);
    topology.produce(&topology.config.recalls, &[watermark(100)]);
    let mut first = topology.open();
    while client.consume_uncommitted(&topology.config.settled).is_empty() {
        first.gather().expect("gathered");
    }
    let mut second = topology.open();
    let error = first.commit().expect_err("fenced");
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    drop(first);
    settle(&mut second, 100);
    assert_eq!(topology.forwarded(), (0..100).collect::<Vec<_>>());
}

pub(crate) fn fates_are_forgotten_and_a_stop_is_clean(client: &Client) {
    let topology = Topology::new(client, "settle-forget");
    topology.clean(0..300);
    let fates: Vec<_> = (0..100).map(|seqno| fate("recall", seqno)).collect();
    topology.produce(&topology.config.recalls, &fates);
    topology.produce(&topology.config.recalls, &[watermark(200)]);
    topology.produce(&topology.config.recalls, &[watermark(300)]);
    let stop = AtomicBool::new(false);
    let done = thread::scope(|scope| {
        let running = scope.spawn(|| Settler::run(&topology.config, || stop.load(Ordering::Relaxed)));
        client.wait_for("200 documents", || topology.forwarded().len() == 200);
        stop.store(true, Ordering::Relaxed);
        running.join().expect("no panic").expect("a clean end")
    });
    assert_eq!((done.forwarded, done.recalled, done.watermark), (200, 100, 300));
    let read = || client.committed(&topology.config.kafka.group, &topology.config.recalls)[&0].clone();
    let text = read().1;
    assert!(
        text.starts_with("weir-settle1 read=104 mark=300 at=103/"),
        "100 records, 2 marks, 2 ends of transactions between: {text}"
    );
    assert_eq!(read().0, 0, "what is known would be read again");
    // Nothing ever comes on the topic of duplicates, which must not hold up anything.
    let mut settler = topology.open();
    topology.produce(&topology.config.recalls, &[watermark(301)]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while settler.done().fates > 0 || read().0 == 0 {
        assert!(Instant::now() < deadline, "{:?}", settler.done());
        settler.step().expect("a step");
    }
    assert!(read().0 > 104 && topology.forwarded().len() == 200, "{:?}", read());
}

/// Opens a settler that must refuse with these words, and then one that accepts the loss.
fn accepted(topology: &mut Topology, expected: &[&str]) -> Settler {
    let refused = Settler::open(&topology.config).err().expect("refused").to_string();
    for part in expected.iter().chain(&["--accept-loss"]) {
        assert!(refused.contains(part), "expected {part:?}: {refused}");
    }
    topology.config.accepts_loss = true;
    let settler = topology.open();
    topology.config.accepts_loss = false;
    settler
}

/// Steps until everything that is behind the last record is committed as well.
fn settle_to_the_end(topology: &Topology, settler: &mut Settler) {
    let Topology { client, config, .. } = topology;
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_at_end = |topic: &String| {
        let committed = client.committed(&config.kafka.group, topic);
        (0..client.partitions(topic)).all(|id| committed.get(&id).is_some_and(|(at, _)| *at == client.extent(topic, id).1))
    };
    while ![&config.clean, &config.recalls].into_iter().all(is_at_end) {
        assert!(Instant::now() < deadline, "{:?}", settler.done());
        settler.step().expect("a step");
    }
}

pub(crate) fn what_retention_took_is_told_and_counted(client: &Client) {
    let mut topology = Topology::new(client, "settle-lost");
    topology.clean(0..30);
    topology.produce(&topology.config.recalls, &[watermark(30)]);
    let mut settler = topology.open();
    settle(&mut settler, 30);
    settle_to_the_end(&topology, &mut settler);
    drop(settler);
    // All that was read may go, and the ends of its transactions with it.
    for (topic, partitions) in [(&topology.config.clean, 3), (&topology.config.recalls, 1)] {
        (0..partitions).for_each(|id| client.delete_records(topic, id, client.extent(topic, id).1));
    }
    drop(topology.open());
    topology.clean(30..60);
    topology.produce(&topology.config.recalls, &[fate("recall", 59), watermark(59)]);
    let first = client.extent(&topology.config.clean, 0).0;
    client.delete_records(&topology.config.clean, 0, first + 4);
    let mut settler = accepted(&mut topology, &["clean/0 begins at", "removed 4 offsets that were not read"]);
    settle(&mut settler, 25);
    assert_eq!(settler.done().lost, 4);
    let expected: Vec<u32> = (0..59).filter(|seqno| ![30, 33, 36, 39].contains(seqno)).collect();
    assert_eq!(topology.forwarded(), expected);
    drop(settler);
    let text = client.committed(&topology.config.kafka.group, &topology.config.clean)[&0].1.clone();
    assert!(text.ends_with(" lost=4"), "{text}");
    // A recall that is still needed is gone: its document is forwarded.
    client.delete_records(&topology.config.recalls, 0, client.extent(&topology.config.recalls, 0).1);
    let mut settler = accepted(&mut topology, &["recalls/0 begins at", "are still needed"]);
    topology.produce(&topology.config.recalls, &[watermark(60)]);
    settle(&mut settler, 1);
    assert_eq!(topology.forwarded().last(), Some(&59));
}

pub(crate) fn topics_made_anew_are_known_and_read_from_their_beginning(client: &Client) {
    let mut topology = Topology::new(client, "settle-anew");
    topology.clean(0..30);
    topology.produce(&topology.config.recalls, &[watermark(30)]);
    settle(&mut topology.open(), 30);
    for (topic, partitions) in [(&topology.config.clean, 3), (&topology.config.recalls, 1)] {
        client.delete_topic(topic);
        client.create_topic(topic, partitions, &[]);
    }
    topology.clean(40..140);
    topology
        .produce(&topology.config.recalls, &(0..9).map(|n| watermark(40 + n * 10)).chain([watermark(140)]).collect::<Vec<_>>());
    let (clean, recalls) = (topology.config.clean.clone(), topology.config.recalls.clone());
    let expected = [&format!("for {clean} nothing is committed"), &format!("for {recalls} nothing is committed"), "made anew"];
    let mut settler = accepted(&mut topology, &expected);
    settle(&mut settler, 100);
    assert_eq!(topology.forwarded(), (0..30).chain(40..140).collect::<Vec<_>>());
    drop(settler);
    topology.clean(140..150);
    topology.produce(&topology.config.recalls, &[watermark(150)]);
    settle(&mut topology.open(), 10);
    // Where the brokers still know what was committed, the last record tells.
    let group = topology.config.kafka.group.clone();
    let (offset, text) = client.committed(&group, &clean)[&1].clone();
    let (before, _) = text.rsplit_once('/').expect("a digest");
    client.set_committed(&group, &clean, 1, (offset, &format!("{before}/0123456789abcdef")));
    drop(accepted(&mut topology, &["clean/1 holds another record than was read there", "made anew"]));
}

pub(crate) fn what_is_committed_does_not_expire_unnoticed(client: &Client) {
    let mut topology = Topology::new(client, "settle-expired");
    topology.clean(0..30);
    topology.produce(&topology.config.recalls, &[watermark(30)]);
    topology.config.commit_again_every = Duration::ZERO;
    let mut settler = topology.open();
    settle(&mut settler, 30);
    settle_to_the_end(&topology, &mut settler);
    // While it runs it commits again what the brokers forget.
    let group = topology.config.kafka.group.clone();
    client.forget_group(&group);
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.committed(&group, &topology.config.clean).len() < 3 {
        assert!(Instant::now() < deadline, "nothing is committed again");
        settler.step().expect("a step");
    }
    drop(settler);
    drop(topology.open());
    // While it does not run they may forget everything.
    client.forget_group(&group);
    let settled = topology.config.settled.clone();
    drop(accepted(&mut topology, &["has committed nothing", &settled, "another topic under another group"]));
    assert_eq!(topology.forwarded(), (0..30).collect::<Vec<_>>(), "nothing comes twice unasked");
}

pub(crate) fn its_topics_are_made_if_asked(client: &Client) {
    let mut topology = Topology::new(client, "settle-made");
    topology.clean(0..10);
    topology.produce(&topology.config.recalls, &[watermark(10)]);
    topology.config.settled += ".made";
    topology.config.late_recalls += ".made";
    let refused = Settler::open(&topology.config).err().expect("refused").to_string();
    assert!(refused.contains(&topology.config.settled) && refused.contains("no such topic"), "{refused}");
    (topology.config.kafka.create_topics, topology.config.kafka.partitions) = (true, 2);
    settle(&mut topology.open(), 10);
    assert_eq!(topology.forwarded(), (0..10).collect::<Vec<_>>());
    assert_eq!(client.partitions(&topology.config.late_recalls), 2);
    // Inputs are never made.
    topology.config.clean += ".gone";
    let refused = Settler::open(&topology.config).err().expect("refused").to_string();
    assert!(refused.contains(".clean.gone: there is no such topic"), "{refused}");
}

pub(crate) fn a_topic_too_narrow_is_refused_before_anything_is_read(client: &Client) {
    let mut topology = Topology::new(client, "settle-narrow");
    topology.config.settled += ".narrow";
    client.create_topic(&topology.config.settled, 1, &[("max.message.bytes", "100000")]);
    let refused = Settler::open(&topology.config).err().expect("refused").to_string();
    assert!(refused.contains("takes records of 100000 bytes"), "{refused}");
}

pub(crate) fn what_it_cannot_rely_on_is_refused(client: &Client) {
    let refused = |test: &str, spoil: &dyn Fn(&Topology), expected: &str| {
        let topology = Topology::new(client, test);
        spoil(&topology);
        let ended = Settler::run(&topology.config, || false);
        assert!(matches!(&ended, Err(error) if error.to_string().contains(expected)), "{ended:?}, expected {expected}");
        // Documents before the refused record may have been forwarded.
        assert!(matches!(topology.forwarded()[..], [] | [5]), "{:?}", topology.forwarded());
    };
    let bare = || message(0, None, "k", "x".to_owned());
    refused("settle-bare", &|t| t.produce(&t.config.clean, &[bare()]), "weir-ordinal is no such header");
    let back = |t: &Topology| {
        t.produce(&t.config.clean, &[document(1, 5), document(1, 5)]);
        t.produce(&t.config.recalls, &[watermark(6)]);
    };
    refused("settle-back", &back, "sequence number 5 after 5");
    refused("settle-line", &|t| t.produce(&t.config.recalls, &[Message::to(0, "{}")]), "no line of recalls");
    refused("settle-gone", &|t| t.client.delete_topic(&t.config.late_recalls), "there is no such topic");
}
