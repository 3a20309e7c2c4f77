//! How far is each partition of the three input topics read, and what is committed beside its
//! offset?
//!
//! The text beside a committed offset is `weir-settle1 last=N` for a partition of documents, where
//! `N` is the last sequence number dealt with (`-` for none). For `recalls` it is
//! `weir-settle1 read=N mark=N`: the offset that was read to, and the settled watermark. Behind both
//! stands the last record that was dealt with, `at=OFFSET/DIGEST`, by which a topic that was made anew
//! is known, and how many offsets were lost so far, `lost=N`, where some were.

use connectors::kafka::{ForwardedRecord, ForwarderPartition};

use super::{
    SettleConfig,
    fates::{DocumentTopic, Fates},
};

/// The beginning of the text beside a committed offset.
const TEXT: &str = "weir-settle1";

/// What a partition holds.
pub(super) enum PartitionRole {
    /// Documents.
    Documents(DocumentTopic),
    /// Recalls, restores and watermarks.
    Recalls,
    /// Nothing: it is a further partition of `recalls`, where no record may be.
    Empty,
}

/// How far a partition is dealt with.
pub(super) struct PartitionState {
    /// What the partition holds.
    pub(super) role: PartitionRole,
    /// `topic/partition`, for messages.
    pub(super) name: String,
    /// The next offset that is not dealt with.
    pub(super) next: u64,
    /// The offset and the text that are committed.
    pub(super) committed: Option<(u64, String)>,
    /// The last sequence number that was dealt with.
    pub(super) last: Option<u32>,
    /// The next document, if it is not settled yet.
    pub(super) held: Option<(u32, ForwardedRecord)>,
    /// Offset and digest of the last record that was dealt with.
    pub(super) at: Option<(u64, u64)>,
    /// How many offsets were gone before they were read, by all settlers of the group.
    pub(super) lost: u64,
}

impl PartitionState {
    /// Begins at what is committed for the partition.
    pub(super) fn new(config: &SettleConfig, partition: &ForwarderPartition) -> Self {
        let role = match partition.id {
            0 if partition.topic == config.recalls => PartitionRole::Recalls,
            _ if partition.topic == config.recalls => PartitionRole::Empty,
            _ if partition.topic == config.clean => PartitionRole::Documents(DocumentTopic::Clean),
            _ => PartitionRole::Documents(DocumentTopic::Duplicate),
        };
        let (name, next, committed) = (partition.name(), partition.begin, partition.text.clone());
        let last = committed.as_deref().and_then(|text| Self::documents_text(text)?.parse().ok());
        let is_anew = partition.loss.is_some_and(|loss| loss.is_anew);
        let at = committed.as_deref().and_then(Self::last_record).filter(|_| !is_anew);
        let lost = committed.as_deref().and_then(|text| field(text, "lost=")?.parse().ok()).unwrap_or(0);
        // Of a topic that was made anew nobody knows how many records were not read.
        let now = partition.loss.map_or(0, |loss| next.saturating_sub(loss.from));
        Self { role, name, next, committed: committed.map(|text| (next, text)), last, held: None, at, lost: lost + now }
    }

    /// Reads in a text which record was dealt with last: its offset and its digest.
    pub(super) fn last_record(text: &str) -> Option<(u64, u64)> {
        let (offset, digest) = field(text, "at=")?.split_once('/')?;
        Some((offset.parse().ok()?, u64::from_str_radix(digest, 16).ok()?))
    }

    /// Reads the text beside the offset of a partition of documents: its last sequence number, or
    /// `-`.
    pub(super) fn documents_text(text: &str) -> Option<&str> {
        field(text, "last=")
    }

    /// Reads the text beside the offset of `recalls`: the offset that was read to, and the
    /// watermark.
    pub(super) fn recalls_text(text: &str) -> Option<(u64, u32)> {
        let number = |name| field(text, name)?.parse::<u64>().ok();
        let (read, watermark) = (number("read=")?, number("mark=")?);
        Some((read, u32::try_from(watermark).unwrap_or(u32::MAX)))
    }

    /// Returns the offset and the text to commit. Recalls below `known_to` were read by an earlier
    /// settler; the partition holds no record between what was dealt with last and `read_to`.
    pub(super) fn position(&self, fates: &Fates, known_to: u64, read_to: u64) -> Option<(u64, String)> {
        let at = self.at.map(|(offset, digest)| format!(" at={offset}/{digest:016x}")).unwrap_or_default();
        let lost = if self.lost > 0 { format!(" lost={}", self.lost) } else { String::new() };
        let passed = if self.held.is_none() { self.next.max(read_to) } else { self.next };
        match self.role {
            PartitionRole::Documents(_) => {
                let last = self.last.map_or_else(|| "-".to_owned(), |last| last.to_string());
                Some((passed, format!("{TEXT} last={last}{at}{lost}")))
            }
            PartitionRole::Recalls => {
                let read = self.next.max(known_to);
                let begin = fates.oldest().unwrap_or(passed).min(passed);
                Some((begin, format!("{TEXT} read={read} mark={}{at}{lost}", fates.watermark())))
            }
            PartitionRole::Empty => None,
        }
    }
}

/// Returns what stands behind `name` in a text of weir's.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(TEXT)?.split(' ').find_map(|word| word.strip_prefix(name))
}
