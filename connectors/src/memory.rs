//! Partitions and outputs in memory, with faults on demand: the test double for a broker.
//!
//! It behaves as Kafka does where that matters. Which partition is read next varies between runs.
//! Records may be delivered again. A batch's outputs and its journal record become visible together
//! or not at all, and a commit may report failure although it took place. What was committed
//! survives the process: the sink is a [`MemoryLog`], which the test holds. A committer that
//! recovers fences the ones before it.
//!
//! A [`FaultScript`] says which call fails. To play the death of a process, a test drops source and
//! committer after an [`Error::Injected`](crate::error::Error::Injected) and makes new ones around
//! the same log and the same [`Faults`].

mod committer;
mod faults;
mod source;

pub use committer::{MemoryCommitter, MemoryLog};
pub use faults::{Fault, FaultScript, Faults, Op};
pub use source::MemorySource;

#[cfg(test)]
mod tests;
