//! How is an input file opened whose footer is read first?

use std::fs::File;

use super::input::InputOrigin;
use crate::{error::Error, rows::ParquetFile};

/// Opens the Parquet file at `origin`.
///
/// # Errors
/// If it cannot be opened, or cannot be read from its end.
pub(super) fn open_parquet(origin: &InputOrigin) -> Result<ParquetFile, Error> {
    match origin {
        InputOrigin::File { path, .. } => {
            File::open(path).and_then(ParquetFile::on_disk).map_err(|source| Error::file("open", path, source))
        }
        InputOrigin::Remote(object) => Ok(ParquetFile::remote(object.clone())),
        InputOrigin::Inner { .. } | InputOrigin::Stdin => Err(Error::Refused(format!(
            "{} holds Parquet, expected a file on disk or behind an address: its footer is read first",
            origin.path().display()
        ))),
    }
}
