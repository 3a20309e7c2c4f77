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
use crate::{config::load::Loaded, report::Report, signals::INTERRUPTED};

/// Says why a run has failed that has no document at all, though it is finished: nearly always the
/// input is not what the configuration says.
fn without_documents(report: &Report) -> Option<String> {
    let counts = &report.counts;
    let none = counts.dead_letters > 0 && counts.received == counts.dead_letters;
    none.then(|| {
        format!(
            "none of the {} records holds a document: dead-letters.jsonl says why; [input.fields] names the fields of other schemas",
            counts.received
        )
    })
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.to == To::Kafka {
        return kafka::run(loaded, arguments);
    }
    start_threads(&loaded.config, arguments.threads)?;
    let report = replay(&loaded.config, arguments)?;
    match report {
        ReplayEnd::Finished(report) => {
            print(&report.table());
            if let Some(why) = without_documents(&report) {
                say(&why);
                return Ok(ExitCode::FAILURE);
            }
        }
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
