//! Kafka: records in by partition, outputs, journal and offsets out in one transaction.
//!
//! | file | its question |
//! |---|---|
//! | `config` | which brokers, topics and limits, and which client properties are ours |
//! | `client` | how is a client made, and what becomes of what it reports |
//! | `reach` | can the brokers be talked to, and if not, which key is to be looked at |
//! | `errors` | may a failed call be tried again, must the batch be aborted, or the process end |
//! | `topics` | are the topics there and as they must be |
//! | `numbering` | which number has a partition, where did it begin, how far is it read |
//! | `source`, `buffer`, `message` | records in, by partition, bounded |
//! | `start` | at which offset does reading begin, and is what was read still there |
//! | `committer`, `producer`, `offsets`, `checkpoint` | one transaction a batch; what is committed; where to come back to |
//! | `publisher` | records into an input topic, each once |
//! | `journal` | the journal topic read from a place, once or for ever |
//! | `relay` | records of some topics into others, exactly once |
//!
//! **One active process, the fence is the lock.** The transactional id is the group's name, so whoever calls
//! `init_transactions` last is the active one and every other one fails at its next call. Input is assigned, never
//! subscribed: no group membership, no rebalance, no session timeout. Offsets are committed under the group's name inside
//! the transaction, so that the usual lag tools see them.
//!
//! **Readers must use `isolation.level=read_committed`**, else they see batches that were aborted.
//!
//! Not here: what a record means, in which order documents are judged, what a journal record says.

mod buffer;
mod checkpoint;
mod client;
mod committer;
mod config;
mod errors;
mod journal;
mod message;
mod numbering;
mod offsets;
mod producer;
mod publisher;
mod reach;
mod relay;
mod source;
mod start;
mod topics;

#[cfg(feature = "faults")]
pub use committer::Mutation;
pub use committer::{KafkaCommitter, Measured, WithoutSnapshot};
pub use config::{KafkaConfig, Start, Topics, ValueFormat, property_problem, topic_problem};
pub use errors::{Call, Outcome, classify};
pub use journal::JournalReader;
pub use numbering::Numbering;
pub use publisher::KafkaPublisher;
pub use relay::{Relay, RelayPartition, Relayed};
pub use source::{KafkaSource, SourceCounts};
pub use topics::{Checked, TopicLimits, check_topics};
