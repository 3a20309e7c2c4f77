//! `weir settle`: which clean documents can no recall reach any more, forwarded exactly once?
//!
//! | file | its question |
//! |---|---|
//! | `record` | which sequence number has a record, what does a record of `recalls` say |
//! | `fates` | which sequence numbers are recalled or restored, and up to where is everything settled |
//! | `settler` | the loop: read, forward, commit |
//!
//! What it relies on: sequence numbers grow within a partition of `clean` and `duplicates`; all records of `recalls` are on its
//! partition 0, so that marks have an order among recalls; a transaction holds one mark at most; after a mark no sequence number
//! below it is recalled. A document is forwarded once a mark has passed it: a clean one unless it is recalled, a
//! duplicate if it is restored. Documents, recalls and marks may become visible in any order within a transaction: a
//! document that comes after its mark is judged by what was recalled before the mark.
//!
//! **One transaction** holds what is forwarded and how far all three topics are read. The position of `recalls` that is
//! committed is the oldest one that still matters, so that a restart reads again what it must know; the text beside it says
//! how far was read and settled.
//!
//! **A recall that comes too late**, for a sequence number below its mark, is counted, logged and copied to a topic of its own
//! (`late_recalls`): the document may have been forwarded. It has the format of `recalls`, for whoever takes documents out of
//! a corpus. A document that is still here is held back as by any recall.
//!
//! **State** 64 bytes or so a sequence number recalled or restored and not passed by every partition, at most [`FATES_MAX`] of
//! them; one record a partition; what the client has fetched. Nothing on disk.

mod fates;
mod record;
mod settler;

use connectors::kafka::KafkaConfig;
pub use fates::FATES_MAX;
pub use settler::{Settled, Settler};

/// Where settled documents come from and go to.
#[derive(Clone, Debug)]
pub struct SettleConfig {
    /// Brokers, the client's properties, and the settler's own group. Topics are not used.
    pub kafka: KafkaConfig,
    /// Clean documents.
    pub clean: String,
    /// Copies.
    pub duplicates: String,
    /// Recalls, restores and marks.
    pub recalls: String,
    /// Settled documents.
    pub settled: String,
    /// Recalls that came too late.
    pub late_recalls: String,
}
