//! A sample crawl: text that weir invents for its demo, its tests and its benches, with known
//! attacks in it.
//!
//! [`generate`] writes three files into a folder. `reference.jsonl.gz` holds earlier trusted
//! documents, from which a background can be learned. `crawl.warc.gz` is a crawl with attacks,
//! benign spikes and copies planted in it. `truth.jsonl` has one line for each planted page.
//! [`documents`] gives the same documents from memory. The same arguments give the same text on
//! every machine, and the same bytes with the same build of the compressor. Nothing is quoted from
//! anywhere.
//!
//! # What is simpler than on the real web
//! * There is one language, and its content words are invented. Function words are English,
//!   morphology is regular, and each sentence follows one of four dozen templates. The text has no
//!   meaning, so no method that needs meaning can be tried on it.
//! * Forty topics have equal weight, the same in reference and crawl. Subjects do not drift,
//!   nothing happens but the planted events, and hardly a word is new except in names.
//! * HTML is well-formed, in UTF-8, and made from one template with lines of each site. There are
//!   no scripts, forms, comments and tables. A crawl has one 404, twelve revisits and one damaged
//!   record.
//! * Hosts of planted pages carry nothing else, except where pages are planted on existing sites.
//!   New ordinary sites are there from the first day. Each page is fetched once. All exact copies
//!   are print views.
//! * Plants are spread evenly over the last three quarters of the crawl, by attackers who do not
//!   know the filter.
//!
//! So figures on the sample show that everything works. They are no measure of quality on real
//! text.
//!
//! **Cost** 36,000 documents in about 6 seconds on one core, most of which the compressor takes,
//! and 58 MB on disk.
//! **State** 6 MB and 64 bytes a document. **Limits** 2,000 to 10,000,000 pages, and 1,000 to
//! 10,000,000 documents of reference. Other sizes are brought into these limits.

mod archive;
mod document;
mod function_words;
mod grammar;
mod kind;
mod language;
mod markup;
mod page;
mod plan;
mod random;
mod sites;
mod stream;
mod topics;
mod vocabulary;
mod world;
mod write;

pub use archive::timestamp;
pub use document::{SampleDocument, Size, Triggers};
pub use kind::DocumentKind;
pub use sites::PLATFORM;
pub use stream::{crawl, documents};
pub use write::{Sample, generate, reference};

#[cfg(test)]
mod tests;
