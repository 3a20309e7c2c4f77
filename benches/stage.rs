//! What does Kafka cost? The stage from Kafka to Kafka is compared with the two things that it does
//! at once:
//!
//! ```text
//! a  pass-through   the same client and transactions, with outputs made before; nothing is decided
//! b  operators      the stage over records in memory; outputs are serialised and dropped
//! c  stage          both
//! ```
//!
//! If all cores are busy, c is 1 / (1/a + 1/b) at best, unless a or b leaves a core idle. The
//! result is stated as a share of that. All three run on one machine with a real broker, in turns,
//! and the median of the rounds counts.
//!
//! This is no criterion bench, because a round takes a broker and topics of its own. It is run by
//! `cargo bench --bench stage`. Variables: `WEIR_BENCH_DOCUMENTS` (pages of a sample crawl,
//! 40,000), `WEIR_BENCH_ROUNDS` (3), `WEIR_BENCH_BATCH` (`engine.batch_documents`), and
//! `WEIR_TEST_KAFKA=host:port` for a broker that runs already.
#![allow(clippy::print_stdout, reason = "a program that prints its result")]

use std::{
    collections::{BTreeSet, HashMap},
    io::{BufRead, BufReader},
    ops::Range,
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::Arc,
    thread,
    time::Instant,
};

use benches::{crawl, restore};
use connectors::{
    committer::Committer,
    discard::Discard,
    error::Error,
    kafka::{
        CheckedTopics, KafkaCommitter, KafkaConfig, KafkaPublisher, KafkaSource, StartPosition, TopicNames, WithoutSnapshot,
        check_topics,
    },
    position::{Partition, Position, Positions},
    source::{Limit, Record, Source},
};
use operators::{background::Background, text::Seed};
use pipeline::{
    config::Config,
    output::{self, OutputRecord},
    run::{Pace, Stage},
};
use sample::Size;

const SEED: Seed = Seed(0xbe9d);
const SAMPLE_SEED: u64 = 12;
const REFERENCE: u32 = 20_000;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The broker of the README, until this process ends.
struct Broker {
    address: String,
    started: Option<Child>,
}

