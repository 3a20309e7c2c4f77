//! What does a file's name say about the records in it?

use crate::{error::Error, framing::Format};

const JSONL_SUFFIXES: [&str; 3] = [".jsonl", ".json", ".ndjson"];
const WARC_SUFFIXES: [&str; 2] = [".warc", ".wet"];
const PARQUET_SUFFIX: &str = ".parquet";
const ARC_SUFFIX: &str = ".arc";
const WACZ_SUFFIX: &str = ".wacz";
/// Suffixes of compressed files, which stand behind those above.
pub(super) const COMPRESSED_SUFFIXES: [&str; 2] = [".gz", ".zst"];

/// Returns the format that a file's name stands for, whatever its case; `None` if the name is not
/// one of an input file.
pub(super) fn format_by_name(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let name = COMPRESSED_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
    if JSONL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        Some(Format::Jsonl)
    } else if WARC_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) || name.ends_with(WACZ_SUFFIX) {
        Some(Format::Warc)
    } else if name.ends_with(PARQUET_SUFFIX) {
        Some(Format::Parquet)
    } else if name.ends_with(ARC_SUFFIX) {
        Some(Format::Arc)
    } else {
        None
    }
}

/// Refuses a WACZ in a list or behind an address. Its archives are found through the directory at
/// its end, so it is read where it lies on disk, and given by its own path.
pub(super) fn refuse_wacz(name: &str) -> Result<(), Error> {
    if name.to_ascii_lowercase().ends_with(WACZ_SUFFIX) {
        return Err(Error::Refused(format!("got {name}, a WACZ in a list or behind an address, expected its path on disk")));
    }
    Ok(())
}
