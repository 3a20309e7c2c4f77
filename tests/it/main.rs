//! Suites over all crates, in one process.

mod batches;
mod example;
mod faults;
mod hostile;
mod imports;
mod languages;
mod remote;
mod sources;
mod tidy;
