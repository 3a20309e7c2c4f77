//! Which measurements take too long for every run of the tests?

use std::{io::Write, time::Instant};

use connectors::{
    committer::{Channel, Committer, Outgoing},
    position::Positions,
    source::EnvelopeHeader,
};
use testkit::broker::Client;

use crate::stage::Stage;

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Clean copy, decision, journal record and offsets of documents of 6 KB, in transactions of
/// several sizes.
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
    let headers = [EnvelopeHeader { name: "weir-verdict".to_owned(), value: Some(b"clean".to_vec()) }];
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
                times.push((begun.elapsed(), written, committer.commit_times()));
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
