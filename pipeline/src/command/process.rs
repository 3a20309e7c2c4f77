//! How is the process set up: which exit codes does it have, how is the log written, how many
//! threads do detectors have?

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// The exit code of a command line that makes no sense. The parser uses the same one.
pub(super) const BAD_USAGE: u8 = 2;
/// The exit code of a bad configuration (`EX_CONFIG` of sysexits.h).
pub(super) const BAD_CONFIG: u8 = 78;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log, on standard error. `WEIR_LOG` chooses what is logged.
pub(super) fn start_log(format: LogFormat) {
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

/// Starts the threads that detectors run on: `threads`, or as many as the configuration says.
pub(super) fn start_threads(config: &Config, threads: Option<usize>) -> anyhow::Result<()> {
    let threads = threads.unwrap_or(config.engine.threads);
    rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("weir-{i}")).build_global()?;
    Ok(())
}
