//! The binary itself, as a user runs it: killed at every step, stopped, refused, carried on; and what it writes.
//!
//! Every test works on one small crawl and compares whole output folders byte by byte; only `timings.json` and `.weir/` may
//! differ between two runs over the same input.

mod archives;
mod base;
mod contract;
mod corpus;
mod formats;
mod indexes;
mod inputs;
mod joined;
mod killers;
mod kills;
mod large;
mod lists;
mod recalls;
mod refusals;
mod shards;
mod signals;
#[cfg(feature = "parquet")]
mod tables;
mod weir;
