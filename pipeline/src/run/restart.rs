//! What does a snapshot say about where the run stood, and how is that written down?
//!
//! The body of a snapshot begins with this head, and the engine's tables follow it.
//! [`Restart::encode`] and [`Restart::decode`] are its only codec. The head has no version of its
//! own: the version in the snapshot file's header ([`crate::state::snapshot`]) changes with the
//! layout of any section, and a snapshot of another version is not read.
//!
//! ```text
//! sink checkpoint   length and bytes; empty if there is none
//! positions         count, then for each partition the offset of its next record (u64)
//! partitions        count, then for each in the order of their numbers its name, its beginning (u64, all ones if
//!                   unknown), whether its last record is known (u8) and that one's digest (u64)
//! hash seed         u64
//! log lengths       see `LogLengths`
//! ```

use connectors::{position::Positions, source::KnownPartition};
use operators::{
    codec::{Corrupt, Decoder, Encoder},
    text::Seed,
};

use crate::engine::LogLengths;

/// Where a run stood when its state was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The point of the sink that the state belongs to, in the committer's own format. `None` if
    /// nothing was committed before.
    pub checkpoint: Option<Vec<u8>>,
    /// Where the input goes on.
    pub positions: Positions,
    /// The partitions whose numbers are fixed, in the order of their numbers.
    pub partitions: Vec<KnownPartition>,
    /// Keys every hash in the state.
    pub seed: Seed,
    /// How long the append-only logs were. What is behind these lengths is cut off.
    pub logs: LogLengths,
}

impl Restart {
    /// The beginning of an empty state.
    pub fn at_beginning(seed: Seed) -> Self {
        Self { checkpoint: None, positions: Positions::default(), partitions: Vec::new(), seed, logs: LogLengths::default() }
    }

    /// Goes back to the beginning of the input and of the sink, and keeps the state.
    pub fn leave_input(&mut self) {
        let logs = std::mem::take(&mut self.logs);
        *self = Self { logs, ..Self::at_beginning(self.seed) };
    }

    /// Writes the head of a snapshot.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.slice(self.checkpoint.as_deref().unwrap_or_default());
        out.u64s(&self.positions.0);
        out.u64(self.partitions.len() as u64);
        for partition in &self.partitions {
            out.str(&partition.name);
            out.u64(partition.beginning.unwrap_or(u64::MAX));
            out.u8(u8::from(partition.last.is_some()));
            out.u64(partition.last.unwrap_or_default());
        }
        out.u64(self.seed.0);
        self.logs.encode(&mut out);
        out.bytes
    }

    /// Reads the head of a snapshot of so many keyed operators; also gives what reads the engine's
    /// tables behind it.
    ///
    /// # Errors
    /// If the bytes are no snapshot.
    pub fn decode(body: &[u8], operators: usize) -> Result<(Self, Decoder<'_>), Corrupt> {
        let mut from = Decoder::new(body);
        let checkpoint = from.slice()?.to_vec();
        let positions = Positions(from.u64s()?);
        let mut partitions = Vec::new();
        for _ in 0..from.len(25)? {
            let (name, beginning) = (from.str()?.to_owned(), from.u64()?);
            let (is_known, digest) = (from.u8()? != 0, from.u64()?);
            let beginning = Some(beginning).filter(|&offset| offset != u64::MAX);
            partitions.push(KnownPartition { name, beginning, last: is_known.then_some(digest) });
        }
        let seed = Seed(from.u64()?);
        let logs = LogLengths::decode(&mut from, operators)?;
        let checkpoint = (!checkpoint.is_empty()).then_some(checkpoint);
        Ok((Self { checkpoint, positions, partitions, seed, logs }, from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restart() -> Restart {
        let logs = LogLengths { next: 9, ledger_tail: 10, horizon_tail: 11, replay_logs: vec![12, 13, 14] };
        Restart {
            checkpoint: Some(b"here".to_vec()),
            positions: Positions(vec![5, 0, 7]),
            partitions: vec![
                "crawl/0".into(),
                KnownPartition { beginning: Some(2), last: Some(3), ..KnownPartition::from("crawl/1") },
            ],
            seed: Seed(0x5eed),
            logs,
        }
    }

    #[test]
    fn what_was_encoded_is_read_again_and_every_cut_is_refused() {
        let expected = restart();
        let mut body = expected.encode();
        for cut in 0..body.len() {
            assert!(Restart::decode(&body[..cut], 3).is_err(), "cut at {cut}");
        }
        body.extend(b"tables");
        let (got, mut rest) = Restart::decode(&body, 3).expect("what encode wrote");
        assert_eq!(got, expected);
        assert_eq!(rest.bytes(6), Ok(&b"tables"[..]));
        assert_eq!(rest.end(), Ok(()));
    }

    /// States on disk hold these bytes. Another layout needs another version of the snapshot file.
    #[test]
    fn the_layout_is_that_of_snapshots_on_disk() {
        let mut bytes = vec![4, 0, 0, 0, 0, 0, 0, 0, b'h', b'e', b'r', b'e'];
        for number in [3_u64, 5, 0, 7, 2] {
            bytes.extend(number.to_le_bytes());
        }
        for (name, beginning, is_known, last) in [("crawl/0", u64::MAX, 0, 0_u64), ("crawl/1", 2, 1, 3)] {
            bytes.extend([7, 0, 0, 0, 0, 0, 0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend(beginning.to_le_bytes());
            bytes.push(is_known);
            bytes.extend(last.to_le_bytes());
        }
        bytes.extend(0x5eed_u64.to_le_bytes());
        bytes.extend(9_u32.to_le_bytes());
        for number in 10_u64..15 {
            bytes.extend(number.to_le_bytes());
        }
        assert_eq!(restart().encode(), bytes);
    }

    #[test]
    fn another_input_begins_without_checkpoint_and_positions() {
        let mut restart = restart();
        let (seed, logs) = (restart.seed, restart.logs.clone());
        restart.leave_input();
        assert_eq!(restart, Restart { logs, ..Restart::at_beginning(seed) });
    }
}
