//! What did each document leave for a restart? The log from which the indexes of one keyed operator
//! are rebuilt.
//!
//! There is one replay record for each sequence number. Most are empty or have about a hundred
//! bytes. They are packed into blocks of 4,096 sequence numbers; the block that is being filled is
//! in memory. Blocks go to segments of 65,536 sequence numbers, which are files that are removed as
//! a whole once no kept snapshot needs them. Nothing is ever rewritten, so a snapshot costs what
//! was added since the one before.
//!
//! ```text
//! block   first sequence number u32 | count u32 | count times: length u16, bytes
//! ```

use std::{fs::File, path::Path};

use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
};

use super::{StateError, segments::Segments};

/// Sequence numbers in a block. These are enough for key shards to take a block in in parallel.
const BLOCK: SeqNo = 4096;
/// Sequence numbers in a segment.
const SEGMENT: SeqNo = 16 * BLOCK;

/// The replay records of one keyed operator.
#[derive(Debug)]
pub struct ReplayLog {
    segments: Segments,
    next: SeqNo,
    /// Replay records since the last block that was written.
    block: Encoder,
    block_first: SeqNo,
}

impl ReplayLog {
    /// Opens the log in `folder`, which is made if it is missing, as it was when it held `next`
    /// records and its last segment had `tail_bytes` bytes. What was written later is cut off.
    ///
    /// # Errors
    /// If a segment cannot be opened or is shorter than that.
    pub fn open(folder: &Path, next: SeqNo, tail_bytes: u64) -> Result<Self, StateError> {
        let segments = Segments::open(folder, "traces", SEGMENT, next, tail_bytes)?;
        Ok(Self { segments, next, block: Encoder::default(), block_first: next })
    }

    /// Adds the replay record of the next sequence number.
    ///
    /// # Errors
    /// If the disk is full, or the replay record is longer than 65,535 bytes.
    pub fn push(&mut self, record: &[u8]) -> Result<(), StateError> {
        if self.segments.begins_at(self.next) {
            self.write_block()?;
            self.segments.begin(self.next)?;
        }
        let length = u16::try_from(record.len()).map_err(|_| {
            StateError::Refused(format!("a replay record of {} bytes, expected at most {}", record.len(), u16::MAX))
        })?;
        self.block.u16(length);
        self.block.bytes.extend_from_slice(record);
        self.next += 1;
        if self.next - self.block_first >= BLOCK {
            self.write_block()?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), StateError> {
        let count = self.next - self.block_first;
        if count > 0 {
            let mut entry = Encoder::default();
            entry.u32(self.block_first);
            entry.u32(count);
            entry.bytes.append(&mut self.block.bytes);
            self.segments.append(&entry.bytes)?;
        }
        self.block_first = self.next;
        Ok(())
    }

    /// Calls `each` with every block, beginning with the one that holds `from`: with its first
    /// sequence number and its replay records.
    ///
    /// # Errors
    /// If a file cannot be read, a block is torn or missing, or `each` fails.
    pub fn replay(&self, from: SeqNo, mut each: impl FnMut(SeqNo, &[&[u8]]) -> Result<(), Corrupt>) -> Result<(), StateError> {
        let mut expected = self.segments.since(from).next().map_or(self.next, |(first, _)| first);
        if expected > from {
            return Err(StateError::corrupt(
                self.segments.folder(),
                Corrupt { what: "the replay records that the state needs", at: 0 },
            ));
        }
        for (_, log) in self.segments.since(from) {
            log.scan(|_, entry| {
                let mut block = Decoder::new(entry);
                let (first, count) = (block.u32()?, block.u32()?);
                if first != expected || count == 0 || count > BLOCK {
                    return Err(block.corrupt("the next block of replay records"));
                }
                expected = first + count;
                let mut log = Vec::with_capacity(count as usize);
                for _ in 0..count {
                    let length = block.u16()?;
                    log.push(block.bytes(usize::from(length))?);
                }
                block.end()?;
                if expected > from { each(first, &log) } else { Ok(()) }
            })?;
        }
        if expected == self.block_first {
            Ok(())
        } else {
            Err(StateError::corrupt(
                self.segments.folder(),
                Corrupt { what: "a replay record of every sequence number", at: expected as usize },
            ))
        }
    }

    /// The oldest sequence number whose replay record is still there.
    pub fn first(&self) -> SeqNo {
        self.segments.since(0).next().map_or(self.next, |(first, _)| first)
    }

    /// Hands everything to the operating system. Returns the length of the last segment in bytes,
    /// which a snapshot keeps. The log is durable once the files of [`Self::unsynced`] are synced.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn flush(&mut self) -> Result<u64, StateError> {
        self.write_block()?;
        self.segments.flush()
    }

