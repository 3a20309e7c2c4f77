//! Of how many copies does a kept document stand alone in the corpus? `clusters.jsonl` says so, so
//! that whoever trains can give it their weight back.
//!
//! There is a line for each document of `clean/` that others are exact or near copies of, in reading
//! order, under the id that its decision has.
//!
//! **Cost** a read of the ledger for each copy. **State** about 200 bytes a line until the file is
//! written.

use connectors::file::write_atomically;
use operators::lookup::{Fate, Ledger as _};

use super::lines::{ClusterLine, to_line};
use crate::{
    layout::OutputFolder,
    state::ledger::{Identity, Ledger},
};

/// Writes `clusters.jsonl`.
///
/// # Errors
/// If the ledger cannot be read or the file cannot be written.
pub fn write(output: &OutputFolder, ledger: &Ledger) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for kept in ledger.representatives().filter(|&seqno| ledger.fate(seqno) == Fate::Clean) {
        let Some(identity) = ledger.identity(kept)? else { continue };
        let mut members: Vec<Identity> = Vec::new();
        for copy in ledger.copies(kept) {
            members.extend(ledger.identity(copy)?);
        }
        lines.extend(to_line(&ClusterLine::new(&identity, &members)));
        lines.push(b'\n');
    }
    Ok(write_atomically(&output.file("clusters.jsonl"), &lines)?)
}
