//! `weir settle`: which clean documents can no recall reach any more? They are forwarded, exactly
//! once.
//!
//! | file | question |
//! |---|---|
//! | `record` | Which sequence number does a record have, and what does a record of `recalls` say? |
//! | `fates` | Which sequence numbers are recalled or restored, and what is the settled watermark? |
//! | `partition` | How far is each partition of the three input topics read? |
//! | `settler` | How are records read, forwarded and committed? |
//!
//! It relies on four facts. Sequence numbers grow within a partition of `clean` and `duplicates`.
//! All records of `recalls` are on its partition 0, so that watermarks have an order among recalls.
//! A transaction holds one watermark at most. After a watermark no sequence number below it is
//! recalled.
//!
//! A document is forwarded once a watermark has passed it: a clean one unless it is recalled, and a
//! duplicate if it is restored. Documents, recalls and watermarks of one transaction may become
//! visible in any order. A document that comes after its watermark is judged by what was recalled
//! before the watermark.
//!
//! **One transaction** holds what is forwarded and how far all three topics are read. The position
//! of `recalls` that is committed is the oldest one that still matters, so that a restart reads
//! again what it must know. The text beside the position says how far was read, and the settled
//! watermark.
//!
//! **A recall that comes too late**, for a sequence number below the watermark, is counted, logged
//! and copied to a topic of its own (`late_recalls`), because the document may have been forwarded.
//! It has the format of `recalls`, for whoever takes documents out of a corpus. A document that is
//! still here is held back as by any recall.
//!
//! **What is gone** (removed by a retention, or with a topic that was made anew) is refused, and with
//! `--accept-loss` told and counted. Of documents only those are missing. Without some recalls,
//! documents that they have withdrawn are forwarded.
//!
//! **State** about 64 bytes for each sequence number that is recalled or restored and that not
//! every partition has passed, at most [`FATES_MAX`] of them; one record a partition; and what the
//! client has fetched. Nothing is kept on disk.

mod fates;
mod partition;
mod record;
mod settler;

use std::time::Duration;

use connectors::kafka::KafkaConfig;
pub use fates::FATES_MAX;
pub use settler::{SettleCounts, Settler};

/// Where settled documents come from and go to.
#[derive(Clone, Debug)]
pub struct SettleConfig {
    /// The brokers, the client's properties, and the settler's own group. Its topics are not used.
    pub kafka: KafkaConfig,
    /// The topic of clean documents.
    pub clean: String,
    /// The topic of copies.
    pub duplicates: String,
    /// The topic of recalls, restores and settled watermarks.
    pub recalls: String,
    /// The topic that settled documents are forwarded to.
    pub settled: String,
    /// The topic of recalls that came too late.
    pub late_recalls: String,
    /// Whether going on without records that are gone is accepted (`--accept-loss`).
    pub accepts_loss: bool,
    /// After so long positions are committed again although they are the same. Brokers forget what a
    /// group has committed some days after its last commit.
    pub commit_again_every: Duration,
}
