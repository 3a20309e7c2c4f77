//! How is the process set up: which exit codes does it have, and how many threads do detectors have?

use crate::config::Config;

/// The exit code of a command line that makes no sense. The parser uses the same one.
pub(super) const BAD_USAGE: u8 = 2;
/// The exit code of a bad configuration (`EX_CONFIG` of sysexits.h).
pub(super) const BAD_CONFIG: u8 = 78;

/// Starts the threads that detectors run on: `threads`, or as many as the configuration says.
pub(super) fn start_threads(config: &Config, threads: Option<usize>) -> anyhow::Result<()> {
    let threads = threads.unwrap_or(config.engine.threads);
    rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("weir-{i}")).build_global()?;
    Ok(())
}
