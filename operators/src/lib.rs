//! What is suspicious? Pure, synchronous, deterministic detectors.
//!
//! Nothing here does I/O, reads a clock, awaits, or keeps a global. A document comes in with its
//! features ([`document::Document`]). An [`inspect::Inspector`] looks at it alone; an
//! [`operator::Operator`] compares it with what came before, in the phases that [`operator`]
//! describes. Both report [`finding::Finding`]s. They never drop, edit, delay or route a document:
//! that is the policy's business.
//!
//! What an operator needs from disk it asks for through the traits of [`lookup`]. What it must keep
//! over a restart it writes with [`codec`]. [`conformance`] is the test suite that every operator
//! passes.

pub mod background;
pub mod codec;
pub mod config;
pub mod conformance;
pub mod document;
pub mod exact_dedup;
pub mod finding;
pub mod gibberish;
pub mod hidden_text;
pub mod inspect;
pub mod integrity;
pub mod learn;
pub mod lookup;
pub mod merge_index;
pub mod mode;
pub mod near_dup;
pub mod operator;
pub mod report;
pub mod reputation;
pub mod table;
pub mod text;
pub mod trigger_spike;
pub mod unicode;
pub mod usage;
