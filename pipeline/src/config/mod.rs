//! The configuration: every option with its default, its unit and the reason for its value.
//!
//! The structs here are the raw form, as written in TOML; unknown keys are refused. Keys marked *(verdict)* affect
//! verdicts and make up the verdict digest, together with the background and the hash seed.

pub mod digest;
pub mod kafka;
mod layers;
pub mod load;
pub mod origin;
pub mod resolve;
pub mod show;
mod suggest;

use std::path::PathBuf;

use connectors::limits::Limits;
use operators::{exact_dedup, gibberish, hidden_text, integrity, near_dup, reputation, trigger_spike, unicode};
use serde::{Deserialize, Serialize};

pub use decode::{Fields, Keep};

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How records are read.
    pub input: Input,
    /// How documents are processed.
    pub engine: Engine,
    /// What ordinary text looks like.
    pub background: Background,
    /// What is kept on disk.
    pub state: State,
    /// What is written.
    pub output: Output,
    /// How findings become a route.
    pub policy: Policy,
    /// The detectors. They run in an order fixed in code.
    pub operators: Operators,
    /// The Kafka stage.
    pub kafka: kafka::Kafka,
    /// What the stage shows of itself.
    pub metrics: Metrics,
    /// Where settled documents go.
    pub settle: Settle,
}

/// `[input]`: how records are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Longest record, in bytes; longer ones become dead letters. *(verdict)*
    pub record_bytes_max: usize,
    /// Longest text, in bytes; longer ones become dead letters. *(verdict)*
    pub text_bytes_max: usize,
    /// Tokens of a text that detectors look at, at most 65,535. A longer text is judged by its beginning. *(verdict)*
    pub tokens_max: usize,
    /// Highest ratio of decompressed to compressed bytes of a file or of one of its members, after the first 16 MiB. *(verdict)*
    pub ratio_max: u32,
    /// `main` or `all`: which lines of an HTML page make its text, its matter or all that a reader sees. Operators that look
    /// for phrases see the others too, and what is hidden. *(verdict)*
    pub html: Keep,
    /// Whether a WARC and the WET made of it (`X.warc.gz`, `X.warc.wet.gz`), where both are given, are read as one: a document a
    /// page, with the response's facts and the WET's text. *(verdict)*
    pub join_wet: bool,
    /// Where JSON records keep what weir needs, as dotted paths; empty: known schemas are recognised. *(verdict)*
    pub fields: Fields,
}

impl Default for Input {
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

impl Input {
    /// What bounds a record while it is read.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let ratio_max = u64::from(self.ratio_max);
        Limits { record_bytes_max: self.record_bytes_max, ratio_max, ..Limits::default() }
    }
}

/// `[background]`: what ordinary text looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Background {
    /// A file made by `weir learn`. Unset: learned from the stage's own past. `--background` wins over it. *(verdict, by
    /// its contents)*
    pub path: Option<PathBuf>,
}

/// `[engine]`: how documents are processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Sequence numbers between epoch boundaries, where late decisions become visible to counters. *(verdict)*
    #[serde(rename = "border")]
    pub epoch: u32,
    /// Most documents in a micro-batch.
    pub batch_documents: usize,
    /// Most bytes in a micro-batch.
    pub batch_bytes: usize,
    /// Threads for detectors; 0: one for each core.
    pub threads: usize,
    /// Hash seed. Unset: the background's, or one drawn from the input. *(verdict)*
    pub seed: Option<u64>,
}

impl Default for Engine {
    fn default() -> Self {
        Self { epoch: 64, batch_documents: 1024, batch_bytes: 64 << 20, threads: 0, seed: None }
    }
}

/// `[state]`: what is kept on disk and in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Folder of the Kafka stage's state; a replay keeps its own in its output.
    pub directory: PathBuf,
    /// Sequence numbers between snapshots; a kill costs at most this much work. Compression frames of the output close there.
    pub snapshot_documents: u32,
    /// How many documents back an alarm finds its carriers. *(verdict)*
    pub horizon_documents: u32,
    /// Memory for the tokens of the newest documents, in bytes; older ones are read from disk.
    pub horizon_memory_bytes: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/weir"),
            // About 10 s of work; a snapshot takes a few tenths of one.
            snapshot_documents: 32_768,
            horizon_documents: 1_000_000,
            horizon_memory_bytes: 1 << 30,
        }
    }
}

/// How the corpus files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Plain lines.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// As what documents leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// JSON lines, whatever they came as.
    Jsonl,
    /// Rows of Parquet files: rows as they came, all else in a table of weir's own.
    Parquet,
    /// Records of archives as they came; all else as if nothing were set.
    Warc,
}

impl OutputFormat {
    /// Its name in config.
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
pub struct Output {
    /// As what documents of a replay leave. Unset: rows of Parquet files as rows, all else as JSON lines.
    pub format: Option<OutputFormat>,
    /// Write for each input file what was found in its documents, in the format of Dolma's attributes.
    pub dolma_attributes: bool,
    /// `none`, `gzip` or `zstd`, for the corpus files.
    pub compression: Compression,
    /// Records in a corpus file.
    pub part_records: u64,
    /// Write decisions and recalls but no corpus.
    pub annotate_only: bool,
}

impl Default for Output {
    fn default() -> Self {
        let compression = Compression::None;
        Self { format: None, dolma_attributes: false, compression, part_records: 100_000, annotate_only: false }
    }
}

/// `[policy]`: how findings become a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Combined score (noisy-or of the enforced findings) from which a document is withheld, in (0, 1]. Each operator's own
    /// threshold is at 0.5. *(verdict)*
    pub quarantine_score: f64,
    /// Files of publishers whose documents are never withheld but as copies: one domain or account a line. *(verdict)*
    pub allow_files: Vec<PathBuf>,
    /// Files of publishers whose documents are always withheld. *(verdict)*
    pub deny_files: Vec<PathBuf>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { quarantine_score: 0.5, allow_files: Vec::new(), deny_files: Vec::new() }
    }
}

/// `[operators.*]`: the detectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operators {
    /// Hidden and disguised characters.
    pub unicode: unicode::Config,
    /// Prose that nobody sees.
    pub hidden_text: hidden_text::Config,
    /// Words in no order.
    pub gibberish: gibberish::Config,
    /// Records whose bytes do not have their digest.
    pub integrity: integrity::Config,
    /// Publishers with a record.
    pub reputation: reputation::Config,
    /// Phrases that suddenly spread.
    pub trigger_spike: trigger_spike::Config,
    /// The same text again.
    pub exact_dedup: exact_dedup::Config,
    /// Nearly the same text again.
    pub near_dup: near_dup::Config,
}

/// `[metrics]`: what the stage shows of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// `host:port` of `/metrics`, `/livez` and `/readyz`; empty: none.
    pub listen: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // This machine alone: figures of a crawl are nobody else's matter unless somebody says so.
        Self { listen: "127.0.0.1:9464".to_owned() }
    }
}

/// `[settle]`: where `weir settle` forwards clean documents to once no recall can reach them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settle {
    /// The topic.
    pub topic: String,
    /// Group id and transactional id.
    pub group: String,
}

impl Default for Settle {
    fn default() -> Self {
        Self { topic: "crawl.settled".to_owned(), group: "weir-settle".to_owned() }
    }
}
