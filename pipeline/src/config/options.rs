//! Which options are there, with which defaults, and why those?
//!
//! The structs here are the raw form of the configuration, as it is written in TOML. Unknown keys
//! are refused. Keys marked *(verdict)* affect verdicts. They make up the verdict digest, together
//! with the background and the hash seed.

use std::path::PathBuf;

use connectors::{kafka::KafkaConfig, limits::Limits};
use decode::{Fields, Keep};
use operators::{
    config::OperatorConfig, exact_dedup, gibberish, hidden_text, integrity, mode::Mode, near_dup, reputation, trigger_spike,
    unicode,
};
use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How records are read.
    pub input: InputOptions,
    /// How documents are processed.
    pub engine: EngineOptions,
    /// What ordinary text looks like.
    pub background: BackgroundOptions,
    /// What is kept on disk and in memory.
    pub state: StateOptions,
    /// What is written.
    pub output: OutputOptions,
    /// How findings become a route.
    pub policy: PolicyOptions,
    /// The detectors. They run in an order that is fixed in code.
    pub operators: Operators,
    /// The Kafka stage.
    pub kafka: KafkaConfig,
    /// Where the stage shows its metrics and its health.
    pub metrics: MetricsOptions,
    /// Where `weir settle` forwards settled documents to.
    pub settle: SettleOptions,
}

/// `[input]`: how records are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputOptions {
    /// The longest record, in bytes. Longer records become dead letters. *(verdict)*
    pub record_bytes_max: usize,
    /// The longest text, in bytes. Longer texts become dead letters. *(verdict)*
    pub text_bytes_max: usize,
    /// How many tokens of a text detectors look at, at most 65,535. A longer text is judged by its
    /// beginning. *(verdict)*
    pub tokens_max: usize,
    /// The highest ratio of decompressed to compressed bytes of a file or of one of its members,
    /// after the first 16 MiB. *(verdict)*
    pub ratio_max: u32,
    /// Which lines of an HTML page make its text: the main content (`main`), or all that a reader
    /// sees (`all`). Operators that look for phrases see the other lines too, and text that is
    /// hidden. *(verdict)*
    pub html: Keep,
    /// Whether a WARC and the WET that was made of it (`X.warc.gz`, `X.warc.wet.gz`) are read as
    /// one, where both are given. A page is then one document, with the facts of the response and
    /// the text of the WET. *(verdict)*
    pub join_wet: bool,
    /// Where JSON records keep what weir needs, as dotted paths. Without them, known schemas are
    /// recognised. *(verdict)*
    pub fields: Fields,
}

impl Default for InputOptions {
    fn default() -> Self {
        Self {
            // Common Crawl cuts records at 1 MiB; 16 covers raw archives of research crawls.
            record_bytes_max: 16 << 20,
            text_bytes_max: 4 << 20,
            // 8 times the 99.9th percentile of web documents.
            tokens_max: 50_000,
            // Real archives stay under 100; a gzip bomb reaches 1,032.
            ratio_max: 500,
            html: Keep::default(),
            join_wet: true,
            fields: Fields::default(),
        }
    }
}

impl InputOptions {
    /// Returns the limits within which a record is read.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let ratio_max = u64::from(self.ratio_max);
        Limits { record_bytes_max: self.record_bytes_max, ratio_max, ..Limits::default() }
    }
}

/// `[background]`: what ordinary text looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackgroundOptions {
    /// A file made by `weir learn`. If it is not set, the stage learns from its own past.
    /// `--background` wins over it. *(verdict, by its contents)*
    pub path: Option<PathBuf>,
}

/// `[engine]`: how documents are processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineOptions {
    /// How many sequence numbers an epoch has. Late decisions become visible to counters at the
    /// boundary between two epochs. The key is called `border`. *(verdict)*
    #[serde(rename = "border")]
    pub epoch: u32,
    /// The most documents in a micro-batch.
    pub batch_documents: usize,
    /// The most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// The number of threads for detectors; 0 means one for each core.
    pub threads: usize,
    /// The hash seed. If it is not set, the background's seed is taken, or one is drawn from the
    /// input. *(verdict)*
    pub seed: Option<u64>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { epoch: 64, batch_documents: 1024, batch_bytes: 64 << 20, threads: 0, seed: None }
    }
}

/// `[state]`: what is kept on disk and in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateOptions {
    /// The folder of the Kafka stage's state. A replay keeps its own state in its output folder.
    pub directory: PathBuf,
    /// How many sequence numbers lie between snapshots. A kill costs at most this much work. The
    /// compression frames of the output close at snapshots too.
    pub snapshot_documents: u32,
    /// The longest time between snapshots of the Kafka stage, in seconds, while documents come.
    /// Input that was decided after the last snapshot has to be there for as long as a restart may
    /// need it.
    pub snapshot_seconds: u32,
    /// Bytes that are to be free on the disk of the Kafka stage's state. With fewer it says so and is
    /// not ready, and goes on.
    pub free_bytes_min: u64,
    /// How many documents back an alarm finds its carriers. *(verdict)*
    pub horizon_documents: u32,
    /// The memory for the tokens of the newest documents, in bytes. Older ones are read from disk.
    pub horizon_memory_bytes: usize,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/weir"),
            // About 10 s of work; a snapshot takes a few tenths of one.
            snapshot_documents: 32_768,
            // Far below any retention; a quiet stage writes six snapshots an hour at most.
            snapshot_seconds: 600,
            // What a snapshot and the logs until the next one take, several times over.
            free_bytes_min: 1 << 28,
            horizon_documents: 1_000_000,
            horizon_memory_bytes: 1 << 30,
        }
    }
}

