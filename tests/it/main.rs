//! Suites over all crates, in one process.

mod batches;
mod faults;
mod hostile;
mod remote;
mod tidy;
