//! What is written about a decided batch, and where does it go?
//!
//! The engine gives values of the domain; what leaves the process is made of them here, between
//! engine and stage.
//!
//! | file | question it answers |
//! |---|---|
//! | [`lines`] | what do the JSON lines say: decisions, recalls, alarms, dead letters? |
//! | [`clusters`] | of how many copies does a kept document stand alone in the corpus? |
//! | `record` | what is a record on its way to a channel? |
//! | `routing` | which records does a decided document become, and on which channels? |
//! | `oversize` | what becomes of a record that its topic does not take? |
//! | `telling` | what does the log say about the documents of a batch? |
//! | [`publishing`] | how does the staged corpus become the final one, in the last pass? |

pub mod clusters;
pub mod lines;
mod oversize;
pub mod publishing;
mod record;
mod routing;
mod telling;

pub use oversize::{REFUSED, TOO_LARGE, replace_oversize, replace_refused};
pub use record::OutputRecord;
pub use routing::{SEQNO_HEADER, records};
pub use telling::tell;
