//! How long does a snapshot stop the stream, and how long does a restart take, by the number of
//! documents that the state has seen?
//!
//! This is no criterion bench: there is one run, and filling the state is what takes time (about 60
//! us a document on two cores). Documents have 40 words drawn from 200,000 by Zipf's law and lie on
//! 50,000 sites, and one in twenty is a copy. So every index, the doorkeeper and the candidate
//! table fill up as they do in a crawl. Outputs go nowhere; the state goes to a folder for
//! temporary files.
//!
//! `WEIR_BENCH_DOCUMENTS=5000000 cargo bench --bench snapshot` is the run whose result is recorded;
//! the default is a tenth of a million.
#![allow(clippy::print_stdout, reason = "a program that prints its result")]

use std::{
    fmt::Write as _,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use benches::{platforms, restore};
use connectors::{
    discard::Discard,
    error::Error,
    position::{Partition, Position, Positions},
    source::{Limit, Payload, Record, Source},
};
use operators::{
    background::{Background, BackgroundOrigin},
    learn::{LearnOptions, Learner},
    reputation::publisher::publisher_of,
    text::{Language, Seed, Tokenizer, hash::mix},
};
use pipeline::{
    config::Config,
    run::{Pace, Stage},
};

const SEED: Seed = Seed(0x5a9);
const WORDS: u64 = 200_000;
const SITES: u64 = 50_000;
const LEARNED: u64 = 20_000;

/// The `number`-th document: its site and its text.
fn document(number: u64) -> (u64, String) {
    // One in twenty is an earlier document once more.
    let of = if number > 100 && mix(number ^ 0xc0).is_multiple_of(20) { number - 1 - mix(number) % 100 } else { number };
    let mut text = String::with_capacity(320);
    for place in 0..40 {
        let draw = mix(of << 8 | place);
        // Zipf's law with exponent one: the logarithm of the rank is uniform.
        let rank = (WORDS as f64).powf((draw >> 11) as f64 / (1_u64 << 53) as f64) as u64;
        let _ = write!(text, "w{:x}", mix(rank) & 0xff_ffff);
        text.push(if place % 10 == 9 { '\n' } else { ' ' });
    }
    (mix(number ^ 0x517e) % SITES, text)
}

fn url(site: u64, number: u64) -> String {
    format!("https://site{site}.example/{number}")
}

struct Documents {
    names: Vec<String>,
    next: u64,
    end: u64,
}

impl Source for Documents {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    fn seek(&mut self, positions: &Positions) -> Result<(), Error> {
        self.next = positions.next(0);
        Ok(())
    }

    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        let count = (limit.records as u64).min(self.end - self.next);
        self.read_run(0, self.next..self.next + count)
    }

    fn read_run(&mut self, partition: Partition, offsets: Range<u64>) -> Result<Vec<Record>, Error> {
        let records = (self.next..offsets.end).map(|offset| {
            let (site, text) = document(LEARNED + offset);
            let line = serde_json::json!({"url": url(site, offset), "text": text}).to_string();
            Record::new(Position { partition, offset }, offset, Payload::Line(line.into_bytes()))
        });
        let records = records.collect();
        self.next = offsets.end;
        Ok(records)
    }
}

fn background() -> Arc<Background> {
    let tokenizer = Tokenizer::new(SEED, 50_000);
    let mut learner = Learner::new(SEED, LearnOptions::default());
    for number in 0..LEARNED {
        let (site, text) = document(number);
        learner.add(&url(site, number), "bench", Language::UNKNOWN, &tokenizer.tokens(&text).ids);
    }
    Arc::new(learner.finish(BackgroundOrigin::Trusted, &|url, source, hosts| publisher_of(url, source, SEED, &platforms(hosts))))
}

/// Quantiles of all stops.
fn spread(stops: &mut [Duration]) -> String {
    stops.sort_unstable();
    let below = |percent: usize| stops.get(stops.len() * percent / 100).or(stops.last()).copied().unwrap_or_default();
    let [half, nine, most, all] = [50, 90, 99, 100].map(below);
    format!("{} stops, half up to {half:.0?}, nine in ten {nine:.0?}, 99 in 100 {most:.0?}, all {all:.0?}", stops.len())
}

fn main() {
    let documents = std::env::var("WEIR_BENCH_DOCUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000_u64);
    let config = Config::default();
    let background = background();
    let folder = tempfile::tempdir().expect("a folder");
    // Snapshots are taken here, so that each can be timed.
    let pace = Pace { batch_documents: 1024, batch_bytes: 64 << 20, snapshot_documents: u32::MAX, snapshot_every: Duration::MAX };
    let source = Documents { names: vec!["bench".to_owned()], next: 0, end: documents };
    let mut stage =
        Stage::open(source, Discard, restore(&config, &background, SEED, folder.path(), &["bench"]), pace).expect("opens");
    let every = u64::from(config.state.snapshot_documents);
    let (began, mut due, mut stops) = (Instant::now(), every, Vec::new());
    while stage.step(None).expect("a step") {
        let seen = u64::from(stage.engine().next());
        if seen >= due {
            due += every;
            let stop = Instant::now();
            stage.snapshot().expect("a snapshot");
            stops.push(stop.elapsed());
            if seen * 10 / documents > (seen - every) * 10 / documents {
                println!("{seen:>9} documents, {:>5.0} s, stop {:?}", began.elapsed().as_secs_f64(), stops[stops.len() - 1]);
            }
        }
    }
    let last = &stops[stops.len().saturating_sub(10)..];
    let worst = last.iter().max().copied().unwrap_or(Duration::ZERO);
    for (store, bytes) in stage.engine().state_bytes() {
        println!("memory  {store:<12} {:>8.1} MB {:>8.1} bytes a document", bytes as f64 / 1e6, bytes as f64 / documents as f64);
    }
    for (store, bytes) in stage.engine().disk_bytes() {
        println!("disk    {store:<12} {:>8.1} MB {:>8.1} bytes a document", bytes as f64 / 1e6, bytes as f64 / documents as f64);
    }
    let (engine, _) = stage.finish(true).expect("ends");
    let want = u64::from(engine.next());
    drop(engine);
    let restart = Instant::now();
    let restored = restore(&config, &background, SEED, folder.path(), &["bench"]);
    assert_eq!(u64::from(restored.engine.next()), want, "everything is known again");
    let spread = spread(&mut stops);
    println!("{spread}, the last ten {worst:.0?}; restart {:.1} s at {want} documents", restart.elapsed().as_secs_f64());
}
