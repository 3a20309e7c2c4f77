//! Twenty minutes at full rate: is memory flat once all tables are full?
//!
//! A crawl that never repeats itself is produced faster than it is decided; topics keep the last
//! few hundred megabytes. Bounds are small enough for all tables to be full, and replaced once
//! over, after a few minutes.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use operators::{
    background::BackgroundOrigin,
    learn::{LearnOptions, Learner},
    reputation::publisher::{Platforms, publisher_of},
    text::{Language, Tokenizer},
};
use sample::{DocumentKind, Size};
use serde_json::json;
use tempfile::NamedTempFile;
use testkit::{
    broker::{Client, Cluster, Message},
    stream,
};

use crate::{
    account::print_figures,
    group::{Group, InputTopic, keep_short},
    process::Process,
};

/// How many documents the indexes remember. Horizons are half as long.
const REMEMBERED: u64 = 100_000;
/// After so many documents every table has been full and replaced, and lists of carriers are as
/// long as they get.
const WARM: u64 = 600_000;
const MINUTES: u64 = 20;
/// The pause between two observations.
const LOOK: Duration = Duration::from_secs(5);
/// How many documents are produced at once, and how far production is ahead at most.
const BATCH: usize = 4_000;
const AHEAD: u64 = 40_000;
/// Growth over the twenty minutes that no longer counts as flat, as a share of the memory held.
const GROWTH_MAX: f64 = 0.05;

/// The size of a crawl that does not end while the test runs, and of the reference for its
/// background.
const SIZE: Size = Size { pages: 10_000_000, reference: 20_000 };
const SEED: u64 = 51;

/// What was observed at one time.
struct Observation {
    seconds: f64,
    documents: u64,
    bytes: f64,
}

/// Sets its flag when it is dropped.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn twenty_minutes_at_full_rate(cluster: Cluster) {
    let client = cluster.client();
    let input = InputTopic::kept_short(&client, 3);
    let group = Group::new(&input, "soak");
    for key in ["clean", "quarantine", "duplicates", "decisions"] {
        keep_short(&client, &group.topic(key), 3);
    }
    let listen = free_address();
    let background = background();
    let mut settings = settings(&listen).to_vec();
    settings.push(format!("background.path={}", background.path().display()));
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let mut process = group.begin(group.command_with("a", &settings));
    process.wait_active();
    let (decided, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| feed(&client, &input.topic, &decided, &ended));
        // Also when a look fails, or the scope would wait for the feeder for ever.
        let ends = Ends(&ended);
        let looks = watch(&group, &mut process, &decided);
        drop(ends);
        report(&looks, &metrics(&listen));
    });
    process.stop();
    drop(cluster);
}

/// Returns bounds in the proportions of the defaults, a fiftieth of them.
fn settings(listen: &str) -> [String; 11] {
    [
        format!("metrics.listen={listen}"),
        "engine.batch_documents=1024".to_owned(),
        "state.snapshot_documents=16384".to_owned(),
        format!("state.horizon_documents={}", REMEMBERED / 2),
        "state.horizon_memory_bytes=67108864".to_owned(),
        format!("operators.exact_dedup.documents_max={REMEMBERED}"),
        format!("operators.near_dup.documents_max={REMEMBERED}"),
        format!("operators.trigger_spike.horizon_documents={}", REMEMBERED / 2),
        "operators.trigger_spike.candidates_max=500000".to_owned(),
        "operators.trigger_spike.gate_bytes=4194304".to_owned(),
        "operators.trigger_spike.line_bytes=4194304".to_owned(),
    ]
}

/// Learns a background from the crawl's reference.
fn background() -> NamedTempFile {
    let tokenizer = Tokenizer::new(stream::SEED, 50_000);
    let mut learner = Learner::new(stream::SEED, LearnOptions::default());
    for page in sample::documents(SIZE, SEED).take_while(|page| page.kind == DocumentKind::Reference) {
        learner.add(&page.url, "reference", Language::of(&page.text), &tokenizer.tokens(&page.text).ids);
    }
    let platforms = Platforms::new([""; 0], &[], &[]).expect("no pattern, none wrong");
    let learned =
        learner.finish(BackgroundOrigin::Trusted, &|url, source, _| publisher_of(url, source, stream::SEED, &platforms));
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(&learned.save()).expect("written");
    file
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Keeps the input ahead of what is decided.
fn feed(client: &Client, topic: &str, decided: &AtomicU64, ended: &AtomicBool) {
    let mut pages = sample::crawl(SIZE, SEED);
    let mut produced = 0;
    while !ended.load(Ordering::Relaxed) {
        if produced > decided.load(Ordering::Relaxed) + AHEAD {
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        let messages: Vec<_> = pages
            .by_ref()
            .take(BATCH)
            .enumerate()
            .map(|(n, page)| Message::to((n % 3) as i32, json!({"id": page.id, "url": page.url, "text": page.text}).to_string()))
            .collect();
        produced += messages.len() as u64;
        client.produce(topic, &messages);
    }
}

fn watch(group: &Group, process: &mut Process, decided: &AtomicU64) -> Vec<Observation> {
    let mut looks: Vec<Observation> = Vec::new();
    let mut warm: Option<Instant> = None;
    while warm.is_none_or(|since| since.elapsed() < Duration::from_secs(60 * MINUTES)) {
        thread::sleep(LOOK);
        assert!(process.ended().is_none(), "{}", process.log());
        let documents = group.decided();
        decided.store(documents, Ordering::Relaxed);
        if documents >= WARM {
            let since = *warm.get_or_insert_with(Instant::now);
            looks.push(Observation { seconds: since.elapsed().as_secs_f64(), documents, bytes: process.rss() as f64 });
        }
    }
    looks
}

/// Returns the slope of a straight line through the observations, in bytes a second (least
/// squares).
fn slope(looks: &[Observation]) -> f64 {
    let n = looks.len() as f64;
    let (x, y) = (looks.iter().map(|l| l.seconds).sum::<f64>() / n, looks.iter().map(|l| l.bytes).sum::<f64>() / n);
    let covariance: f64 = looks.iter().map(|l| (l.seconds - x) * (l.bytes - y)).sum();
    covariance / looks.iter().map(|l| (l.seconds - x).powi(2)).sum::<f64>()
}

fn report(looks: &[Observation], metrics: &str) {
    let (first, last) = (&looks[0], &looks[looks.len() - 1]);
    let mean = looks.iter().map(|l| l.bytes).sum::<f64>() / looks.len() as f64;
    let (slope, seconds) = (slope(looks), last.seconds - first.seconds);
    let rate = (last.documents - first.documents) as f64 / seconds;
    print_figures(&format!(
        "{:.1} minutes at {rate:.0} documents/s, {} in all: memory {:.0} MB on average, {:.0} to {:.0} MB, slope {:.3} MB a \
         minute, {:.1} bytes a document",
        seconds / 60.0,
        last.documents,
        mean / 1e6,
        looks.iter().map(|l| l.bytes).fold(f64::MAX, f64::min) / 1e6,
        looks.iter().map(|l| l.bytes).fold(0.0, f64::max) / 1e6,
        slope * 60.0 / 1e6,
        slope / rate,
    ));
    for line in metrics.lines().filter(|line| line.starts_with("weir_state_bytes") || line.starts_with("weir_snapshot")) {
        print_figures(line);
    }
    assert!(slope * seconds < GROWTH_MAX * mean, "memory grows by {:.1} MB in {seconds:.0} s", slope * seconds / 1e6);
}

fn metrics(listen: &str) -> String {
    let mut stream = TcpStream::connect(listen).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
