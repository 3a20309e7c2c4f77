//! `weir merge --output DIR SHARD...`: how do the outputs of `weir replay --shard` become one?

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use connectors::file::FolderLock;

use super::terminal::{print, say};
use crate::{
    layout::OutputFolder,
    merge::{FinishedShard, in_order, merge},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Output folders of `weir replay --shard`: all shards of one list, in any order. They stay as
    /// they are.
    #[arg(required = true, value_name = "SHARD")]
    pub shards: Vec<PathBuf>,
    /// Where the joined output goes. Corpus files are links to those of the shards where the file
    /// system allows it.
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// Remove what an earlier run left in the output folder and start anew.
    #[arg(long)]
    pub force: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut parts = Vec::with_capacity(arguments.shards.len());
    let mut locks = Vec::with_capacity(arguments.shards.len());
    for shard in &arguments.shards {
        // No lock file is made in a folder that is not an output of weir.
        if OutputFolder::new(shard).manifest().exists() {
            locks.push(FolderLock::acquire(shard)?);
        }
        parts.push(FinishedShard::open(shard)?);
    }
    let parts = in_order(parts)?;
    let output = OutputFolder::new(&arguments.output);
    fs::create_dir_all(output.private()).with_context(|| format!("make {}", output.private().display()))?;
    let _lock = FolderLock::acquire(output.root())?;
    if arguments.force {
        output.remove_results()?;
    }
    match merge(&parts, &output)? {
        Some(report) => print(&report.table()),
        None => say(&format!("{} is finished already; nothing to do", arguments.output.display())),
    }
    Ok(ExitCode::SUCCESS)
}
