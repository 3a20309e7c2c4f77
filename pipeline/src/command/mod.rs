//! What does the command line do? Each subcommand has a file of its own.
//!
//! | file | question |
//! |---|---|
//! | `cli` | Which subcommands are there? It is above all others and calls them. |
//! | `process` | How is the process set up: log, threads, exit codes? |
//! | `terminal` | How are lines for people written? |
//! | `input` | Which files does a command read? |
//! | `output_lines` | What do the lines of a run's outputs say when they are read back? |
//! | every other | What does the subcommand of that name do? |

mod check;
mod cli;
#[cfg(feature = "demo")]
mod demo;
mod explain;
mod index;
mod input;
mod learn;
mod log;
mod merge;
mod output_lines;
mod process;
mod recall;
mod records;
mod replay;
mod run;
mod settle;
mod terminal;
mod text;

pub use cli::main;
