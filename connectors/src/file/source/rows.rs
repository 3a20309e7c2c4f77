//! Rows of tables among the files: a build without the feature `parquet` refuses them.

use super::FileSource;
use crate::{error::Error, source::Record};
#[cfg(feature = "parquet")]
use crate::{
    position::{Partition, Position},
    rows::{Rows, Stored},
};

/// The table being read.
#[derive(Default)]
pub(super) struct Open {
    #[cfg(feature = "parquet")]
    rows: Option<Box<Rows>>,
}

impl Open {
    /// Bytes of the file that are behind.
    #[cfg_attr(not(feature = "parquet"), expect(clippy::unused_self, reason = "nothing is open"))]
    pub(super) fn consumed(&self) -> u64 {
        #[cfg(feature = "parquet")]
        return self.rows.as_ref().map_or(0, |rows| rows.consumed());
        #[cfg(not(feature = "parquet"))]
        0
    }
}

impl FileSource {
    /// The next row of the current file.
    #[cfg(feature = "parquet")]
    pub(super) fn row(&mut self) -> Result<Option<Record>, Error> {
        let partition = self.current as Partition;
        let path = self.files[self.current].origin.path().to_owned();
        let frame = self.rows()?.next_frame().map_err(|source| Error::reading(path, source))?;
        Ok(frame.map(|(row, payload)| {
            self.framed = row + 1;
            Record::new(Position { partition, offset: row }, row, payload)
        }))
    }

    /// Goes to a row of the current file.
    #[cfg(feature = "parquet")]
    pub(super) fn seek_row(&mut self, row: u64) -> Result<(), Error> {
        let path = self.files[self.current].origin.path().to_owned();
        let found = self.rows()?.seek(row).map_err(|source| Error::reading(path, source))?;
        self.framed = row;
        found.map_err(|got| {
            let name = &self.names[self.current];
            Error::Changed(format!("{name} ends after {got} rows, expected at least {row}"))
        })
    }

    #[cfg(feature = "parquet")]
    fn rows(&mut self) -> Result<&mut Rows, Error> {
        let opened = if let Some(rows) = self.rows.rows.take() {
            rows
        } else {
            let origin = &self.files[self.current].origin;
            let rows = Rows::open(Stored::of(origin)?, &self.columns, self.limits);
            Box::new(rows.map_err(|source| Error::reading(origin.path(), source))?)
        };
        Ok(self.rows.rows.insert(opened))
    }

    /// Refuses the current file.
    #[cfg(not(feature = "parquet"))]
    pub(super) fn row(&mut self) -> Result<Option<Record>, Error> {
        Err(self.refused())
    }

    /// Refuses the current file.
    #[cfg(not(feature = "parquet"))]
    pub(super) fn seek_row(&mut self, _: u64) -> Result<(), Error> {
        Err(self.refused())
    }

    #[cfg(not(feature = "parquet"))]
    fn refused(&self) -> Error {
        let path = self.files[self.current].origin.path().display();
        Error::Refused(format!("{path} is a Parquet file, and this weir was built without the feature `parquet`"))
    }
}
