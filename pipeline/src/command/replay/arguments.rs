//! What can be asked of `weir replay`?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use connectors::file::FileShard;

use crate::command::input::Input;

#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    #[command(flatten)]
    pub input: Input,
    /// Read only the files whose number in the list, from 0, leaves I when divided by N: one of N
    /// machines' share. `weir merge` joins their outputs. A shard sees only its own files: a phrase
    /// that is below its threshold in each of them raises no alarm in any, and copies of documents
    /// of another shard are found by the merge.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<FileShard>,
    /// Where documents go: through the filter into a folder, or unfiltered into the stage's first
    /// input topic.
    #[arg(long, value_enum, default_value_t = To::Folder)]
    pub to: To,
    /// Where everything is written; with `--to kafka` only what cannot be published, by default in
    /// `weir-published`. A killed run goes on where it was when the same command is given again.
    #[arg(long, short, value_name = "DIR", required_unless_present = "to", required_if_eq("to", "folder"))]
    pub output: Option<PathBuf>,
    /// A background made by `weir learn`; wins over `background.path`. Without one, weir learns
    /// from its own past and finds less.
    #[arg(long, value_name = "FILE")]
    pub background: Option<PathBuf>,
    /// Indexes and counters that are carried from one dump to the next; replaced when the run is
    /// finished.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Reviewed verdicts (JSONL: `publisher`, `bad`, `time`) that reputation learns from.
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Write decisions and recalls and no corpus.
    #[arg(long)]
    pub annotate_only: bool,
    /// Stop after this many records.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Threads for detectors; 0: one for each core.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print at the end how long each stage and operator took. `timings.json` in the output folder has
    /// it in any case.
    #[arg(long)]
    pub timings: bool,
    /// Remove what an earlier run left in the output folder and start anew; with `--to kafka`,
    /// publish everything again, from which a run without it goes on.
    #[arg(long)]
    pub force: bool,
}

/// Where documents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::command) enum To {
    /// Through the filter, into a folder.
    Folder,
    /// As they are, into the input topic of `weir run`.
    Kafka,
}
