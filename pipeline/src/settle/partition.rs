//! How far is each partition of the three input topics read, and what is committed beside its
//! offset?
//!
//! The text beside a committed offset is `weir-settle1 last=N` for a partition of documents, where
//! `N` is the last sequence number dealt with (`-` for none). For `recalls` it is
//! `weir-settle1 read=N mark=N`: the offset that was read to, and the settled watermark.

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
    /// Whether the partition was ever paused. The client's statistics may then speak of records
    /// that it has thrown away.
    pub(super) was_paused: bool,
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
        Self { role, name, next, committed: committed.map(|text| (next, text)), last, held: None, was_paused: false }
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
    /// settler.
    pub(super) fn position(&self, fates: &Fates, known_to: u64) -> Option<(u64, String)> {
        match self.role {
            PartitionRole::Documents(_) => {
                let last = self.last.map_or_else(|| "-".to_owned(), |last| last.to_string());
                Some((self.next, format!("{TEXT} last={last}")))
            }
            PartitionRole::Recalls => {
                let read = self.next.max(known_to);
                let begin = fates.oldest().unwrap_or(self.next).min(self.next);
                Some((begin, format!("{TEXT} read={read} mark={}", fates.watermark())))
            }
            PartitionRole::Empty => None,
        }
    }
}

/// Returns what stands behind `name` in a text of weir's.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(TEXT)?.split(' ').find_map(|word| word.strip_prefix(name))
}
