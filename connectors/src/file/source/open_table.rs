//! Reads the rows of one table among the input files. A build without the feature `parquet` refuses
//! it.

use crate::{
    error::Error,
    file::input::InputFile,
    limits::Limits,
    source::{Columns, Payload},
};
#[cfg(feature = "parquet")]
use crate::{file::parquet_input::open_parquet, rows::ParquetRows};

/// The table that is being read. It is opened with its first row.
#[derive(Default)]
pub(super) struct OpenTable {
    #[cfg(feature = "parquet")]
    rows: Option<Box<ParquetRows>>,
}

#[cfg(feature = "parquet")]
impl OpenTable {
    /// Returns the bytes of the file that lie behind what was read.
    pub(super) fn consumed(&self) -> u64 {
        self.rows.as_ref().map_or(0, |rows| rows.consumed())
    }

    /// Returns the next row of `file` and its number, or a lost stretch and the number of its first
    /// row.
    pub(super) fn next_row(
        &mut self,
        file: &InputFile,
        columns: &Columns,
        limits: Limits,
    ) -> Result<Option<(u64, Payload)>, Error> {
        let rows = self.open(file, columns, limits)?;
        rows.next_frame().map_err(|source| Error::reading(file.origin.path(), source))
    }

    /// Goes to a row of `file`.
    pub(super) fn seek(&mut self, file: &InputFile, columns: &Columns, limits: Limits, row: u64) -> Result<(), Error> {
        let rows = self.open(file, columns, limits)?;
        let found = rows.seek(row).map_err(|source| Error::reading(file.origin.path(), source))?;
        found.map_err(|got| Error::Changed(format!("{} ends after {got} rows, expected at least {row}", file.name)))
    }

    fn open(&mut self, file: &InputFile, columns: &Columns, limits: Limits) -> Result<&mut ParquetRows, Error> {
        let opened = if let Some(rows) = self.rows.take() {
            rows
        } else {
            let rows = ParquetRows::open(open_parquet(&file.origin)?, columns, limits);
            Box::new(rows.map_err(|source| Error::reading(file.origin.path(), source))?)
        };
        Ok(self.rows.insert(opened))
    }
}

#[cfg(not(feature = "parquet"))]
impl OpenTable {
    /// Returns 0: nothing is ever read.
    #[expect(clippy::unused_self, reason = "as in a build with the feature")]
    pub(super) fn consumed(&self) -> u64 {
        0
    }

    /// Refuses `file`.
    #[expect(clippy::unused_self, reason = "as in a build with the feature")]
    pub(super) fn next_row(&mut self, file: &InputFile, _: &Columns, _: Limits) -> Result<Option<(u64, Payload)>, Error> {
        Err(refused(file))
    }

    /// Refuses `file`.
    #[expect(clippy::unused_self, reason = "as in a build with the feature")]
    pub(super) fn seek(&mut self, file: &InputFile, _: &Columns, _: Limits, _: u64) -> Result<(), Error> {
        Err(refused(file))
    }
}

#[cfg(not(feature = "parquet"))]
fn refused(file: &InputFile) -> Error {
    let path = file.origin.path().display();
    Error::Refused(format!("{path} is a Parquet file, and this weir was built without the feature `parquet`"))
}
