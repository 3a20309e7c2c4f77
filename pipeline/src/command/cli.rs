//! Which subcommands and global arguments are there, and which exit code does a run have?
//!
//! [`main`] parses the command line, starts the log, loads the configuration and runs one
//! subcommand.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use tracing::{error, warn};

#[cfg(feature = "demo")]
use super::demo;
use super::{
    check, explain, index, learn,
    log::{LogArguments, LogFormat},
    merge,
    process::{BAD_CONFIG, BAD_USAGE},
    recall, records, replay, run, settle,
    terminal::say,
    text,
};
use crate::config::load;

/// A poison filter for web-scraped training corpora: documents in; a clean corpus, a quarantine
/// with reasons, one decision a document and recalls out.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Configuration file (TOML). Every key has a default; `weir check` shows them.
    #[arg(long, global = true, value_name = "FILE", env = "WEIR_CONFIG")]
    config: Option<PathBuf>,
    /// Sets one key, such as `--set operators.near_dup.mode=shadow`; wins over the file and the
    /// environment.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    log: LogArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Passes archived documents through the filter: files, folders, or `-` for standard input.
    Replay(replay::Arguments),
    /// Loads an existing corpus into the indexes of copies and nothing else: later documents are
    /// compared with it.
    Index(index::Arguments),
    /// Joins the outputs of `weir replay --shard` of several machines, and finds copies across
    /// them.
    Merge(merge::Arguments),
    /// The filter as a long-lived stage: reads topics, writes topics, exactly once.
    Run(run::Arguments),
    /// Learns a background from trusted text: what ordinary text looks like, and thresholds for it.
    Learn(learn::Arguments),
    /// Generates a sample crawl with planted attacks and filters it, to see weir at work.
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Validates the configuration, every problem at once, and shows it in full.
    Check,
    /// Says why a document went where it went, with the evidence marked in its text.
    Explain(explain::Arguments),
    /// Lists what is in archives: one JSON line a record, with its headers, its digests and what a
    /// replay would make of it.
    Records(records::Arguments),
    /// Works with recalls: documents that passed and later turned out bad.
    Recall(recall::Arguments),
    /// Forwards clean documents that no recall can reach any more to a topic of their own, exactly
    /// once.
    Settle(settle::Arguments),
    /// Prints the text of HTML pages as the filter sees it.
    Text(text::Arguments),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Of a global argument that is repeated, the parser keeps those on one side of the command and
    // silently drops the others.
    if sets_given() > cli.global.set.len() {
        say("weir: --set: got some before and some after the command, expected all on one side");
        return ExitCode::from(BAD_USAGE);
    }
    cli.global.log.start();
    let loaded = match load::load_with_origins(cli.global.config.as_deref(), &cli.global.set, environment()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            say(&problems.to_string());
            return ExitCode::from(BAD_CONFIG);
        }
    };
    if let Some(unknown) = &loaded.unknown_variables {
        warn!("{unknown}");
    }
    let config = &loaded.config;
    let done = match cli.command {
        Command::Replay(arguments) => replay::run(&loaded, &arguments),
        Command::Index(arguments) => index::run(config, &arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Run(arguments) => run::run(&loaded, &arguments),
        Command::Learn(arguments) => learn::run(config, &arguments),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(config, &arguments),
        Command::Check => Ok(check::run(&loaded)),
        Command::Explain(arguments) => explain::run(config, &arguments),
        Command::Records(arguments) => records::run(config, &arguments),
        Command::Recall(arguments) => recall::run(&loaded, &arguments),
        Command::Settle(arguments) => settle::run(&loaded, &arguments),
        Command::Text(arguments) => text::run(config, &arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            match cli.global.log.log_format {
                LogFormat::Text => say(&format!("weir: {error:#}")),
                LogFormat::Json => error!("{error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}

/// Counts how many times `--set` is on the command line.
fn sets_given() -> usize {
    let arguments = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    arguments.filter(|argument| argument == "--set" || argument.to_string_lossy().starts_with("--set=")).count()
}

/// Returns the environment as far as it is text. `std::env::vars` would panic at anything else.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}
