//! The command line: one file a subcommand.

mod check;
#[cfg(feature = "demo")]
mod demo;
mod explain;
mod index;
mod input;
mod learn;
mod merge;
mod recall;
mod records;
mod replay;
mod run;
mod settle;
mod text;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, load};

/// A poison filter for web-scraped training corpora: documents in; a clean corpus, a quarantine with reasons, one decision a
/// document and recalls out.
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
    /// Sets one key, such as `--set operators.near_dup.mode=shadow`; wins over the file and the environment.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Passes archived documents through the filter: files, folders, or `-` for standard input.
    Replay(replay::Arguments),
    /// Loads an existing corpus into the indexes of copies and nothing else: later documents are compared with it.
    Index(index::Arguments),
    /// Joins the outputs of `weir replay --shard` of several machines, and finds copies across them.
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
    /// Lists what is in archives: one JSON line a record, with its headers, its digests and what a replay would make of it.
    Records(records::Arguments),
    /// Works with recalls: documents that passed and later turned out bad.
    Recall(recall::Arguments),
    /// Forwards clean documents that no recall can reach any more to a topic of their own, exactly once.
    Settle,
    /// Prints the text of HTML pages as the filter sees it.
    Text(text::Arguments),
}

/// Exit code of a command line that says nothing sensible, as the parser has it.
const BAD_USAGE: u8 = 2;
/// Exit code of a bad configuration (`EX_CONFIG` of sysexits.h).
const BAD_CONFIG: u8 = 78;

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Of a repeated global argument the parser keeps those on one side of the command, and says nothing of the others.
    if sets_given() > cli.global.set.len() {
        say("weir: --set: got some before and some after the command, expected all on one side");
        return ExitCode::from(BAD_USAGE);
    }
    start_log(cli.global.log_format);
    let loaded = match load::load_with_origins(cli.global.config.as_deref(), &cli.global.set, environment()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            say(&problems.to_string());
            return ExitCode::from(BAD_CONFIG);
        }
    };
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
        Command::Settle => settle::run(&loaded),
        Command::Text(arguments) => text::run(config, &arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            say(&format!("weir: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The environment, as far as it is text; `std::env::vars` panics at anything else.
/// How many times `--set` stands on the command line.
fn sets_given() -> usize {
    let arguments = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    arguments.filter(|argument| argument == "--set" || argument.to_string_lossy().starts_with("--set=")).count()
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_| EnvFilter::new("warn,pipeline=info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        LogFormat::Text => builder.without_time().init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// A line for people, on standard error.
#[expect(clippy::print_stderr, reason = "the binary's own voice")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// A line of result, on standard output.
fn print(line: &str) {
    // Whoever closes the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The threads that detectors run on.
fn start_threads(config: &Config, threads: Option<usize>) -> anyhow::Result<()> {
    let threads = threads.unwrap_or(config.engine.threads);
    rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("weir-{i}")).build_global()?;
    Ok(())
}