impl Broker {
    fn start() -> Self {
        if let Ok(address) = std::env::var("WEIR_TEST_KAFKA") {
            return Self { address, started: None };
        }
        // A process of its own: its crate would switch injected faults on in what is measured.
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["run", "--quiet", "-p", "testkit", "--bin", "broker"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("cargo runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("broker at ").expect("a broker, with Java and Maven installed").to_owned();
        Self { address, started: Some(child) }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.started {
            // The end of its input is its end.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Records in memory, in the order in which a broker gave them.
struct InMemory {
    names: Vec<String>,
    records: Vec<Record>,
    next: usize,
}

impl Source for InMemory {
    fn partitions(&self) -> &[String] {
        &self.names
    }

    fn seek(&mut self, _: &Positions) -> Result<(), Error> {
        self.next = 0;
        Ok(())
    }

    fn read(&mut self, limit: Limit) -> Result<Vec<Record>, Error> {
        let end = self.records.len().min(self.next + limit.records);
        let records = self.records[self.next..end].to_vec();
        self.next = end;
        Ok(records)
    }

    fn read_run(&mut self, _: Partition, _: Range<u64>) -> Result<Vec<Record>, Error> {
        Err(Error::Refused("nothing is read again here".to_owned()))
    }
}

struct Bench {
    broker: Broker,
    config: Config,
    background: Arc<Background>,
    documents: usize,
}

impl Bench {
    /// A group with outputs of its own over the one input.
    fn group(&self, name: &str) -> (KafkaConfig, CheckedTopics) {
        let name = format!("bench-{}-{name}", std::process::id());
        let of = |topic: &str| format!("{name}.{topic}");
        let topics = TopicNames {
            input: vec![format!("bench-{}", std::process::id())],
            clean: of("clean"),
            quarantine: of("quarantine"),
            duplicates: of("duplicates"),
            decisions: of("decisions"),
            recalls: of("recalls"),
            alarms: of("alarms"),
            dead_letters: of("dead-letters"),
            journal: of("journal"),
        };
        let mut kafka = KafkaConfig::new(self.broker.address.clone(), name, topics);
        (kafka.start, kafka.create_topics, kafka.partitions) = (Some(StartPosition::Earliest), true, 3);
        let checked = check_topics(&kafka).expect("topics");
        (kafka, checked)
    }

    fn limit(&self) -> Limit {
        Limit { records: self.config.engine.batch_documents, bytes: self.config.engine.batch_bytes }
    }

    fn publish(&self, pages: &[sample::SampleDocument]) {
        let (kafka, _) = self.group("publish");
        let (mut publisher, _) = KafkaPublisher::open(&kafka, "bench", true).expect("a publisher");
        for batch in pages.chunks(4096) {
            publisher.begin().expect("begun");
            for page in batch {
                let value = serde_json::json!({"id": page.id, "url": page.url, "text": page.text, "date": page.time});
                let key = page.url.split('/').nth(2).unwrap_or_default();
                publisher.write(key.as_bytes(), &[], value.to_string().as_bytes()).expect("written");
            }
            publisher.commit("").expect("committed");
        }
    }

    /// Everything that is in the input, as the broker gives it.
    fn read_all(&self) -> (Vec<String>, Vec<Record>) {
        let (kafka, _) = self.group("read");
        let mut source = KafkaSource::new(&kafka, self.config.input.limits()).expect("a source");
        source.seek(&Positions::default()).expect("the beginning");
        let mut records = Vec::new();
        while records.len() < self.documents {
            records.extend(source.read(self.limit()).expect("read"));
        }
        (source.partitions().to_vec(), records)
    }

    /// What the stage writes for each record.
    fn outputs(&self, names: &[String], records: &[Record]) -> HashMap<Position, Vec<OutputRecord<'static>>> {
        let folder = tempfile::tempdir().expect("a folder");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut engine = restore(&self.config, &self.background, SEED, folder.path(), &names).engine;
        engine.use_broker();
        let mut outputs = HashMap::new();
        for batch in records.chunks(1024) {
            let prepared = engine.prepare(batch.to_vec(), None);
            let processed = engine.process(prepared).expect("memory and disk suffice");
            let lines = output::records(engine.settings(), &processed.outcomes);
            let lines = lines.into_iter().map(|records| records.into_iter().map(OutputRecord::into_owned).collect());
            outputs.extend(batch.iter().map(|record| record.position).zip(lines));
        }
        outputs
    }

    /// Documents a second of a.
    fn pass_through(&self, round: usize, outputs: &HashMap<Position, Vec<OutputRecord<'static>>>) -> f64 {
        let (kafka, checked) = self.group(&format!("pass-{round}"));
        let mut source = KafkaSource::new(&kafka, self.config.input.limits()).expect("a source");
        let mut committer =
            KafkaCommitter::new(&kafka, checked.limits, source.input_partitions(), WithoutSnapshot::Refuse).expect("a committer");
        source.seek(&Positions::default()).expect("the beginning");
        committer.recover(None).expect("recovered");
        let (begun, mut passed, mut positions) = (Instant::now(), 0, Positions::default());
        let mut read = source.read(self.limit()).expect("read");
        while passed < self.documents {
            passed += read.len();
            for record in &read {
                positions.advance(record.position);
            }
            let (batch, committer, positions) = (&read, &mut committer, &positions);
            read = thread::scope(|scope| {
                // As the stage does: one batch is committed while the next one is read.
                scope.spawn(move || {
                    committer.begin().expect("begun");
                    let lines = batch.iter().flat_map(|record| &outputs[&record.position]);
                    lines.for_each(|line| committer.write(&line.outgoing()).expect("written"));
                    committer.commit(positions, b"journal").expect("committed");
                });
                if passed < self.documents { source.read(self.limit()).expect("read") } else { Vec::new() }
            });
        }
        self.rate(begun)
    }

    /// Documents a second of b.
    fn operators(&self, names: &[String], records: &[Record]) -> f64 {
        let source = InMemory { names: names.to_vec(), records: records.to_vec(), next: 0 };
        self.run(source, Discard)
    }

    /// Documents a second of c.
    fn stage(&self, round: usize) -> f64 {
        let (kafka, checked) = self.group(&format!("stage-{round}"));
        let source = KafkaSource::new(&kafka, self.config.input.limits()).expect("a source");
        let committer =
            KafkaCommitter::new(&kafka, checked.limits, source.input_partitions(), WithoutSnapshot::Refuse).expect("a committer");
        self.run(source, committer)
    }

    fn run(&self, source: impl Source, committer: impl Committer) -> f64 {
        let folder = tempfile::tempdir().expect("a folder");
        let mut restored = restore(&self.config, &self.background, SEED, folder.path(), &[]);
        restored.engine.use_broker();
        let mut stage = Stage::open(source, committer, restored, Pace::of(&self.config)).expect("a stage");
        let begun = Instant::now();
        while (stage.engine().next() as usize) < self.documents {
            stage.step(None).expect("a step");
        }
        let rate = self.rate(begun);
        assert!(stage.engine().counts().is_whole(), "every record is accounted for");
        rate
    }

    fn rate(&self, begun: Instant) -> f64 {
        self.documents as f64 / begun.elapsed().as_secs_f64()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let pages: u32 = setting("WEIR_BENCH_DOCUMENTS", 40_000);
    let (background, pages) = crawl(Size { pages, reference: REFERENCE }, SAMPLE_SEED, SEED);
    let mut config = Config::default();
    config.engine.batch_documents = setting("WEIR_BENCH_BATCH", config.engine.batch_documents);
    let bench = Bench { broker: Broker::start(), config, background, documents: pages.len() };
    bench.publish(&pages);
    let (names, records) = bench.read_all();
    let distinct: BTreeSet<Position> = records.iter().map(|record| record.position).collect();
    assert_eq!(distinct.len(), pages.len(), "each page once");
    let outputs = bench.outputs(&names, &records);
    let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
    println!("{} documents of {} bytes on average", pages.len(), bytes / pages.len());
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..setting("WEIR_BENCH_ROUNDS", 3_usize).max(1) {
        let round_rates = [bench.pass_through(round, &outputs), bench.operators(&names, &records), bench.stage(round)];
        println!(
            "round {round}: pass-through {:.0}, operators {:.0}, stage {:.0} documents/s",
            round_rates[0], round_rates[1], round_rates[2]
        );
        rates.iter_mut().zip(round_rates).for_each(|(all, rate)| all.push(rate));
    }
    let [a, b, c] = rates.map(median);
    let best = 1.0 / (1.0 / a + 1.0 / b);
    println!(
        "medians: pass-through {a:.0}, operators {b:.0}, stage {c:.0} documents/s ({:.1} MB/s); 1/(1/a + 1/b) = {best:.0}, \
         the stage reaches {:.2} of it",
        c * bytes as f64 / pages.len() as f64 / 1e6,
        c / best
    );
}
