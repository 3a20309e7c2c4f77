//! How is a count kept in bounded memory? Tables, filters and sketches of keyed hashes.
//!
//! All of them take 64-bit keys that are keyed hashes already, hold a number of bytes that is fixed
//! by their options, and behave the same on every machine. None of them iterates in an order that
//! depends on anything but the sequence of calls.

pub mod bloom;
mod cache_line;
pub mod candidates;
pub(crate) mod copies;
pub mod counts;
pub mod doorkeeper;
pub mod log_sketch;
mod pool;
pub mod sketch;
pub(crate) mod slots;

pub use bloom::Bloom;
pub use candidates::{Candidate, CandidateTable};
pub(crate) use copies::Copies;
pub use counts::Counts;
pub use doorkeeper::Doorkeeper;
pub use log_sketch::LogSketch;
pub use pool::ListItem;
pub use sketch::Sketch;
