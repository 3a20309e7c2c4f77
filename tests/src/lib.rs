//! Test kit: seeded small streams with everything in them, a stage over memory that can be disturbed at every step, and a
//! real Kafka.

pub mod broker;
pub mod disturbed;
pub mod random;
pub mod runner;
pub mod stream;
