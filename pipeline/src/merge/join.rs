//! Finished shards become one output folder: their lines, their corpora, their report.

use std::{
    fs::{self, File},
    io,
};

use anyhow::{Context, Result, bail};
use connectors::file::write_atomically;

use super::{
    copies::{self, Copies},
    corpus,
    part::Part,
    summary,
};
use crate::{
    layout::{OutputFolder, remove_if_there},
    manifest::{Manifest, RunPhase},
    output::lines::{RecallLine, to_line},
    report::Report,
    state::sync_folder,
};

/// Joins the parts, which are in order, into a folder; what the report says. `None`: it was done before.
///
/// # Errors
/// If a file cannot be read or written, a part was changed since it was finished, or the folder holds something else.
pub fn merge(parts: &[Part], output: &OutputFolder) -> Result<Option<Report>> {
    let Some(first) = parts.first() else { bail!("got no shards, expected at least one") };
    if parts.iter().any(|part| fs::canonicalize(part.root()).ok() == fs::canonicalize(output.root()).ok()) {
        bail!("{} is one of the shards, expected a folder of its own", output.root().display());
    }
    let mut manifest = Manifest {
        shape: format!("joined: {}", first.manifest.shape),
        input: parts.iter().flat_map(|part| part.manifest.input.iter().cloned()).collect(),
        share: None,
        phase: RunPhase::Reading,
        decided: None,
        ..first.manifest.clone()
    };
    if let Some(earlier) = Manifest::read(&output.manifest())? {
        earlier.check_same(&manifest, output.root())?;
        if earlier.phase == RunPhase::Finished {
            return Ok(None);
        }
    }
    corpus::check(parts)?;
    manifest.write(&output.manifest())?;
    let copies = copies::find(parts)?;
    connectors::kill::point("merge.found");
    for name in ["decisions.jsonl", "alarms.jsonl", "dead-letters.jsonl"] {
        concatenate(parts, output, name, &[])?;
    }
    concatenate(parts, output, "recalls.jsonl", &recalls(parts, &copies)?)?;
    connectors::kill::point("merge.joined");
    if first.mark.options.corpus {
        corpus::join(parts, output, &copies)?;
    }
    let report = summary::report(parts, &copies)?;
    write_atomically(&output.file("report.json"), &report.bytes()?)?;
    connectors::kill::point("merge.reported");
    manifest.phase = RunPhase::Finished;
    manifest.write(&output.manifest())?;
    // Links, and what a kill left half written.
    remove_if_there(&output.private().join("staged"))?;
    Ok(Some(report))
}

/// Recalls of documents that are copies of others in earlier shards.
fn recalls(parts: &[Part], copies: &Copies) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (part, found) in parts.iter().zip(&copies.by_part) {
        for (&seqno, copy) in found {
            let identity = part.ledger.identity(seqno)?;
            let original = parts[copy.of.0].ledger.identity(copy.of.1)?;
            let (Some(identity), Some(original)) = (identity, original) else { continue };
            lines.extend(to_line(&RecallLine::copy(&identity, copy.operator, copy.reason, &original)));
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// One file of lines after the other, and `more` behind them.
fn concatenate(parts: &[Part], output: &OutputFolder, name: &str, more: &[u8]) -> Result<()> {
    let (path, aside) = (output.file(name), output.file(&format!("{name}.tmp")));
    let write = || -> io::Result<File> {
        let mut out = File::create(&aside)?;
        for part in parts {
            io::copy(&mut File::open(part.output.file(name))?, &mut out)?;
        }
        io::copy(&mut &more[..], &mut out)?;
        Ok(out)
    };
    let written = write().and_then(|out| out.sync_all()).and_then(|()| fs::rename(&aside, &path));
    written.with_context(|| format!("join the shards' {name} in {}", path.display()))?;
    Ok(sync_folder(output.root())?)
}
