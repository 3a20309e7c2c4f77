//! What takes too long for every run: measurements, and three brokers killed in turn.

use std::{
    collections::BTreeSet,
    io::Write,
    time::{Duration, Instant},
};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    error::Error,
    kafka::Outcome,
    position::Positions,
    source::{Header, Limit, Source},
};
use testkit::{
    broker::{Client, Cluster},
    runner::Ran,
};

use crate::stage::Stage;

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Clean copy, decision, journal record and offsets of documents of 6 KB, in transactions of several sizes.
pub(crate) fn commits_are_measured(client: &Client) {
    let stage = Stage::new(client, "measured", 4);
    let begun = Instant::now();
    let source = stage.source();
    say(&format!("a source over 4 partitions sought in {:.2?}", begun.elapsed()));
    let mut committer = stage.committer(&source);
    for _ in 0..3 {
        let begun = Instant::now();
        committer.recover(None).expect("recovered");
        say(&format!("recovered, nothing to read, in {:.2?}", begun.elapsed()));
    }
    let document: Vec<u8> = (0..6144_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let decision = vec![b'd'; 300];
    let headers = [Header { name: "weir-verdict".to_owned(), value: Some(b"clean".to_vec()) }];
    for (documents, rounds) in [(256_u64, 40_u64), (1024, 20), (8192, 6)] {
        let mut position = 0;
        let mut times = Vec::new();
        for round in 0..rounds + 2 {
            let begun = Instant::now();
            committer.begin().expect("begun");
            for _ in 0..documents {
                let key = position.to_string();
                position += 1;
                let clean = Outgoing { channel: Channel::Clean, key: Some(key.as_bytes()), headers: &headers, value: &document };
                committer.write(&clean).expect("written");
                let decided = Outgoing { channel: Channel::Decisions, key: Some(key.as_bytes()), headers: &[], value: &decision };
                committer.write(&decided).expect("written");
            }
            let written = begun.elapsed();
            committer.commit(&Positions(vec![0; 4]), &[b'j'; 1000]).expect("committed");
            // The first ones warm up.
            if round >= 2 {
                times.push((begun.elapsed(), written, committer.measured()));
            }
        }
        times.sort_by_key(|(whole, _, _)| *whole);
        let (whole, written, steps) = times[times.len() / 2];
        let rate = documents as f64 / whole.as_secs_f64();
        say(&format!(
            "{documents} documents of 6 KB: median {whole:.1?} ({rate:.0} a second); writing {written:.1?}, {steps:.1?}"
        ));
    }
    let expected = 256 * 42 + 1024 * 22 + 8192 * 8;
    let seen: usize = client.consume_all(&stage.config.topics.decisions).len();
    assert_eq!(seen, expected);
}

/// Batches go on while one broker after the other is killed and comes back: none lost, none doubled.
pub(crate) fn three_brokers_killed_in_turn() -> Ran {
    let mut cluster = match Cluster::three() {
        Ok(cluster) => cluster,
        Err(why) => return Ran::NotRun(why.leak()),
    };
    let client = cluster.client();
    let stage = Stage::new(&client, "rolling", 2);
    let documents = 30_000;
    stage.fill(0, documents / 2);
    stage.fill(1, documents / 2);
    let mut source = stage.source();
    let mut committer = stage.committer(&source);
    committer.recover(None).expect("recovered");
    let (mut positions, mut mark) = (Positions(vec![0, 0]), committer.mark().expect("a mark"));
    let (mut recoveries, mut longest) = (0, Duration::ZERO);
    let mut kills = 0;
    let mut down: Option<(usize, Instant)> = None;
    let begun = Instant::now();
    while positions.0.iter().sum::<u64>() < documents as u64 {
        assert!(begun.elapsed() < Duration::from_mins(5), "stuck at {positions}");
        match down {
            None => {
                cluster.kill(kills % 3);
                down = Some((kills % 3, Instant::now()));
                kills += 1;
            }
            Some((node, since)) if since.elapsed() > Duration::from_secs(4) => {
                cluster.restart(node).expect("restarted");
                cluster.wait_up().expect("up");
                // Replicas must be in sync again before the next one dies.
                std::thread::sleep(Duration::from_secs(4));
                down = None;
            }
            Some(_) => {}
        }
        let records = source.read(Limit { records: 300, bytes: usize::MAX }).expect("reading outlives brokers");
        if records.is_empty() {
            continue;
        }
        let at = Instant::now();
        let mut after = positions.clone();
        let result = (|| {
            committer.begin()?;
            for record in &records {
                after.advance(record.position);
                let value = format!("{}/{}", record.position.partition, record.position.offset);
                committer
                    .write(&Outgoing { key: Some(value.as_bytes()), ..Outgoing::plain(Channel::Clean, value.as_bytes()) })?;
            }
            committer.commit(&after, after.to_string().as_bytes())
        })();
        longest = longest.max(at.elapsed());
        match result {
            Ok(()) => (positions, mark) = (after, committer.mark().expect("a mark")),
            Err(Error::Broker { outcome: Outcome::Abort, .. }) => {
                recoveries += 1;
                let _ = committer.abort();
                let journal = committer.recover(Some(&mark)).expect("recovered").journal;
                // The journal knows whether the batch took place.
                if !journal.is_empty() {
                    positions = after;
                }
                mark = committer.mark().expect("a mark");
                source.seek(&positions).expect("sought");
            }
            Err(other) => panic!("{other}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    if down.is_some() {
        (0..3).for_each(|node| drop(cluster.restart(node)));
    }
    let values = stage.values(Channel::Clean);
    let distinct: BTreeSet<&String> = values.iter().collect();
    assert_eq!((values.len(), distinct.len()), (documents, documents), "lost or doubled");
    say(&format!(
        "{kills} brokers killed in {:.0?}: 0 lost, 0 doubled, {recoveries} recoveries, longest batch {longest:.1?}",
        begun.elapsed()
    ));
    Ran::Yes
}
