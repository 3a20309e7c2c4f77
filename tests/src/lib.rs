//! Test kit: seeded small streams with everything in them, a stage over memory that can be disturbed at every step, hostile
//! bytes for every parser, and a real Kafka.

pub mod broker;
pub mod disturbed;
pub mod hostile;
pub mod mirror;
pub mod random;
pub mod runner;
pub mod stream;
pub mod web;
