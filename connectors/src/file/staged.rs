//! How is a record of the corpus staged as one line?
//!
//! | record | staged as |
//! |---|---|
//! | a line | the line itself |
//! | a row of a table | `0x01`, number of the file, `:`, number of the row: the last pass copies the row from its file |
//! | records of an archive | `0x02` and their bytes; `0x1b n` stands for a line break, `0x1b e` for the byte `0x1b`, and `0x1b r` for the beginning of the next record |
//!
//! No line of JSON begins with `0x01` or `0x02`, so lines need no prefix.

use crate::{
    error::Error,
    position::{Partition, Position},
};

const ROW: u8 = 1;
const ARCHIVE: u8 = 2;
const ESCAPE: u8 = 0x1b;

/// A staged record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StagedRecord<'a> {
    /// A line, without its line break.
    Line(&'a [u8]),
    /// The position of a row in an input file.
    Row(Position),
    /// The archive records that were one document: one, or two if a record was joined with its
    /// text.
    Archive(Vec<Vec<u8>>),
}

impl<'a> StagedRecord<'a> {
    /// Reads a staged line, without its line break.
    ///
    /// # Errors
    /// [`Error::Changed`] if the line was not written by the functions of this file.
    pub fn read(line: &'a [u8]) -> Result<Self, Error> {
        let read = match line.split_first() {
            Some((&ROW, rest)) => position(rest).map(Self::Row),
            Some((&ARCHIVE, rest)) => unescaped(rest).map(Self::Archive),
            _ => Some(Self::Line(line)),
        };
        read.ok_or_else(|| {
            let got = line[..line.len().min(40)].escape_ascii();
            Error::Changed(format!("staged record `{got}`, expected a line, a row or a record of an archive"))
        })
    }
}

/// Returns the line that stages a row of a table.
#[must_use]
pub fn staged_row(position: Position) -> Vec<u8> {
    format!("{}{}:{}", char::from(ROW), position.partition, position.offset).into_bytes()
}

/// Returns the line that stages a document of an archive. Each of its records is given in pieces.
#[must_use]
pub fn staged_archive(records: &[&[&[u8]]]) -> Vec<u8> {
    let mut line =
        Vec::with_capacity(records.iter().flat_map(|r| *r).map(|piece| piece.len() + piece.len() / 16).sum::<usize>() + 1);
    line.push(ARCHIVE);
    for (number, pieces) in records.iter().enumerate() {
        if number > 0 {
            line.extend_from_slice(&[ESCAPE, b'r']);
        }
        for mut rest in pieces.iter().copied() {
            while let Some(at) = rest.iter().position(|byte| matches!(*byte, b'\n' | ESCAPE)) {
                line.extend_from_slice(&rest[..at]);
                line.extend_from_slice(&[ESCAPE, if rest[at] == ESCAPE { b'e' } else { b'n' }]);
                rest = &rest[at + 1..];
            }
            line.extend_from_slice(rest);
        }
    }
    line
}

fn position(text: &[u8]) -> Option<Position> {
    let (partition, offset) = str::from_utf8(text).ok()?.split_once(':')?;
    Some(Position { partition: partition.parse::<Partition>().ok()?, offset: offset.parse().ok()? })
}

fn unescaped(mut rest: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut records, mut bytes) = (Vec::new(), Vec::with_capacity(rest.len()));
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        bytes.extend_from_slice(&rest[..at]);
        match rest.get(at + 1)? {
            b'n' => bytes.push(b'\n'),
            b'e' => bytes.push(ESCAPE),
            b'r' => records.push(std::mem::take(&mut bytes)),
            _ => return None,
        }
        rest = &rest[at + 2..];
    }
    bytes.extend_from_slice(rest);
    records.push(bytes);
    Some(records)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn rows_and_lines_are_told_apart() {
        let position = Position { partition: 3, offset: u64::MAX };
        assert_eq!(StagedRecord::read(&staged_row(position)).expect("a row"), StagedRecord::Row(position));
        for line in [&b"{}"[..], b"", b" {\"a\":\"\x1b\"}"] {
            assert_eq!(StagedRecord::read(line).expect("a line"), StagedRecord::Line(line));
        }
        for wrong in [&b"\x01"[..], b"\x013", b"\x01a:1", b"\x02\x1b", b"\x02a\x1bx"] {
            assert!(StagedRecord::read(wrong).is_err(), "{}", wrong.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn archives_come_back(records in vec(vec(vec(prop_oneof![Just(b'\n'), Just(0x1b), any::<u8>()], 0..40), 0..4), 1..4)) {
            let pieces: Vec<Vec<&[u8]>> = records.iter().map(|pieces| pieces.iter().map(Vec::as_slice).collect()).collect();
            let records: Vec<&[&[u8]]> = pieces.iter().map(Vec::as_slice).collect();
            let line = staged_archive(&records);
            prop_assert!(!line.contains(&b'\n'));
            let whole = records.iter().map(|pieces| pieces.concat()).collect();
            prop_assert_eq!(StagedRecord::read(&line).expect("an archive"), StagedRecord::Archive(whole));
        }
    }
}
