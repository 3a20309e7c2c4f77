//! How a record of the corpus is staged: as one line, whatever it is.
//!
//! | record | staged as |
//! |---|---|
//! | a line | itself |
//! | a row of a table | `0x01`, number of the file, `:`, row: it is copied from its file by the last pass |
//! | a record of an archive | `0x02` and its bytes; `0x1b n` is a line break, `0x1b e` the byte `0x1b` |
//!
//! No line of JSON begins with `0x01` or `0x02`, so lines need no mark.

use std::borrow::Cow;

use crate::{
    error::Error,
    position::{Partition, Position},
};

const ROW: u8 = 1;
const ARCHIVE: u8 = 2;
const ESCAPE: u8 = 0x1b;

/// A staged record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged<'a> {
    /// A line, without its line break.
    Line(&'a [u8]),
    /// A row of an input file.
    Row(Position),
    /// A record of an archive, whole.
    Archive(Cow<'a, [u8]>),
}

impl<'a> Staged<'a> {
    /// Reads a staged line, without its line break.
    ///
    /// # Errors
    /// [`Error::Changed`] if nothing here has written it.
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

/// The line of a row of a table.
#[must_use]
pub fn staged_row(position: Position) -> Vec<u8> {
    format!("{}{}:{}", char::from(ROW), position.partition, position.offset).into_bytes()
}

/// The line of a record of an archive: `pieces` are its bytes.
#[must_use]
pub fn staged_archive(pieces: &[&[u8]]) -> Vec<u8> {
    let mut line = Vec::with_capacity(pieces.iter().map(|piece| piece.len() + piece.len() / 16).sum::<usize>() + 1);
    line.push(ARCHIVE);
    for mut rest in pieces.iter().copied() {
        while let Some(at) = rest.iter().position(|byte| matches!(*byte, b'\n' | ESCAPE)) {
            line.extend_from_slice(&rest[..at]);
            line.extend_from_slice(&[ESCAPE, if rest[at] == ESCAPE { b'e' } else { b'n' }]);
            rest = &rest[at + 1..];
        }
        line.extend_from_slice(rest);
    }
    line
}

fn position(text: &[u8]) -> Option<Position> {
    let (partition, offset) = str::from_utf8(text).ok()?.split_once(':')?;
    Some(Position { partition: partition.parse::<Partition>().ok()?, offset: offset.parse().ok()? })
}

fn unescaped(mut rest: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        bytes.extend_from_slice(&rest[..at]);
        bytes.push(match rest.get(at + 1)? {
            b'n' => b'\n',
            b'e' => ESCAPE,
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    if bytes.is_empty() {
        return Some(Cow::Borrowed(rest));
    }
    bytes.extend_from_slice(rest);
    Some(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_and_lines_are_told_apart() {
        let position = Position { partition: 3, offset: u64::MAX };
        assert_eq!(Staged::read(&staged_row(position)).expect("a row"), Staged::Row(position));
        for line in [&b"{}"[..], b"", b" {\"a\":\"\x1b\"}"] {
            assert_eq!(Staged::read(line).expect("a line"), Staged::Line(line));
        }
        for wrong in [&b"\x01"[..], b"\x013", b"\x01a:1", b"\x02\x1b", b"\x02a\x1bx"] {
            assert!(Staged::read(wrong).is_err(), "{}", wrong.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn archives_come_back(pieces in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0x1b), any::<u8>()], 0..40), 0..4)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let line = staged_archive(&pieces);
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(Staged::read(&line).expect("an archive"), Staged::Archive(Cow::Owned(pieces.concat())));
        }
    }
}
