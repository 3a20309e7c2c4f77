//! weir: a poison filter for web-scraped training corpora. This crate says who does what in which
//! order, and what is remembered on disk.
//!
//! ```text
//! intake      a record gets its sequence number                          run/intake.rs
//! decode      a record becomes a page                                    crate decode
//! features    a page becomes a document: publisher, words, hashes        features.rs
//! engine      probe | fold | describe | judge   pure, in parallel        engine/
//!             settle                            serial, in order
//! policy      findings become a verdict                                  policy.rs
//! output      a verdict becomes records: clean, quarantine, duplicates,  output/
//!             decisions, recalls, alarms, dead letters
//! commit      all records of a batch become visible at once              run/commit.rs
//! ```
//!
//! Begin reading at [`run`] (the loop) and [`engine`] (the phases of a batch). The crate
//! `operators` says what is suspicious, the crate `connectors` moves bytes.

pub mod command;
pub mod config;
pub mod engine;
pub mod features;
pub mod journal;
pub mod layout;
pub mod listing;
pub mod manifest;
pub mod merge;
pub mod output;
pub mod policy;
pub mod progress;
pub mod registry;
pub mod report;
pub mod run;
pub mod settle;
pub mod signals;
pub mod state;
pub mod watch;
