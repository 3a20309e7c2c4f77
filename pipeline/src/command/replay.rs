//! `weir replay PATH...`: archived documents go through the filter into a folder, or with
//! `--to kafka` unfiltered to where the stage reads.

mod arguments;
mod attributes;
mod folder;
mod kafka;

use std::{path::Path, process::ExitCode};

use anyhow::Result;

pub(super) use self::{
    arguments::{Arguments, To},
    folder::{ReplayEnd, replay},
};
use super::{
    process::start_threads,
    terminal::{print, say},
};
use crate::{config::load::Loaded, signals::INTERRUPTED};

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.to == To::Kafka {
        return kafka::run(loaded, arguments);
    }
    start_threads(&loaded.config, arguments.threads)?;
    let report = replay(&loaded.config, arguments)?;
    match report {
        ReplayEnd::Finished(report) => print(&report.table()),
        ReplayEnd::Before => {
            let folder = arguments.output.as_deref().unwrap_or(Path::new("."));
            say(&format!("{} is finished already; nothing to do", folder.display()));
        }
        ReplayEnd::Stopped => {
            say("stopped; the same command goes on from the last snapshot");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    Ok(ExitCode::SUCCESS)
}