    /// The files that were added to since this was last asked, and the folder if there is a new
    /// file in it. They must be synced before a snapshot may name their lengths.
    ///
    /// # Errors
    /// If the system gives no handles.
    pub fn unsynced(&mut self) -> Result<Vec<File>, StateError> {
        self.segments.unsynced()
    }

    /// Removes segments that end before `oldest`.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&mut self, oldest: SeqNo) -> Result<(), StateError> {
        self.segments.remove_before(oldest)
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.segments.disk_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    fn path_of(folder: &Path, first: SeqNo) -> PathBuf {
        folder.join(format!("{first:010}.traces"))
    }

    fn record(seqno: SeqNo) -> Vec<u8> {
        vec![seqno as u8; (seqno % 5) as usize]
    }

    fn replayed(log: &ReplayLog, from: SeqNo) -> Result<Vec<(SeqNo, Vec<u8>)>, StateError> {
        let mut all = Vec::new();
        log.replay(from, |first, block| {
            all.extend((first..).zip(block.iter().map(|bytes| bytes.to_vec())));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn comes_back_as_it_was_at_any_flush() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut log = ReplayLog::open(dir.path(), 0, 0).expect("a new log");
        let mut marks = Vec::new();
        for seqno in 0..2 * SEGMENT + 5000 {
            if seqno % 30_011 == 7 || seqno == SEGMENT || seqno == SEGMENT + BLOCK {
                marks.push((seqno, log.flush().expect("flushed")));
            }
            log.push(&record(seqno)).expect("pushed");
        }
        log.flush().expect("flushed");
        assert_eq!(log.unsynced().expect("handles").len(), 4, "three segments and the folder");
        assert!(log.unsynced().expect("handles").is_empty());
        drop(log);
        for (next, tail) in marks.into_iter().rev() {
            let mut log = ReplayLog::open(dir.path(), next, tail).expect("cut");
            let got = replayed(&log, 0).expect("whole");
            assert!(got.iter().map(|(o, _)| *o).eq(0..next), "every sequence number below {next} once");
            assert!(got.iter().all(|(o, bytes)| *bytes == record(*o)));
            let late = replayed(&log, next.saturating_sub(10)).expect("whole");
            assert!(late.len() < (SEGMENT as usize).min(got.len() + 1) && late.last() == got.last());
            log.push(&record(next)).expect("goes on");
            log.flush().expect("flushed");
            assert_eq!(replayed(&log, next).expect("whole").last(), Some(&(next, record(next))));
        }
    }

    #[test]
    fn what_is_no_longer_needed_goes_and_what_is_missing_shows() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut log = ReplayLog::open(dir.path(), 0, 0).expect("a new log");
        (0..2 * SEGMENT + 10).for_each(|seqno| log.push(&record(seqno)).expect("pushed"));
        let tail = log.flush().expect("flushed");
        log.remove_before(SEGMENT + 1).expect("removed");
        assert!(!path_of(dir.path(), 0).exists() && path_of(dir.path(), SEGMENT).exists());
        assert!(replayed(&log, SEGMENT - 1).is_err(), "a replay record that is needed is gone");
        let log = ReplayLog::open(dir.path(), 2 * SEGMENT + 10, tail).expect("opens");
        assert_eq!(replayed(&log, SEGMENT).expect("whole").len(), SEGMENT as usize + 10);
        assert!(ReplayLog::open(dir.path(), 2 * SEGMENT + 10, tail + 1).is_err(), "shorter than a snapshot says");
        fs::remove_file(path_of(dir.path(), SEGMENT)).expect("removed");
        let log = ReplayLog::open(dir.path(), 2 * SEGMENT + 10, tail).expect("opens");
        assert!(replayed(&log, SEGMENT).is_err());
    }
}
