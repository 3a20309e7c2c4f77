//! Tests of the binary as a user runs it: killed at every step, stopped, refused, resumed; and of
//! what it writes.
//!
//! Every test works on one small crawl ([`corpus`]) and compares whole output folders byte by byte.
//! Only `timings.json` and `.weir/` may differ between two runs over the same input.
//!
//! `cargo test -p pipeline --test process` runs the short forms, some minutes on two cores. The
//! long forms kill at every point twice and more, and replay gigabytes; `-- --ignored` runs them
//! alone.

mod archives;
mod base;
mod contract;
mod corpus;
mod floors;
mod formats;
mod indexes;
mod inputs;
mod joined;
mod kills;
mod languages;
mod large;
mod lists;
mod poison_records;
mod readme;
mod recalls;
mod refusals;
mod shards;
mod signals;
#[cfg(feature = "parquet")]
mod tables;
mod weir;
