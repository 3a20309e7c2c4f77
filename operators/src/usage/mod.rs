//! How are words used in ordinary text? Models that are learned from a sample of documents: which
//! words a text's subject shows in, and which words stand beside each other; for each language that
//! the sample has enough of.
//!
//! The models know nothing of languages but what the sample shows. They are learned anew whenever
//! the sample changes, so what is saved is the sample.

mod classes;
mod context;
mod gaps;
mod language_model;
mod models;
mod postings;
mod sample;
mod types;
mod words;

pub use context::{ContextVector, DIMENSIONS, QUANTUM, dot};
pub use language_model::{LANGUAGE_DOCUMENTS_MIN, NeighbourEvidence};
pub use models::UsageModels;
pub use sample::{Sample, SampledDocument};
pub use words::Words;
