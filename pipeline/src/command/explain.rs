//! `weir explain POSITION|ID`: why did a document go where it went?
//!
//! The command reads what a run has written: the decision, what was learned later (recalls,
//! restores), the alarms that list the document, and its text from the corpus, with the evidence
//! marked in it. Files are streamed. Scraped text is never shown raw.
//!
//! | file | question |
//! |---|---|
//! | `find` | Which decision is meant, and what was learned about its document later? |
//! | `corpus` | What is its text? |
//! | `excerpt` | How is evidence shown in its text? |
//! | `words` | What do reasons, routes and recalls mean in plain words? |
//! | `render` | What does the page say? |
//! | `escape` | How is scraped text made harmless for a terminal? |

mod corpus;
mod escape;
mod excerpt;
mod find;
mod render;
mod words;

use std::{
    io::{IsTerminal, stdout},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::Args;

use self::{
    excerpt::SpanMarks,
    find::{FindResult, NotFound},
};
use super::terminal::{print, say};
use crate::{config::Config, layout::OutputFolder};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Position (`part-0.jsonl#17`) or id of a document, as decisions and recalls name it.
    #[arg(value_name = "POSITION|ID")]
    pub document: String,
    /// The output folder of the run that decided it.
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
}

/// Runs the command.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let output = OutputFolder::new(&arguments.output);
    if !output.file("decisions.jsonl").is_file() {
        bail!("{} holds no decisions.jsonl, expected the output folder of `weir replay`", arguments.output.display());
    }
    match find::find(&output, &arguments.document)? {
        FindResult::Document(found) => {
            let text = corpus::text(&output, config, &found);
            print(render::page(&found, &text, marks()).trim_end());
            Ok(ExitCode::SUCCESS)
        }
        FindResult::NoDocument(missed) => {
            say(&missing(arguments, &missed));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Returns colours for a terminal, unless the user wants none, and signs for anything else.
fn marks() -> SpanMarks {
    let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colours { SpanMarks::TERMINAL } else { SpanMarks::PLAIN }
}

/// Returns why there is nothing to explain.
fn missing(arguments: &Arguments, missed: &NotFound) -> String {
    let asked = escape::escaped(&arguments.document);
    if missed.candidates > 0 {
        let shown: Vec<String> = missed.positions.iter().map(|p| format!("  {}", escape::escaped(p))).collect();
        let more = missed.candidates - shown.len() as u64;
        let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
        return format!(
            "{asked} is the id of {} documents; give the position of one of them:\n{}{more}",
            missed.candidates,
            shown.join("\n")
        );
    }
    let mut lines =
        vec![format!("no document {asked} among the {} decisions in {}", missed.decisions, arguments.output.display())];
    if missed.unreadable > 0 {
        lines.push(format!("{} lines could not be read", missed.unreadable));
    }
    for letter in &missed.dead_letters {
        lines.push(format!("it is a dead letter: {}: {}", escape::escaped(&letter.code), escape::escaped(&letter.message)));
    }
    for recall in &missed.recalls {
        lines.push(format!("decided in an earlier run over the same state, and here: {}", words::recall(recall)));
    }
    lines.join("\n")
}

#[cfg(test)]
#[path = "explain/tests.rs"]
mod tests;
