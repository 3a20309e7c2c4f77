//! Which place in the journal does recovery come back to?
//!
//! A checkpoint names a place in the journal topic: the cluster, the group, the offset of the last
//! record before the place, that record's hash, and the offset behind it. Recovery reads that record
//! again. So a journal that was made anew is noticed, even one that has grown beyond the place, and
//! so is the state of another group.

use std::time::Duration;

use crate::error::Error;

/// Longest wait for the brokers to say which cluster they are.
pub(super) const CLUSTER_TIMEOUT: Duration = Duration::from_secs(5);
/// The first bytes, which distinguish it from checkpoints of other sinks.
const MAGIC: &[u8; 8] = b"weirkm2\0";

/// A place in the journal topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JournalCheckpoint {
    /// Identity of the cluster; empty if the brokers do not tell it.
    pub(super) cluster: String,
    /// The group that the state belongs to.
    pub(super) group: String,
    /// Offset where the next record can be at the earliest.
    pub(super) next: u64,
    /// Offset and hash of the last record before the place.
    pub(super) last: Option<(u64, [u8; 32])>,
}

impl JournalCheckpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (flag, (offset, hash)) = (u8::from(self.last.is_some()), self.last.unwrap_or_default());
        let names = [self.cluster.as_bytes(), b"\0", self.group.as_bytes()].concat();
        [MAGIC, &self.next.to_le_bytes()[..], &[flag], &offset.to_le_bytes(), &hash, &names].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let parse = || {
            let (magic, rest) = bytes.split_first_chunk::<8>()?;
            let (next, rest) = rest.split_first_chunk::<8>()?;
            let ([flag], rest) = rest.split_first_chunk::<1>()?;
            let (offset, rest) = rest.split_first_chunk::<8>()?;
            let (hash, names) = rest.split_first_chunk::<32>()?;
            let last = match flag {
                0 => None,
                1 => Some((u64::from_le_bytes(*offset), *hash)),
                _ => return None,
            };
            let (cluster, group) = std::str::from_utf8(names).ok()?.split_once('\0')?;
            let (cluster, group) = (cluster.to_owned(), group.to_owned());
            (magic == MAGIC).then(|| Self { cluster, group, next: u64::from_le_bytes(*next), last })
        };
        parse().ok_or_else(|| Error::Refused(format!("checkpoint of {} bytes is none of a Kafka journal", bytes.len())))
    }
}

impl JournalCheckpoint {
    /// Checks that the brokers are those of the cluster whose journal is meant; `cluster` is what
    /// they say, and may be empty.
    pub(super) fn expect_cluster(&self, cluster: &str) -> Result<(), Error> {
        if cluster == self.cluster || cluster.is_empty() || self.cluster.is_empty() {
            return Ok(());
        }
        Err(Error::Changed(format!(
            "the brokers are cluster {cluster}, expected {}, to which this state belongs: look at kafka.brokers, or give this \
             cluster a state.directory of its own",
            self.cluster
        )))
    }

    /// Refuses a place that another group has come to.
    pub(super) fn expect_group(&self, group: &str) -> Result<(), Error> {
        if self.group == group {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "the state belongs to group {}, and kafka.group is {group}: give each group a state.directory and topics of its own",
            self.group
        )))
    }
}

/// Returns the hash of a journal record.
pub(super) fn record_hash(record: &[u8]) -> [u8; 32] {
    *blake3::hash(record).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_and_nothing_else_is_one() {
        for last in [None, Some((41, record_hash(b"record")))] {
            let checkpoint = JournalCheckpoint { cluster: "abc".to_owned(), group: "g".to_owned(), next: 42, last };
            assert!(checkpoint.expect_group("g").is_ok() && checkpoint.expect_group("h").is_err());
            let bytes = checkpoint.encode();
            assert_eq!(JournalCheckpoint::decode(&bytes).expect("a checkpoint"), checkpoint);
            for cut in 0..MAGIC.len() + 49 {
                assert!(JournalCheckpoint::decode(&bytes[..cut]).is_err(), "{cut} bytes");
            }
            for (at, value) in [(0, 0), (16, 7)] {
                let mut changed = bytes.clone();
                changed[at] = value;
                assert!(JournalCheckpoint::decode(&changed).is_err(), "byte {at}");
            }
        }
        assert!(JournalCheckpoint::decode(&7_u64.to_le_bytes()).is_err(), "a checkpoint of memory");
    }
}
