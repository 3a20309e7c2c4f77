//! How far has a publication come, and how is that committed with its transactions?

use std::fmt;

use anyhow::{Context, Result};
use connectors::{position::Positions, source::Record};

/// The name and version of the text form of a place.
const FORMAT: &str = "weir-publish1";

/// How far a publication has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PublicationPlace {
    /// The number of the file that was begun last.
    pub(super) file: usize,
    /// The offset of its next record.
    pub(super) record: u64,
    /// The number of records that were read from all files.
    pub(super) read: u64,
}

impl fmt::Display for PublicationPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORMAT} file={} record={} read={}", self.file, self.record, self.read)
    }
}

impl PublicationPlace {
    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// If it is anything else.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let field = |part: Option<&str>, name: &str| part?.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok();
        let parsed = || {
            let mut parts = text.strip_prefix(FORMAT)?.split_ascii_whitespace();
            let file = usize::try_from(field(parts.next(), "file")?).ok()?;
            Some(Self { file, record: field(parts.next(), "record")?, read: field(parts.next(), "read")? })
        };
        parsed().with_context(|| format!("the committed place is {text:?}, expected \"{FORMAT} file=F record=N read=N\""))
    }

    /// The place behind a batch that begins here.
    pub(super) fn after(self, records: &[Record]) -> Self {
        let Some(last) = records.last() else { return self };
        Self { file: last.position.partition as usize, record: last.position.offset + 1, read: self.read + records.len() as u64 }
    }

    /// Where the source goes on.
    pub(super) fn positions(self) -> Positions {
        let mut positions = vec![0; self.file + 1];
        positions[self.file] = self.record;
        Positions(positions)
    }
}
