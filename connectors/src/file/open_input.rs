//! Which record comes next in an open input file, or in two that are read as one?

use std::sync::Arc;

use super::input::{CompanionFile, InputFile, InputOrigin};
use crate::{
    byte_range::ByteRange,
    compress::Reader,
    error::Error,
    framing::{
        Format, Frame, Framer,
        joined::{JoinedFile, JoinedRecords},
        warc::WarcRecords,
    },
    limits::Limits,
};

/// A record, and the name of its file if that is the second of two.
pub(super) type LocatedFrame = (Frame, Option<Arc<str>>);

/// A file whose records are being read.
pub(super) enum OpenInput {
    /// A file that is read by itself.
    One(Box<Framer<Reader>>),
    /// A WARC with the texts that were made of its records, which lie behind them or in a file of
    /// their own.
    Joined(Box<JoinedRecords<Reader>>),
}

impl OpenInput {
    /// Opens a file, or a part of it. With `join`, texts are joined to the records that they were
    /// made of.
    pub(super) fn open(file: &InputFile, part: Option<ByteRange>, limits: Limits, join: bool) -> Result<Self, Error> {
        let failed = |source| Error::reading(file.origin.path(), source);
        let framer = Framer::open(reader(&file.origin, part, limits)?, file.format, limits).map_err(failed)?;
        let texts = file.texts.as_ref().map(|texts| open_texts(texts, limits)).transpose()?;
        Ok(match framer {
            Framer::Warc(records) if join => Self::Joined(Box::new(JoinedRecords::new(records, texts))),
            framer => Self::One(Box::new(framer)),
        })
    }

    /// Returns the next record of this file; `None` at the end.
    pub(super) fn next_frame(&mut self, file: &InputFile) -> Result<Option<LocatedFrame>, Error> {
        match self {
            Self::One(framer) => {
                let frame = framer.next_frame().map_err(|source| Error::reading(file.origin.path(), source))?;
                Ok(frame.map(|frame| (frame, None)))
            }
            Self::Joined(joined) => {
                let placed = joined.next_frame().map_err(|(side, source)| {
                    let texts = file.texts.as_ref().filter(|_| side == JoinedFile::Texts);
                    Error::reading(texts.map_or(&file.origin, |texts| &texts.origin).path(), source)
                })?;
                let of_texts = |side| if side == JoinedFile::Texts { joined.texts_name() } else { None };
                Ok(placed.map(|placed| (placed.frame, of_texts(placed.file))))
            }
        }
    }

    /// Returns the stored bytes that were read so far.
    pub(super) fn consumed(&self) -> u64 {
        match self {
            Self::One(framer) => framer.reader().consumed(),
            Self::Joined(joined) => joined.readers().map(Reader::consumed).sum(),
        }
    }
}

fn open_texts(texts: &CompanionFile, limits: Limits) -> Result<(WarcRecords<Reader>, Arc<str>), Error> {
    let mut reader = reader(&texts.origin, None, limits)?;
    reader.expect(Format::Warc.begins());
    Ok((WarcRecords::new(reader, limits), texts.name.as_str().into()))
}

fn reader(origin: &InputOrigin, part: Option<ByteRange>, limits: Limits) -> Result<Reader, Error> {
    let size = part.map(|part| part.length).or_else(|| origin.size());
    let reader = Reader::new(origin.open(part)?, &limits).map_err(|source| Error::reading(origin.path(), source))?;
    Ok(reader.sized(size))
}
