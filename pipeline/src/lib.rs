//! weir: a poison filter for web-scraped training corpora. Who does what when, and what is remembered on disk.
//!
//! ```text
//! intake -> decode -> features -> probe | fold | judge -> settle -> policy -> router -> commit
//! (source,  (record    (words,      pure, parallel,        serial,   (findings  (clean, quarantine, duplicates,
//!  position, -> page)   hashes)      fold per key           cheap)     -> verdict) decisions, recalls, dead letters:
//!  sequence number)                                                                        one commit)
//! ```
//!
//! Begin reading at [`run`] (the loop) and [`engine`] (the phases of a batch); `operators` says what is suspicious,
//! `connectors` moves bytes.

pub mod command;
pub mod config;
pub mod engine;
pub mod features;
pub mod journal;
pub mod language;
pub mod layout;
pub mod listing;
pub mod manifest;
pub mod merge;
pub mod output;
pub mod policy;
pub mod progress;
pub mod report;
pub mod run;
pub mod settle;
pub mod signals;
pub mod state;
pub mod watch;
