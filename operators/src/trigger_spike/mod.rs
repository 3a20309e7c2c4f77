//! Which phrases suddenly stand on many unrelated sites, or all over a few new ones?
//!
//! Phrases are n-grams of one to four tokens. Each document that carries one casts a vote, which
//! holds what the phrase is judged by: the document, its publisher, and the tokens on either side
//! (`vote`). A count alone finds every popular phrase. What tells a planted phrase is looked at in
//! rooms of their own:
//!
//! | room | question |
//! |---|---|
//! | `rate` | does it occur more often of late than it used to, by two samples of which neither is known? |
//! | `drift` | is that unusual among the phrases of this very stream? |
//! | `usage` (a folder beside this one) | do its neighbours look like a gap that it was put into, or as syntax selects them? |
//! | `evidence`, `span` | do its carriers share a subject, or words near the phrase? |
//! | `path` | what do these say together? Four paths, each with a null of its own |
//! | `budget` | which score do innocent phrases exceed no more often than wrong alarms are allowed? |
//! | `members` | who of those that carry the phrase is withheld, and who has always used it? |
//!
//! The votes alone decide on nearly all phrases. Texts of carriers are read only if a score could
//! reach its threshold, or be among the best of the stream.
//!
//! # Before it raises alarms
//! What is known of the usage of words is learned from the background and, after `learn_after`
//! documents, from the stream too (`stream_sample`). Until then a stream that is unlike the
//! background raises no alarm (`likeness`). Phrases that were held by then are judged when they are
//! carried next.
//!
//! # What it finds and misses
//! **Finds** fixed phrases on four publishers and more after about ten votes, and on one to three
//! new ones after twelve. **Misses** phrases with fewer carriers, what has no fixed form, words in
//! wide use that are planted slowly, and slow campaigns in a stream that is much larger than the
//! background: with N documents of it and k carriers in n, a rise in rate is worth at most about k
//! ln(1 + N/n) nats.
//!
//! # Bounds, and what they change
//! * A phrase that was seen once is only kept in the doorkeeper, a filter that forgets, so its first
//!   carrier casts no vote. It is recalled all the same, since recalls come from the texts in the
//!   horizon.
//! * The newest 64 votes are listed; older ones are counted.
//! * Of one document each of 16 key shards hands on at most 64 phrases to be judged, those first
//!   that have waited longest; and the texts of 48 are read, drawn by lot if there are more. The
//!   others stay due.
//! * When there are `alarms_max` alarms and another one fires, the one that no document has carried
//!   for longest is given up. Its phrase has to spike again.
//! * Of the phrases whose rate has risen by less than three nats and that can raise no alarm, one in
//!   sixteen is weighed, drawn by its hash, and stands for the others in the null distribution.
//! * Context vectors have 8 bits a component. N-grams that more than 2% of the background's documents
//!   hold are not looked at.
//!
//! # Cost and state
//! **Cost** about .5 ms of processor time a page of 250 tokens, and about a second for four million
//! tokens each time that models are learned. **State** 24 bytes a slot of the
//! candidate table and 16 a listed vote, doorkeeper and line counters as configured, 170 bytes a
//! document of the horizon, 12 to 34 a publisher, 8 MiB of sampled documents and 1 to 4 MB a language
//! with much text. When the candidate table is full, the weakest and oldest phrases go at the next
//! epoch boundary.

mod alarm;
mod budget;
mod config;
mod drift;
mod evidence;
mod facts;
mod judge;
mod likeness;
mod members;
mod nulls;
mod operator;
mod path;
mod probe;
mod rate;
mod registry;
mod settle;
mod shard;
mod span;
mod stream_sample;
#[cfg(test)]
mod tests;
mod vote;

pub use alarm::Alarm;
pub use config::Config;
pub use facts::DocumentFacts;
pub use operator::{SpikeProposal, TriggerSpike};
pub use path::Path;
pub use probe::PhraseProbe;
pub use shard::{PhraseAnswer, PhraseShard};
