//! The test kit: what the tests of all crates share.
//!
//! It has seeded random streams that hold everything the engine must cope with, a stage over memory
//! that can be disturbed at every step, hostile bytes for every parser, a web server, and a real
//! Kafka. It is never part of a release: it switches on the pipeline's injected faults.

pub mod broker;
pub mod disturbed;
pub mod hostile;
pub mod mirror;
pub mod random;
pub mod runner;
pub mod stream;
pub mod web;
