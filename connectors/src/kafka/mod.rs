//! Kafka: records in by partition, outputs, journal and offsets out in one transaction.
//!
//! | file | its question |
//! |---|---|
//! | `config`, `client_property`, `topic_names` | which options are there, with which defaults, and which values make no sense |
//! | `clients` | with which properties is each client made |
//! | `reports`, `connection_problem` | what becomes of what a client reports |
//! | `errors` | may a failed call be tried again, must the transaction be aborted, or must the process end |
//! | `query`, `probe` | how are the brokers asked, and do they answer at all |
//! | `admin`, `topics`, `topic_limits` | are the topics there and as they must be, and how large may a record be |
//! | `consumer`, `message`, `buffer`, `receiver`, `source` | records in, partition by partition, bounded |
//! | `input_partitions`, `start_offset`, `offsets`, `identity` | which number has a partition, where is it read from, what is committed for it, is it still the same |
//! | `partition_watch`, `lag_meter` | which partitions are there now, and how much of them waits |
//! | `producer`, `committer`, `checkpoint` | one transaction for each batch, and where recovery comes back to |
//! | `journal` | the journal topic read from a place, once or for ever |
//! | `publisher` | records into an input topic, each once |
//! | `forwarder`, `forwarder_start` | records of some topics into others, exactly once; where that goes on, and what is gone |
//!
//! **One active process, the fence is the lock.** The transactional id is the group's name, so
//! whoever calls `init_transactions` last is the active one and every other one fails at its next
//! call. Input is assigned, never subscribed: no group membership, no rebalance, no session
//! timeout. Offsets are committed under the group's name inside the transaction, so that the usual
//! lag tools see them.
//!
//! **Readers must use `isolation.level=read_committed`**, else they see batches that were aborted.
//!
//! Not here: what a record means, in which order documents are judged, what a journal record says.

mod admin;
mod buffer;
mod checkpoint;
mod client_property;
mod clients;
mod committer;
mod config;
mod connection_problem;
mod consumer;
mod errors;
mod forwarder;
mod forwarder_start;
mod identity;
mod input_partitions;
mod journal;
mod lag_meter;
mod message;
mod offsets;
mod packed_size;
mod partition_watch;
mod probe;
mod producer;
#[cfg(feature = "faults")]
mod protocol_fault;
mod publisher;
mod query;
mod receiver;
mod reports;
mod source;
mod start_offset;
mod topic_limits;
mod topic_names;
mod topics;

pub use client_property::{ClientProperty, is_secret_property};
pub use committer::{CommitTimes, KafkaCommitter, WithoutSnapshot};
pub use config::{KafkaConfig, StartPosition, ValueFormat};
pub use errors::{Call, classify};
pub use forwarder::{ForwardedRecord, TopicForwarder};
pub use forwarder_start::{ForwarderLoss, ForwarderPartition, GoingOn};
pub use input_partitions::InputPartitions;
pub use journal::JournalReader;
pub use lag_meter::LagMeter;
#[cfg(feature = "faults")]
pub use protocol_fault::ProtocolFault;
pub use publisher::KafkaPublisher;
pub use receiver::SourceCounts;
pub use source::KafkaSource;
pub use topic_limits::TopicLimits;
pub use topic_names::{TopicNames, topic_problem};
pub use topics::{CheckedTopics, check_topics};