/// How the corpus files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompressionOption {
    /// Plain lines.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// The format in which documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// JSON lines, whatever the documents came as.
    Jsonl,
    /// Rows of Parquet files: rows as they came, and everything else in a table of weir's own.
    Parquet,
    /// Records of archives as they came, and everything else as if no format were set.
    Warc,
}

impl OutputFormat {
    /// Returns the format's name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Warc => "warc",
        }
    }
}

/// `[output]`: what is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputOptions {
    /// The format in which a replay writes documents. If it is not set, rows of Parquet files are
    /// written as rows, and everything else as JSON lines.
    pub format: Option<OutputFormat>,
    /// Whether what was found is written for each input file in the format of Dolma's attributes.
    pub dolma_attributes: bool,
    /// How the corpus files are compressed: `none`, `gzip` or `zstd`.
    pub compression: CompressionOption,
    /// How many records a corpus file holds.
    pub part_records: u64,
    /// Whether decisions and recalls are written but no corpus.
    pub annotate_only: bool,
}

impl Default for OutputOptions {
    fn default() -> Self {
        let compression = CompressionOption::None;
        Self { format: None, dolma_attributes: false, compression, part_records: 100_000, annotate_only: false }
    }
}

/// `[policy]`: how findings become a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyOptions {
    /// The combined score from which a document is withheld, in (0, 1]. Scores of enforced findings
    /// are combined by a noisy-or. Each operator's own threshold is at 0.5. *(verdict)*
    pub quarantine_score: f64,
    /// Files with one domain or account a line, whose documents are never withheld except as
    /// copies. *(verdict)*
    pub allow_files: Vec<PathBuf>,
    /// Files with one domain or account a line, whose documents are always withheld. *(verdict)*
    pub deny_files: Vec<PathBuf>,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self { quarantine_score: 0.5, allow_files: Vec::new(), deny_files: Vec::new() }
    }
}

/// `[operators.*]`: the detectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operators {
    /// Finds invisible characters and look-alike letters.
    pub unicode: unicode::Config,
    /// Finds prose that a page renders so that nobody sees it.
    pub hidden_text: hidden_text::Config,
    /// Finds words in no order.
    pub gibberish: gibberish::Config,
    /// Finds archive records whose bytes do not have the stated digest.
    pub integrity: integrity::Config,
    /// Finds publishers on a list or with a bad record.
    pub reputation: reputation::Config,
    /// Finds phrases that suddenly spread.
    pub trigger_spike: trigger_spike::Config,
    /// Finds texts that were seen before.
    pub exact_dedup: exact_dedup::Config,
    /// Finds texts that are nearly the same as one seen before.
    pub near_dup: near_dup::Config,
}

impl Operators {
    /// Returns all tables with their names.
    #[must_use]
    pub fn tables(&self) -> [(&'static str, &dyn OperatorConfig); 8] {
        // Taken apart, so that no table can be left out.
        let Self { unicode, hidden_text, gibberish, integrity, reputation, trigger_spike, exact_dedup, near_dup } = self;
        [
            ("unicode", unicode),
            ("hidden_text", hidden_text),
            ("gibberish", gibberish),
            ("integrity", integrity),
            ("reputation", reputation),
            ("trigger_spike", trigger_spike),
            ("exact_dedup", exact_dedup),
            ("near_dup", near_dup),
        ]
    }

    /// How many words of a document's own text the operators look at that are on.
    pub fn read_words(&self) -> usize {
        let tables = self.tables();
        let read = tables.iter().filter(|(_, table)| table.mode() != Mode::Off).map(|(_, table)| table.words_read());
        read.max().unwrap_or(0)
    }

    /// Whether an operator that is on reads the language of a document.
    pub fn read_language(&self) -> bool {
        self.gibberish.mode != Mode::Off || self.trigger_spike.mode != Mode::Off
    }

    /// Whether an operator that is on compares documents with a background.
    pub fn read_background(&self) -> bool {
        self.read_language() || self.reputation.mode != Mode::Off
    }
}

/// `[metrics]`: where the stage shows its metrics and its health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsOptions {
    /// The `host:port` of `/metrics`, `/livez` and `/readyz`. If it is empty, nothing is served.
    pub listen: String,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        // Only this machine may ask: figures of a crawl are private unless somebody decides
        // otherwise.
        Self { listen: "127.0.0.1:9464".to_owned() }
    }
}

/// `[settle]`: where `weir settle` forwards clean documents to once no recall can reach them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettleOptions {
    /// The topic of settled documents.
    pub topic: String,
    /// The group id, which is the transactional id as well.
    pub group: String,
}

impl Default for SettleOptions {
    fn default() -> Self {
        Self { topic: "crawl.settled".to_owned(), group: "weir-settle".to_owned() }
    }
}
