//! What is suspicious: pure, synchronous, deterministic detectors.
//!
//! Nothing here does I/O, reads a clock, awaits, or keeps a global. A document comes in with its features
//! ([`document::Document`]); [`inspect::Inspector`]s look at it alone, [`operator::Operator`]s compare it with what came
//! before through four phases (`probe`, `fold`, `judge`, `settle`). Both report [`finding::Finding`]s and never drop,
//! edit, delay or route a document: that is the policy's business.
//!
//! What an operator needs from disk it asks for through the traits of [`lookup`]; what it must keep over a restart it
//! writes with [`codec`].

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
