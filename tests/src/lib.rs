//! Test kit: seeded small streams with everything in them, and a stage over memory that can be disturbed at every step.

pub mod disturbed;
pub mod random;
pub mod stream;
